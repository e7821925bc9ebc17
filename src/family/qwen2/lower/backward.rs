//! From loss to gradients, in the reverse order of the forward pass. A gradient that nothing trained
//! depends on is not computed: not that of a frozen weight, nor any below the lowest adapter. Gradients
//! of hidden states live in buffers that all layers share.

use super::{Builder, Grouping, Layer, Model, Norm, Normed, Projection, Saved, Shape};
use crate::{
    blocks::{grouping::group, launch::Launch, loss::LogitRows},
    operation::{AttentionStep, Direction, Function, NormStep, Operation},
    plan::{Phase, Slice},
};

/// Gradients by hidden values, shared by all layers.
struct Shared {
    /// By a layer's output, then by what is between its halves, then by its input (T,H).
    dh: Slice,
    /// By a norm's output (T,H).
    dx: Slice,
    d_o: Slice,
    dq: Slice,
    dk: Slice,
    dv: Slice,
    delta: Slice,
    dactivated: Slice,
    dgate: Slice,
    dup: Slice,
}

impl Shared {
    fn place(to: &mut Builder, shape: Shape) -> Self {
        let mut scratch = |name: &str, width: u32| {
            to.scratch(format!("gradient by {name}"), shape.elements(width))
        };
        Self {
            dh: scratch("h", shape.h),
            dx: scratch("x", shape.h),
            d_o: scratch("o", shape.h),
            dq: scratch("q", shape.h),
            dk: scratch("k", shape.kv()),
            dv: scratch("v", shape.kv()),
            delta: scratch("scores, row by row", shape.heads),
            dactivated: scratch("activated", shape.i),
            dgate: scratch("gate", shape.i),
            dup: scratch("up", shape.i),
        }
    }
}

impl Model {
    /// Every gradient of the loss that training has a use for.
    pub(super) fn backward(
        &self,
        to: &mut Builder,
        normed: &Normed,
        windows: &[LogitRows],
        saved: &[Saved],
    ) {
        let shared = Shared::place(to, self.shape);
        let h = self.shape.h;
        for window in windows {
            self.loss.backward(to, window);
            let (rows, dx) = (&window.rows, window.of(shared.dx, h));
            self.head.backward_input(to, rows, window.p, dx, false);
            if !self.tied {
                let (x, more) = (window.of(normed.y, h), window.first != 0);
                self.head.backward_parameters(to, rows, window.p, x, more);
            }
        }
        self.norm_backward(to, &self.final_norm, normed, &shared, false);
        for (layer, saved) in self.layers.iter().zip(saved).rev() {
            self.layer_backward(to, layer, saved, &shared);
        }
        if self.full {
            self.embedding_backward(to, shared.dh);
        }
        if self.tied && self.full {
            // Onto what the tokens' own rows have brought: one tensor, two gradients.
            for window in windows {
                let x = window.of(normed.y, h);
                self.head.backward_parameters(to, &window.rows, window.p, x, true);
            }
        }
    }

    /// Through a norm: dh (T,H) from dx, the gradient by its output, and the gradient of its weight.
    fn norm_backward(
        &self,
        to: &mut Builder,
        norm: &Norm,
        normed: &Normed,
        shared: &Shared,
        accumulate: bool,
    ) {
        let bindings = [
            ("dy", shared.dx),
            ("x", normed.x),
            ("weight", norm.weight.value),
            ("dx", shared.dh),
            ("rstd", normed.rstd),
        ];
        self.rms_norm(to, NormStep::Input, norm, accumulate, &bindings);
        if let Some(dweight) = norm.weight.grad {
            let bindings =
                [("dy", shared.dx), ("x", normed.x), ("dweight", dweight), ("rstd", normed.rstd)];
            self.rms_norm(to, NormStep::Parameters, norm, false, &bindings);
        }
    }

