//! Which kernel computes a matrix product, and how its output is tiled.

use super::{
    spread::{
        COLUMN_LANES, Choice, LANES, LEAST_SUBGROUP_LANES, MANY_OUTPUTS, SHARED_SIDE, SHARES,
        STAGED_COLUMN_LANES, STAGED_LANES, SUBGROUP_LANES, SUBGROUP_ROWS, gridded, has_long_sums,
        product,
    },
    team,
};
use crate::{
    execute::Limits,
    operation::{LinearResult, Precision},
    registry::Kernel,
    schedule::Schedule,
};

/// Rows of an output of odd extents from which on a subgroup shares what it loads for them: with fewer, that gains nothing.
const FEW_ROWS: u32 = 4;

/// Outputs from which on it does: for fewer, its kernel is not worth its compilation.
const FEW_OUTPUTS: u64 = SUBGROUP_ROWS as u64 * SUBGROUP_ROWS as u64 / 2;

/// A way to compute a matrix product.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Tiling {
    /// One output for an invocation, whatever the extents.
    Scalar,
    /// Four adjacent outputs for an invocation; columns are a multiple of four, and the sum may be short.
    Columns,
    /// A register tile for an invocation; extents are multiples of four.
    Vec4,
    /// A larger tile whose rows a team of lanes of a subgroup of so many loads together.
    Subgroup { lanes: u32, by_four: bool },
    /// Tiles of so many rows and columns for an invocation, whose operands a workgroup stages in its memory.
    Staged { tile: u32, by_four: bool },
    /// Small tiles, whose long sums a workgroup's slices share.
    Shares { by_four: bool },
}

impl Tiling {
    fn of(
        result: LinearResult,
        precision: Precision,
        [m, k, n, g]: [u32; 4],
        limits: &Limits,
    ) -> Self {
        use LinearResult::{Bias, Input, Output, PlainOutput, Weight};
        let by_four = n.is_multiple_of(4) && k.is_multiple_of(4);
        // Of each group's rows, about.
        let sums = m / g.max(1);
        let shares = result == Weight && has_long_sums([m, k, n, g]);
        let outputs = match result {
            Output | PlainOutput | Bias => product([m, n]),
            Input => product([m, k]),
            Weight => product([g, n, k]),
        };
        let staged = Self::Staged { tile: if outputs < MANY_OUTPUTS { 4 } else { 8 }, by_four };
        if limits.parallel {
            if shares {
                return Self::Shares { by_four };
            }
            // Both operands of a weight's gradient have their outputs' runs beside each other in memory, and register
            // tiles read them as fast without waiting for one another: 1.1 to 1.3 times as fast on an NVIDIA H200.
            if result == Weight && by_four {
                return Self::Vec4;
            }
            return staged;
        }
        // No device says whether its subgroups pass narrow numbers around.
        let passes = result != Bias && precision == Precision::Single;
        let lanes = limits.subgroup_lanes.filter(|_| passes);
        if by_four {
            return lanes.map_or(Self::Vec4, |lanes| Self::Subgroup { lanes, by_four });
        }
        let [rows, columns] = match result {
            Output | PlainOutput => [sums, n],
            Input => [sums, k],
            Weight => [n, k],
            Bias => [1, n],
        };
        // On Mesa's llvmpipe 3 to 12 times as fast as an output, or four, for an invocation.
        if let Some(lanes) = lanes
            && lanes >= SUBGROUP_LANES
            && rows >= FEW_ROWS
            && columns >= lanes
            && product([rows, columns]) >= FEW_OUTPUTS
        {
            return Self::Subgroup { lanes, by_four };
        }
        match result {
            Output | PlainOutput if n.is_multiple_of(4) => Self::Columns,
            Input if k.is_multiple_of(4) => Self::Columns,
            Output | PlainOutput | Input | Weight | Bias => Self::Scalar,
        }
    }

    /// Rows and columns of the output that a workgroup computes.
    const fn block(self, columns: u32) -> [u32; 2] {
        let [rows, across] = match self {
            Self::Scalar => [1, 1],
            Self::Columns => [1, 4],
            Self::Vec4 => [8, 8],
            Self::Subgroup { .. } => [SUBGROUP_ROWS, 4],
            Self::Staged { tile, .. } => [tile, tile],
            Self::Shares { .. } => return [SHARED_SIDE, SHARED_SIDE],
        };
        let (lanes, column_lanes) = self.lanes(columns);
        [rows * (lanes / column_lanes), across * column_lanes]
    }

    /// Invocations in a workgroup, and how many of them lie along the output's `columns`: no more than
    /// have something to do where one output is all that an invocation computes.
    const fn lanes(self, columns: u32) -> (u32, u32) {
        match self {
            Self::Scalar if columns < COLUMN_LANES => (LANES, columns.next_power_of_two()),
            Self::Scalar | Self::Columns | Self::Vec4 => (LANES, COLUMN_LANES),
            Self::Subgroup { lanes, .. } => (lanes, lanes),
            Self::Staged { .. } => (STAGED_LANES, STAGED_COLUMN_LANES),
            Self::Shares { .. } => (STAGED_LANES, SHARED_SIDE / 4),
        }
    }

