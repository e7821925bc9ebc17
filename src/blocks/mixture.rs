//! A mixture of experts as launches: a router, the experts that it chooses for each token, all experts' products in
//! one launch each, and an expert that all tokens pass where there is one.

use super::{
    gated::{Gated, GatedGradients, GatedSaved},
    grouping::{Grouping, group},
    launch::{Builder, Launch},
    linear::{Linear, Rows},
    shared_expert::{SharedExpert, SharedGradients, SharedSaved},
    weight::{Weight, has_gradient},
};
use crate::{
    component::{ComponentName, Phase},
    operation::{MixtureStep, Operation},
    plan::Slice,
};

/// A mixture with its parameters placed.
pub(crate) struct Mixture {
    /// Where it stands; what it saves is called after it.
    pub(crate) name: ComponentName,
    /// T, tokens.
    pub(crate) t: u32,
    /// E, experts.
    pub(crate) e: u32,
    /// K, experts of a token.
    pub(crate) k: u32,
    /// D, the width of a token.
    pub(crate) d: u32,
    /// Whether the weights of the K chosen sum to 1, and otherwise those of all E.
    pub(crate) rescaled: bool,
    pub(crate) router: Linear,
    /// The experts, each a group of rows.
    pub(crate) experts: Gated,
    pub(crate) shared: Option<SharedExpert>,
}

/// What the backward pass needs.
pub(crate) struct MixtureSaved {
    x: Slice,
    choice: Slice,
    /// (T,K).
    gate: Slice,
    /// (T,E), where weights are parts of a softmax over all.
    p: Option<Slice>,
    grouping: Grouping,
    assignments: Rows,
    experts: GatedSaved,
    /// The experts' outputs (A,D).
    ys: Slice,
    shared: Option<SharedSaved>,
}

/// Where gradients by what is inside of a mixture go.
pub(crate) struct MixtureGradients {
    /// By the experts' outputs and by their inputs (A,D).
    pub(crate) ys: Slice,
    pub(crate) xs: Slice,
    /// (T,K).
    pub(crate) gate: Slice,
    /// (T,E).
    pub(crate) logits: Slice,
    /// Between the experts' projections.
    pub(crate) gated: GatedGradients,
    pub(crate) shared: SharedGradients,
}

impl Mixture {
    /// Every parameter tensor.
    pub(crate) fn weights(&self) -> impl Iterator<Item = &Weight> {
        let shared = self.shared.iter().flat_map(SharedExpert::weights);
        self.router.weights().chain(self.experts.weights()).chain(shared)
    }

    /// y (T,D) from x (T,D).
    pub(crate) fn forward(
        &self,
        to: &mut Builder,
        rows: &Rows,
        [x, y]: [Slice; 2],
    ) -> MixtureSaved {
        let Self { name, t, e, k, d, .. } = self;
        let (a, te) = (t * k, u64::from(*t) * u64::from(*e));
        let ad = u64::from(a) * u64::from(*d);
        let logits = to.scratch(format!("{name}.logits"), te);
        self.router.forward(to, rows, x, logits);
        let choice = to.indices(format!("{name}.choice"), a.into());
        let gate = to.scratch(format!("{name}.gate"), a.into());
        let p = (!self.rescaled).then(|| to.scratch(format!("{name}.p"), te));
        let bindings = [("logits", logits), ("choice", choice), ("gate", gate)];
        match p {
            None => self.launch(to, MixtureStep::Route, "route", &bindings),
            Some(p) => {
                let bindings = [&bindings[..], &[("p", p)]].concat();
                self.launch(to, MixtureStep::RouteOverAll, "route", &bindings);
            }
        }
        let grouping = group(to, &name.part(&["grouping"]), Phase::Forward, choice, a, *e);
        let assignments = Rows { m: a, groups: grouping.offsets, window: String::new() };
        let xs = to.scratch(format!("{name}.gathered"), ad);
        let bindings = [("x", x), ("order", grouping.order), ("xs", xs)];
        self.launch(to, MixtureStep::Gather, "gather", &bindings);
        let ys = to.scratch(format!("{name}.expert_output"), ad);
        let experts = self.experts.forward(to, &assignments, &name.part(&["experts"]), [xs, ys]);
        let bindings = [("ys", ys), ("slot", grouping.slot), ("gate", gate), ("y", y)];
        self.launch(to, MixtureStep::Combine, "combine", &bindings);
        let shared = self.shared.as_ref().map(|shared| shared.forward(to, rows, [x, y]));
        MixtureSaved { x, choice, gate, p, grouping, assignments, experts, ys, shared }
    }

