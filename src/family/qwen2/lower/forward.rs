//! From tokens to the last norm. A layer's tensors are kept for its backward pass.

use super::{Builder, Layer, Model, Norm, Normed, Projection, Saved, Shape};
use crate::{
    blocks::launch::Launch,
    operation::{self, AttentionStep, Direction, Function, NormStep, Operation},
    plan::{Phase, Slice},
};

impl Model {
    /// h (T,H): each token's row of the embedding.
    pub(super) fn embed(&self, to: &mut Builder) -> Slice {
        let h = to.scratch("embedded", self.shape.elements(self.shape.h));
        self.embedding.gather(to, self.tokens, h);
        h
    }

    /// y (T,H): each row of x divided by its root mean square, and scaled.
    pub(super) fn norm(&self, to: &mut Builder, norm: &Norm, x: Slice) -> Normed {
        let name = format!("{} {}", norm.component, norm.place);
        let y = to.scratch(format!("{name}.y"), x.len);
        let rstd = to.scratch(format!("{name}.rstd"), u64::from(self.shape.t));
        let bindings = [("x", x), ("weight", norm.weight.value), ("y", y), ("rstd", rstd)];
        self.rms_norm(to, NormStep::Output, norm, false, &bindings);
        Normed { x, y, rstd }
    }

    pub(super) fn rms_norm(
        &self,
        to: &mut Builder,
        step: NormStep,
        norm: &Norm,
        accumulate: bool,
        bindings: &[(&str, Slice)],
    ) {
        let Shape { t: m, h: d, eps, .. } = self.shape;
        to.launch(&Launch {
            operation: Operation::Norm { norm: operation::Norm::Rms, step, m, d, accumulate },
            component: &norm.component,
            phase: match step {
                NormStep::Output => Phase::Forward,
                NormStep::Input | NormStep::Parameters => Phase::Backward,
            },
            window: norm.place,
            scalars: &[("eps", eps)],
            bindings,
        });
    }

    /// One layer's output h (T,H) and what its backward pass needs.
    pub(super) fn layer(&self, to: &mut Builder, layer: &Layer, h: Slice) -> (Slice, Saved) {
        let Shape { h: hidden, i, heads, kv_heads, .. } = self.shape;
        let name = &layer.name;
        let mut make = |part: &str, width: u32| {
            to.scratch(format!("{name}.{part}"), self.shape.elements(width))
        };
        let [q, o, attended, between, fed, out] =
            ["q", "o", "attended", "between", "fed", "h"].map(|part| make(part, hidden));
        let [k, v] = ["k", "v"].map(|part| make(part, self.shape.kv()));
        let [gate, up, activated] = ["gate", "up", "activated"].map(|part| make(part, i));
        let lse = make("lse", heads);

        let attention_normed = self.norm(to, &layer.attention_norm, h);
        let x = attention_normed.y;
        let u_q = self.project(to, &layer.q, x, q);
        let u_k = self.project(to, &layer.k, x, k);
        let u_v = self.project(to, &layer.v, x, v);
        for (what, x, heads) in [("queries", q, heads), ("keys", k, kv_heads)] {
            self.rope(to, layer, Direction::Forward, what, x, heads);
        }
        let tensors = [("q", q), ("k", k), ("v", v), ("o", o), ("lse", lse)];
        self.attention(to, layer, AttentionStep::Output, &tensors);
        let u_o = self.project(to, &layer.o, o, attended);
        self.residual(to, layer, "attention", [h, attended, between]);

        let feed_forward_normed = self.norm(to, &layer.feed_forward_norm, between);
        let rows = &self.all_tokens;
        layer.gate.forward(to, rows, feed_forward_normed.y, gate);
        layer.up.forward(to, rows, feed_forward_normed.y, up);
        self.swiglu(to, layer, Function::SwiGlu, &[("gate", gate), ("up", up), ("y", activated)]);
        layer.down.forward(to, rows, activated, fed);
        self.residual(to, layer, "feed-forward", [between, fed, out]);

        let adapted = [u_q, u_k, u_v, u_o];
        let saved = Saved {
            attention_normed,
            q,
            k,
            v,
            o,
            lse,
            adapted,
            feed_forward_normed,
            gate,
            up,
            activated,
        };
        (out, saved)
    }

    /// y = the projection of x with its adapter, and what the adapter saves.
    fn project(
        &self,
        to: &mut Builder,
        projection: &Projection,
        x: Slice,
        y: Slice,
    ) -> Option<Slice> {
        projection.linear.forward(to, &self.all_tokens, x, y);
        let adapter = projection.adapter.as_ref()?;
        Some(adapter.forward(to, &self.all_tokens, x, y))
    }

    /// Turns the pairs of queries or keys, or turns their gradient back, in place.
    pub(super) fn rope(
        &self,
        to: &mut Builder,
        layer: &Layer,
        direction: Direction,
        what: &str,
        x: Slice,
        heads: u32,
    ) {
        let Shape { b, s, width, .. } = self.shape;
        let (phase, tensor) = match direction {
            Direction::Forward => (Phase::Forward, "x"),
            Direction::Backward => (Phase::Backward, "dx"),
        };
        to.launch(&Launch {
            operation: Operation::Rope { direction, b, s, heads, width },
            component: &layer.name.part(&["attention", "rope"]),
            phase,
            window: what,
            scalars: &[],
            bindings: &[(tensor, x), ("cosine", self.cosine), ("sine", self.sine)],
        });
    }

    pub(super) fn attention(
        &self,
        to: &mut Builder,
        layer: &Layer,
        step: AttentionStep,
        bindings: &[(&str, Slice)],
    ) {
        let Shape { b, s, heads, kv_heads, width, .. } = self.shape;
        to.launch(&Launch {
            operation: Operation::Attention { step, b, s, heads, kv_heads, width },
            component: &layer.name.part(&["attention", "core"]),
            phase: match step {
                AttentionStep::Output => Phase::Forward,
                AttentionStep::Delta | AttentionStep::Query | AttentionStep::KeyValue => {
                    Phase::Backward
                }
            },
            window: "",
            scalars: &[("scale", 1.0 / (width as f32).sqrt())],
            bindings,
        });
    }

    pub(super) fn swiglu(
        &self,
        to: &mut Builder,
        layer: &Layer,
        function: Function,
        bindings: &[(&str, Slice)],
    ) {
        let backward = function == Function::SwiGluGradient;
        to.launch(&Launch {
            operation: Operation::Pointwise { function, p: bindings[0].1.len as u32 },
            component: &layer.name.part(&["feed_forward", "swiglu"]),
            phase: if backward { Phase::Backward } else { Phase::Forward },
            window: "",
            scalars: &[],
            bindings,
        });
    }

    fn residual(&self, to: &mut Builder, layer: &Layer, what: &str, [x, y, out]: [Slice; 3]) {
        to.launch(&Launch {
            operation: Operation::Pointwise { function: Function::Sum, p: x.len as u32 },
            component: &layer.name.part(&["residual"]),
            phase: Phase::Forward,
            window: what,
            scalars: &[],
            bindings: &[("x", x), ("y", y), ("out", out)],
        });
    }
}
