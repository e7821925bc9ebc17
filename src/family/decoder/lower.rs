//! A decoder as launches: its parameters placed, and the order of a training step, full or of adapters only. A
//! gradient that nothing trained depends on is not computed: not that of a frozen weight, nor any below the
//! lowest adapter. Shape letters: B batch, S sequence, T = B S tokens, H hidden width, n heads, kv key and value
//! heads, d the width of a head, I intermediate width, V vocabulary.

mod attention;
mod common;
mod end;
mod gradients;
mod mlp;
mod place;
mod residual;
mod start;

use super::{DecoderConfig, precision};
use crate::{
    Error,
    blocks::{
        launch::Builder,
        micro_batches,
        optimize::{optimize, unscale},
        weight::Weight,
    },
    choice::Target,
    family::{BatchShape, Scope, Training},
    plan::{Plan, Slice},
};
use attention::{AttentionHalf, AttentionSaved};
use common::{Common, StepShape};
use end::End;
use gradients::Gradients;
use mlp::{MlpHalf, MlpSaved};
use place::Placing;
use start::Start;

/// One layer's parameters.
struct Layer {
    attention: AttentionHalf,
    mlp: MlpHalf,
    /// Whether the gradient by the layer's input has a use.
    below: bool,
    /// Whether that by the hidden state between its halves has.
    between: bool,
    /// Whether its halves are beside each other.
    parallel: bool,
}

/// Lowers a training step, or its forward part.
pub(super) fn lower(
    config: &DecoderConfig,
    batch: BatchShape,
    training: Training,
    target: &Target,
) -> Result<Plan, Error> {
    let mut to = Builder::new(target);
    let tokens = u64::from(batch.tokens()) * u64::from(training.accumulate);
    to.precision = precision::of(training);
    to.loss_scale = precision::loss_scale(to.precision, tokens);
    let trains = training.scope == Scope::Step;
    let full = config.adapters.is_none();
    let shape =
        StepShape { b: batch.batch(), s: batch.seq(), t: batch.tokens(), h: config.hidden_size };
    let mut placing = Placing::new(&mut to, config, shape, training);
    let start = Start::place(&mut placing);
    let common = Common { shape, rows: placing.all_rows() };
    // As with peft, layers that run again are given what requires a gradient.
    let mut below = full || !training.recompute.is_none();
    let mut layers = Vec::with_capacity(config.layers.len());
    for index in 0..config.num_hidden_layers() {
        let attention = AttentionHalf::place(&mut placing, index);
        let mlp = MlpHalf::place(&mut placing, index);
        let between = below || attention.is_adapted();
        let above = between || mlp.is_adapted();
        let parallel = config.parallel_residual;
        layers.push(Layer { attention, mlp, below, between, parallel });
        below = above;
    }
    let sequences = placing.sequences();
    let end = End::place(&mut placing, &start.embedding, below);

    let mut h = start.forward(&mut to, &common);
    let mut saved = Vec::with_capacity(layers.len());
    for layer in &layers {
        let (out, layer) = layer.forward(&mut to, &common, h);
        h = out;
        saved.push(layer);
    }
    let last = end.forward(&mut to, &common, h)?;
    if trains {
        let by = Gradients::place(&mut to, config, shape, &sequences);
        end.backward(&mut to, &common, &last, &by);
        let mut needed = below;
        for (layer, saved) in layers.iter().zip(&saved).rev() {
            if needed {
                layer.backward(&mut to, &common, saved, &by);
            }
            needed = layer.below;
        }
        if full {
            start.backward(&mut to, by.h);
            end.backward_table(&mut to, &common, &last);
        }
    }
    let weights =
        || start.weights().chain(layers.iter().flat_map(Layer::weights)).chain(end.weights());
    micro_batches::repeat(&mut to, training.accumulate, weights());
    if trains {
        if to.loss_scale != 1.0 {
            unscale(&mut to, weights());
        }
        optimize(&mut to, training.optimizer, weights());
    }
    Ok(to.plan)
}

impl Layer {
    /// One layer's output h (T,H) and what its backward pass needs.
    fn forward(
        &self,
        to: &mut Builder,
        common: &Common,
        h: Slice,
    ) -> (Slice, (AttentionSaved, MlpSaved)) {
        let (between, attention) = self.attention.forward(to, common, h);
        let given = match self.parallel {
            true if self.mlp.shares_norm => attention.x,
            true => h,
            false => between,
        };
        let (out, mlp) = self.mlp.forward(to, common, [given, between]);
        (out, (attention, mlp))
    }

    /// `by.h` holds the gradient by the layer's output before and, where that has a use, by its input
    /// after.
    fn backward(
        &self,
        to: &mut Builder,
        common: &Common,
        (attention, mlp): &(AttentionSaved, MlpSaved),
        by: &Gradients,
    ) {
        // Attention beside the MLP takes the gradient by their sum before the MLP adds that by what it was given.
        if !self.parallel {
            self.mlp.backward(to, common, mlp, by, self.between);
        }
        if self.between {
            self.attention.backward_output(to, common, attention, by, self.below);
        }
        if self.parallel {
            self.mlp.backward(to, common, mlp, by, self.below);
        }
        if self.between {
            self.attention.backward_given(to, common, attention, by, self.below);
        }
    }

    fn weights(&self) -> impl Iterator<Item = &Weight> {
        self.attention.weights().chain(self.mlp.weights())
    }
}
