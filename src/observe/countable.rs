//! What can run plain and counting, of any language: an entry point with its resources, and how an
//! executor comes by the two programs. Knows no buffers and no grid.

use std::fmt;

use flopmeter_core::source::Source;

use super::Counting;
use crate::{
    Error,
    execute::Executor,
    kernel::{KernelModule, Layout, Resource},
};

/// One entry point that can be launched and counted.
pub trait Countable: Send + Sync {
    /// Name for labels and messages.
    fn name(&self) -> &str;

    /// What the entry point is called.
    fn entry(&self) -> &str;

    /// Invocations of a workgroup.
    fn workgroup_size(&self) -> [u32; 3];

    /// The resources that the entry point uses, by group and binding.
    fn resources(&self) -> &[Resource];

    /// How the numbers of a resource lie; `None` where it is no buffer of numbers.
    fn layout(&self, resource: &Resource) -> Option<Layout>;

    /// Whether a resource is several buffers, as an array.
    fn is_array(&self, _: &Resource) -> bool {
        false
    }

    /// What a resource is declared as, in the terms of naga; `None` where it was not naga that read the kernel.
    fn declared(&self, _: &Resource) -> Option<&naga::TypeInner> {
        None
    }

    /// Whether it has cooperative matrices, which a subgroup of a certain size shares.
    #[cfg(feature = "gpu")]
    fn has_cooperative_matrices(&self) -> bool {
        false
    }

    /// Whether a resource is a sampler with which textures of integers are read.
    fn samples_integers(&self, _: &Resource) -> bool {
        false
    }

    /// The text that lines are lines of, where there is one.
    fn source(&self) -> Option<&Source>;

    /// The compiler that made it of that text, where that was not this crate.
    fn compiler(&self) -> Option<&str> {
        None
    }

    /// Rewrites it for what an executor can do, and compiles it both ways.
    ///
    /// # Errors
    /// Where it cannot be counted, or the executor cannot take it.
    fn counting(&self, executor: &mut dyn Executor) -> Result<Counting, Error>;
}

/// Writes the name and the entry point alone: the text of a whole module is too long to read, and code that formats it
/// would enlarge WebAssembly builds.
impl fmt::Debug for dyn Countable + '_ {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} of {}", self.entry(), self.name())
    }
}

impl Countable for KernelModule {
    fn name(&self) -> &str {
        &self.name
    }

    fn entry(&self) -> &str {
        &self.entry_point().name
    }

    fn workgroup_size(&self) -> [u32; 3] {
        self.entry_point().workgroup_size
    }

    fn resources(&self) -> &[Resource] {
        &self.resources
    }

    fn layout(&self, resource: &Resource) -> Option<Layout> {
        Self::layout(self, resource)
    }

    #[cfg(feature = "gpu")]
    fn has_cooperative_matrices(&self) -> bool {
        Self::has_cooperative_matrices(self)
    }

    fn declared(&self, resource: &Resource) -> Option<&naga::TypeInner> {
        Self::declared(self, resource)
    }

    fn samples_integers(&self, resource: &Resource) -> bool {
        Self::samples_integers(self, resource)
    }

    fn source(&self) -> Option<&Source> {
        self.source.as_ref()
    }

    fn counting(&self, executor: &mut dyn Executor) -> Result<Counting, Error> {
        Counting::new(executor, self)
    }
}
