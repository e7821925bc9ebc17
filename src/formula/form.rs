//! What a closed form consists of: the algebra, and what a kernel executes beyond it, reason by reason.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::op::{Op, OpCounts};

/// What an operation costs.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Forms {
    /// What the mathematics asks for. A sum of n terms is n additions or multiply-adds, onto zero.
    pub algebraic: OpCounts,
    /// What the kernel executes beyond that, and why; nothing where it executes no more.
    pub extra: Vec<(Overhead, OpCounts)>,
}

/// Why a kernel executes more than the mathematics asks for.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum Overhead {
    /// Several lanes sum a share each, and the shares are summed up.
    PartialSums,
    /// What was computed before is computed again instead of kept.
    Recomputation,
    /// A row of attention meets its keys block by block, and what it has summed is rescaled to the
    /// maximum of the new block.
    RunningMaximum,
    /// Numbers are kept within range by powers of two.
    Rescaling,
    /// Lanes share a recursion, a chunk of steps each, and find what their chunks make of any start before they have theirs.
    Chunks,
    /// A kernel computes several gradients together, and one of them has no use.
    Unused,
    /// A loss is scaled so that its gradients stay within the range of half precision.
    LossScale,
}

impl Overhead {
    /// The name in reports.
    pub const fn name(self) -> &'static str {
        match self {
            Self::PartialSums => "partial sums",
            Self::Recomputation => "recomputation",
            Self::RunningMaximum => "running maximum",
            Self::Rescaling => "rescaling",
            Self::Chunks => "chunks",
            Self::Unused => "unused gradients",
            Self::LossScale => "loss scale",
        }
    }

    /// The reason in a sentence.
    pub const fn sentence(self) -> &'static str {
        match self {
            Self::PartialSums => "several lanes sum a share each, and the shares are summed up",
            Self::Recomputation => "what was computed before is computed again instead of kept",
            Self::RunningMaximum => {
                "a row of attention meets its keys block by block, and its sums are rescaled to each \
                 block's maximum"
            }
            Self::Rescaling => "BK-Core's recursions are kept within range by powers of two",
            Self::Chunks => {
                "lanes share BK-Core's recursions, a chunk of steps each, and find what their chunks make of any \
                 start before they have theirs"
            }
            Self::Unused => {
                "attention computes the gradients by keys and values together, where one has a use"
            }
            Self::LossScale => {
                "the loss is scaled so that gradients stay within the range of half precision, and gradients \
                 are scaled back"
            }
        }
    }
}

impl fmt::Display for Overhead {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl Forms {
    /// What the kernel must execute, of which a measurement may not differ by one.
    pub fn schedule(&self) -> OpCounts {
        self.extra.iter().fold(self.algebraic, |sum, &(_, more)| sum + more)
    }

    /// The same made again: the mathematics asks for none of it.
    #[must_use]
    pub fn again(self) -> Self {
        let schedule = self.schedule();
        Self::default().and(Overhead::Recomputation, schedule)
    }

    /// How much of that is for this reason.
    pub fn extra(&self, reason: Overhead) -> OpCounts {
        self.extra.iter().filter(|(other, _)| *other == reason).map(|&(_, more)| more).sum()
    }

    /// What costs nothing but `algebraic`.
    pub(super) fn algebra(algebraic: OpCounts) -> Self {
        Self { algebraic, extra: Vec::new() }
    }

    /// The same, and operations for a reason.
    pub(super) fn and(mut self, reason: Overhead, more: OpCounts) -> Self {
        if more != OpCounts::ZERO {
            self.extra.push((reason, more));
        }
        self
    }
}

/// A size as a factor. The forms multiply sizes freely: what they multiply is the size of a tensor that
/// exists, times a small constant or an extent of another tensor.
pub(super) fn wide(size: u32) -> u64 {
    size.into()
}

/// How often the shares of so many lanes are joined to one sum.
pub(super) fn joins(lanes: Option<u32>) -> u64 {
    wide(lanes.unwrap_or(1).saturating_sub(1))
}

/// So many sums of so many products each. Where a team of lanes shares a sum, each begins with a product of its own
/// and adds its share: a multiply-add for every term but those, which are multiplied and added one after the other.
pub(super) fn products(sums: u64, terms: u64, team: Option<u32>) -> OpCounts {
    let apart = wide(team.unwrap_or(0)).min(terms);
    let [fused, apart] = [terms - apart, apart].map(|terms| sums * terms);
    f32s([(Op::Fma, fused), (Op::Mul, apart), (Op::Add, apart)])
}

/// Single-precision counts, one entry for each kind of operation.
pub(super) fn f32s<const KINDS: usize>(counts: [(Op, u64); KINDS]) -> OpCounts {
    counts.into_iter().map(|(op, count)| OpCounts::f32(op, count)).sum()
}