    /// Gradients of what is trained from dy, and dx where that has a use.
    pub(crate) fn backward(
        &self,
        to: &mut Builder,
        rows: &Rows,
        saved: &MixtureSaved,
        by: &MixtureGradients,
        (dy, dx): (Slice, Option<Slice>),
    ) {
        if dx.is_some() || has_gradient(self.experts.weights()) {
            self.routed_backward(to, rows, saved, by, (dy, dx));
        }
        if let (Some(shared), Some(saved)) = (&self.shared, &saved.shared) {
            shared.backward(to, rows, saved, &by.shared, (dy, dx));
        }
    }

    fn routed_backward(
        &self,
        to: &mut Builder,
        rows: &Rows,
        saved: &MixtureSaved,
        by: &MixtureGradients,
        (dy, dx): (Slice, Option<Slice>),
    ) {
        let MixtureSaved { choice, gate, grouping, assignments, ys, .. } = saved;
        let weighted = [("gate", *gate), ("dy", dy)];
        let bindings = [&weighted[..], &[("order", grouping.order), ("dys", by.ys)]].concat();
        self.launch(to, MixtureStep::CombineGradient, "combine", &bindings);
        let bindings = [("dy", dy), ("ys", *ys), ("slot", grouping.slot), ("dgate", by.gate)];
        self.launch(to, MixtureStep::GateGradient, "combine", &bindings);
        let bindings =
            [("dgate", by.gate), ("gate", *gate), ("choice", *choice), ("dlogits", by.logits)];
        match saved.p {
            None => self.launch(to, MixtureStep::RouteGradient, "route", &bindings),
            Some(p) => {
                let bindings = [&bindings[..], &[("p", p)]].concat();
                self.launch(to, MixtureStep::RouteOverAllGradient, "route", &bindings);
            }
        }
        let inner = u64::from(assignments.m) * u64::from(self.experts.width());
        let onto = dx.map(|_| (by.xs, false));
        let inside = by.gated.first(inner);
        self.experts.backward(to, assignments, &saved.experts, &inside, (by.ys, onto));
        if let Some(dx) = dx {
            let bindings = [("dxs", by.xs), ("slot", grouping.slot), ("dx", dx)];
            self.launch(to, MixtureStep::GatherGradient, "gather", &bindings);
            self.router.backward_input(to, rows, by.logits, dx, true);
        }
        self.router.backward_parameters(to, rows, by.logits, saved.x, false);
    }

    fn launch(
        &self,
        to: &mut Builder,
        step: MixtureStep,
        part: &'static str,
        bindings: &[(&str, Slice)],
    ) {
        let Self { t, e, k, d, .. } = *self;
        launch(to, step, [t, e, k, d], &self.name.part(&[part]), bindings);
    }
}

/// A step of a mixture of E experts, K of them for each of T tokens of width D.
pub(crate) fn launch(
    to: &mut Builder,
    step: MixtureStep,
    [t, e, k, d]: [u32; 4],
    component: &ComponentName,
    bindings: &[(&str, Slice)],
) {
    let phase = match step {
        MixtureStep::Route
        | MixtureStep::RouteOverAll
        | MixtureStep::Gather
        | MixtureStep::Combine => Phase::Forward,
        MixtureStep::RouteGradient
        | MixtureStep::RouteOverAllGradient
        | MixtureStep::GatherGradient
        | MixtureStep::CombineGradient
        | MixtureStep::GateGradient => Phase::Backward,
    };
    let operation = Operation::Mixture { step, t, e, k, d };
    to.launch(&Launch { operation, component, phase, window: "", scalars: &[], bindings });
}
