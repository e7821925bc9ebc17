//! Gradients by hidden values, in buffers that all layers share.

use super::common::StepShape;
use crate::{
    blocks::{
        attention::{Alike, AttentionGradients, row_elements},
        feed_forward::FeedForwardGradients,
        gated::GatedGradients,
        launch::Builder,
        mixture::MixtureGradients,
        norm::{Normed, RowNorm},
        projection::Onto,
        shared_expert::SharedGradients,
    },
    family::decoder::{DecoderConfig, Mlp},
    plan::Slice,
};

/// Where gradients go, layer by layer.
pub(super) struct Gradients {
    /// By a layer's output, then by what is between its halves where they follow each other, then by its input (T,H).
    pub(super) h: Slice,
    /// By a norm's output (T,H).
    pub(super) x: Slice,
    /// By what half of a layer adds to the hidden state (T,H), where that is multiplied by a factor.
    pub(super) added: Option<Slice>,
    /// By what a norm is given before the sum with the hidden state (T,H), where there are such norms.
    branch: Option<Slice>,
    pub(super) attention: AttentionGradients,
    /// By queries and keys before their own norms, where they have any.
    pub(super) before_head_norms: Option<[Slice; 2]>,
    /// Between the projections of an MLP with a gate, or of one without.
    pub(super) gated: Option<GatedGradients>,
    pub(super) feed_forward: Option<FeedForwardGradients>,
    pub(super) mixture: Option<MixtureGradients>,
}

impl Gradients {
    pub(super) fn place(
        to: &mut Builder,
        config: &DecoderConfig,
        shape: StepShape,
        sequences: &[Alike],
    ) -> Self {
        let row_elements = row_elements(sequences, config.num_attention_heads, to.limits());
        let mut scratch = |name: &str, len: u64| to.scratch(format!("gradient by {name}"), len);
        let t = u64::from(shape.t);
        let wide = |width: u32| shape.elements(width);
        let [h, query, kv] = [config.hidden_size, config.query_width(), config.kv_width()];
        // The widest of all layers, tokens by width.
        let widths = config.layers.iter().map(|layer| match layer.mlp {
            Mlp::Dense { width } => wide(width),
            Mlp::Experts(experts) => {
                let routed = wide(experts.width) * u64::from(experts.chosen);
                routed.max(wide(experts.shared.unwrap_or(0)))
            }
        });
        let widest = widths.max().unwrap_or(0);
        let activated = scratch("activated", widest);
        let gate = config.architecture.names().gate.map(|_| scratch("gate", widest));
        let up = scratch("up", widest);
        let gated = gate.map(|gate| GatedGradients { activated, gate, up });
        let feed_forward = gate.is_none().then_some(FeedForwardGradients { activated, up });
        let experts = config.layers.iter().find_map(|layer| match layer.mlp {
            Mlp::Experts(experts) => Some(experts),
            Mlp::Dense { .. } => None,
        });
        let mixture = experts.zip(gated).map(|(experts, gated)| {
            let a = t * u64::from(experts.chosen);
            MixtureGradients {
                ys: scratch("expert output", a * u64::from(h)),
                xs: scratch("gathered", a * u64::from(h)),
                gate: scratch("expert weights", a),
                logits: scratch("router logits", t * u64::from(experts.count)),
                gated,
                shared: SharedGradients {
                    ys: scratch("shared expert output", wide(h)),
                    logits: scratch("shared expert logits", t),
                    gated,
                },
            }
        });
        let after = config.architecture.norms().iter().any(|norms| norms.after.is_some());
        Self {
            h: scratch("h", wide(h)),
            x: scratch("x", wide(h)),
            added: config.residual_scale().map(|_| scratch("added", wide(h))),
            branch: after.then(|| scratch("branch", wide(h))),
            attention: AttentionGradients {
                d_o: scratch("o", wide(query)),
                dq: scratch("q", wide(query)),
                dk: scratch("k", wide(kv)),
                dv: scratch("v", wide(kv)),
                delta: scratch("scores, row by row", row_elements),
            },
            before_head_norms: config.query_key_norms().map(|_| {
                [("queries before their norm", query), ("keys before their norm", kv)]
                    .map(|(name, width)| scratch(name, wide(width)))
            }),
            gated,
            feed_forward,
            mixture,
        }
    }

    /// Where half of a layer leaves the gradient by what it was given, and whether it is added to what is there: before
    /// the norm in front of it, or with that of what passes by the half where there is no norm.
    pub(super) const fn given(&self, normed: bool) -> Onto {
        if normed { (self.x, false) } else { (self.h, true) }
    }

    /// Takes that gradient through the norm, where there is one, to that of what passes by.
    pub(super) fn norm(&self, to: &mut Builder, norm: Option<&RowNorm>, normed: Option<&Normed>) {
        if let (Some(norm), Some(normed)) = (norm, normed) {
            norm.backward(to, normed, self.x, Some((self.h, true)));
        }
    }

    /// The gradient by what half of a layer made, from that by what it adds to the hidden state, which is the same, or
    /// behind a norm the gradient by what the norm was given.
    pub(super) fn through(
        &self,
        to: &mut Builder,
        added: Slice,
        norm: Option<&RowNorm>,
        normed: Option<&Normed>,
    ) -> Slice {
        match (norm, normed, self.branch) {
            (Some(norm), Some(normed), Some(branch)) => {
                norm.backward(to, normed, added, Some((branch, false)));
                branch
            }
            _ => added,
        }
    }
}
