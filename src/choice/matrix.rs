//! Which products subgroups compute by multiplying cooperative matrices, and by which kernel.

use super::spread::{Choice, gridded};
use crate::{
    execute::Limits,
    operation::{LinearResult, Operation, Precision},
    registry::Kernel,
    schedule::Schedule,
};

/// Rows and columns of matrices that a subgroup computes together.
const MATRICES: u32 = 2;

/// The kernel of a product of operands in half precision whose extents are whole matrices, of one group of rows; `None` of
/// every other operation, and where the adapter has no such matrices.
pub(super) fn choose(operation: &Operation, limits: &Limits) -> Option<Choice> {
    let Operation::Linear { result, precision: Precision::Half, m, k, n, g: 1, .. } = *operation
    else {
        return None;
    };
    let (side, lanes) = (limits.matrix_side?, limits.subgroup_lanes?);
    if [m, k, n].iter().any(|&extent| extent == 0 || !extent.is_multiple_of(side)) {
        return None;
    }
    let kernel = kernel(result, side)?;
    let (rows, columns) = match result {
        LinearResult::Output | LinearResult::PlainOutput => (m, n),
        LinearResult::Input => (m, k),
        LinearResult::Weight | LinearResult::Bias => (n, k),
    };
    let schedule = Schedule { side: Some(side), ..Schedule::of_lanes(lanes) };
    let blocks = |extent: u32| extent.div_ceil(MATRICES * side);
    Some(gridded(kernel, schedule, [blocks(columns), blocks(rows), 1]))
}

/// The kernel of such a result by matrices of so many rows and columns; a bias has none.
const fn kernel(result: LinearResult, side: u32) -> Option<Kernel> {
    use LinearResult::{Bias, Input, Output, PlainOutput, Weight};
    Some(match (result, side) {
        (Output, 16) => Kernel::LinearMatrixForward,
        (PlainOutput, 16) => Kernel::LinearMatrixForwardPlain,
        (Input, 16) => Kernel::LinearMatrixBackwardInput,
        (Weight, 16) => Kernel::LinearMatrixBackwardWeight,
        (Output, 8) => Kernel::LinearMatrix8Forward,
        (PlainOutput, 8) => Kernel::LinearMatrix8ForwardPlain,
        (Input, 8) => Kernel::LinearMatrix8BackwardInput,
        (Weight, 8) => Kernel::LinearMatrix8BackwardWeight,
        (Bias, _) | (Output | PlainOutput | Input | Weight, _) => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::choice::{KernelSet, choose};

    #[test]
    fn whole_matrices_of_halves_alone_are_multiplied_and_only_where_that_is_asked() {
        let limits = Limits { matrix_side: Some(16), subgroup_lanes: Some(32), ..Limits::WEBGPU };
        let product = |precision, [m, k, n, g]: [u32; 4]| Operation::Linear {
            result: LinearResult::Input,
            m,
            k,
            n,
            g,
            accumulate: false,
            precision,
        };
        let even = product(Precision::Half, [64, 80, 112, 1]);
        let on = |side| Limits { matrix_side: side, ..limits };
        let chosen =
            |operation: &Operation, side| KernelSet::Matrix.choose(operation, &on(Some(side)));
        let choice = chosen(&even, 16);
        assert_eq!(choice.kernel, Kernel::LinearMatrixBackwardInput);
        assert_eq!((choice.grid, choice.schedule.lanes), ([3, 2, 1], 32));
        assert_eq!(chosen(&even, 8).kernel, Kernel::LinearMatrix8BackwardInput);
        assert_eq!(chosen(&even, 8).grid, [5, 4, 1]);
        let usual = KernelSet::Auto.on(&limits).unwrap();
        for other in [
            product(Precision::Single, [64, 80, 112, 1]),
            product(Precision::Half, [64, 80, 112, 2]),
            product(Precision::Half, [65, 80, 112, 1]),
            product(Precision::Half, [64, 88, 112, 1]),
            product(Precision::Half, [64, 80, 8, 1]),
            product(Precision::Half, [0, 80, 112, 1]),
        ] {
            assert_eq!(chosen(&other, 16), choose(&other, &usual), "{other:?}");
        }
        for set in KernelSet::ALL.into_iter().filter(|set| *set != KernelSet::Matrix) {
            let Ok(limits) = set.on(&limits) else { continue };
            assert_eq!(set.choose(&even, &limits).schedule.side, None, "{set:?}");
        }
        let refused = KernelSet::Matrix.on(&on(None)).unwrap_err().to_string();
        assert!(refused.contains("cooperative matrices"), "{refused}");
    }
}
