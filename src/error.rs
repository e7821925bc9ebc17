//! Everything that can go wrong, in words a user can act on. Whether an error ends a process, and
//! with which code, is the command line's business.

use std::path::PathBuf;

/// What went wrong, and the way out.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A kernel cannot be read, run or counted.
    #[error(transparent)]
    Core(#[from] flopmeter_core::Error),
    /// The kernel of a pass cannot be run or counted.
    #[error("pass '{pass}': {error}")]
    Pass {
        /// The label of the pass.
        pass: String,
        /// What is wrong with its kernel, or with the adapter for it.
        error: flopmeter_core::Error,
    },
    /// No adapter, or none of the name asked for.
    #[error("{0}")]
    NoAdapter(String),
    /// The device refused or failed.
    #[error("{adapter}: {during}: {problem}")]
    Device {
        /// Which adapter.
        adapter: String,
        /// What it was doing: the pass, the kernel, an allocation.
        during: String,
        /// What it said.
        problem: String,
    },
    /// A model's configuration or a shape does not make sense, or exceeds a limit.
    #[error("{0}")]
    Config(String),
    /// A file of the user's cannot be read, understood or written.
    #[error("{}: {problem}", .path.display())]
    File {
        /// Which file.
        path: PathBuf,
        /// What is wrong with it and what to do.
        problem: String,
    },
    /// The user asked to stop.
    #[error("interrupted during {0}; nothing was written")]
    Interrupted(String),
}

impl Error {
    /// What is wrong with a kernel; `None` where the error is of another kind.
    pub const fn kernel(&self) -> Option<&flopmeter_core::Error> {
        match self {
            Self::Core(error) | Self::Pass { error, .. } => Some(error),
            Self::NoAdapter(_)
            | Self::Device { .. }
            | Self::Config(_)
            | Self::File { .. }
            | Self::Interrupted(_) => None,
        }
    }

    /// The same error, as one of a pass.
    pub(crate) fn of_pass(self, pass: &str) -> Self {
        match self {
            Self::Core(error) => Self::Pass { pass: pass.to_owned(), error },
            other => other,
        }
    }
}
