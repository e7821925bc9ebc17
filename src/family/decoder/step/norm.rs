//! RMSNorm, forward and backward.

use super::build::{WorkList, sum};
use crate::{
    family::decoder::work::{Part, WorkPass},
    op::{Op, OpCounts},
};

impl WorkList<'_> {
    /// Rows of a width: y = x rsqrt(mean square + eps) w, Gemma's with 1 + w, which is added up
    /// once whenever a micro-batch passes. `input` says whether the
    /// gradient by x has a use, `joins` whether it is added to the residual's.
    pub(super) fn norm(&mut self, rows: u128, width: u32, input: bool, joins: bool) {
        let d = u64::from(width);
        if self.config.gemma.is_some() {
            self.forward(Part::Norm, OpCounts::f32(Op::Add, d), self.micro_batches);
        }
        let scaled = sum(&[(Op::Mul, 2 * d)]);
        let root =
            sum(&[(Op::Fma, d), (Op::Add, 1), (Op::Div, 1), (Op::Rsqrt, 1), (Op::Convert, 1)]);
        self.forward(Part::Norm, root + scaled, rows);
        if input {
            // The sum of g x with g = dy w, slope = -rstd^3 sum / D, dx = (rstd dy) w + slope x.
            let back = sum(&[
                (Op::Mul, 3 * d + 3),
                (Op::Div, 1),
                (Op::Fma, 2 * d),
                (Op::Neg, 1),
                (Op::Convert, 1),
            ]);
            self.add(Part::Norm, WorkPass::Input, back, rows);
            if joins {
                self.add(Part::Residual, WorkPass::Input, OpCounts::f32(Op::Add, d), rows);
            }
        }
        if self.full {
            self.add(Part::Norm, WorkPass::Weight, sum(&[(Op::Mul, d), (Op::Fma, d)]), rows);
        }
    }
}
