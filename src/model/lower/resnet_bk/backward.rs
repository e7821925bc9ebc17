//! From loss to gradients, in the reverse order of the forward pass. Gradients of hidden states live
//! in buffers that all layers share.

use super::{Layer, Model, Norm, Normed, Saved, Shape, forward::relu};
use crate::{
    model::lower::{
        BkGradient,
        grouping::group,
        launch::{Builder, Launch, Spread},
        loss::LogitRows,
        weight::Weight,
    },
    plan::{Phase, Slice},
};

/// Parts in which a whole tensor is summed before the parts are.
const PARTIALS: u32 = 1024;

/// Lanes that sum one column of a layer norm's gradient: M is long where D is short, and llvmpipe
/// allows an invocation's loops 65535 rounds.
const LANES_PER_COLUMN: u32 = 16;

/// Gradients by hidden values, shared by all layers.
struct Shared {
    /// By a layer's output, then by its input (T,D).
    dh: Slice,
    /// By a layer norm's output (T,D).
    dx: Slice,
    ds: Slice,
    df_of_v: Slice,
    df: Slice,
    dfeatures: Slice,
    dg: Slice,
    da: Slice,
    dv: Slice,
    dgate: Slice,
    dlogits: Slice,
    dexpert_output: Slice,
    dactivated: Slice,
    dhidden: Slice,
    dgathered: Slice,
    partials: Slice,
    /// The sums over what lies left of an element, where the exact gradient is computed.
    left: Option<Slice>,
}

impl Shared {
    fn place(to: &mut Builder, shape: Shape, gradient: BkGradient) -> Self {
        let [d, e, t, a] = [shape.d, shape.e, shape.t, shape.a].map(u64::from);
        let mut scratch = |name: &str, len: u64| to.scratch(format!("gradient by {name}"), len);
        Self {
            dh: scratch("h", t * d),
            dx: scratch("x", t * d),
            ds: scratch("s", t * d),
            df_of_v: scratch("mixture through v", t * d),
            df: scratch("mixture", t * d),
            dfeatures: scratch("features", 2 * t),
            dg: scratch("g", 2 * t),
            da: scratch("a", t),
            dv: scratch("v", t),
            dgate: scratch("gate", a),
            dlogits: scratch("router logits", t * e),
            dexpert_output: scratch("expert output", a * d),
            dactivated: scratch("activated", 2 * a * d),
            dhidden: scratch("hidden", 2 * a * d),
            dgathered: scratch("gathered", a * d),
            partials: scratch("bk_scale, in parts", u64::from(PARTIALS)),
            left: (gradient == BkGradient::Exact)
                .then(|| scratch("g, summed from the left", 2 * t)),
        }
    }
}

impl Model {
    /// Every gradient of the loss.
    pub(super) fn backward(
        &self,
        to: &mut Builder,
        normed: &Normed,
        windows: &[LogitRows],
        saved: &[Saved],
        gradient: BkGradient,
    ) {
        let shared = Shared::place(to, self.shape, gradient);
        self.head_backward(to, normed.y, windows, shared.dx);
        self.norm_backward(to, &self.final_norm, normed, shared.dx, shared.dh, false);
        for (layer, saved) in self.layers.iter().zip(saved).rev() {
            self.layer_backward(to, layer, saved, &shared);
        }
        self.embedding_backward(to, shared.dh);
    }

    /// Through the loss and the head: dx (T,D), and the head's gradients summed over windows.
    fn head_backward(&self, to: &mut Builder, x: Slice, windows: &[LogitRows], dx: Slice) {
        let d = self.shape.d;
        for window in windows {
            self.loss.backward(to, window);
            let (rows, dlogits) = (&window.rows, window.p);
            self.lm_head.backward_input(to, rows, dlogits, window.of(dx, d), false);
            let more = window.first != 0;
            self.lm_head.backward_parameters(to, rows, dlogits, window.of(x, d), more);
        }
    }

