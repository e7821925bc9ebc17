//! Launches of the matrix-product family: which variant runs and how its output is tiled. The rows
//! of a product may fall into groups, each with a weight of its own; a dense layer is one group.

use super::{
    launch::{Builder, Launch, Spread},
    weight::Weight,
};
use crate::plan::{Phase, Slice};

/// Invocations in a workgroup, and how many of them lie along the output's columns.
const LANES: u32 = 64;
const COLUMN_LANES: u32 = 8;

/// Rows and columns of the output that one invocation of a `_vec4` kernel computes.
const TILE_VEC4: [u32; 2] = [8, 8];

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
        self.launch(
            to,
            "forward",
            Phase::Forward,
            rows,
            false,
            &[("x", x), ("w", w), ("b", b), ("y", y)],
        );
    }

    /// dx (M,K) = dy (M,N) w, added to what is there where `accumulate`.
    pub(super) fn backward_input(
        &self,
        to: &mut Builder,
        rows: &Rows,
        dy: Slice,
        dx: Slice,
        accumulate: bool,
    ) {
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
        let vec4 = n.is_multiple_of(4) && k.is_multiple_of(4);
        let suffix = if vec4 { "_vec4" } else { "" };
        let [tile_rows, tile_columns] = if vec4 { TILE_VEC4 } else { [1, 1] };
        let grid = match entry {
            "backward_bias" => [n.div_ceil(LANES * if vec4 { 4 } else { 1 }), 1, g],
            _ => {
                let [rows, columns] = match entry {
                    "forward" => [rows.m, n],
                    "backward_input" => [rows.m, k],
                    _ => [n, k],
                };
                let row_lanes = LANES / COLUMN_LANES;
                [
                    columns.div_ceil(tile_columns * COLUMN_LANES),
                    rows.div_ceil(tile_rows * row_lanes),
                    g,
                ]
            }
        };
        let mut bound = vec![("groups".to_owned(), rows.groups)];
        bound.extend(bindings.iter().map(|(name, slice)| (format!("{name}{suffix}"), *slice)));
        let bindings: Vec<_> = bound.iter().map(|(name, slice)| (name.as_str(), *slice)).collect();
        to.launch(&Launch {
            kernel: &format!("linear.{entry}{suffix}"),
            component: &self.component,
            phase,
            window: &rows.window,
            dims: &[
                ("M", rows.m),
                ("N", n),
                ("K", k),
                ("G", g),
                ("accumulate", accumulate.into()),
                ("LANES", LANES),
                ("COLUMN_LANES", COLUMN_LANES),
            ],
            scalars: &[],
            bindings: &bindings,
            spread: Spread::Grid(grid),
        });
    }
}
