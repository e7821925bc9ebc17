//! From tokens to loss.

use super::{EPS, Layer, Model, Norm, Normed, Resolvent, Rows, Saved, Shape, Z};
use crate::{
    model::lower::{
        grouping::group,
        launch::{Builder, Launch, Spread},
    },
    plan::{Phase, Slice},
};

impl Model {
    /// h (T,D): token and position embeddings added.
    pub(super) fn embed(&self, to: &mut Builder) -> Slice {
        let Shape { b, n, d, v, p, .. } = self.shape;
        let h = to.scratch("embedded", self.td());
        let forward = Launch {
            kernel: "embedding.forward",
            component: "embedding",
            phase: Phase::Forward,
            window: "",
            dims: &[("B", b), ("N", n), ("D", d), ("V", v), ("P", p)],
            scalars: &[],
            bindings: &[
                ("tokens", self.tokens),
                ("token_weight", self.token_embedding.value),
                ("position_weight", self.position_embedding.value),
                ("y", h),
            ],
            spread: Spread::Elements(self.td()),
        };
        to.launch_by_four(&forward, d, &["tokens"]);
        h
    }

    /// y (T,D): each row of x normalised, scaled and shifted.
    pub(super) fn norm(&self, to: &mut Builder, norm: &Norm, x: Slice) -> Normed {
        let t = u64::from(self.shape.t);
        let name = &norm.component;
        let y = to.scratch(format!("{name}.y"), self.td());
        let mean = to.scratch(format!("{name}.mean"), t);
        let rstd = to.scratch(format!("{name}.rstd"), t);
        to.launch(&Launch {
            kernel: "layer_norm.forward",
            component: name,
            phase: Phase::Forward,
            window: "",
            dims: &[
                ("M", self.shape.t),
                ("D", self.shape.d),
                ("accumulate", 0),
                ("LANES_PER_ROW", 1),
                ("LANES_PER_COLUMN", 1),
            ],
            scalars: &[EPS],
            bindings: &[
                ("x", x),
                ("weight", norm.weight.value),
                ("bias", norm.bias.value),
                ("y", y),
                ("mean", mean),
                ("rstd", rstd),
            ],
            spread: Spread::Elements(t),
        });
        Normed { x, y, mean, rstd }
    }

    /// One layer's output h (T,D) and what its backward pass needs.
    pub(super) fn layer(&self, to: &mut Builder, layer: &Layer, h: Slice) -> (Slice, Saved) {
        let Shape { d, a, .. } = self.shape;
        let (td, ad) = (self.td(), u64::from(a) * u64::from(d));
        let name = &layer.name;
        let normed = self.norm(to, &layer.norm, h);

        let (choice, gate) = self.route(to, layer, normed.y);
        let moe = format!("{name}.moe");
        let grouping =
            group(to, &format!("{moe}.grouping"), Phase::Forward, choice, a, self.shape.e);
        let assignments = Rows { m: a, groups: grouping.offsets, window: String::new() };
        let gathered = to.scratch(format!("{moe}.gathered"), ad);
        let bindings = [("x", normed.y), ("order", grouping.order), ("xs", gathered)];
        self.moe(to, "gather", &format!("{moe}.gather"), Phase::Forward, &bindings, ad);
        let hidden = to.scratch(format!("{moe}.hidden"), 2 * ad);
        layer.hidden.forward(to, &assignments, gathered, hidden);
        let activated = to.scratch(format!("{moe}.activated"), 2 * ad);
        relu(to, "forward", &moe, Phase::Forward, &[("x", hidden), ("y", activated)]);
        let expert_output = to.scratch(format!("{moe}.expert_output"), ad);
        layer.output.forward(to, &assignments, activated, expert_output);
        let mixture = to.scratch(format!("{moe}.mixture"), td);
        let bindings =
            [("ys", expert_output), ("slot", grouping.slot), ("gate", gate), ("y", mixture)];
        self.moe(to, "combine", &format!("{moe}.combine"), Phase::Forward, &bindings, td);

        let v = to.scratch(format!("{name}.v"), u64::from(self.shape.t));
        layer.v_proj.forward(to, &self.all_tokens, mixture, v);
        let bk = self.resolvent(to, &format!("{name}.bk_core"), v);
        let s = to.scratch(format!("{name}.s"), td);
        layer.output_proj.forward(to, &self.all_tokens, bk.features, s);

        let out = to.scratch(format!("{name}.h"), td);
        let mix = Launch {
            kernel: "mix.forward",
            component: &format!("{name}.mix"),
            phase: Phase::Forward,
            window: "",
            dims: &[("P", self.shape.t * d)],
            scalars: &[],
            bindings: &[
                ("h", h),
                ("f", mixture),
                ("s", s),
                ("bk_scale", layer.bk_scale.value),
                ("y", out),
            ],
            spread: Spread::Elements(td),
        };
        to.launch_by_four(&mix, self.shape.t * d, &["bk_scale"]);
        let saved = Saved {
            normed,
            choice,
            gate,
            grouping,
            assignments,
            gathered,
            activated,
            expert_output,
            mixture,
            v,
            bk,
            s,
        };
        (out, saved)
    }

