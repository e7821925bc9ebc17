//! A linear layer and the adapter beside it, forward and backward. Layers that are fused in a module have one adapter
//! for all of them.

use super::build::{LayerGroup, LinearFlow, WorkList};
use crate::{
    family::decoder::{
        linear::LinearLayer,
        work::{Part, WorkPass},
    },
    op::{Op, OpCounts},
};

impl WorkList<'_> {
    /// y = x w^T + b, with an adapter of this rank or without. That of a module whose part this is, is not here.
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
        if let Some(rank) = rank.filter(|_| linear.fused.is_none()) {
            self.adapter([linear.k, linear.n], rank, rows, input);
        }
    }

    /// The adapter beside the module of this name, which several linear layers are fused in, where there is such a module
    /// and it has one.
    pub(super) fn fused_adapter(&mut self, run: &LayerGroup, module: Option<&str>, input: bool) {
        let Some(module) = module else { return };
        let parts = LinearLayer::parts_of(self.config, run.layer, module);
        if let Some((part, rank)) = parts.first().and_then(|part| Some((part, run.rank(part)?))) {
            let n = parts.iter().map(|part| part.n).sum();
            self.adapter([part.k, n], rank, self.tokens.count(), input);
        }
    }

    /// An adapter of a rank beside a layer with so many inputs and outputs; `input` says whether the gradient by x has a
    /// use.
    fn adapter(&mut self, shape: [u32; 2], rank: u32, rows: u128, input: bool) {
        let [k, n] = shape.map(u64::from);
        let r = u64::from(rank);
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