    /// The schedule over an output of so many columns.
    fn schedule(self, columns: u32) -> Schedule {
        let (lanes, column_lanes) = self.lanes(columns);
        let own = Schedule { column_lanes: Some(column_lanes), ..Schedule::of_lanes(lanes) };
        match self {
            Self::Scalar | Self::Columns | Self::Vec4 | Self::Subgroup { .. } => own,
            Self::Staged { tile, .. } => Schedule { tile: Some(tile), ..own },
            Self::Shares { .. } => Schedule { team: Some(SHARES), ..own },
        }
    }

    /// The kernel of a product of narrow operands; a bias is none, and no subgroup passes narrow numbers around.
    const fn narrow(self, result: LinearResult) -> Kernel {
        use LinearResult::{Bias, Input, Output, PlainOutput, Weight};
        use Tiling::{Columns, Scalar, Shares, Staged, Subgroup, Vec4};
        match (result, self) {
            (Output, Scalar) => Kernel::LinearF16Forward,
            (Output, Columns) => Kernel::LinearF16ForwardColumns,
            (Output, Vec4 | Subgroup { .. } | Shares { .. }) => Kernel::LinearF16ForwardVec4,
            (Output, Staged { by_four: true, .. }) => Kernel::LinearWorkgroupF16ForwardVec4,
            (Output, Staged { by_four: false, .. }) => Kernel::LinearOddF16Forward,
            (PlainOutput, Scalar) => Kernel::LinearF16ForwardPlain,
            (PlainOutput, Columns) => Kernel::LinearF16ForwardPlainColumns,
            (PlainOutput, Vec4 | Subgroup { .. } | Shares { .. }) => {
                Kernel::LinearF16ForwardPlainVec4
            }
            (PlainOutput, Staged { by_four: true, .. }) => {
                Kernel::LinearWorkgroupF16ForwardPlainVec4
            }
            (PlainOutput, Staged { by_four: false, .. }) => Kernel::LinearOddF16ForwardPlain,
            (Input, Scalar) => Kernel::LinearF16BackwardInput,
            (Input, Columns) => Kernel::LinearF16BackwardInputColumns,
            (Input, Vec4 | Subgroup { .. } | Shares { .. }) => Kernel::LinearF16BackwardInputVec4,
            (Input, Staged { by_four: true, .. }) => Kernel::LinearWorkgroupF16BackwardInputVec4,
            (Input, Staged { by_four: false, .. }) => Kernel::LinearOddF16BackwardInput,
            (Weight, Scalar | Columns) => Kernel::LinearF16BackwardWeight,
            (Weight, Vec4 | Subgroup { .. } | Staged { by_four: true, .. }) => {
                Kernel::LinearF16BackwardWeightVec4
            }
            (Weight, Staged { by_four: false, .. }) => Kernel::LinearOddF16BackwardWeight,
            (Weight, Shares { by_four: true }) => Kernel::LinearSharesF16BackwardWeightVec4,
            (Weight, Shares { by_four: false }) => Kernel::LinearSharesF16BackwardWeight,
            (Bias, _) => self.kernel(Bias),
        }
    }