    /// Through one layer: `shared.dh` holds the gradient by its output before and, where that has a use,
    /// by its input after.
    fn layer_backward(&self, to: &mut Builder, layer: &Layer, saved: &Saved, shared: &Shared) {
        let rows = &self.all_tokens;
        let x = saved.feed_forward_normed.y;
        layer.down.backward_input(to, rows, shared.dh, shared.dactivated, false);
        layer.down.backward_parameters(to, rows, shared.dh, saved.activated, false);
        let tensors = [
            ("dy", shared.dactivated),
            ("gate", saved.gate),
            ("up", saved.up),
            ("dgate", shared.dgate),
            ("dup", shared.dup),
        ];
        self.swiglu(to, layer, Function::SwiGluGradient, &tensors);
        for (product, dy, more) in
            [(&layer.gate, shared.dgate, false), (&layer.up, shared.dup, true)]
        {
            product.backward_input(to, rows, dy, shared.dx, more);
            product.backward_parameters(to, rows, dy, x, false);
        }
        let normed = &saved.feed_forward_normed;
        self.norm_backward(to, &layer.feed_forward_norm, normed, shared, true);

        self.attention_backward(to, layer, saved, shared);
        if layer.below {
            let normed = &saved.attention_normed;
            self.norm_backward(to, &layer.attention_norm, normed, shared, true);
        }
    }

    /// From `shared.dh`, the gradient by what attention adds to the hidden state, to `shared.dx`.
    fn attention_backward(&self, to: &mut Builder, layer: &Layer, saved: &Saved, shared: &Shared) {
        let Shape { heads, kv_heads, .. } = self.shape;
        let wanted = |projection: &Projection| layer.below || projection.adapter.is_some();
        let [q, k, v] = [&layer.q, &layer.k, &layer.v].map(wanted);
        let [u_q, u_k, u_v, u_o] = saved.adapted;
        let through = (q || k || v).then_some((shared.d_o, false));
        self.project_backward(to, &layer.o, [shared.dh, saved.o], u_o, through);
        if through.is_none() {
            return;
        }
        let outputs = [("o", saved.o), ("d_o", shared.d_o), ("delta", shared.delta)];
        self.attention(to, layer, AttentionStep::Delta, &outputs);
        let tensors = [
            ("q", saved.q),
            ("k", saved.k),
            ("v", saved.v),
            ("d_o", shared.d_o),
            ("lse", saved.lse),
            ("delta", shared.delta),
        ];
        if q {
            let tensors = [&tensors[..], &[("dq", shared.dq)]].concat();
            self.attention(to, layer, AttentionStep::Query, &tensors);
            self.rope(to, layer, Direction::Backward, "queries", shared.dq, heads);
        }
        if k || v {
            let tensors = [&tensors[..], &[("dk", shared.dk), ("dv", shared.dv)]].concat();
            self.attention(to, layer, AttentionStep::KeyValue, &tensors);
        }
        if k {
            self.rope(to, layer, Direction::Backward, "keys", shared.dk, kv_heads);
        }
        let x = saved.attention_normed.y;
        let mut more = false;
        for (projection, dy, u) in
            [(&layer.q, shared.dq, u_q), (&layer.k, shared.dk, u_k), (&layer.v, shared.dv, u_v)]
        {
            if wanted(projection) {
                let dx = layer.below.then_some((shared.dx, more));
                self.project_backward(to, projection, [dy, x], u, dx);
                more = true;
            }
        }
    }

    /// The gradients of a projection and its adapter from dy, and by its input x where that has a use,
    /// added to what is there if so asked.
    fn project_backward(
        &self,
        to: &mut Builder,
        projection: &Projection,
        [dy, x]: [Slice; 2],
        u: Option<Slice>,
        dx: Option<(Slice, bool)>,
    ) {
        let rows = &self.all_tokens;
        if let Some((dx, more)) = dx {
            projection.linear.backward_input(to, rows, dy, dx, more);
        }
        projection.linear.backward_parameters(to, rows, dy, x, false);
        if let (Some(adapter), Some(u)) = (&projection.adapter, u) {
            adapter.backward(to, rows, [dy, x, u], dx.map(|(dx, _)| dx));
        }
    }

    /// From the gradient by h to that of the embedding.
    fn embedding_backward(&self, to: &mut Builder, dh: Slice) {
        let Shape { t, h, v, .. } = self.shape;
        let phase = Phase::Backward;
        let component = &self.embedding.weight.component;
        let sorted = component.part(&["grouping"]);
        let Grouping { offsets, order, .. } = group(to, &sorted, phase, self.tokens, t, v);
        let dsum = to.scratch("gradient by embedding, token by token", dh.len);
        to.launch(&Launch {
            operation: Operation::TokenSums { t, d: h },
            component,
            phase,
            window: "",
            scalars: &[],
            bindings: &[("dy", dh), ("order", order), ("keys", self.tokens), ("dsum", dsum)],
        });
        self.embedding.scatter(to, u64::from(t), dsum, offsets);
    }
}