    /// Through a layer norm: dx (T,D) from dy, and the gradients of its parameters.
    fn norm_backward(
        &self,
        to: &mut Builder,
        norm: &Norm,
        normed: &Normed,
        dy: Slice,
        dx: Slice,
        accumulate: bool,
    ) {
        let Shape { t, d, .. } = self.shape;
        let saved = [("dy", dy), ("x", normed.x), ("mean", normed.mean), ("rstd", normed.rstd)];
        let mut launch = |entry: &str, accumulate: bool, more: &[(&str, Slice)], elements: u32| {
            to.launch(&Launch {
                kernel: &format!("layer_norm.{entry}"),
                component: &norm.component,
                phase: Phase::Backward,
                window: "",
                dims: &[
                    ("M", t),
                    ("D", d),
                    ("accumulate", accumulate.into()),
                    ("LANES_PER_ROW", 1),
                    ("LANES_PER_COLUMN", LANES_PER_COLUMN),
                ],
                scalars: &[super::EPS],
                bindings: &[&saved[..], more].concat(),
                spread: Spread::Elements(u64::from(elements)),
            });
        };
        launch("backward_input", accumulate, &[("weight", norm.weight.value), ("dx", dx)], t);
        let parameters = [("dweight", norm.weight.grad()), ("dbias", norm.bias.grad())];
        launch("backward_params", false, &parameters, d * LANES_PER_COLUMN);
    }

    /// Through one layer: `shared.dh` holds the gradient by its output before and by its input after.
    fn layer_backward(&self, to: &mut Builder, layer: &Layer, saved: &Saved, shared: &Shared) {
        let mix = format!("{}.mix", layer.name);
        self.mix(
            to,
            "backward",
            &mix,
            &[("dy", shared.dh), ("bk_scale", layer.bk_scale.value), ("ds", shared.ds)],
        );
        self.scale_backward(to, &mix, layer, saved, shared);
        let rows = &self.all_tokens;
        layer.output_proj.backward_input(to, rows, shared.ds, shared.dfeatures, false);
        layer.output_proj.backward_parameters(to, rows, shared.ds, saved.bk.features, false);
        self.resolvent_backward(to, &format!("{}.bk_core", layer.name), saved, shared);
        layer.v_proj.backward_input(to, rows, shared.dv, shared.df_of_v, false);
        layer.v_proj.backward_parameters(to, rows, shared.dv, saved.mixture, false);
        self.mix(to, "add", &mix, &[("x", shared.dh), ("y", shared.df_of_v), ("out", shared.df)]);
        self.moe_backward(to, layer, saved, shared);
        self.norm_backward(to, &layer.norm, &saved.normed, shared.dx, shared.dh, true);
    }

    fn mix(&self, to: &mut Builder, entry: &str, component: &str, bindings: &[(&str, Slice)]) {
        let p = self.shape.t * self.shape.d;
        let launch = Launch {
            kernel: &format!("mix.{entry}"),
            component,
            phase: Phase::Backward,
            window: "",
            dims: &[("P", p)],
            scalars: &[],
            bindings,
            spread: Spread::Elements(self.td()),
        };
        to.launch_by_four(&launch, p, &["bk_scale"]);
    }

    /// bk_scale's gradient, the sum of dy * s over all T*D elements, in two stages.
    fn scale_backward(
        &self,
        to: &mut Builder,
        mix: &str,
        layer: &Layer,
        saved: &Saved,
        shared: &Shared,
    ) {
        let mut launch = |entry: &str, bindings: &[(&str, Slice)], spread: Spread| {
            to.launch(&Launch {
                kernel: &format!("mix.{entry}"),
                component: mix,
                phase: Phase::Backward,
                window: "",
                dims: &[("P", self.shape.t * self.shape.d), ("PARTIALS", PARTIALS)],
                scalars: &[],
                bindings,
                spread,
            });
        };
        let bindings = [("dy", shared.dh), ("s", saved.s), ("partials", shared.partials)];
        launch("backward_scale_partials", &bindings, Spread::Elements(u64::from(PARTIALS)));
        let bindings = [("partials", shared.partials), ("dscale", layer.bk_scale.grad())];
        launch("backward_scale", &bindings, Spread::One);
    }

