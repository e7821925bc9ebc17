//! Whether a plan has any kernel of the set that was asked for, where only some operations have one.

use crate::{
    Error, Remedy,
    choice::{KernelSet, Target},
    operation::{Operation, Precision},
    plan::{Pass, Plan},
};

/// Refuses a plan of a model that was made for a set of kernels and has none of them.
///
/// # Errors
/// [`Error::Refused`] with what is missing.
pub fn has_asked(plan: &Plan, target: &Target, model: &str) -> Result<(), Error> {
    let any = |is: fn(&Pass) -> bool| plan.passes.iter().any(is);
    let (missing, remedy) = match target.set {
        KernelSet::Auto | KernelSet::Portable | KernelSet::Subgroup | KernelSet::Workgroup => {
            return Ok(());
        }
        KernelSet::Matrix if any(|pass| pass.schedule.side.is_some()) => return Ok(()),
        KernelSet::Matrix if any(is_narrow) => {
            let side = target.limits.matrix_side;
            let side = side.map_or_else(String::new, |side| format!(" of {side} x {side}"));
            let missing = format!(
                "multiply whole matrices{side}, and no product of this step of {model} has rows of one group, inputs \
                 and outputs that are multiples of their side"
            );
            (missing, Remedy::AnotherSet)
        }
        KernelSet::Matrix => {
            let missing = format!(
                "multiply numbers in half precision, and this step of {model} has no such products"
            );
            (missing, Remedy::HalfPrecision)
        }
        KernelSet::Chunks if any(is_shared_recursion) => return Ok(()),
        KernelSet::Chunks => {
            let missing = format!(
                "share BK-Core's recursions among lanes, and this step of {model} has none"
            );
            (missing, Remedy::AnotherSet)
        }
    };
    let problem = format!("kernels of the set '{}' {missing}", target.set.name());
    Err(Error::Refused { problem, remedy })
}

fn is_narrow(pass: &Pass) -> bool {
    matches!(pass.operation, Operation::Linear { precision: Precision::Half, .. })
}

fn is_shared_recursion(pass: &Pass) -> bool {
    matches!(pass.operation, Operation::Resolvent { .. }) && pass.schedule.chunk.is_some()
}
