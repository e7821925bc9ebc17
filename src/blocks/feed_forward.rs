//! A feed-forward network without a gate as launches: down(f(up x)), of all tokens.

use super::{
    activation::Activation,
    launch::Builder,
    linear::Rows,
    projection::{Onto, Projection},
    weight::{Weight, has_gradient},
};
use crate::{
    component::{ComponentName, Phase},
    plan::Slice,
};

/// Two projections and the function between them.
pub(crate) struct FeedForward {
    /// Where the function stands.
    pub(crate) component: ComponentName,
    pub(crate) activation: Activation,
    pub(crate) up: Projection,
    pub(crate) down: Projection,
}

/// What the backward pass needs.
pub(crate) struct FeedForwardSaved {
    x: Slice,
    up: Slice,
    activated: Slice,
    /// What the adapters of up and down made between their products.
    adapted: [Option<Slice>; 2],
}

/// Where gradients by what is between the projections go.
#[derive(Clone, Copy)]
pub(crate) struct FeedForwardGradients {
    pub(crate) activated: Slice,
    pub(crate) up: Slice,
}

impl FeedForwardGradients {
    /// The first of so many elements of each.
    pub(crate) fn first(&self, len: u64) -> Self {
        let Self { activated, up } = *self;
        Self { activated: activated.part(0, len), up: up.part(0, len) }
    }
}

impl FeedForward {
    /// Every parameter tensor.
    pub(crate) fn weights(&self) -> impl Iterator<Item = &Weight> {
        self.up.weights().chain(self.down.weights())
    }

    /// Whether any of its projections has an adapter.
    pub(crate) const fn is_adapted(&self) -> bool {
        self.up.is_adapted() || self.down.is_adapted()
    }

    /// The width between the projections.
    pub(crate) const fn width(&self) -> u32 {
        self.up.linear.n
    }

    /// y from x; what is kept is called after `name`.
    pub(crate) fn forward(
        &self,
        to: &mut Builder,
        rows: &Rows,
        name: &ComponentName,
        [x, y]: [Slice; 2],
    ) -> FeedForwardSaved {
        let len = u64::from(rows.m) * u64::from(self.width());
        let [up, activated] =
            ["up", "activated"].map(|part| to.scratch(format!("{name}.{part}"), len));
        let u_up = self.up.forward(to, rows, x, up);
        let tensors = [("x", up), ("y", activated)];
        self.activation.launch(to, &self.component, Phase::Forward, up.len, &tensors);
        let u_down = self.down.forward(to, rows, activated, y);
        FeedForwardSaved { x, up, activated, adapted: [u_up, u_down] }
    }

    /// Gradients of what is trained from dy, and dx where that has a use.
    pub(crate) fn backward(
        &self,
        to: &mut Builder,
        rows: &Rows,
        saved: &FeedForwardSaved,
        by: &FeedForwardGradients,
        (dy, dx): (Slice, Option<Onto>),
    ) {
        let [u_up, u_down] = saved.adapted;
        let through = dx.is_some() || has_gradient(self.up.weights());
        let onto = through.then_some((by.activated, false));
        self.down.backward(to, rows, [dy, saved.activated], u_down, onto, false);
        if !through {
            return;
        }
        // The slope of relu is known from its value.
        let by_value = self.activation == Activation::Relu;
        let point = if by_value { ("y", saved.activated) } else { ("x", saved.up) };
        let tensors = [("dy", by.activated), point, ("dx", by.up)];
        self.activation.launch(to, &self.component, Phase::Backward, saved.up.len, &tensors);
        self.up.backward(to, rows, [by.up, saved.x], u_up, dx, false);
    }
}
