//! Closed forms of cross entropy. A row's maximum and sum are V operations each; the exponentials are
//! made once and only scaled in the backward pass. The lanes of a workgroup share a row, and their shares
//! are brought together.

use super::form::{Forms, Overhead, f32s, joins};
use crate::{op::Op, operation::LossStep, schedule::Schedule};

pub(super) fn forms(step: LossStep, [m, v]: [u64; 2], schedule: &Schedule) -> Forms {
    // The lanes that begin at zero, where others begin with a term.
    let joins = joins(schedule.lanes_per_column.or(Some(schedule.lanes)));
    match step {
        LossStep::Rows => {
            // The maximum; x - maximum, its exponential and their sum; and once a row
            // log(sum) - (x_target - maximum).
            let row = f32s([(Op::MinMax, v), (Op::Add, 2 * v + 2), (Op::Exp, v), (Op::Log, 1)]);
            let joined = f32s([(Op::MinMax, joins), (Op::Add, joins)]);
            Forms::algebra(row.times(m)).and(Overhead::PartialSums, joined.times(m))
        }
        LossStep::Gradient => {
            Forms::algebra(f32s([(Op::Div, 1), (Op::Mul, v), (Op::Add, 1)]).times(m))
        }
        LossStep::Mean => Forms::algebra(f32s([(Op::Add, m), (Op::Mul, 1)]))
            .and(Overhead::PartialSums, f32s([(Op::Add, joins)])),
    }
}
