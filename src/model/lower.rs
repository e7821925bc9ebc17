//! From a model to a plan that fits an adapter: the family's passes, its buffers laid over several where they
//! are too long, and whether the adapter can hold them.

mod asked;
mod cut;
mod recompute;

use std::{borrow::Cow, iter};

use super::{Batch, Weights};
use crate::{
    Error,
    choice::Target,
    execute::Limits,
    family::{BatchShape, ModelConfig},
    plan::{Blocks, Buffer, ELEMENT_BYTES, Inputs, Plan},
};

pub use asked::has_asked;

pub use crate::{
    blocks::matrix_product,
    family::{Recompute, Scope, Training},
};

/// Lowers one training step of a model, or its forward part, to a plan for an adapter: its limits, or a
/// [`Target`] where kernels were timed on it.
///
/// # Errors
/// [`Error::Config`] where a tensor of the model exceeds what the adapter can hold or bind.
pub fn lower(
    config: &ModelConfig,
    shape: BatchShape,
    training: Training,
    target: impl Into<Target>,
) -> Result<Plan, Error> {
    let target = target.into();
    let limits = target.limits;
    // Kernels index elements with 32 bits, and a binding lies in one buffer.
    let buffer_bytes = limits.buffer_bytes.min(u64::from(u32::MAX) * ELEMENT_BYTES);
    let binding_bytes = limits.binding_bytes.min(buffer_bytes);
    let limits = Limits { buffer_bytes, binding_bytes, ..limits };
    let target = Target { limits, ..target };
    shape.check_packed(training.packed, config)?;
    shape.check_run(training.accumulate, config)?;
    let shape = shape.micro_batch(training.accumulate).map_err(Error::Config)?;
    training.check()?;
    let mut plan = config.lower(shape, training, &target)?;
    match training.recompute {
        Recompute::None => {}
        Recompute::Layers => recompute::layers(&mut plan),
    }
    cut::cut(&mut plan, limits.buffer_bytes / ELEMENT_BYTES);
    fits(&plan, &limits)?;
    Ok(plan)
}

/// The contents of a plan's input buffers: parameters from `weights`, `tokens` and `targets` from
/// `batch`.
pub fn inputs<'a>(weights: &'a Weights, batch: &'a Batch) -> impl Inputs + use<'a> {
    StepInputs { weights, batch }
}

struct StepInputs<'a> {
    weights: &'a Weights,
    batch: &'a Batch,
}

impl Inputs for StepInputs<'_> {
    fn blocks(&self, name: &str) -> Option<Blocks<'_>> {
        let integers = match name {
            "tokens" => &self.batch.tokens,
            "targets" => &self.batch.targets,
            parameter => return self.weights.blocks(parameter),
        };
        Some(Box::new(iter::once(Cow::Borrowed(bytemuck::cast_slice(integers)))))
    }
}

/// Whether an adapter can hold a plan, said in the plan's own terms before the device says it in its.
fn fits(plan: &Plan, limits: &Limits) -> Result<(), Error> {
    let too_long = |buffer: &&Buffer| buffer.len * ELEMENT_BYTES > limits.buffer_bytes;
    if let Some(buffer) = plan.buffers.iter().find(too_long) {
        return Err(Error::Config(format!(
            "'{}' takes {} bytes, more than the {} of one buffer on this adapter: take a smaller batch, \
             seq or model",
            buffer.name,
            buffer.len * ELEMENT_BYTES,
            limits.buffer_bytes
        )));
    }
    for pass in &plan.passes {
        if let Some(slice) =
            pass.bindings.values().find(|slice| slice.len * ELEMENT_BYTES > limits.binding_bytes)
        {
            return Err(Error::Config(format!(
                "{}: '{}' takes {} bytes, more than the {} that this adapter can bind at once: take a \
                 smaller batch, seq or model",
                pass.label,
                plan.buffer_of(*slice).name,
                slice.len * ELEMENT_BYTES,
                limits.binding_bytes
            )));
        }
        if let Some(workgroups) = pass.grid.iter().find(|&&extent| extent > limits.workgroups) {
            return Err(Error::Config(format!(
                "{}: a grid of {workgroups} workgroups is more than the {} this adapter takes along one \
                 dimension: take a smaller batch, seq or model",
                pass.label, limits.workgroups
            )));
        }
    }
    Ok(())
}