    /// The kernel; a weight or a bias has no kernel of columns and is computed output by output, and no bias is
    /// staged.
    const fn kernel(self, result: LinearResult) -> Kernel {
        use LinearResult::{Bias, Input, Output, PlainOutput, Weight};
        use Tiling::{Columns, Scalar, Shares, Staged, Subgroup, Vec4};
        match (result, self) {
            (Output, Scalar) => Kernel::LinearForward,
            (Output, Columns) => Kernel::LinearForwardColumns,
            (Output, Vec4 | Shares { .. }) => Kernel::LinearForwardVec4,
            (Output, Subgroup { lanes: LEAST_SUBGROUP_LANES, .. }) => {
                Kernel::LinearSubgroup4ForwardVec4
            }
            (Output, Subgroup { by_four: true, .. }) => Kernel::LinearSubgroupForwardVec4,
            (Output, Subgroup { by_four: false, .. }) => Kernel::LinearOddSubgroupForward,
            (Output, Staged { by_four: true, .. }) => Kernel::LinearWorkgroupForwardVec4,
            (Output, Staged { by_four: false, .. }) => Kernel::LinearOddForward,
            (PlainOutput, Scalar) => Kernel::LinearForwardPlain,
            (PlainOutput, Columns) => Kernel::LinearForwardPlainColumns,
            (PlainOutput, Vec4 | Shares { .. }) => Kernel::LinearForwardPlainVec4,
            (PlainOutput, Subgroup { lanes: LEAST_SUBGROUP_LANES, .. }) => {
                Kernel::LinearSubgroup4ForwardPlainVec4
            }
            (PlainOutput, Subgroup { by_four: true, .. }) => Kernel::LinearSubgroupForwardPlainVec4,
            (PlainOutput, Subgroup { by_four: false, .. }) => Kernel::LinearOddSubgroupForwardPlain,
            (PlainOutput, Staged { by_four: true, .. }) => Kernel::LinearWorkgroupForwardPlainVec4,
            (PlainOutput, Staged { by_four: false, .. }) => Kernel::LinearOddForwardPlain,
            (Input, Scalar) => Kernel::LinearBackwardInput,
            (Input, Columns) => Kernel::LinearBackwardInputColumns,
            (Input, Vec4 | Shares { .. }) => Kernel::LinearBackwardInputVec4,
            (Input, Subgroup { lanes: LEAST_SUBGROUP_LANES, .. }) => {
                Kernel::LinearSubgroup4BackwardInputVec4
            }
            (Input, Subgroup { by_four: true, .. }) => Kernel::LinearSubgroupBackwardInputVec4,
            (Input, Subgroup { by_four: false, .. }) => Kernel::LinearOddSubgroupBackwardInput,
            (Input, Staged { by_four: true, .. }) => Kernel::LinearWorkgroupBackwardInputVec4,
            (Input, Staged { by_four: false, .. }) => Kernel::LinearOddBackwardInput,
            (Weight, Scalar | Columns) => Kernel::LinearBackwardWeight,
            (Weight, Vec4 | Staged { by_four: true, .. }) => Kernel::LinearBackwardWeightVec4,
            (Weight, Subgroup { lanes: LEAST_SUBGROUP_LANES, .. }) => {
                Kernel::LinearSubgroup4BackwardWeightVec4
            }
            (Weight, Subgroup { by_four: true, .. }) => Kernel::LinearSubgroupBackwardWeightVec4,
            (Weight, Subgroup { by_four: false, .. }) => Kernel::LinearOddSubgroupBackwardWeight,
            (Weight, Staged { by_four: false, .. }) => Kernel::LinearOddBackwardWeight,
            (Weight, Shares { by_four: true }) => Kernel::LinearSharesBackwardWeightVec4,
            (Weight, Shares { by_four: false }) => Kernel::LinearSharesBackwardWeight,
            (Bias, Scalar | Columns) => Kernel::LinearBackwardBias,
            (Bias, Vec4 | Subgroup { .. } | Staged { .. } | Shares { .. }) => {
                Kernel::LinearBackwardBiasVec4
            }
        }
    }
}

pub(super) fn choose(
    result: LinearResult,
    precision: Precision,
    [m, k, n, g]: [u32; 4],
    limits: &Limits,
) -> Choice {
    if limits.parallel && result == LinearResult::Bias {
        return team::bias(n, g);
    }
    let columns = match result {
        LinearResult::Output | LinearResult::PlainOutput | LinearResult::Bias => n,
        LinearResult::Input | LinearResult::Weight => k,
    };
    let tiling = Tiling::of(result, precision, [m, k, n, g], limits);
    let schedule = tiling.schedule(columns);
    let [rows, across] = tiling.block(columns);
    let columns = columns.div_ceil(across);
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
            [n.div_ceil(each * schedule.lanes), 1, g]
        }
    };
    let kernel = match precision {
        Precision::Single => tiling.kernel(result),
        Precision::Half => tiling.narrow(result),
    };
    gridded(kernel, schedule, grid)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn subgroups_share_products_that_fill_their_tiles() {
        let eight = Limits { subgroup_lanes: Some(SUBGROUP_LANES), ..Limits::WEBGPU };
        let file = |result, [m, k, n]: [u32; 3], limits: &Limits| {
            choose(result, Precision::Single, [m, k, n, 1], limits).kernel.name().file
        };
        use LinearResult::{Bias, Input, PlainOutput, Weight};
        for (result, shape, chosen) in [
            (PlainOutput, [255, 255, 255], "linear_odd_subgroup"),
            (PlainOutput, [256, 63, 252], "linear_odd_subgroup"),
            (PlainOutput, [4, 255, 255], "linear_odd_subgroup"),
            (PlainOutput, [3, 255, 255], "linear"),
            (PlainOutput, [2048, 15, 9], "linear_odd_subgroup"),
            (PlainOutput, [2048, 15, 7], "linear"),
            (PlainOutput, [15, 33, 31], "linear"),
            (Input, [256, 63, 63], "linear_odd_subgroup"),
            (Input, [511, 7, 511], "linear"),
            (Weight, [256, 63, 63], "linear_odd_subgroup"),
            (Weight, [8, 6, 23], "linear"),
            (Bias, [255, 255, 255], "linear"),
            (PlainOutput, [256, 256, 256], "linear_subgroup"),
        ] {
            assert_eq!(file(result, shape, &eight), chosen, "{result:?} {shape:?}");
        }
        let four = Limits { subgroup_lanes: Some(LEAST_SUBGROUP_LANES), ..eight };
        assert_eq!(file(PlainOutput, [256, 256, 256], &four), "linear_subgroup_4");
        assert_eq!(
            file(PlainOutput, [255, 255, 255], &four),
            "linear",
            "eight lanes share odd ones"
        );
        let none = Limits { subgroup_lanes: None, ..eight };
        assert_eq!(file(PlainOutput, [255, 255, 255], &none), "linear");
    }
}
