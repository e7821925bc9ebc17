//! Launches of the matrix-product family: which variant runs and how its output is tiled. The rows
//! of a product may fall into groups, each with a weight of its own; a dense layer is one group.

use super::{
    launch::{Builder, Launch, Spread},
    weight::Weight,
};
use crate::plan::{Phase, Slice};

/// Which kernel computes a product.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Variant {
    /// One output for an invocation, whatever the extents.
    Scalar,
    /// A register tile for an invocation; extents are multiples of four.
    Vec4,
    /// A larger tile whose rows eight lanes load together.
    Subgroup,
}

impl Variant {
    /// Subgroups of exactly eight lanes are what software adapters have, and what the kernel that
    /// shares loads was measured on; wide GPUs serve the lanes' equal loads from one cache line.
    fn of(entry: &str, n: u32, k: u32, subgroup_lanes: Option<u32>) -> Self {
        if !(n.is_multiple_of(4) && k.is_multiple_of(4)) {
            Self::Scalar
        } else if subgroup_lanes == Some(8) && entry != "backward_bias" {
            Self::Subgroup
        } else {
            Self::Vec4
        }
    }

    const fn file(self) -> &'static str {
        match self {
            Self::Scalar | Self::Vec4 => "linear",
            Self::Subgroup => "linear_subgroup",
        }
    }

    /// Rows and columns of the output that one invocation computes.
    const fn tile(self) -> [u32; 2] {
        match self {
            Self::Scalar => [1, 1],
            Self::Vec4 => [8, 8],
            Self::Subgroup => [32, 4],
        }
    }

    /// Invocations in a workgroup, and how many of them lie along the output's columns.
    const fn lanes(self) -> (u32, u32) {
        match self {
            Self::Scalar | Self::Vec4 => (64, 8),
            Self::Subgroup => (8, 8),
        }
    }
}

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
        let variant = Variant::of(entry, n, k, to.limits.subgroup_lanes);
        let [tile_rows, tile_columns] = variant.tile();
        let (lanes, column_lanes) = variant.lanes();
        let (block_rows, block_columns) =
            (tile_rows * (lanes / column_lanes), tile_columns * column_lanes);
        // A tile's rows are of one group, so each group may leave one tile more that is not full.
        let row_tiles = rows.m.div_ceil(block_rows) + g - 1;
        let grid = match entry {
            "forward" => [n.div_ceil(block_columns), row_tiles, 1],
            "backward_input" => [k.div_ceil(block_columns), row_tiles, 1],
            "backward_weight" => [k.div_ceil(block_columns), n.div_ceil(block_rows), g],
            _ => [n.div_ceil(lanes * if variant == Variant::Scalar { 1 } else { 4 }), 1, g],
        };
        let suffix = if variant == Variant::Scalar { "" } else { "_vec4" };
        let mut bound = vec![("groups".to_owned(), rows.groups)];
        bound.extend(bindings.iter().map(|(name, slice)| (format!("{name}{suffix}"), *slice)));
        let bindings: Vec<_> = bound.iter().map(|(name, slice)| (name.as_str(), *slice)).collect();
        to.launch(&Launch {
            kernel: &format!("{}.{entry}{suffix}", variant.file()),
            component: &self.component,
            phase,
            window: &rows.window,
            dims: &[
                ("M", rows.m),
                ("N", n),
                ("K", k),
                ("G", g),
                ("accumulate", accumulate.into()),
                ("LANES", lanes),
                ("COLUMN_LANES", column_lanes),
            ],
            scalars: &[],
            bindings: &bindings,
            spread: Spread::Grid(grid),
        });
    }
}
