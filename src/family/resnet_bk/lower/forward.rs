//! From tokens to loss.

use super::{Layer, Model, Resolvent, Rows, Saved, Shape, Z};
use crate::{
    blocks::{
        grouping::group,
        launch::{Builder, Launch},
        mixture,
    },
    component::{ComponentName, Phase},
    operation::{EmbeddingStep, Function, MixtureStep, Operation, ResolventStep},
    plan::Slice,
};

impl Model {
    /// h (T,D): token and position embeddings added.
    pub(super) fn embed(&self, to: &mut Builder) -> Slice {
        let Shape { b, n, d, v, p, .. } = self.shape;
        let h = to.scratch("embedded", self.td());
        to.launch(&Launch {
            operation: Operation::Embedding { step: EmbeddingStep::Output, b, n, d, v, p },
            component: &self.token_embedding.component,
            phase: Phase::Forward,
            window: "",
            scalars: &[],
            bindings: &[
                ("tokens", self.tokens),
                ("token_weight", self.token_embedding.value),
                ("position_weight", self.position_embedding.value),
                ("y", h),
            ],
        });
        h
    }

    /// One layer's output h (T,D) and what its backward pass needs.
    pub(super) fn layer(&self, to: &mut Builder, layer: &Layer, h: Slice) -> (Slice, Saved) {
        let Shape { d, a, .. } = self.shape;
        let (td, ad) = (self.td(), u64::from(a) * u64::from(d));
        let name = &layer.name;
        let normed = layer.norm.forward(to, h);

        let (choice, gate) = self.route(to, layer, normed.y);
        let moe = name.part(&["moe"]);
        let grouping = group(to, &moe.part(&["grouping"]), Phase::Forward, choice, a, self.shape.e);
        let assignments = Rows { m: a, groups: grouping.offsets, window: String::new() };
        let gathered = to.scratch(format!("{moe}.gathered"), ad);
        let bindings = [("x", normed.y), ("order", grouping.order), ("xs", gathered)];
        self.moe(to, MixtureStep::Gather, &moe.part(&["gather"]), &bindings);
        let hidden = to.scratch(format!("{moe}.hidden"), 2 * ad);
        layer.hidden.forward(to, &assignments, gathered, hidden);
        let activated = to.scratch(format!("{moe}.activated"), 2 * ad);
        relu(to, Function::Relu, &moe, Phase::Forward, &[("x", hidden), ("y", activated)]);
        let expert_output = to.scratch(format!("{moe}.expert_output"), ad);
        layer.output.forward(to, &assignments, activated, expert_output);
        let mixture = to.scratch(format!("{moe}.mixture"), td);
        let bindings =
            [("ys", expert_output), ("slot", grouping.slot), ("gate", gate), ("y", mixture)];
        self.moe(to, MixtureStep::Combine, &moe.part(&["combine"]), &bindings);

        let v = to.scratch(format!("{name}.v"), u64::from(self.shape.t));
        layer.v_proj.forward(to, &self.all_tokens, mixture, v);
        let bk = self.resolvent(to, &name.part(&["bk_core"]), v);
        let s = to.scratch(format!("{name}.s"), td);
        layer.output_proj.forward(to, &self.all_tokens, bk.features, s);

        let out = to.scratch(format!("{name}.h"), td);
        to.launch(&Launch {
            operation: Operation::Pointwise { function: Function::ScaledSum, p: self.shape.t * d },
            component: &layer.bk_scale.component,
            phase: Phase::Forward,
            window: "",
            scalars: &[],
            bindings: &[
                ("h", h),
                ("f", mixture),
                ("s", s),
                ("bk_scale", layer.bk_scale.value),
                ("y", out),
            ],
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
        let name = layer.name.part(&["moe"]);
        let logits = to.scratch(format!("{name}.logits"), u64::from(t) * u64::from(e));
        layer.router.forward(to, &self.all_tokens, x, logits);
        let choice = to.indices(format!("{name}.choice"), u64::from(a));
        let gate = to.scratch(format!("{name}.gate"), u64::from(a));
        let bindings = [("logits", logits), ("choice", choice), ("gate", gate)];
        self.moe(to, MixtureStep::Route, &name.part(&["route"]), &bindings);
        (choice, gate)
    }

    /// -b c, once for all rows and layers.
    pub(super) fn couple(&self, to: &mut Builder) {
        let (b, c) = (self.off_diagonal, self.off_diagonal);
        let bindings = [("b", b), ("c", c), ("coupling", self.coupling)];
        let component = ComponentName::new(&["bk_core", "couple"]);
        self.bk(to, ResolventStep::Couple, &component, &bindings);
    }

    /// G (B,N,2), the diagonal of (H - z)^-1 with H's diagonal from v, and its clamped features.
    fn resolvent(&self, to: &mut Builder, name: &ComponentName, v: Slice) -> Resolvent {
        let [b, t] = [self.shape.b, self.shape.t].map(u64::from);
        let at = |part: &str| format!("{name}.{part}");
        let a = to.scratch(at("a"), t);
        let step = |to: &mut Builder, step, part, bindings: &[(&str, Slice)]| {
            self.bk(to, step, &name.part(&[part]), bindings);
        };
        step(to, ResolventStep::Potential, "potential", &[("v", v), ("a", a)]);
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
        step(to, ResolventStep::Theta, "theta", &[&h[..], &theta].concat());
        step(to, ResolventStep::Phi, "phi", &[&h[..], &phi].concat());
        let out = [("g", saved.g), ("features", saved.features)];
        step(to, ResolventStep::Diagonal, "resolvent", &[&theta[..], &phi, &out].concat());
        saved
    }

    /// T*D, the elements of a hidden state.
    pub(super) fn td(&self) -> u64 {
        u64::from(self.shape.t) * u64::from(self.shape.d)
    }

    pub(super) fn moe(
        &self,
        to: &mut Builder,
        step: MixtureStep,
        component: &ComponentName,
        bindings: &[(&str, Slice)],
    ) {
        let Shape { t, e, k, d, .. } = self.shape;
        mixture::launch(to, step, [t, e, k, d], component, bindings);
    }

    pub(super) fn bk(
        &self,
        to: &mut Builder,
        step: ResolventStep,
        component: &ComponentName,
        bindings: &[(&str, Slice)],
    ) {
        let Shape { b, n, .. } = self.shape;
        let phase = match step {
            ResolventStep::Potential
            | ResolventStep::Couple
            | ResolventStep::Theta
            | ResolventStep::Phi
            | ResolventStep::Diagonal => Phase::Forward,
            ResolventStep::PotentialGradient
            | ResolventStep::DiagonalGradient
            | ResolventStep::HybridGradient
            | ResolventStep::ExactLeft
            | ResolventStep::ExactGradient => Phase::Backward,
        };
        let operation = Operation::Resolvent { step, b, n };
        to.launch(&Launch { operation, component, phase, window: "", scalars: &Z, bindings });
    }
}

/// ReLU over whatever the first binding holds.
pub(super) fn relu(
    to: &mut Builder,
    function: Function,
    moe: &ComponentName,
    phase: Phase,
    bindings: &[(&str, Slice)],
) {
    let p = u32::try_from(bindings[0].1.len).unwrap_or(u32::MAX);
    to.launch(&Launch {
        operation: Operation::Pointwise { function, p },
        component: &moe.part(&["experts", "relu"]),
        phase,
        window: "",
        scalars: &[],
        bindings,
    });
}
