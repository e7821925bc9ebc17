//! A linear layer with a low-rank adapter beside it, or without.

use super::{
    adapter::Adapter,
    launch::Builder,
    linear::{Linear, Rows},
    weight::Weight,
};
use crate::plan::Slice;

/// A linear layer and its adapter.
pub(crate) struct Projection {
    pub(crate) linear: Linear,
    pub(crate) adapter: Option<Adapter>,
}

/// A gradient by an input, and whether it is added to what is there.
pub(crate) type Onto = (Slice, bool);

impl Projection {
    /// Every parameter tensor.
    pub(crate) fn weights(&self) -> impl Iterator<Item = &Weight> {
        self.linear.weights().chain(self.adapter.iter().flat_map(Adapter::weights))
    }

    /// Whether an adapter stands beside it.
    pub(crate) const fn is_adapted(&self) -> bool {
        self.adapter.is_some()
    }

    /// y (M,N) from x (M,K), and what the adapter's backward pass needs.
    pub(crate) fn forward(
        &self,
        to: &mut Builder,
        rows: &Rows,
        x: Slice,
        y: Slice,
    ) -> Option<Slice> {
        self.linear.forward(to, rows, x, y);
        self.adapter.as_ref().map(|adapter| adapter.forward(to, rows, x, &[y]))
    }

    /// The gradients of what is trained from dy (M,N), and dx (M,K) where that has a use. Those of
    /// parameters are added to what is there where `more`.
    pub(crate) fn backward(
        &self,
        to: &mut Builder,
        rows: &Rows,
        [dy, x]: [Slice; 2],
        u: Option<Slice>,
        dx: Option<Onto>,
        more: bool,
    ) {
        self.linear.backward_parameters(to, rows, dy, x, more);
        self.backward_beside(to, rows, [dy, x], u, dx, more);
    }

    /// The same without the gradients of the linear layer's own parameters.
    pub(crate) fn backward_beside(
        &self,
        to: &mut Builder,
        rows: &Rows,
        [dy, x]: [Slice; 2],
        u: Option<Slice>,
        dx: Option<Onto>,
        more: bool,
    ) {
        if let Some((dx, onto)) = dx {
            self.linear.backward_input(to, rows, dy, dx, onto);
        }
        if let (Some(adapter), Some(u)) = (&self.adapter, u) {
            adapter.backward(to, rows, &[dy], [x, u], dx.map(|(dx, _)| dx), more);
        }
    }
}
