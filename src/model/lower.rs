//! From a model to a plan: which kernels run on which data, in which order, in windows that fit the
//! adapter. Every size, tile and dispatch extent is decided below this module and nowhere else.

mod cut;
mod grouping;
mod launch;
mod linear;
mod loss;
mod optimize;
mod qwen2;
mod resnet_bk;
mod weight;

use std::{borrow::Cow, fmt};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Batch, BatchShape, ModelConfig, Optimizer, Weights};
use crate::{
    Error,
    execute::Limits,
    plan::{Buffer, ELEMENT_BYTES, Inputs, Phase, Plan},
};

/// What of a training step a plan holds, and how.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Training {
    /// Forward only, or the whole step.
    pub scope: Scope,
    /// How parameters follow their gradients.
    pub optimizer: Optimizer,
    /// How BK-Core's gradient is computed, where somebody said and the model has a BK-Core.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bk_gradient: Option<BkGradient>,
}

impl Training {
    /// How BK-Core's gradient is computed: as it is published, where nobody said.
    pub fn gradient(self) -> BkGradient {
        self.bk_gradient.unwrap_or_default()
    }
}

/// What of a training step a plan holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Scope {
    /// From tokens to loss.
    Forward,
    /// Forward, backward and optimizer.
    #[default]
    Step,
}

impl Scope {
    /// Whether a plan of this scope has passes of `phase`.
    pub const fn has(self, phase: Phase) -> bool {
        match phase {
            Phase::Forward => true,
            Phase::Backward | Phase::Optimizer => matches!(self, Self::Step),
        }
    }
}

/// How BK-Core's gradient is computed.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Default, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "lowercase")]
pub enum BkGradient {
    /// The published approximation, a mixture of two analytic terms.
    #[default]
    Hybrid,
    /// The adjoint of both recursions.
    Exact,
}

impl fmt::Display for BkGradient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Hybrid => "hybrid",
            Self::Exact => "exact",
        })
    }
}

/// Lowers one training step of a model, or its forward part, to a plan that fits `limits`.
///
/// # Errors
/// [`Error::Config`] where a tensor of the model exceeds what the adapter can hold or bind.
pub fn lower(
    config: &ModelConfig,
    shape: BatchShape,
    training: Training,
    limits: &Limits,
) -> Result<Plan, Error> {
    // Kernels index elements with 32 bits, and a binding lies in one buffer.
    let buffer_bytes = limits.buffer_bytes.min(u64::from(u32::MAX) * ELEMENT_BYTES);
    let binding_bytes = limits.binding_bytes.min(buffer_bytes);
    let limits = &Limits { buffer_bytes, binding_bytes, ..*limits };
    let mut plan = match config {
        ModelConfig::ResNetBk(config) => resnet_bk::lower(config, shape, training, limits)?,
        ModelConfig::Qwen2(config) => qwen2::lower(config, shape, training, limits)?,
    };
    cut::cut(&mut plan, limits.buffer_bytes / ELEMENT_BYTES);
    fits(&plan, limits)?;
    Ok(plan)
}

/// A linear layer by itself: y (M,N) = x (M,K) w^T + b, and the gradients by x, w and b.
pub fn matrix_product(m: u32, k: u32, n: u32, limits: &Limits) -> Plan {
    linear::alone(m, k, n, limits)
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
    fn bytes(&self, name: &str) -> Option<Cow<'_, [u8]>> {
        match name {
            "tokens" => Some(Cow::Borrowed(bytemuck::cast_slice(&self.batch.tokens))),
            "targets" => Some(Cow::Borrowed(bytemuck::cast_slice(&self.batch.targets))),
            parameter => self.weights.bytes(parameter),
        }
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
