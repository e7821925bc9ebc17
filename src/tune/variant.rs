//! The kernels that may run an operation on an adapter. Runs none of them.

use crate::{
    choice::{Choice, KernelSet},
    execute::Limits,
    formula::forms,
    op::Convention,
    operation::Operation,
};

/// A kernel that may run an operation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Variant {
    /// The kernel and how it is spread.
    pub choice: Choice,
    /// The sets of kernels that have it; [`KernelSet::Auto`] is among those of the default.
    pub sets: Vec<KernelSet>,
}

impl Variant {
    /// Whether it is the default on this adapter.
    pub fn is_default(&self) -> bool {
        self.sets.contains(&KernelSet::Auto)
    }

    /// The names of the sets that have it.
    pub fn names(&self) -> String {
        self.sets.iter().map(|set| set.name()).collect::<Vec<_>>().join(" ")
    }

    /// The first of the sets that have it: `auto` where it is the default.
    pub fn set(&self) -> KernelSet {
        self.sets.first().copied().unwrap_or_default()
    }
}

/// The kernels that may run an operation on an adapter, each once, the default first.
pub fn variants(operation: &Operation, limits: &Limits) -> Vec<Variant> {
    let mut found: Vec<Variant> = Vec::new();
    for set in KernelSet::ALL {
        // A set that the adapter cannot run has nothing to compare.
        let Ok(limits) = set.on(limits) else { continue };
        let choice = set.choose(operation, &limits);
        match found.iter_mut().find(|known| known.choice == choice) {
            Some(known) => known.sets.push(set),
            None => found.push(Variant { choice, sets: vec![set] }),
        }
    }
    found
}

/// What an operation costs as a kernel goes about it, in FLOPs of the default convention.
pub fn flops(operation: &Operation, choice: &Choice) -> u64 {
    forms(operation, &choice.schedule).schedule().flops(Convention::Ieee)
}
