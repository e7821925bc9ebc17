//! A linear layer and the adapter beside it, forward and backward.

use super::{Part, Pass, Step, Work, sum};
use crate::{
    family::decoder::Linear,
    op::{Op, OpCounts},
};

/// How a linear layer stands in the flow of data and gradients.
#[derive(Clone, Copy)]
pub(super) struct Flow {
    /// Rows that pass one copy after the other.
    pub(super) rows: u128,
    /// Whether the gradient by its input has a use.
    pub(super) input: bool,
    /// Whether there is a gradient by its output.
    pub(super) output: bool,
}

impl Step<'_> {
    /// y = x w^T + b, with an adapter of this rank or without.
    pub(super) fn linear(&mut self, linear: &Linear, flow: Flow, rank: Option<u32>) {
        let Flow { rows, input, output } = flow;
        let rows = rows * u128::from(linear.passed);
        let part = Part::Linear(linear.place);
        let [k, n] = [linear.k, linear.n].map(u64::from);
        self.forward_product(part, [k, n], rows);
        if linear.bias {
            self.forward(Part::Bias, OpCounts::f32(Op::Add, n), rows);
        }
        if output && input {
            self.product(part, Pass::Input, [k, n], rows);
        }
        if self.full {
            self.product(part, Pass::Weight, [k, n], rows);
            if linear.bias {
                self.add(Part::Bias, Pass::Weight, OpCounts::f32(Op::Add, n), rows);
            }
        }
        let Some(r) = rank.map(u64::from) else { return };
        let scale = OpCounts::f32(Op::Mul, r);
        self.forward_product(Part::Adapter, [k, r], rows);
        self.forward(Part::Adapter, scale, rows);
        self.forward_product(Part::Adapter, [r, n], rows);
        // By B, by what B was given, by A, and by x where that has a use.
        self.product(Part::Adapter, Pass::Weight, [r, n], rows);
        self.product(Part::Adapter, Pass::Input, [r, n], rows);
        self.add(Part::Adapter, Pass::Input, scale, rows);
        self.product(Part::Adapter, Pass::Weight, [k, r], rows);
        if input {
            self.product(Part::Adapter, Pass::Input, [k, r], rows);
        }
    }

    /// One product of `rows` rows with a matrix.
    fn product(&mut self, part: Part, pass: Pass, [k, n]: [u64; 2], rows: u128) {
        let product = 2 * u128::from(k) * u128::from(n) * rows;
        let each = sum(&[(Op::Fma, k)]);
        self.work.push(Work { part, pass, each, times: rows * u128::from(n), product });
    }

    fn forward_product(&mut self, part: Part, shape: [u64; 2], rows: u128) {
        self.product(part, Pass::Forward, shape, rows);
        if self.recompute {
            self.product(part, Pass::Again, shape, rows);
        }
    }
}
