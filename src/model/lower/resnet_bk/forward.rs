//! From tokens to loss.

use super::{
    EPS, Grouping, HeadWindow, Layer, Model, Norm, Normed, Resolvent, Rows, Saved, Shape, Z,
};
use crate::{
    Error,
    model::lower::launch::{Builder, Launch, Spread},
    plan::{ELEMENT_BYTES, Output, Phase, Slice},
};

impl Model {
    /// h (T,D): token and position embeddings added.
    pub(super) fn embed(&self, to: &mut Builder) -> Slice {
        let Shape { b, n, d, v, p, .. } = self.shape;
        let h = to.scratch("embedded", self.td());
        to.launch(&Launch {
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
        });
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
        to.launch(&Launch {
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
        });
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

    /// Logits (T,V) window by window, exp(logit - row maximum) beside them, and the mean loss.
    pub(super) fn head_and_loss(
        &self,
        to: &mut Builder,
        x: Slice,
    ) -> Result<Vec<HeadWindow>, Error> {
        let limits = to.limits;
        let Shape { d, v, t, .. } = self.shape;
        let (d, v) = (u64::from(d), u64::from(v));
        let rows_per_window =
            u32::try_from(limits.binding_bytes / (v * ELEMENT_BYTES)).unwrap_or(u32::MAX);
        // A window's rows of x begin where a binding may begin.
        let aligned = limits.offset_alignment / ELEMENT_BYTES;
        let step = u32::try_from(aligned).unwrap_or(u32::MAX).min(rows_per_window);
        let rows_per_window =
            if rows_per_window < t { rows_per_window / step.max(1) * step } else { t };
        if rows_per_window == 0 {
            return Err(Error::Config(format!(
                "one row of {v} logits is longer than the {} bytes that this adapter can bind at once: \
                 lower vocab_size",
                limits.binding_bytes
            )));
        }
        let loss = to.scratch("loss per token", u64::from(t));
        let mut windows = Vec::new();
        let mut outputs = Vec::new();
        let mut first = 0;
        while first < t {
            let m = rows_per_window.min(t - first);
            let window =
                if m == t { String::new() } else { format!("rows {first}..{}", first + m) };
            let len = u64::from(m) * v;
            let logits = to.scratch(format!("logits {window}"), len);
            let p = to.scratch(format!("p {window}"), len);
            let denominator = to.scratch(format!("denominator {window}"), u64::from(m));
            let groups = to.values(format!("bounds {window}"), vec![0, m]);
            let rows = Rows { m, groups, window };
            let rows_of_x = x.part(u64::from(first) * d, u64::from(m) * d);
            self.lm_head.forward(to, &rows, rows_of_x, logits);
            let (vec4, [logits_name, p_name]) = self.logits_binding();
            let bindings = [
                (logits_name, logits),
                ("targets", self.targets.part(u64::from(first), u64::from(m))),
                (p_name, p),
                ("denominator", denominator),
                ("loss", loss.part(u64::from(first), u64::from(m))),
            ];
            let entry = format!("forward{vec4}");
            self.cross_entropy(
                to,
                &entry,
                Phase::Forward,
                &rows,
                &bindings,
                Spread::Rows(u64::from(m)),
            );
            outputs.push(logits);
            windows.push(HeadWindow { rows, first, p, denominator });
            first += m;
        }
        let mean = to.scratch("loss", 1);
        let bindings = [("loss", loss), ("mean_loss", mean)];
        self.cross_entropy(to, "mean", Phase::Forward, &self.all_tokens, &bindings, Spread::One);
        let shape =
            [self.shape.b, self.shape.n, self.shape.v].map(|extent| extent as usize).to_vec();
        to.plan.outputs.insert("logits".into(), Output { shape, windows: outputs });
        to.plan.outputs.insert("loss".into(), Output { shape: vec![], windows: vec![mean] });
        Ok(windows)
    }

    /// The suffix of cross entropy's entry points for this vocabulary, and what they call the logits
    /// and their exponentials.
    pub(super) fn logits_binding(&self) -> (&'static str, [&'static str; 2]) {
        if self.shape.v.is_multiple_of(4) {
            ("_vec4", ["logits_vec4", "p_vec4"])
        } else {
            ("", ["logits", "p"])
        }
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
        to.launch(&Launch {
            kernel: &format!("moe.{entry}"),
            component,
            phase,
            window: "",
            dims: &[("T", t), ("E", e), ("K", k), ("D", d), ("LANES_PER_ROW", 1)],
            scalars: &[],
            bindings,
            spread: Spread::Elements(elements),
        });
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

    pub(super) fn cross_entropy(
        &self,
        to: &mut Builder,
        entry: &str,
        phase: Phase,
        rows: &Rows,
        bindings: &[(&str, Slice)],
        spread: Spread,
    ) {
        to.launch(&Launch {
            kernel: &format!("cross_entropy.{entry}"),
            component: "loss",
            phase,
            window: &rows.window,
            dims: &[("M", rows.m), ("V", self.shape.v)],
            scalars: &[("inv_t", 1.0 / self.shape.t as f32)],
            bindings,
            spread,
        });
    }
}

/// Assignments that one workgroup places: few enough for the rounds that llvmpipe allows an
/// invocation's loops (65535), enough that counts of each key in each chunk stay few.
const CHUNK: u32 = 8192;

/// Sorts `a` items by their keys below `g`, stably.
pub(super) fn group(
    to: &mut Builder,
    name: &str,
    phase: Phase,
    keys: Slice,
    a: u32,
    g: u32,
) -> Grouping {
    let chunks = a.div_ceil(CHUNK);
    let count = u64::from(g) * u64::from(chunks);
    let counts = to.indices(format!("{name}.counts"), count);
    let offsets = to.indices(format!("{name}.offsets"), u64::from(g) + 1);
    let order = to.indices(format!("{name}.order"), u64::from(a));
    let slot = to.indices(format!("{name}.slot"), u64::from(a));
    let mut launch = |entry: &str, bindings: &[(&str, Slice)], spread: Spread| {
        to.launch(&Launch {
            kernel: &format!("grouping.{entry}"),
            component: name,
            phase,
            window: "",
            // A lane that places looks at all of its neighbours: fewer lanes, fewer comparisons.
            dims: &[("A", a), ("G", g), ("CHUNK", CHUNK), ("LANES", 64)],
            scalars: &[],
            bindings,
            spread,
        });
    };
    launch("clear", &[("counts", counts)], Spread::Elements(count));
    launch("count", &[("keys", keys), ("counts", counts)], Spread::Elements(u64::from(a)));
    launch("scan", &[("counts", counts), ("offsets", offsets)], Spread::One);
    let bindings = [("keys", keys), ("counts", counts), ("order", order), ("slot", slot)];
    launch("place", &bindings, Spread::Grid([chunks, 1, 1]));
    Grouping { offsets, order, slot }
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
    to.launch(&Launch {
        kernel: &format!("relu.{entry}"),
        component: &format!("{moe}.experts.relu"),
        phase,
        window: "",
        dims: &[("P", u32::try_from(elements).unwrap_or(u32::MAX))],
        scalars: &[],
        bindings,
        spread: Spread::Elements(elements),
    });
}
