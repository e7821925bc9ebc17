//! From tokens to the last norm. A layer's tensors are kept for its backward pass.

use super::{Builder, Layer, Model, Norm, Normed, Projection, Saved, Shape};
use crate::{
    model::lower::launch::{Launch, SUBGROUP_LANES, Spread, vec4},
    plan::{Phase, Slice},
};

/// The shortest sequence for which attention shares its loads among lanes: below, too few blocks are
/// met by all lanes of a workgroup.
const SHARED: u32 = 128;

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
        let vec4 = vec4(self.shape.h, 4);
        let [x_name, weight, y_name] = ["x", "weight", "y"].map(|name| format!("{name}{vec4}"));
        let bindings =
            [(x_name.as_str(), x), (&weight, norm.weight.value), (&y_name, y), ("rstd", rstd)];
        let spread = Spread::Elements(u64::from(self.shape.t));
        let entry = format!("forward{vec4}");
        self.rms_norm(to, &entry, norm, Phase::Forward, false, &bindings, spread);
        Normed { x, y, rstd }
    }

    #[expect(clippy::too_many_arguments, reason = "what three launches have not in common")]
    pub(super) fn rms_norm(
        &self,
        to: &mut Builder,
        entry: &str,
        norm: &Norm,
        phase: Phase,
        accumulate: bool,
        bindings: &[(&str, Slice)],
        spread: Spread,
    ) {
        to.launch(&Launch {
            kernel: &format!("rms_norm.{entry}"),
            component: &norm.component,
            phase,
            window: norm.place,
            dims: &[
                ("M", self.shape.t),
                ("D", self.shape.h),
                ("accumulate", accumulate.into()),
                ("LANES_PER_ROW", 1),
                ("LANES_PER_COLUMN", super::backward::LANES_PER_COLUMN),
            ],
            scalars: &[("eps", self.shape.eps)],
            bindings,
            spread,
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
            self.rope(to, layer, ("forward", "x"), what, x, heads);
        }
        let float = [("q", q), ("k", k), ("v", v), ("o", o)];
        self.attention(to, layer, "forward", &float, &[("lse", lse)], heads);
        let u_o = self.project(to, &layer.o, o, attended);
        self.residual(to, layer, "attention", [h, attended, between]);

        let feed_forward_normed = self.norm(to, &layer.feed_forward_norm, between);
        let rows = &self.all_tokens;
        layer.gate.forward(to, rows, feed_forward_normed.y, gate);
        layer.up.forward(to, rows, feed_forward_normed.y, up);
        self.swiglu(to, layer, "forward", &[("gate", gate), ("up", up), ("y", activated)]);
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
        (entry, tensor): (&str, &str),
        what: &str,
        x: Slice,
        heads: u32,
    ) {
        let Shape { b, s, width, .. } = self.shape;
        let vec4 = vec4(width, 8);
        let names = [tensor, "cosine", "sine"].map(|name| format!("{name}{vec4}"));
        let each = if vec4.is_empty() { 2 } else { 8 };
        to.launch(&Launch {
            kernel: &format!("rope.{entry}{vec4}"),
            component: &format!("{}.attention.rope", layer.name),
            phase: if entry == "forward" { Phase::Forward } else { Phase::Backward },
            window: what,
            dims: &[("B", b), ("S", s), ("HEADS", heads), ("WIDTH", width)],
            scalars: &[],
            bindings: &[(&names[0], x), (&names[1], self.cosine), (&names[2], self.sine)],
            spread: Spread::Elements(x.len / each),
        });
    }

    /// An entry of attention: tensors that it takes as vectors where it can, others, and the heads over
    /// which it spreads.
    pub(super) fn attention(
        &self,
        to: &mut Builder,
        layer: &Layer,
        entry: &str,
        tensors: &[(&str, Slice)],
        others: &[(&str, Slice)],
        spread_heads: u32,
    ) {
        let Shape { b, s, heads, kv_heads, width, .. } = self.shape;
        let vec4 = vec4(width, 4);
        let tensors: Vec<(String, Slice)> =
            tensors.iter().map(|(name, slice)| (format!("{name}{vec4}"), *slice)).collect();
        let tensors = tensors.iter().map(|(name, slice)| (name.as_str(), *slice));
        let bindings: Vec<_> = tensors.chain(others.iter().copied()).collect();
        // With vectors an invocation takes four rows, but for the one entry that only sums rows up.
        let tiled = !vec4.is_empty() && entry != "backward_delta";
        let shared = tiled && s >= SHARED && to.limits.subgroup_lanes == Some(SUBGROUP_LANES);
        let heads_of_all = u64::from(b) * u64::from(spread_heads);
        let (file, spread) = match (shared, tiled) {
            (true, _) => {
                ("attention_subgroup", Spread::Subgroups(heads_of_all * u64::from(s.div_ceil(32))))
            }
            (false, true) => ("attention", Spread::Long(heads_of_all * u64::from(s.div_ceil(4)))),
            (false, false) => ("attention", Spread::Long(heads_of_all * u64::from(s))),
        };
        to.launch(&Launch {
            kernel: &format!("{file}.{entry}{vec4}"),
            component: &format!("{}.attention.core", layer.name),
            phase: if entry == "forward" { Phase::Forward } else { Phase::Backward },
            window: "",
            dims: &[("B", b), ("S", s), ("HEADS", heads), ("KV_HEADS", kv_heads), ("WIDTH", width)],
            scalars: &[("scale", 1.0 / (width as f32).sqrt())],
            bindings: &bindings,
            spread,
        });
    }

    pub(super) fn swiglu(
        &self,
        to: &mut Builder,
        layer: &Layer,
        entry: &str,
        tensors: &[(&str, Slice)],
    ) {
        let p = tensors[0].1.len;
        let vec4 = vec4(p as u32, 4);
        let tensors: Vec<(String, Slice)> =
            tensors.iter().map(|(name, slice)| (format!("{name}{vec4}"), *slice)).collect();
        let bindings: Vec<_> = tensors.iter().map(|(n, slice)| (n.as_str(), *slice)).collect();
        to.launch(&Launch {
            kernel: &format!("swiglu.{entry}{vec4}"),
            component: &format!("{}.feed_forward.swiglu", layer.name),
            phase: if entry == "forward" { Phase::Forward } else { Phase::Backward },
            window: "",
            dims: &[("P", p as u32)],
            scalars: &[],
            bindings: &bindings,
            spread: Spread::Elements(if vec4.is_empty() { p } else { p / 4 }),
        });
    }

    fn residual(&self, to: &mut Builder, layer: &Layer, what: &str, [x, y, out]: [Slice; 3]) {
        to.launch(&Launch {
            kernel: "mix.add",
            component: &format!("{}.residual", layer.name),
            phase: Phase::Forward,
            window: what,
            dims: &[("P", x.len as u32)],
            scalars: &[],
            bindings: &[("x", x), ("y", y), ("out", out)],
            spread: Spread::Elements(x.len),
        });
    }
}
