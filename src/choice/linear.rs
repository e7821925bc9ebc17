//! Which kernel computes a matrix product, and how its output is tiled.

use super::{
    spread::{COLUMN_LANES, Choice, LANES, SUBGROUP_LANES, SUBGROUP_ROWS, gridded},
    team,
};
use crate::{execute::Limits, operation::LinearResult, registry::Kernel, schedule::Schedule};

/// A way to compute a matrix product.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Tiling {
    /// One output for an invocation, whatever the extents.
    Scalar,
    /// Four adjacent outputs for an invocation; columns are a multiple of four, and the sum may be short.
    Columns,
    /// A register tile for an invocation; extents are multiples of four.
    Vec4,
    /// A larger tile whose rows eight lanes load together.
    Subgroup,
}

impl Tiling {
    fn of(result: LinearResult, n: u32, k: u32, limits: &Limits) -> Self {
        use LinearResult::{Bias, Input, Output, PlainOutput, Weight};
        if n.is_multiple_of(4) && k.is_multiple_of(4) {
            let subgroups = limits.subgroup_lanes == Some(SUBGROUP_LANES);
            return if subgroups && result != Bias { Self::Subgroup } else { Self::Vec4 };
        }
        match result {
            Output | PlainOutput if n.is_multiple_of(4) => Self::Columns,
            Input if k.is_multiple_of(4) => Self::Columns,
            Output | PlainOutput | Input | Weight | Bias => Self::Scalar,
        }
    }

    /// Rows and columns of the output that one invocation computes.
    const fn tile(self) -> [u32; 2] {
        match self {
            Self::Scalar => [1, 1],
            Self::Columns => [1, 4],
            Self::Vec4 => [8, 8],
            Self::Subgroup => [SUBGROUP_ROWS, 4],
        }
    }

    /// Invocations in a workgroup, and how many of them lie along the output's `columns`: no more than
    /// have something to do where one output is all that an invocation computes.
    const fn lanes(self, columns: u32) -> (u32, u32) {
        match self {
            Self::Scalar if columns < COLUMN_LANES => (LANES, columns.next_power_of_two()),
            Self::Scalar | Self::Columns | Self::Vec4 => (LANES, COLUMN_LANES),
            Self::Subgroup => (SUBGROUP_LANES, SUBGROUP_LANES),
        }
    }

    /// The kernel; a weight or a bias has no kernel of columns and is computed output by output.
    const fn kernel(self, result: LinearResult) -> Kernel {
        use LinearResult::{Bias, Input, Output, PlainOutput, Weight};
        use Tiling::{Columns, Scalar, Subgroup, Vec4};
        match (result, self) {
            (Output, Scalar) => Kernel::LinearForward,
            (Output, Columns) => Kernel::LinearForwardColumns,
            (Output, Vec4) => Kernel::LinearForwardVec4,
            (Output, Subgroup) => Kernel::LinearSubgroupForwardVec4,
            (PlainOutput, Scalar) => Kernel::LinearForwardPlain,
            (PlainOutput, Columns) => Kernel::LinearForwardPlainColumns,
            (PlainOutput, Vec4) => Kernel::LinearForwardPlainVec4,
            (PlainOutput, Subgroup) => Kernel::LinearSubgroupForwardPlainVec4,
            (Input, Scalar) => Kernel::LinearBackwardInput,
            (Input, Columns) => Kernel::LinearBackwardInputColumns,
            (Input, Vec4) => Kernel::LinearBackwardInputVec4,
            (Input, Subgroup) => Kernel::LinearSubgroupBackwardInputVec4,
            (Weight, Scalar | Columns) => Kernel::LinearBackwardWeight,
            (Weight, Vec4) => Kernel::LinearBackwardWeightVec4,
            (Weight, Subgroup) => Kernel::LinearSubgroupBackwardWeightVec4,
            (Bias, Scalar | Columns) => Kernel::LinearBackwardBias,
            (Bias, Vec4 | Subgroup) => Kernel::LinearBackwardBiasVec4,
        }
    }
}

pub(super) fn choose(result: LinearResult, [m, k, n, g]: [u32; 4], limits: &Limits) -> Choice {
    if limits.parallel && result == LinearResult::Bias {
        return team::bias(n, g);
    }
    let tiling = Tiling::of(result, n, k, limits);
    let [tile_rows, tile_columns] = tiling.tile();
    let columns = match result {
        LinearResult::Output | LinearResult::PlainOutput | LinearResult::Bias => n,
        LinearResult::Input | LinearResult::Weight => k,
    };
    let (lanes, column_lanes) = tiling.lanes(columns);
    let columns = columns.div_ceil(tile_columns * column_lanes);
    let rows = tile_rows * (lanes / column_lanes);
    let grid = match result {
        LinearResult::Output | LinearResult::PlainOutput | LinearResult::Input => {
            // A tile's rows belong to one group, and where groups end is known on the device alone: however
            // they divide the rows, there are no more tiles than this.
            let tiles = (u64::from(m) + u64::from(g) * u64::from(rows - 1)) / u64::from(rows);
            [columns, u32::try_from(tiles).unwrap_or(u32::MAX), 1]
        }
        LinearResult::Weight => [columns, n.div_ceil(rows), g],
        LinearResult::Bias => {
            let each = if tiling == Tiling::Scalar { 1 } else { 4 };
            [n.div_ceil(each * lanes), 1, g]
        }
    };
    let schedule = Schedule { column_lanes: Some(column_lanes), ..Schedule::of_lanes(lanes) };
    gridded(tiling.kernel(result), schedule, grid)
}
