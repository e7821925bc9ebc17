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
