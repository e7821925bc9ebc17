//! A linear layer and the adapter beside it, forward and backward.

use super::build::{LinearFlow, WorkList};
use crate::{
    family::decoder::{
        linear::LinearLayer,
        work::{Part, WorkPass},
    },
    op::{Op, OpCounts},
};

impl WorkList<'_> {
    /// y = x w^T + b, with an adapter of this rank or without.
    pub(super) fn linear(&mut self, linear: &LinearLayer, flow: LinearFlow, rank: Option<u32>) {
        let LinearFlow { rows, input, output } = flow;
        let rows = rows * u128::from(linear.passed);
        let part = Part::Linear(linear.place);
        let [k, n] = [linear.k, linear.n].map(u64::from);
        self.forward_product(part, [k, n], rows);
        if linear.bias {
            self.forward(Part::Bias, OpCounts::f32(Op::Add, n), rows);
        }
        if output && input {
            self.product(part, WorkPass::Input, [k, n], rows);
        }
        if self.full {
            self.product(part, WorkPass::Weight, [k, n], rows);
            if linear.bias {
                self.add(Part::Bias, WorkPass::Weight, OpCounts::f32(Op::Add, n), rows);
            }
        }
        let Some(r) = rank.map(u64::from) else { return };
        let scale = OpCounts::f32(Op::Mul, r);
        self.forward_product(Part::Adapter, [k, r], rows);
        self.forward(Part::Adapter, scale, rows);
        self.forward_product(Part::Adapter, [r, n], rows);
        // By B, by what B was given, by A, and by x where that has a use.
        self.product(Part::Adapter, WorkPass::Weight, [r, n], rows);
        self.product(Part::Adapter, WorkPass::Input, [r, n], rows);
        self.add(Part::Adapter, WorkPass::Input, scale, rows);
        self.product(Part::Adapter, WorkPass::Weight, [k, r], rows);
        if input {
            self.product(Part::Adapter, WorkPass::Input, [k, r], rows);
        }
    }
}
