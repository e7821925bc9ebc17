//! The expert of a mixture that all tokens pass, as launches: its output, weighted by a sigmoid of the token's own.

use super::{
    gated::{Gated, GatedGradients, GatedSaved},
    launch::{Builder, Launch},
    linear::Rows,
    projection::Projection,
    weight::{Weight, has_gradient},
};
use crate::{
    component::{ComponentName, Phase},
    operation::{Operation, SharedExpertStep},
    plan::Slice,
};

/// The expert and its weight, with their parameters placed.
pub(crate) struct SharedExpert {
    /// Where it stands; what it saves is called after it.
    pub(crate) name: ComponentName,
    /// T, tokens.
    pub(crate) t: u32,
    /// D, the width of a token.
    pub(crate) d: u32,
    pub(crate) expert: Gated,
    /// (D -> 1).
    pub(crate) weight: Projection,
}

/// What the backward pass needs.
pub(crate) struct SharedSaved {
    x: Slice,
    expert: GatedSaved,
    /// The expert's output (T,D).
    ys: Slice,
    /// (T).
    gate: Slice,
    /// What the weight's adapter made between its products.
    adapted: Option<Slice>,
}

/// Where gradients by what is inside go.
pub(crate) struct SharedGradients {
    /// By the expert's output (T,D).
    pub(crate) ys: Slice,
    /// By the logits of the weights (T).
    pub(crate) logits: Slice,
    pub(crate) gated: GatedGradients,
}

impl SharedExpert {
    /// Every parameter tensor.
    pub(crate) fn weights(&self) -> impl Iterator<Item = &Weight> {
        self.expert.weights().chain(self.weight.weights())
    }

    /// y (T,D) += the weighted output for x (T,D).
    pub(crate) fn forward(&self, to: &mut Builder, rows: &Rows, [x, y]: [Slice; 2]) -> SharedSaved {
        let Self { name, t, d, .. } = self;
        let ys = to.scratch(format!("{name}.output"), u64::from(*t) * u64::from(*d));
        let expert = self.expert.forward(to, rows, name, [x, ys]);
        let logits = to.scratch(format!("{name}.logits"), (*t).into());
        let adapted = self.weight.forward(to, rows, x, logits);
        let gate = to.scratch(format!("{name}.weight"), (*t).into());
        let bindings = [("logits", logits), ("gate", gate)];
        self.launch(to, SharedExpertStep::Weight, &bindings);
        let bindings = [("gate", gate), ("ys", ys), ("y", y)];
        self.launch(to, SharedExpertStep::Output, &bindings);
        SharedSaved { x, expert, ys, gate, adapted }
    }

    /// Gradients of what is trained from dy, and dx += where that has a use.
    pub(crate) fn backward(
        &self,
        to: &mut Builder,
        rows: &Rows,
        saved: &SharedSaved,
        by: &SharedGradients,
        (dy, dx): (Slice, Option<Slice>),
    ) {
        let SharedSaved { x, ys, gate, .. } = *saved;
        let onto = dx.map(|dx| (dx, true));
        if dx.is_some() || has_gradient(self.expert.weights()) {
            let bindings = [("gate", gate), ("dy", dy), ("dys", by.ys)];
            self.launch(to, SharedExpertStep::Input, &bindings);
            let inside = by.gated.first(u64::from(self.t) * u64::from(self.expert.width()));
            self.expert.backward(to, rows, &saved.expert, &inside, (by.ys, onto));
        }
        if dx.is_some() || has_gradient(self.weight.weights()) {
            let bindings = [("gate", gate), ("dy", dy), ("ys", ys), ("dlogits", by.logits)];
            self.launch(to, SharedExpertStep::WeightGradient, &bindings);
            self.weight.backward(to, rows, [by.logits, x], saved.adapted, onto, false);
        }
    }

    fn launch(&self, to: &mut Builder, step: SharedExpertStep, bindings: &[(&str, Slice)]) {
        let Self { t, d, .. } = *self;
        to.launch(&Launch {
            operation: Operation::SharedExpert { step, t, d },
            component: &self.name.part(&["weight"]),
            phase: match step {
                SharedExpertStep::Weight | SharedExpertStep::Output => Phase::Forward,
                SharedExpertStep::Input | SharedExpertStep::WeightGradient => Phase::Backward,
            },
            window: "",
            scalars: &[],
            bindings,
        });
    }
}
