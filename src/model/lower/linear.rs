//! Launches of the matrix-product family: which variant runs and how its output is tiled. The rows
//! of a product may fall into groups, each with a weight of its own; a dense layer is one group.

use super::{
    launch::{Builder, Launch, Spread},
    weight::Weight,
};
use crate::plan::{Phase, Slice};

/// A linear layer's weight (G,N,K) and bias (G,N) with their gradients' places.
#[derive(Clone)]
pub(super) struct Linear {
    /// Where it stands in the report.
    pub(super) component: String,
    pub(super) weight: Weight,
    pub(super) bias: Weight,
    /// Output features, input features, groups.
    pub(super) n: u32,
    pub(super) k: u32,
    pub(super) g: u32,
}

/// Rows of a product: how many, where groups of them begin (G+1 bounds), and what tells these rows
/// apart from other windows of the same tensor.
#[derive(Clone)]
pub(super) struct Rows {
    pub(super) m: u32,
    pub(super) groups: Slice,
    pub(super) window: String,
}

impl Linear {
    /// y (M,N) = x (M,K) w^T + b.
    pub(super) fn forward(&self, to: &mut Builder, rows: &Rows, x: Slice, y: Slice) {
        let (w, b) = (self.weight.value, self.bias.value);
        self.launch(to, "forward", Phase::Forward, rows, false, &[("x", x), ("w", w), ("b", b), ("y", y)]);
    }

    /// dx (M,K) = dy (M,N) w, added to what is there where `accumulate`.
    pub(super) fn backward_input(&self, to: &mut Builder, rows: &Rows, dy: Slice, dx: Slice, accumulate: bool) {
        let bindings = [("dy", dy), ("w", self.weight.value), ("dx", dx)];
        self.launch(to, "backward_input", Phase::Backward, rows, accumulate, &bindings);
    }

    /// dw (G,N,K) = dy^T x and db (G,N) = the column sums of dy, added to what is there where
    /// `accumulate`.
    pub(super) fn backward_parameters(
        &self,
        to: &mut Builder,
        rows: &Rows,
        dy: Slice,
        x: Slice,
        accumulate: bool,
    ) {
        let weight = [("dy", dy), ("x", x), ("dw", self.weight.grad())];
        self.launch(to, "backward_weight", Phase::Backward, rows, accumulate, &weight);
        let bias = [("dy", dy), ("db", self.bias.grad())];
        self.launch(to, "backward_bias", Phase::Backward, rows, accumulate, &bias);
    }

    fn launch(
        &self,
        to: &mut Builder,
        entry: &str,
        phase: Phase,
        rows: &Rows,
        accumulate: bool,
        bindings: &[(&str, Slice)],
    ) {
        let Self { n, k, g, .. } = *self;
        let vec4 = if n % 4 == 0 && k % 4 == 0 { "_vec4" } else { "" };
        let mut bindings = bindings.to_vec();
        bindings.push(("groups", rows.groups));
        to.launch(&Launch {
            kernel: &format!("linear.{entry}{vec4}"),
            component: &self.component,
            phase,
            window: &rows.window,
            dims: &[("M", rows.m), ("N", n), ("K", k), ("G", g), ("accumulate", accumulate.into())],
            scalars: &[],
            bindings: &bindings,
            spread: Spread::Grid([1, 1, 1]),
        });
    }
}
