//! Norms, forward and backward.

use super::build::{WorkList, sum};
use crate::{
    blocks::norm::NormRule,
    family::decoder::work::{Part, WorkPass},
    op::{Op, OpCounts},
};

impl WorkList<'_> {
    /// Rows of a width. `input` says whether the gradient by x has a use, `joins` whether it is added to the
    /// residual's.
    pub(super) fn norm(&mut self, rows: u128, width: u32, input: bool, joins: bool) {
        let d = u64::from(width);
        match self.config.architecture.norm_rule() {
            NormRule::Layer => self.layer_norm(rows, d, input),
            NormRule::Rms => self.rms_norm(rows, d, input),
            NormRule::RmsOneMore => {
                // 1 + w is added up once whenever a micro-batch passes.
                self.forward(Part::Norm, OpCounts::f32(Op::Add, d), self.micro_batches);
                self.rms_norm(rows, d, input);
            }
        }
        if input && joins {
            self.add(Part::Residual, WorkPass::Input, OpCounts::f32(Op::Add, d), rows);
        }
    }

    /// y = x rsqrt(mean square + eps) w.
    fn rms_norm(&mut self, rows: u128, d: u64, input: bool) {
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
        }
        if self.full {
            self.add(Part::Norm, WorkPass::Weight, sum(&[(Op::Mul, d), (Op::Fma, d)]), rows);
        }
    }

    /// y = (x - mean) rsqrt(variance + eps) w + b.
    fn layer_norm(&mut self, rows: u128, d: u64, input: bool) {
        // Both sums and their means; rstd; x rstd + shift with shift = -(mean rstd), times w, plus b.
        let forward = sum(&[
            (Op::Add, 2 * d + 1),
            (Op::Fma, 3 * d),
            (Op::Mul, 1),
            (Op::Div, 2),
            (Op::Rsqrt, 1),
            (Op::Neg, 1),
            (Op::Convert, 2),
        ]);
        self.forward(Part::Norm, forward, rows);
        if input {
            // The sums of g = dy w and of g (x - mean), slope = -rstd^3 sum / D, and
            // dx = (rstd dy) w + (slope x - (slope mean + rstd mean of g)).
            let back = sum(&[
                (Op::Add, 2 * d),
                (Op::Mul, 2 * d + 4),
                (Op::Div, 2),
                (Op::Fma, 3 * d + 1),
                (Op::Neg, 2),
                (Op::Convert, 1),
            ]);
            self.add(Part::Norm, WorkPass::Input, back, rows);
        }
        if self.full {
            // (dy rstd) (x - mean) of the weight, dy of the bias.
            let weights = sum(&[(Op::Add, 2 * d), (Op::Mul, d), (Op::Fma, d)]);
            self.add(Part::Norm, WorkPass::Weight, weights, rows);
        }
    }
}
