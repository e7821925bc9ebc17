//! Amounts of work: what part of a decoder, in which pass, how many operations; and their sums. What the work of a
//! step is, is found elsewhere.

use super::linear::Place;
use crate::{
    component::Phase,
    exact::{Exact, ExactItem},
    op::{Convention, OpCounts},
};

/// What of a decoder an amount of work belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Part {
    /// Sums with learned positions, those of the tables' gradients over equal tokens and positions, and the factor of Gemma
    /// and Granite.
    Embedding,
    /// A linear layer's matrix product.
    Linear(Place),
    /// Both products of adapters, and their scale.
    Adapter,
    /// Biases added, and their gradients summed.
    Bias,
    /// The two products of attention, queries with keys and probabilities with values.
    Square,
    /// What is done to scores between those: maximum, exponential, sum, scale, softcap.
    Softmax,
    /// Norms.
    Norm,
    /// Rotary positions.
    Rope,
    /// SwiGLU, GeGLU or gelu.
    Activation,
    /// Sums of the hidden state and what a half of a layer adds, multiplied or not, and of their gradients.
    Residual,
    /// The softmax over experts, and the weighted sum of their outputs.
    Routing,
    /// Cross entropy, and the factor and the softcap of logits.
    Loss,
    /// Sums over micro-batches of gradients and of the loss.
    Accumulation,
    /// The optimizer.
    Optimizer,
}

/// In which pass work is done.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum WorkPass {
    /// From tokens to loss.
    Forward,
    /// The forward pass of a layer again, because nothing of it was kept.
    Again,
    /// Gradients by what a part was given.
    Input,
    /// Gradients by trained parameters.
    Weight,
    /// Updated parameters.
    Update,
}

impl Part {
    /// Its name in reports, that of all layers together.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Embedding => "embedding",
            Self::Linear(Place::Query) => "layer_*.attention.q_proj",
            Self::Linear(Place::Key) => "layer_*.attention.k_proj",
            Self::Linear(Place::Value) => "layer_*.attention.v_proj",
            Self::Linear(Place::Output) => "layer_*.attention.o_proj",
            Self::Linear(Place::Mlp) => "layer_*.feed_forward",
            Self::Linear(Place::Router) => "layer_*.moe.router",
            Self::Linear(Place::Shared) => "layer_*.moe.shared",
            Self::Linear(Place::SharedGate) => "layer_*.moe.shared_gate",
            Self::Linear(Place::Head) => "lm_head",
            Self::Adapter => "adapters",
            Self::Bias => "biases",
            Self::Square => "layer_*.attention.core",
            Self::Softmax => "layer_*.attention.softmax",
            Self::Norm => "norms",
            Self::Rope => "layer_*.attention.rope",
            Self::Activation => "layer_*.activation",
            Self::Residual => "layer_*.residual",
            Self::Routing => "layer_*.moe.routing",
            Self::Loss => "cross_entropy",
            Self::Accumulation => "accumulation",
            Self::Optimizer => "optimizer",
        }
    }
}

impl WorkPass {
    /// The phase in which it happens; none for recomputation, which no mathematics asks for.
    pub const fn phase(self) -> Option<Phase> {
        match self {
            Self::Forward => Some(Phase::Forward),
            Self::Input | Self::Weight => Some(Phase::Backward),
            Self::Update => Some(Phase::Optimizer),
            Self::Again => None,
        }
    }
}

/// An amount of work.
#[derive(Clone, Debug, PartialEq)]
pub struct Work {
    /// What it belongs to.
    pub part: Part,
    /// In which pass.
    pub pass: WorkPass,
    /// The operations of one unit of it.
    pub each: OpCounts,
    /// How many units.
    pub times: u128,
    /// FLOPs as PyTorch's FlopCounterMode counts: 2 M N K of a matrix product, attention's over the whole
    /// square, masked or not; 0 of everything else.
    pub product: u128,
}

impl Work {
    /// Its FLOPs under a convention.
    pub fn flops(&self, convention: Convention) -> u128 {
        u128::from(self.each.flops(convention)) * self.times
    }
}

impl Exact {
    /// The sums of a step's work.
    pub fn of(step: &[Work], convention: Convention) -> Self {
        let mut exact = Self::default();
        for work in step {
            exact.add(work.pass.phase(), work.flops(convention), work.product);
        }
        exact
    }
}

/// A step's work by part and phase, in the order in which parts are first met.
pub fn items(step: &[Work], convention: Convention) -> Vec<ExactItem> {
    let rows = step.iter().map(|work| ExactItem {
        name: work.part.name().to_owned(),
        phase: work.pass.phase(),
        flops: work.flops(convention),
    });
    let rows = ExactItem::gather(rows);
    rows.into_iter().filter(|row| row.flops > 0).collect()
}
