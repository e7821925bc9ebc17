//! What can be wrong with a kernel, as data. Which option of a command line helps is not known here.

use crate::guard::Stage;

/// Why a kernel cannot be read, run or counted.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
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
    /// A kernel lacks, or does not know, something that its user gives it.
    #[error("kernel '{kernel}': {problem}")]
    Kernel {
        /// Kernel name.
        kernel: String,
        /// What does not fit.
        problem: String,
    },
    /// An operation, statement or type that has no price or that cannot be counted.
    #[error("kernel '{kernel}' cannot be counted: {problem}{}", .line.map_or_else(String::new, |l| format!(" (line {l})")))]
    Uncountable {
        /// Kernel name.
        kernel: String,
        /// What is in the way.
        problem: String,
        /// Line in the kernel's source.
        line: Option<u32>,
    },
    /// Code that worked on the kernel panicked; naga's readers and writers do over some modules.
    #[error("kernel '{kernel}': {stage} it ended with a panic: {cause}")]
    Panicked {
        /// Kernel name.
        kernel: String,
        /// What was being done.
        stage: Stage,
        /// What the panic said, and where in which crate.
        cause: String,
    },
    /// The back end of an adapter cannot make a program of the kernel, which is valid. Another executor may.
    #[error("kernel '{kernel}' cannot be compiled for {adapter}: {problem}")]
    BackEnd {
        /// Kernel name.
        kernel: String,
        /// The adapter's name.
        adapter: String,
        /// What the back end says.
        problem: String,
    },
}
