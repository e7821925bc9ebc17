//! The algebra of a training step as a list of work: what part of the decoder, in which pass, how many
//! operations. Nothing runs and nothing is allocated, so a model of any size is priced at once. Work is
//! what the mathematics asks for; what a kernel executes beyond that is not here.

mod attention;
mod build;
mod linear;
mod mlp;
mod norm;

use super::{
    config::DecoderConfig,
    linear::{LinearLayer, Place},
    recipe::{Recipe, Tokens},
    work::{Part, Work, WorkPass},
};
use crate::{
    op::{Op, OpCounts},
    operation::Optimizer,
};
use build::{LayerGroup, LinearFlow, WorkList, sum};

impl DecoderConfig {
    /// Everything that one training step computes.
    pub fn step(&self, tokens: &Tokens, recipe: Recipe) -> Vec<Work> {
        let full = self.adapters.is_none();
        let mut step = WorkList {
            config: self,
            tokens,
            full,
            recompute: recipe.recompute,
            micro_batches: recipe.micro_batches.into(),
            work: Vec::new(),
        };
        let trained_below = full || recipe.recompute || recipe.input_gradients;
        let adapted = self.adapted();
        let mut runs: Vec<LayerGroup> = Vec::new();
        let mut below = trained_below;
        for (number, &layer) in (0..).zip(&self.layers) {
            let adapters: Vec<(&'static str, u32)> = adapted
                .iter()
                .filter(|adapted| adapted.layer == Some(number))
                .map(|adapted| (adapted.linear.name, adapted.rank))
                .collect();
            // Layers that are alike in everything cost alike.
            match runs
                .iter_mut()
                .find(|run| run.layer == layer && run.below == below && run.adapters == adapters)
            {
                Some(run) => run.times += 1,
                None => {
                    runs.push(LayerGroup { layer, below, adapters: adapters.clone(), times: 1 })
                }
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
        let head = adapted.iter().find(|adapted| adapted.linear.place == Place::Head);
        step.end(below, head.map(|adapted| adapted.rank));
        step.optimizer(recipe.optimizer);
        step.work
    }
}

impl WorkList<'_> {
    fn embedding(&mut self, needed: bool) {
        let elements = self.tokens.count() * u128::from(self.config.hidden_size);
        if self.config.embedding_scale().is_some() {
            let scale = OpCounts::f32(Op::Mul, 1);
            self.add(Part::Embedding, WorkPass::Forward, scale, elements);
            if needed && self.full {
                self.add(Part::Embedding, WorkPass::Weight, scale, elements);
            }
        }
        let positions = u64::from(self.config.architecture.names().positions.is_some());
        let sums = |tables| OpCounts::f32(Op::Add, tables);
        if positions > 0 {
            self.add(Part::Embedding, WorkPass::Forward, sums(positions), elements);
        }
        if self.full {
            self.add(Part::Embedding, WorkPass::Weight, sums(1 + positions), elements);
        }
    }

    /// One layer: attention and its half of the residual, then the MLP's, which is given what attention adds to, or what
    /// attention is given.
    fn layer(&mut self, run: &LayerGroup) {
        let between = self.attention(run);
        let given = if self.config.parallel_residual { run.below } else { between };
        let above = self.mlp(run, given);
        let hidden = self.tokens.count() * u128::from(self.config.hidden_size);
        let scaled = self.config.residual_scale().is_some();
        let sum = OpCounts::f32(if scaled { Op::Fma } else { Op::Add }, 1);
        for needed in [between, above] {
            self.forward(Part::Residual, sum, hidden);
            if scaled && needed {
                self.add(Part::Residual, WorkPass::Input, OpCounts::f32(Op::Mul, 1), hidden);
            }
        }
    }

    /// The last norm, the head and the loss. Of a tied model the head's gradient is added to the
    /// embedding's.
    fn end(&mut self, below: bool, adapter: Option<u32>) {
        let t = self.tokens.count();
        let recompute = std::mem::take(&mut self.recompute);
        self.norm(t, self.config.hidden_size, below, false);
        let head = LinearLayer::head(self.config);
        let flow =
            LinearFlow { rows: t, input: below, output: below || adapter.is_some() || self.full };
        self.linear(&head, flow, adapter);
        self.recompute = recompute;
        let v = u64::from(self.config.vocab_size);
        let f32s = |counts: &[(Op, u64)]| sum(counts);
        // A row's maximum; x - maximum, its exponential and their sum; log(sum) - (x_target - maximum);
        // and the mean over rows.
        let rows = f32s(&[(Op::MinMax, v), (Op::Add, 2 * v + 3), (Op::Exp, v), (Op::Log, 1)]);
        self.add(Part::Loss, WorkPass::Forward, rows, t);
        // Each micro-batch has its share of the mean.
        self.add(Part::Loss, WorkPass::Forward, OpCounts::f32(Op::Mul, 1), self.micro_batches);
        let back = flow.output;
        if back {
            let rows = f32s(&[(Op::Div, 1), (Op::Mul, v), (Op::Add, 1)]);
            self.add(Part::Loss, WorkPass::Input, rows, t);
        }
        if self.config.logit_scale().is_some() {
            let scale = f32s(&[(Op::Mul, v)]);
            self.add(Part::Loss, WorkPass::Forward, scale, t);
            if back {
                self.add(Part::Loss, WorkPass::Input, scale, t);
            }
        }
        if self.config.gemma.is_some_and(|gemma| gemma.final_logit_softcapping.is_some()) {
            // c tanh(l / c), and 1 - (y / c)^2 times the gradient.
            self.add(Part::Loss, WorkPass::Forward, f32s(&[(Op::Mul, 2 * v), (Op::Tanh, v)]), t);
            if back {
                self.add(Part::Loss, WorkPass::Input, f32s(&[(Op::Fma, v), (Op::Mul, 2 * v)]), t);
            }
        }
    }

    /// The sums over micro-batches, and the update.
    fn optimizer(&mut self, rule: Optimizer) {
        let trained = match self.full {
            true => self.config.base_parameters(),
            false => self.config.adapter_parameters(),
        };
        let further = self.micro_batches.saturating_sub(1);
        let sum_up = OpCounts::f32(Op::Add, 1);
        self.add(Part::Accumulation, WorkPass::Forward, sum_up, further);
        self.add(Part::Accumulation, WorkPass::Weight, sum_up, further * trained);
        // The mean (mul, fma), the mean square (2 mul, fma), the scale from it (sqrt, fma), and the step
        // along their ratio (div, fma).
        let moments = [(Op::Mul, 3), (Op::Fma, 4), (Op::Sqrt, 1), (Op::Div, 1)];
        let each = match rule {
            Optimizer::Sgd => sum(&[(Op::Fma, 1)]),
            Optimizer::Adam => sum(&moments) + sum(&[(Op::Fma, 1)]),
            Optimizer::AdamW => sum(&moments) + sum(&[(Op::Mul, 1)]),
        };
        self.add(Part::Optimizer, WorkPass::Update, each, trained);
    }
}
