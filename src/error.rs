//! Everything that can go wrong, as data and in words. What the options of a program are called that help, and
//! whether an error ends a process, is not known here.

use std::path::PathBuf;

use crate::op::Convention;

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
    /// A request is refused that would pass if it asked for something else.
    #[error("{problem}: {remedy}")]
    Refused {
        /// What is in the way.
        problem: String,
        /// What to ask for instead.
        remedy: Remedy,
    },
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
            | Self::Refused { .. }
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

/// What to ask for instead of what was refused. A program that made the request from options says which of
/// them are meant.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Remedy {
    /// Fewer tokens, or a smaller model.
    #[error("take a smaller batch, shorter sequences or a smaller model")]
    SmallerStep,
    /// A run of every layer.
    #[error("measure every layer")]
    EveryLayer,
    /// The executor that sees every access.
    #[error("have the embedded executor look for them")]
    EmbeddedExecutor,
    /// One of the entry points that there are.
    #[error("choose one of {}", .0.join(", "))]
    EntryPoint(Vec<String>),
    /// Contents for a buffer.
    #[error("say what fills {group}.{binding}")]
    Contents {
        /// The binding's group.
        group: u32,
        /// The binding within its group.
        binding: u32,
    },
    /// A size for a texture.
    #[error("say how large {group}.{binding} is")]
    Texture {
        /// The binding's group.
        group: u32,
        /// The binding within its group.
        binding: u32,
    },
    /// Subgroups of so many lanes, which the embedded executor has where it is asked for them.
    #[error("take another set of kernels, or an executor with subgroups of {0} lanes")]
    Subgroups(u32),
    /// Kernels of another set.
    #[error("take another set of kernels")]
    AnotherSet,
    /// An adapter that has cooperative matrices, or kernels that need none.
    #[error("take another set of kernels, or an adapter that multiplies such matrices")]
    Matrices,
    /// Products of numbers in half precision, or kernels that multiply others.
    #[error("a decoder has them where it is asked for them, and other sets need none")]
    HalfPrecision,
    /// The folder of an included file.
    #[error("name the folder that has it")]
    Folder,
    /// The same convention on both sides.
    #[error("price both by {0}, or count one of them again by it")]
    Convention(Convention),
    /// A report of the points that there are.
    #[error("run the shards that have them, or join what is there")]
    PartialSweep,
}
