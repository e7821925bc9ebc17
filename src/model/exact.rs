//! What a training step costs by closed forms alone, without a device: the family's own forms, which know no plan, and
//! beside them what the kernels of a plan execute that nothing runs.

use super::lower::{Scope, Training, lower};
use crate::{
    exact::{Exact, Phases},
    execute::Limits,
    family::{BatchShape, ModelConfig},
    formula::{Forms, forms},
    op::{Convention, OpCounts},
    operation::{LinearResult, Operation},
    plan::{Pass, Plan},
};

/// A device that holds whatever kernels can index, and has kernels whose invocations share nothing. What others choose
/// executes as many FLOPs.
const BOUNDLESS: Limits = Limits {
    binding_bytes: u64::MAX,
    buffer_bytes: u64::MAX,
    workgroups: u32::MAX,
    ..Limits::WEBGPU
};

/// What a training step of B sequences of N tokens costs. The schedule is left out where no kernel could run the step,
/// whose tensors have more elements than 32 bits index; `None` where the family has no forms of its own, besides.
pub fn exact(config: &ModelConfig, [batch, seq]: [u32; 2], training: Training) -> Option<Exact> {
    let own = config.exact([batch, seq], training);
    let training = Training { scope: Scope::Step, ..training };
    let shape = BatchShape::checked(batch, seq, training.accumulate, config).ok();
    let plan = shape.and_then(|shape| lower(config, shape, training, &BOUNDLESS).ok());
    let counted = |ops: fn(&Forms) -> OpCounts| {
        let flops = move |pass: &Pass| {
            ops(&forms(&pass.operation, &pass.schedule)).flops(Convention::Ieee).into()
        };
        plan.as_ref().map(|plan| summed(plan, flops))
    };
    let schedule = counted(Forms::schedule);
    let of_plan = || {
        Some(Exact {
            algebraic: counted(|forms| forms.algebraic)?,
            products: summed(plan.as_ref()?, |pass| product(&pass.operation)),
            ..Exact::default()
        })
    };
    own.or_else(of_plan).map(|exact| Exact { schedule, ..exact })
}

fn summed(plan: &Plan, flops: impl Fn(&Pass) -> u128) -> Phases {
    let mut sum = Phases::default();
    for pass in &plan.passes {
        sum.add(pass.phase, flops(pass));
    }
    sum
}

/// 2 M N K of a matrix product. Attention's are no part of it: a family that has attention has forms of its own.
fn product(operation: &Operation) -> u128 {
    match *operation {
        Operation::Linear { result, m, k, n, .. } if result != LinearResult::Bias => {
            2 * [m, k, n].map(u128::from).iter().product::<u128>()
        }
        _ => 0,
    }
}
