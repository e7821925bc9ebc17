//! Everything that can go wrong, in words a user can act on. Whether an error ends a process, and
//! with which code, is the command line's business.

use std::path::PathBuf;

/// What went wrong, and the way out.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A kernel's source does not parse or validate; the text shows the source line.
    #[error("kernel '{kernel}' is not valid:\n{details}")]
    Shader {
        /// Kernel name.
        kernel: String,
        /// The rendered diagnostic.
        details: String,
    },
    /// A kernel lacks, or does not know, something that a pass gives it.
    #[error("kernel '{kernel}': {problem}")]
    Kernel {
        /// Kernel name.
        kernel: String,
        /// What does not fit.
        problem: String,
    },
    /// An operation, statement or type that nobody priced or that cannot be counted.
    #[error("kernel '{kernel}' cannot be counted: {problem}{}", .line.map_or_else(String::new, |l| format!(" (line {l})")))]
    Uncountable {
        /// Kernel name.
        kernel: String,
        /// What is in the way.
        problem: String,
        /// Line in the kernel's source.
        line: Option<u32>,
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
