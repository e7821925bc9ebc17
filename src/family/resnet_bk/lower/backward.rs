//! From loss to gradients, in the reverse order of the forward pass. Gradients of hidden states live
//! in buffers that all layers share.

use super::{Layer, Model, Saved, Shape, forward::relu};
use crate::{
    blocks::{
        grouping::group,
        launch::{Builder, Launch},
        loss::LogitRows,
        norm::Normed,
        weight::Weight,
    },
    choice::PARTIALS,
    component::{ComponentName, Phase},
    operation::{DotStage, EmbeddingStep, Function, MixtureStep, Operation, ResolventStep},
    plan::Slice,
};

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
    fn place(to: &mut Builder, shape: Shape, exact: bool) -> Self {
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
            left: exact.then(|| scratch("g, summed from the left", 2 * t)),
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
        exact: bool,
    ) {
        let shared = Shared::place(to, self.shape, exact);
        self.head_backward(to, normed.y, windows, shared.dx);
        self.final_norm.backward(to, normed, shared.dx, Some((shared.dh, false)));
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

    /// Through one layer: `shared.dh` holds the gradient by its output before and by its input after.
    fn layer_backward(&self, to: &mut Builder, layer: &Layer, saved: &Saved, shared: &Shared) {
        let mix = &layer.bk_scale.component;
        self.mix(
            to,
            Function::ScaledSumGradient,
            mix,
            &[("dy", shared.dh), ("bk_scale", layer.bk_scale.value), ("ds", shared.ds)],
        );
        self.scale_backward(to, layer, saved, shared);
        let rows = &self.all_tokens;
        layer.output_proj.backward_input(to, rows, shared.ds, shared.dfeatures, false);
        layer.output_proj.backward_parameters(to, rows, shared.ds, saved.bk.features, false);
        self.resolvent_backward(to, &layer.name.part(&["bk_core"]), saved, shared);
        layer.v_proj.backward_input(to, rows, shared.dv, shared.df_of_v, false);
        layer.v_proj.backward_parameters(to, rows, shared.dv, saved.mixture, false);
        let bindings = [("x", shared.dh), ("y", shared.df_of_v), ("out", shared.df)];
        self.mix(to, Function::Sum, mix, &bindings);
        self.moe_backward(to, layer, saved, shared);
        layer.norm.backward(to, &saved.normed, shared.dx, Some((shared.dh, true)));
    }

    fn mix(
        &self,
        to: &mut Builder,
        function: Function,
        component: &ComponentName,
        bindings: &[(&str, Slice)],
    ) {
        to.launch(&Launch {
            operation: Operation::Pointwise { function, p: self.shape.t * self.shape.d },
            component,
            phase: Phase::Backward,
            window: "",
            scalars: &[],
            bindings,
        });
    }

    /// bk_scale's gradient, the sum of dy * s over all T*D elements, in two stages.
    fn scale_backward(&self, to: &mut Builder, layer: &Layer, saved: &Saved, shared: &Shared) {
        let mut launch = |stage: DotStage, bindings: &[(&str, Slice)]| {
            to.launch(&Launch {
                operation: Operation::DotProduct { stage, p: self.shape.t * self.shape.d },
                component: &layer.bk_scale.component,
                phase: Phase::Backward,
                window: "",
                scalars: &[],
                bindings,
            });
        };
        let bindings = [("dy", shared.dh), ("s", saved.s), ("partials", shared.partials)];
        launch(DotStage::Shares, &bindings);
        let bindings = [("partials", shared.partials), ("dscale", layer.bk_scale.grad())];
        launch(DotStage::Total, &bindings);
    }

    /// From the gradient by the features to the gradient by v.
    fn resolvent_backward(
        &self,
        to: &mut Builder,
        name: &ComponentName,
        saved: &Saved,
        shared: &Shared,
    ) {
        let mut step = |step, part, bindings: &[(&str, Slice)]| {
            self.bk(to, step, &name.part(&[part]), bindings);
        };
        let bk = &saved.bk;
        let bindings = [("dfeatures", shared.dfeatures), ("g", bk.g), ("dg", shared.dg)];
        step(ResolventStep::DiagonalGradient, "resolvent", &bindings);
        if let Some(left) = shared.left {
            let sweep = [
                ("coupling", self.coupling),
                ("dg", shared.dg),
                ("theta", bk.theta),
                ("theta_exponent", bk.theta_exponent),
                ("left", left),
            ];
            step(ResolventStep::ExactLeft, "gradient", &sweep);
            let rest = [
                ("theta_inverse", bk.theta_inverse),
                ("phi", bk.phi),
                ("phi_exponent", bk.phi_exponent),
                ("da", shared.da),
            ];
            step(ResolventStep::ExactGradient, "gradient", &[&sweep[..], &rest].concat());
        } else {
            let bindings = [("g", bk.g), ("dg", shared.dg), ("da", shared.da)];
            step(ResolventStep::HybridGradient, "gradient", &bindings);
        }
        let bindings = [("da", shared.da), ("v", saved.v), ("dv", shared.dv)];
        step(ResolventStep::PotentialGradient, "potential", &bindings);
    }

    /// From the gradient by the mixture's output to the gradient by its input `shared.dx`.
    fn moe_backward(&self, to: &mut Builder, layer: &Layer, saved: &Saved, shared: &Shared) {
        let moe = layer.name.part(&["moe"]);
        let rows = &saved.assignments;

        let bindings = [
            ("dy", shared.df),
            ("order", saved.grouping.order),
            ("gate", saved.gate),
            ("dys", shared.dexpert_output),
        ];
        self.moe(to, MixtureStep::CombineGradient, &moe.part(&["combine"]), &bindings);
        let bindings = [
            ("dy", shared.df),
            ("ys", saved.expert_output),
            ("slot", saved.grouping.slot),
            ("dgate", shared.dgate),
        ];
        self.moe(to, MixtureStep::GateGradient, &moe.part(&["combine"]), &bindings);

        layer.output.backward_input(to, rows, shared.dexpert_output, shared.dactivated, false);
        layer.output.backward_parameters(to, rows, shared.dexpert_output, saved.activated, false);
        let bindings = [("dy", shared.dactivated), ("y", saved.activated), ("dx", shared.dhidden)];
        relu(to, Function::ReluGradient, &moe, Phase::Backward, &bindings);
        layer.hidden.backward_input(to, rows, shared.dhidden, shared.dgathered, false);
        layer.hidden.backward_parameters(to, rows, shared.dhidden, saved.gathered, false);
        let bindings =
            [("dxs", shared.dgathered), ("slot", saved.grouping.slot), ("dx", shared.dx)];
        self.moe(to, MixtureStep::GatherGradient, &moe.part(&["gather"]), &bindings);

        let bindings = [
            ("dgate", shared.dgate),
            ("gate", saved.gate),
            ("choice", saved.choice),
            ("dlogits", shared.dlogits),
        ];
        self.moe(to, MixtureStep::RouteGradient, &moe.part(&["route"]), &bindings);
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
        let component = &self.token_embedding.component;
        let sorted = component.part(&["grouping"]);
        let grouping = group(to, &sorted, Phase::Backward, self.tokens, t, v);
        let [dtoken, dposition] =
            [&self.token_embedding, &self.position_embedding].map(Weight::grad);
        let mut launch = |step: EmbeddingStep, bindings: &[(&str, Slice)]| {
            to.launch(&Launch {
                operation: Operation::Embedding { step, b, n, d, v, p },
                component,
                phase: Phase::Backward,
                window: "",
                scalars: &[],
                bindings,
            });
        };
        let (offsets, order) = (grouping.offsets, grouping.order);
        let bindings = [("dy", dh), ("offsets", offsets), ("order", order), ("dtoken", dtoken)];
        launch(EmbeddingStep::Tokens, &bindings);
        launch(EmbeddingStep::Positions, &[("dy", dh), ("dposition", dposition)]);
    }
}