    /// Which K experts each token goes to, and with which weight: both (T,K).
    fn route(&self, to: &mut Builder, layer: &Layer, x: Slice) -> (Slice, Slice) {
        let Shape { t, e, a, .. } = self.shape;
        let name = format!("{}.moe", layer.name);
        let logits = to.scratch(format!("{name}.logits"), u64::from(t) * u64::from(e));
        layer.router.forward(to, &self.all_tokens, x, logits);
        let choice = to.indices(format!("{name}.choice"), u64::from(a));
        let gate = to.scratch(format!("{name}.gate"), u64::from(a));
        let bindings = [("logits", logits), ("choice", choice), ("gate", gate)];
        self.moe(to, "route", &format!("{name}.route"), Phase::Forward, &bindings, u64::from(t));
        (choice, gate)
    }

    /// -b c, once for all rows and layers.
    pub(super) fn couple(&self, to: &mut Builder) {
        let (b, c) = (self.off_diagonal, self.off_diagonal);
        let bindings = [("b", b), ("c", c), ("coupling", self.coupling)];
        self.bk(to, "couple", "bk_core.couple", Phase::Forward, &bindings, b.len);
    }

    /// G (B,N,2), the diagonal of (H - z)^-1 with H's diagonal from v, and its clamped features.
    fn resolvent(&self, to: &mut Builder, name: &str, v: Slice) -> Resolvent {
        let [b, t] = [self.shape.b, self.shape.t].map(u64::from);
        let phase = Phase::Forward;
        let at = |part: &str| format!("{name}.{part}");
        let a = to.scratch(at("a"), t);
        self.bk(to, "potential", &at("potential"), phase, &[("v", v), ("a", a)], t);
        let saved = Resolvent {
            theta: to.scratch(at("theta"), 2 * (t + b)),
            theta_exponent: to.indices(at("theta_exponent"), t + b),
            theta_inverse: to.scratch(at("theta_inverse"), 2 * b),
            phi: to.scratch(at("phi"), 2 * t),
            phi_exponent: to.indices(at("phi_exponent"), t),
            g: to.scratch(at("g"), 2 * t),
            features: to.scratch(at("features"), 2 * t),
        };
        let h = [("a", a), ("coupling", self.coupling)];
        let theta = [
            ("theta", saved.theta),
            ("theta_exponent", saved.theta_exponent),
            ("theta_inverse", saved.theta_inverse),
        ];
        let phi = [("phi", saved.phi), ("phi_exponent", saved.phi_exponent)];
        self.bk(to, "theta_recursion", &at("theta"), phase, &[&h[..], &theta].concat(), b);
        self.bk(to, "phi_recursion", &at("phi"), phase, &[&h[..], &phi].concat(), b);
        let out = [("g", saved.g), ("features", saved.features)];
        self.bk(to, "resolvent", &at("resolvent"), phase, &[&theta[..], &phi, &out].concat(), t);
        saved
    }

    /// T*D, the elements of a hidden state.
    pub(super) fn td(&self) -> u64 {
        u64::from(self.shape.t) * u64::from(self.shape.d)
    }

    pub(super) fn moe(
        &self,
        to: &mut Builder,
        entry: &str,
        component: &str,
        phase: Phase,
        bindings: &[(&str, Slice)],
        elements: u64,
    ) {
        let Shape { t, e, k, d, .. } = self.shape;
        let launch = Launch {
            kernel: &format!("moe.{entry}"),
            component,
            phase,
            window: "",
            dims: &[("T", t), ("E", e), ("K", k), ("D", d), ("LANES_PER_ROW", 1)],
            scalars: &[],
            bindings,
            spread: Spread::Elements(elements),
        };
        match entry {
            "route" | "backward_route" | "backward_gate" => to.launch(&launch),
            // Rows of D are moved.
            _ => to.launch_by_four(&launch, d, &["order", "slot", "gate"]),
        }
    }

    pub(super) fn bk(
        &self,
        to: &mut Builder,
        entry: &str,
        component: &str,
        phase: Phase,
        bindings: &[(&str, Slice)],
        elements: u64,
    ) {
        to.launch(&Launch {
            kernel: &format!("bk_core.{entry}"),
            component,
            phase,
            window: "",
            dims: &[("B", self.shape.b), ("N", self.shape.n)],
            scalars: &Z,
            bindings,
            spread: Spread::Elements(elements),
        });
    }
}

/// ReLU over whatever the first binding holds.
pub(super) fn relu(
    to: &mut Builder,
    entry: &str,
    moe: &str,
    phase: Phase,
    bindings: &[(&str, Slice)],
) {
    let elements = bindings[0].1.len;
    let p = u32::try_from(elements).unwrap_or(u32::MAX);
    let launch = Launch {
        kernel: &format!("relu.{entry}"),
        component: &format!("{moe}.experts.relu"),
        phase,
        window: "",
        dims: &[("P", p)],
        scalars: &[],
        bindings,
        spread: Spread::Elements(elements),
    };
    to.launch_by_four(&launch, p, &[]);
}
