//! Products of narrow operands: which passes of a step have them, what that costs, and how near its tensors come to those
//! of the equations.

use flopmeter::{
    execute::Limits,
    family::Family,
    formula::{Overhead, forms},
    model::{
        BatchShape, ModelConfig, Optimizer, exact,
        lower::{Recompute, Scope, Training, lower},
    },
    op::{Convention, Op, OpCounts, Scalar},
    operation::{Function, LinearResult, Operation, Precision},
    plan::{Pass, Phase, Plan},
};

use crate::golden::{DECODERS, expected, relative_error, step, whole};

fn training(precision: &str) -> Training {
    let options = Family::choose("precision", precision).unwrap();
    Training { options, ..Optimizer::AdamW.into() }
}

/// A random decoder's step, of two rows.
fn plan(config: &ModelConfig, seq: u32, training: Training) -> Plan {
    let limits = Limits { buffer_bytes: 1 << 31, storage_bindings: 10, ..Limits::WEBGPU };
    let shape = BatchShape::checked(2 * training.accumulate, seq, training.accumulate, config);
    lower(config, shape.unwrap(), training, &limits).unwrap()
}

fn is_narrowing(pass: &Pass) -> bool {
    matches!(pass.operation, Operation::Pointwise { function: Function::Narrow, .. })
}

fn is_unscaling(pass: &Pass) -> bool {
    matches!(pass.operation, Operation::Pointwise { function: Function::Unscale, .. })
}

/// Half precision rounds a number by 2^-12 of itself at most, 2^-12.8 in the mean, and a product of two is off by that of
/// three roundings, 2^-12: 2.4e-4. Sums of independent terms keep that part of their norm, whatever their length, and a
/// tensor is as many sums deep as there are products before it: 30 in the deepest of these models, whose errors add up by
/// their squares to 1.3e-3. Twice that is left to sums whose terms cancel, as those of norms' and routers' gradients do.
const TOLERANCE: f64 = 4e-3;

#[test]
fn narrow_products_are_near_those_of_the_equations() {
    for (model, trained) in DECODERS {
        step(model, training("f16"), |plan, session, file| {
            let error = relative_error(&whole(plan, session, "logits"), &expected(file, "logits"));
            println!("{model} logits {error:e}");
            let error = relative_error(&whole(plan, session, "loss"), &expected(file, "loss"));
            println!("{model} loss {error:e}");
            let mut gradients = 0;
            for parameter in &plan.parameters {
                let Some(slices) = &parameter.grad else { continue };
                let name = format!("grad/{}", parameter.name);
                let got = session.read(slices).unwrap();
                let error = relative_error(&got, &expected(file, &name));
                if error > TOLERANCE { println!("{model} {name} {error:e}") }
                gradients += 1;
            }
            assert_eq!(gradients, trained);
        });
    }
}
