//! The algebra of a training step as a list of work: what part of the decoder, in which pass, how many
//! operations. Nothing runs and nothing is allocated, so a model of any size is priced at once. Work is
//! what the mathematics asks for; what a kernel executes beyond that is not here.

mod attention;
mod linear;
mod mlp;
mod norm;

use super::{DecoderConfig, Linear, Place};
use crate::{
    exact::Exact,
    op::{Convention, Op, OpCounts},
    operation::Optimizer,
    plan::Phase,
};
use linear::Flow;

/// What of a decoder an amount of work belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Part {
    /// Sums of the embedding's gradient over equal tokens, and Gemma's scale.
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
    /// RMSNorm.
    Norm,
    /// Rotary positions.
    Rope,
    /// SwiGLU or GeGLU.
    Activation,
    /// Sums of the hidden state and what a half of a layer adds, and of their gradients.
    Residual,
    /// The softmax over experts, and the weighted sum of their outputs.
    Routing,
    /// Cross entropy, and the softcap of logits.
    Loss,
    /// The optimizer.
    Optimizer,
}

/// In which pass work is done.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Pass {
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

impl Pass {
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
    pub pass: Pass,
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

/// The tokens of a step: B rows, each of which holds one sequence or several, packed one behind the other,
/// that do not attend to each other.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tokens {
    /// B.
    pub batch: u32,
    /// The lengths of the sequences in a row; one, S, where nothing is packed.
    pub lengths: Vec<u32>,
}

impl Tokens {
    /// B sequences of S tokens.
    pub fn new(batch: u32, seq: u32) -> Self {
        Self { batch, lengths: vec![seq] }
    }

    /// S, tokens in a row.
    pub fn seq(&self) -> u128 {
        self.lengths.iter().map(|&length| u128::from(length)).sum()
    }

    /// T.
    pub fn count(&self) -> u128 {
        u128::from(self.batch) * self.seq()
    }

    /// The sum of the squares of all sequences' lengths; B S^2 where nothing is packed.
    pub fn square(&self) -> u128 {
        let squares = self.lengths.iter().map(|&length| u128::from(length) * u128::from(length));
        u128::from(self.batch) * squares.sum::<u128>()
    }

    /// Pairs of a query and a key that it meets: those up to itself, at most `window`.
    pub fn pairs(&self, window: Option<u32>) -> u128 {
        let pairs = |length: u32| {
            let s = u128::from(length);
            let w = window.map_or(s, |window| u128::from(window).min(s));
            w * s - w * (w - 1) / 2
        };
        let in_row: u128 = self.lengths.iter().filter(|&&n| n > 0).map(|&n| pairs(n)).sum();
        u128::from(self.batch) * in_row
    }
}

/// How a decoder is trained.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Training {
    /// How parameters follow their gradients.
    pub optimizer: Optimizer,
    /// Whether the forward pass of each layer runs again in the backward pass. With adapters, as peft has
    /// it, the embedding's output then requires a gradient.
    pub recompute: bool,
    /// With adapters: whether the gradient by the embedding's output is computed although nothing trained
    /// stands in front of the first adapter.
    pub input_gradients: bool,
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

/// A step under construction.
struct Step<'a> {
    config: &'a DecoderConfig,
    tokens: &'a Tokens,
    /// Whether every parameter is trained, or adapters alone.
    full: bool,
    /// Whether layers run again.
    recompute: bool,
    work: Vec<Work>,
}

impl DecoderConfig {
    /// Everything that one training step computes.
    pub fn step(&self, tokens: &Tokens, training: Training) -> Vec<Work> {
        let full = self.adapters.is_none();
        let mut step =
            Step { config: self, tokens, full, recompute: training.recompute, work: Vec::new() };
        let trained_below = full || training.recompute || training.input_gradients;
        let adapted = self.adapted();
        let mut runs: Vec<Run> = Vec::new();
        let mut below = trained_below;
        for (number, &layer) in self.layers.iter().enumerate() {
            let prefix = format!("model.layers.{number}.");
            let adapters: Vec<(&'static str, u32)> = adapted
                .iter()
                .filter(|(name, _, _)| name.starts_with(&prefix))
                .map(|(_, linear, adapter)| (linear.name, adapter.rank))
                .collect();
            // Layers that are alike in everything cost alike.
            match runs
                .iter_mut()
                .find(|run| run.layer == layer && run.below == below && run.adapters == adapters)
            {
                Some(run) => run.times += 1,
                None => runs.push(Run { layer, below, adapters: adapters.clone(), times: 1 }),
            }
            below = below || !adapters.is_empty();
        }
        step.embedding(trained_below);
        for run in &runs {
            let start = step.work.len();
            step.layer(run);
            for work in &mut step.work[start..] {
                work.times *= u128::from(run.times);
                work.product *= u128::from(run.times);
            }
        }
        let head = adapted.iter().find(|(_, linear, _)| linear.place == Place::Head);
        step.end(below, head.map(|(_, _, adapter)| adapter.rank));
        step.optimizer(training.optimizer);
        step.work
    }
}

/// Layers that cost alike.
struct Run {
    layer: super::Layer,
    /// Whether the gradient by the layer's input has a use.
    below: bool,
    /// Linear layers with an adapter, and its rank.
    adapters: Vec<(&'static str, u32)>,
    times: u32,
}

impl Run {
    fn rank(&self, linear: &Linear) -> Option<u32> {
        let found = self.adapters.iter().find(|(name, _)| *name == linear.name);
        found.map(|(_, rank)| *rank)
    }
}

impl Step<'_> {
    /// T rows, elements of a width or whatever else there are many of.
    fn add(&mut self, part: Part, pass: Pass, each: OpCounts, times: u128) {
        self.work.push(Work { part, pass, each, times, product: 0 });
    }

