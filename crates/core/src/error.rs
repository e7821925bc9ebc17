//! What can be wrong with a kernel, as data. Which option of a command line helps is not known here.

use std::fmt;

use crate::source::SourceLine;

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
    #[error("kernel '{kernel}' cannot be counted: {problem}{}", .line.as_ref().map_or_else(String::new, |line| format!(" ({line})")))]
    Uncountable {
        /// Kernel name.
        kernel: String,
        /// What is in the way.
        problem: String,
        /// The line of the kernel's source; `None` where it is not about a line.
        line: Option<SourceLine>,
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
        "kernel '{kernel}': this adapter ends the loops of a subgroup after {budget} rounds of all of them \
         together, lanes that only fill it up included, and did so around {invocations} of its \
         invocations{}, so neither its results nor its counts can be relied on", at_lines(.loops)
    )]
    Cut {
        /// Kernel name.
        kernel: String,
        /// Invocations in subgroups whose loops used the budget up: their own, or those of lanes that fill up a
        /// workgroup of fewer invocations.
        invocations: u64,
        /// Rounds that the adapter allows a subgroup.
        budget: u32,
        /// Where those invocations spent most of their rounds: the line of a loop, if that is known, and of
        /// how many it was the loop. Most first.
        loops: Vec<(Option<SourceLine>, u64)>,
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

impl Error {
    /// Whether the kernel is in order and an adapter is in its way, so that another one may run it.
    #[must_use]
    pub const fn is_of_the_adapter(&self) -> bool {
        match self {
            Self::Lost { .. }
            | Self::Cut { .. }
            | Self::BackEnd { .. }
            | Self::Panicked { stage: Stage::Compiling, .. } => true,
            Self::Shader { .. }
            | Self::Kernel { .. }
            | Self::MissingOverride { .. }
            | Self::Uncountable { .. }
            | Self::Panicked {
                stage: Stage::Reading | Stage::Validating | Stage::Rewriting, ..
            } => false,
        }
    }

    /// Whether a run came to its end and is known to be wrong.
    #[must_use]
    pub const fn is_of_a_run(&self) -> bool {
        matches!(self, Self::Lost { .. } | Self::Cut { .. })
    }
}

fn at_lines(loops: &[(Option<SourceLine>, u64)]) -> String {
    let lines: Vec<_> =
        loops.iter().filter_map(|(line, _)| Some(line.as_ref()?.to_string())).collect();
    if lines.is_empty() { String::new() } else { format!(" (in the loop of {})", lines.join(", ")) }
}

/// What was being done with a kernel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    /// Its source is parsed.
    Reading,
    /// Its module is validated and its overrides are resolved.
    Validating,
    /// It is rewritten so that it counts.
    Rewriting,
    /// An executor makes a program of it.
    Compiling,
}

impl fmt::Display for Stage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Reading => "reading",
            Self::Validating => "validating",
            Self::Rewriting => "rewriting",
            Self::Compiling => "compiling",
        })
    }
}