    /// From the gradient by the features to the gradient by v.
    fn resolvent_backward(&self, to: &mut Builder, name: &str, saved: &Saved, shared: &Shared) {
        let [b, t] = [self.shape.b, self.shape.t].map(u64::from);
        let (at, phase) = (|part: &str| format!("{name}.{part}"), Phase::Backward);
        let bk = &saved.bk;
        let bindings = [("dfeatures", shared.dfeatures), ("g", bk.g), ("dg", shared.dg)];
        self.bk(to, "backward_features", &at("resolvent"), phase, &bindings, t);
        if let Some(left) = shared.left {
            let sweep = [
                ("coupling", self.coupling),
                ("dg", shared.dg),
                ("theta", bk.theta),
                ("theta_exponent", bk.theta_exponent),
                ("left", left),
            ];
            self.bk(to, "backward_exact_left", &at("gradient"), phase, &sweep, b);
            let rest = [
                ("theta_inverse", bk.theta_inverse),
                ("phi", bk.phi),
                ("phi_exponent", bk.phi_exponent),
                ("da", shared.da),
            ];
            self.bk(to, "backward_exact", &at("gradient"), phase, &[&sweep[..], &rest].concat(), b);
        } else {
            let bindings = [("g", bk.g), ("dg", shared.dg), ("da", shared.da)];
            self.bk(to, "backward_hybrid", &at("gradient"), phase, &bindings, t);
        }
        let bindings = [("da", shared.da), ("v", saved.v), ("dv", shared.dv)];
        self.bk(to, "backward_potential", &at("potential"), phase, &bindings, t);
    }

    /// From the gradient by the mixture's output to the gradient by its input `shared.dx`.
    fn moe_backward(&self, to: &mut Builder, layer: &Layer, saved: &Saved, shared: &Shared) {
        let Shape { t, d, a, .. } = self.shape;
        let ad = u64::from(a) * u64::from(d);
        let phase = Phase::Backward;
        let moe = format!("{}.moe", layer.name);
        let at = |part: &str| format!("{moe}.{part}");
        let rows = &saved.assignments;

        let bindings = [
            ("dy", shared.df),
            ("order", saved.grouping.order),
            ("gate", saved.gate),
            ("dys", shared.dexpert_output),
        ];
        self.moe(to, "backward_combine", &at("combine"), phase, &bindings, ad);
        let bindings = [
            ("dy", shared.df),
            ("ys", saved.expert_output),
            ("slot", saved.grouping.slot),
            ("dgate", shared.dgate),
        ];
        self.moe(to, "backward_gate", &at("combine"), phase, &bindings, u64::from(a));

        layer.output.backward_input(to, rows, shared.dexpert_output, shared.dactivated, false);
        layer.output.backward_parameters(to, rows, shared.dexpert_output, saved.activated, false);
        let bindings = [("dy", shared.dactivated), ("y", saved.activated), ("dx", shared.dhidden)];
        relu(to, "backward", &moe, phase, &bindings);
        layer.hidden.backward_input(to, rows, shared.dhidden, shared.dgathered, false);
        layer.hidden.backward_parameters(to, rows, shared.dhidden, saved.gathered, false);
        let bindings =
            [("dxs", shared.dgathered), ("slot", saved.grouping.slot), ("dx", shared.dx)];
        self.moe(to, "backward_gather", &at("gather"), phase, &bindings, self.td());

        let bindings = [
            ("dgate", shared.dgate),
            ("gate", saved.gate),
            ("choice", saved.choice),
            ("dlogits", shared.dlogits),
        ];
        self.moe(to, "backward_route", &at("route"), phase, &bindings, u64::from(t));
        layer.router.backward_input(to, &self.all_tokens, shared.dlogits, shared.dx, true);
        layer.router.backward_parameters(
            to,
            &self.all_tokens,
            shared.dlogits,
            saved.normed.y,
            false,
        );
    }

    /// From the gradient by h to those of both embeddings.
    fn embedding_backward(&self, to: &mut Builder, dh: Slice) {
        let Shape { b, n, d, v, p, t, .. } = self.shape;
        let grouping = group(to, "embedding.grouping", Phase::Backward, self.tokens, t, v);
        let [dtoken, dposition] =
            [&self.token_embedding, &self.position_embedding].map(Weight::grad);
        let by_token = Launch {
            kernel: "embedding.backward_token",
            component: "embedding",
            phase: Phase::Backward,
            window: "",
            dims: &[("B", b), ("N", n), ("D", d), ("V", v), ("P", p)],
            scalars: &[],
            bindings: &[
                ("dy", dh),
                ("offsets", grouping.offsets),
                ("order", grouping.order),
                ("dtoken", dtoken),
            ],
            spread: Spread::Elements(dtoken.len),
        };
        to.launch_by_four(&by_token, d, &["offsets", "order"]);
        to.launch(&Launch {
            kernel: "embedding.backward_position",
            bindings: &[("dy", dh), ("dposition", dposition)],
            spread: Spread::Elements(dposition.len),
            ..by_token
        });
    }
}