    /// The same in the forward pass of a layer, and again where layers are recomputed.
    fn forward(&mut self, part: Part, each: OpCounts, times: u128) {
        self.add(part, Pass::Forward, each, times);
        if self.recompute {
            self.add(part, Pass::Again, each, times);
        }
    }

    fn embedding(&mut self, needed: bool) {
        let elements = self.tokens.count() * u128::from(self.config.hidden_size);
        if self.config.gemma.is_some() {
            let scale = OpCounts::f32(Op::Mul, 1);
            self.add(Part::Embedding, Pass::Forward, scale, elements);
            if needed && self.full {
                self.add(Part::Embedding, Pass::Weight, scale, elements);
            }
        }
        if self.full {
            self.add(Part::Embedding, Pass::Weight, OpCounts::f32(Op::Add, 1), elements);
        }
    }

    /// One layer: attention and its half of the residual, then the MLP's.
    fn layer(&mut self, run: &Run) {
        let between = self.attention(run);
        let hidden = self.tokens.count() * u128::from(self.config.hidden_size);
        self.mlp(run, between);
        self.forward(Part::Residual, OpCounts::f32(Op::Add, 2), hidden);
    }

    /// The last norm, the head and the loss. Of a tied model the head's gradient is added to the
    /// embedding's.
    fn end(&mut self, below: bool, adapter: Option<u32>) {
        let t = self.tokens.count();
        let recompute = std::mem::take(&mut self.recompute);
        self.norm(t, self.config.hidden_size, below, false);
        let head = Linear::head(self.config);
        let flow = Flow { rows: t, input: below, output: below || adapter.is_some() || self.full };
        self.linear(&head, flow, adapter);
        self.recompute = recompute;
        let v = u64::from(self.config.vocab_size);
        let f32s = |counts: &[(Op, u64)]| sum(counts);
        // A row's maximum; x - maximum, its exponential and their sum; log(sum) - (x_target - maximum);
        // and the mean over rows.
        let rows = f32s(&[(Op::MinMax, v), (Op::Add, 2 * v + 3), (Op::Exp, v), (Op::Log, 1)]);
        self.add(Part::Loss, Pass::Forward, rows, t);
        self.add(Part::Loss, Pass::Forward, OpCounts::f32(Op::Mul, 1), 1);
        let back = flow.output;
        if back {
            let rows = f32s(&[(Op::Div, 1), (Op::Mul, v), (Op::Add, 1)]);
            self.add(Part::Loss, Pass::Input, rows, t);
        }
        if self.config.gemma.is_some_and(|gemma| gemma.final_logit_softcapping.is_some()) {
            // c tanh(l / c), and 1 - tanh^2 times the gradient.
            self.add(Part::Loss, Pass::Forward, f32s(&[(Op::Mul, 2 * v), (Op::Tanh, v)]), t);
            if back {
                self.add(Part::Loss, Pass::Input, f32s(&[(Op::Fma, v), (Op::Mul, v)]), t);
            }
        }
    }

    fn optimizer(&mut self, rule: Optimizer) {
        let trained = match self.full {
            true => self.config.base_parameters(),
            false => self.config.adapter_parameters(),
        };
        // The mean (mul, fma), the mean square (2 mul, fma), the scale from it (sqrt, fma), and the step
        // along their ratio (div, fma).
        let moments = [(Op::Mul, 3), (Op::Fma, 4), (Op::Sqrt, 1), (Op::Div, 1)];
        let each = match rule {
            Optimizer::Sgd => sum(&[(Op::Fma, 1)]),
            Optimizer::Adam => sum(&moments) + sum(&[(Op::Fma, 1)]),
            Optimizer::AdamW => sum(&moments) + sum(&[(Op::Mul, 1)]),
        };
        self.add(Part::Optimizer, Pass::Update, each, trained);
    }
}

/// Single-precision operations of several kinds.
fn sum(counts: &[(Op, u64)]) -> OpCounts {
    counts.iter().map(|&(op, count)| OpCounts::f32(op, count)).sum()
}
