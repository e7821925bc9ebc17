//! From the last hidden state to the loss, and back: the last norm, the head, and the factor and the bound of logits
//! where they have one.

use super::{common::Common, gradients::Gradients, place::Placing};
use crate::{
    Error,
    blocks::{
        launch::{Builder, Launch},
        linear,
        loss::{LogitRows, Loss},
        norm::{Normed, RowNorm},
        projection::Projection,
        table::EmbeddingTable,
        weight::Weight,
    },
    component::{ComponentName, Phase},
    family::decoder::{linear::LinearLayer, tensors::HEAD},
    operation::{Function, Operation},
    plan::Slice,
};

/// The last norm, the head and the loss.
pub(super) struct End {
    norm: RowNorm,
    /// Over the embedding's own table where they are tied.
    head: Projection,
    tied: bool,
    /// What logits are multiplied by.
    scale: Option<f32>,
    /// The bound of logits.
    cap: Option<f32>,
    loss: Loss,
    /// Whether the gradient by the last hidden state has a use.
    below: bool,
}

/// What the backward pass needs.
pub(super) struct Last {
    normed: Normed,
    windows: Vec<LogitRows>,
    /// What the head's adapter made between its products, window by window.
    adapted: Vec<Option<Slice>>,
}

impl End {
    /// `below` says whether anything below is trained.
    pub(super) fn place(
        placing: &mut Placing<'_>,
        embedding: &EmbeddingTable,
        below: bool,
    ) -> Self {
        let config = placing.config;
        let norm = placing.norm(
            (ComponentName::new(&["final_norm"]), ""),
            config.architecture.names().final_norm,
        );
        let component = ComponentName::new(&[HEAD]);
        let tied = config.tie_word_embeddings;
        let head = LinearLayer::head(config);
        let LinearLayer { k, n, .. } = head;
        let linear = match tied {
            true => {
                let (component, weight) = (component.clone(), embedding.weight.clone());
                linear::Linear { component, weight, bias: None, n, k, g: 1 }
            }
            false => placing.dense(&component, &head, HEAD),
        };
        let adapter = placing.adapter(component.part(&["lora"]), HEAD, [k, n]);
        let cap = config.gemma.and_then(|gemma| gemma.final_logit_softcapping);
        let targets = placing.integers("targets");
        let component = ComponentName::new(&["cross_entropy"]);
        let (b, s) = (placing.shape.b, placing.shape.s);
        Self {
            norm,
            head: Projection { linear, adapter },
            tied,
            scale: config.logit_scale(),
            cap: cap.map(|cap| cap as f32),
            loss: Loss { component, b, n: s, v: n, targets, micro_batches: placing.micro_batches },
            below,
        }
    }

    /// Every parameter tensor that is not the embedding's.
    pub(super) fn weights(&self) -> impl Iterator<Item = &Weight> {
        let own = self.head.weights().skip(usize::from(self.tied));
        self.norm.weights().chain(own)
    }

    /// Logits and loss from h (T,H), and what the backward pass needs.
    pub(super) fn forward(
        &self,
        to: &mut Builder,
        common: &Common,
        h: Slice,
    ) -> Result<Last, Error> {
        let normed = self.norm.forward(to, h);
        let mut adapted = Vec::new();
        let windows = self.loss.forward(to, |to, window| {
            let x = window.of(normed.y, common.shape.h);
            adapted.push(self.head.forward(to, &window.rows, x, window.logits));
            self.scale(to, Phase::Forward, window, window.logits);
            self.bound(to, Phase::Forward, window);
        })?;
        Ok(Last { normed, windows, adapted })
    }

    /// From the loss to `by.h`, where that has a use, and the gradients of what is trained but for a tied table's.
    pub(super) fn backward(&self, to: &mut Builder, common: &Common, last: &Last, by: &Gradients) {
        let h = common.shape.h;
        for (window, &u) in last.windows.iter().zip(&last.adapted) {
            self.loss.backward(to, window);
            self.bound(to, Phase::Backward, window);
            self.scale(to, Phase::Backward, window, window.p);
            let (rows, x) = (&window.rows, window.of(last.normed.y, h));
            let dx = self.below.then(|| (window.of(by.x, h), false));
            if self.tied {
                self.head.backward_beside(to, rows, [window.p, x], u, dx, window.first != 0);
            } else {
                self.head.backward(to, rows, [window.p, x], u, dx, window.first != 0);
            }
        }
        if self.below {
            self.norm.backward(to, &last.normed, by.x, Some((by.h, false)));
        }
    }

    /// The head's part of a tied table's gradient, onto what the tokens' own rows have brought: one tensor, two
    /// gradients.
    pub(super) fn backward_table(&self, to: &mut Builder, common: &Common, last: &Last) {
        for window in self.tied.then_some(&last.windows).into_iter().flatten() {
            let x = window.of(last.normed.y, common.shape.h);
            self.head.linear.backward_parameters(to, &window.rows, window.p, x, true);
        }
    }

    /// Multiplies a window's logits, or their gradient, where that is asked for.
    fn scale(&self, to: &mut Builder, phase: Phase, window: &LogitRows, scaled: Slice) {
        let Some(factor) = self.scale else { return };
        to.launch(&Launch {
            operation: Operation::Pointwise { function: Function::Multiple, p: scaled.len as u32 },
            component: &self.head.linear.component.part(&["scale"]),
            phase,
            window: &window.rows.window,
            scalars: &[("factor", factor)],
            bindings: &[("scaled", scaled)],
        });
    }

    /// Keeps a window's logits within their bound, or takes their gradient through it.
    fn bound(&self, to: &mut Builder, phase: Phase, window: &LogitRows) {
        let Some(cap) = self.cap else { return };
        let (function, slope) = match phase {
            Phase::Forward => (Function::SoftCap, None),
            Phase::Backward | Phase::Optimizer => {
                (Function::SoftCapGradient, Some(("slope", window.p)))
            }
        };
        let bindings: Vec<_> = [("capped", window.logits)].into_iter().chain(slope).collect();
        to.launch(&Launch {
            operation: Operation::Pointwise { function, p: window.logits.len as u32 },
            component: &self.head.linear.component.part(&["soft_cap"]),
            phase,
            window: &window.rows.window,
            scalars: &[("cap", cap), ("inverse", 1.0 / cap), ("minus_square", -1.0 / (cap * cap))],
            bindings: &bindings,
        });
    }
}
