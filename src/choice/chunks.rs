//! Which recursions the lanes of a workgroup share, a chunk of steps each, and how long their chunks are.

use super::spread::{Choice, RECURSION_LANES, RESCALE, folded, gridded};
use crate::{
    operation::{Operation, ResolventStep},
    registry::Kernel,
    schedule::Schedule,
};

/// Steps of a chunk at the least: with so many a row takes at most 3.2 times the operations of one lane that computes all
/// of it, however long it is.
const LEAST_STEPS: u32 = 16;

/// Steps of a chunk of so many in all. One lane walks over the chunks while the others wait, so that chunks are no more
/// than the steps of each, as long as there are lanes.
fn steps_of_chunk(steps: u32) -> u32 {
    steps.div_ceil(RECURSION_LANES).max(steps.isqrt()).max(LEAST_STEPS)
}

/// The kernel of one of BK-Core's recursions, or of a sweep of its exact gradient; `None` of every other operation.
pub(super) fn choose(operation: &Operation) -> Option<Choice> {
    let Operation::Resolvent { step, b, n } = *operation else {
        return None;
    };
    let (kernel, steps) = match step {
        ResolventStep::Theta => (Kernel::BkCoreChunksThetaRecursion, n),
        ResolventStep::Phi => (Kernel::BkCoreChunksPhiRecursion, n.saturating_sub(1)),
        ResolventStep::ExactLeft => (Kernel::BkCoreChunksExactBackwardExactLeft, n),
        ResolventStep::ExactGradient => (Kernel::BkCoreChunksExactBackwardExact, n),
        ResolventStep::Potential
        | ResolventStep::PotentialGradient
        | ResolventStep::Couple
        | ResolventStep::Diagonal
        | ResolventStep::DiagonalGradient
        | ResolventStep::HybridGradient => return None,
    };
    let schedule = Schedule {
        chunk: Some(steps_of_chunk(steps)),
        rescale: Some(RESCALE),
        ..Schedule::of_lanes(RECURSION_LANES)
    };
    Some(gridded(kernel, schedule, folded(b.into())))
}
