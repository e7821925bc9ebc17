//! A gated feed-forward network as launches: down(f(gate x) * up x), of all tokens or of the tokens of each
//! expert.

use super::{
    activation::Activation,
    adapter::Adapter,
    launch::Builder,
    linear::Rows,
    projection::{Onto, Projection},
    weight::{Weight, has_gradient},
};
use crate::{
    component::{ComponentName, Phase},
    plan::Slice,
};

/// Three projections and the function between them.
pub(crate) struct Gated {
    /// Where the function stands.
    pub(crate) component: ComponentName,
    pub(crate) activation: Activation,
    pub(crate) gate: Projection,
    pub(crate) up: Projection,
    pub(crate) down: Projection,
    /// The adapter beside gate and up, where they are parts of one module.
    pub(crate) fused: Option<Adapter>,
}

/// What the backward pass needs.
pub(crate) struct GatedSaved {
    x: Slice,
    gate: Slice,
    up: Slice,
    activated: Slice,
    /// What the adapters of gate, up and down made between their products.
    adapted: [Option<Slice>; 3],
    /// What that beside gate and up made.
    fused: Option<Slice>,
}

/// Where gradients by what is between the projections go.
#[derive(Clone, Copy)]
pub(crate) struct GatedGradients {
    pub(crate) activated: Slice,
    pub(crate) gate: Slice,
    pub(crate) up: Slice,
}

impl GatedGradients {
    /// The first of so many elements of each.
    pub(crate) fn first(&self, len: u64) -> Self {
        let Self { activated, gate, up } = *self;
        Self { activated: activated.part(0, len), gate: gate.part(0, len), up: up.part(0, len) }
    }
}

impl Gated {
    /// Every parameter tensor.
    pub(crate) fn weights(&self) -> impl Iterator<Item = &Weight> {
        let projections = [&self.gate, &self.up, &self.down].into_iter();
        let fused = self.fused.iter().flat_map(Adapter::weights);
        projections.flat_map(Projection::weights).chain(fused)
    }

    /// Whether any of its projections has an adapter.
    pub(crate) const fn is_adapted(&self) -> bool {
        let own = self.gate.is_adapted() || self.up.is_adapted() || self.down.is_adapted();
        own || self.fused.is_some()
    }

    /// The width between the projections.
    pub(crate) const fn width(&self) -> u32 {
        self.gate.linear.n
    }

    /// y from x; what is kept is called after `name`.
    pub(crate) fn forward(
        &self,
        to: &mut Builder,
        rows: &Rows,
        name: &ComponentName,
        [x, y]: [Slice; 2],
    ) -> GatedSaved {
        let len = u64::from(rows.m) * u64::from(self.width());
        let [gate, up, activated] =
            ["gate", "up", "activated"].map(|part| to.scratch(format!("{name}.{part}"), len));
        let u_gate = self.gate.forward(to, rows, x, gate);
        let u_up = self.up.forward(to, rows, x, up);
        let fused = self.fused.as_ref().map(|it| it.forward(to, rows, x, &[gate, up]));
        let tensors = [("gate", gate), ("up", up), ("y", activated)];
        self.activation.launch(to, &self.component, Phase::Forward, gate.len, &tensors);
        let u_down = self.down.forward(to, rows, activated, y);
        GatedSaved { x, gate, up, activated, adapted: [u_gate, u_up, u_down], fused }
    }

    /// Gradients of what is trained from dy, and dx where that has a use.
    pub(crate) fn backward(
        &self,
        to: &mut Builder,
        rows: &Rows,
        saved: &GatedSaved,
        by: &GatedGradients,
        (dy, dx): (Slice, Option<Onto>),
    ) {
        let [u_gate, u_up, u_down] = saved.adapted;
        let trains = |projection: &Projection| {
            dx.is_some() || self.fused.is_some() || has_gradient(projection.weights())
        };
        let [gate, up] = [&self.gate, &self.up].map(trains);
        let through = (gate || up).then_some((by.activated, false));
        self.down.backward(to, rows, [dy, saved.activated], u_down, through, false);
        if through.is_none() {
            return;
        }
        let tensors = [
            ("dy", by.activated),
            ("gate", saved.gate),
            ("up", saved.up),
            ("dgate", by.gate),
            ("dup", by.up),
        ];
        self.activation.launch(to, &self.component, Phase::Backward, saved.gate.len, &tensors);
        let again = dx.map(|(dx, _)| (dx, true));
        if gate {
            self.gate.backward(to, rows, [by.gate, saved.x], u_gate, dx, false);
        }
        if up {
            let onto = if gate { again } else { dx };
            self.up.backward(to, rows, [by.up, saved.x], u_up, onto, false);
        }
        if let (Some(adapter), Some(u)) = (&self.fused, saved.fused) {
            let dx = dx.map(|(dx, _)| dx);
            adapter.backward(to, rows, &[by.gate, by.up], [saved.x, u], dx, false);
        }
    }
}
