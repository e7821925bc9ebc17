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
    /// An override of a kernel has neither a value nor a default.
    #[error("kernel '{kernel}': its override '{name}' has no default: give it a value")]
    MissingOverride {
        /// Kernel name.
        kernel: String,
        /// The override's name, or its number where it has none.
        name: String,
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
    /// Not as many invocations handed their counters over as were launched, so nothing is known of the
    /// others: the adapter lost them, or never started them.
    #[error(
        "kernel '{kernel}': {arrived} of {launched} invocations came to their end on this adapter, so its \
         counts are not those of the whole dispatch, nor are its results"
    )]
    Lost {
        /// Kernel name.
        kernel: String,
        /// Invocations that handed their counters over.
        arrived: u64,
        /// Invocations that the host launched.
        launched: u64,
    },
    /// An adapter with a budget of loop rounds ended loops before they were done.
    #[error(
        "kernel '{kernel}': this adapter ends the loops of an invocation after {budget} rounds of all of \
         them together, and did so for {invocations} of its invocations{}, so its results and its counts \
         are wrong; run it on another adapter or on the embedded executor", at_lines(.loops)
    )]
    Cut {
        /// Kernel name.
        kernel: String,
        /// Invocations in subgroups whose loops used the budget up.
        invocations: u64,
        /// Rounds that the adapter allows a subgroup.
        budget: u32,
        /// Where those invocations spent most of their rounds: the line of a loop, if that is known, and of
        /// how many it was the loop. Most first.
        loops: Vec<(Option<u32>, u64)>,
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

fn at_lines(loops: &[(Option<u32>, u64)]) -> String {
    let lines: Vec<_> =
        loops.iter().filter_map(|(line, _)| Some(format!("line {}", (*line)?))).collect();
    if lines.is_empty() { String::new() } else { format!(" (in the loop of {})", lines.join(", ")) }
}
