//! A step under construction: what its parts add work with.

use crate::{
    family::decoder::{
        config::{DecoderConfig, Layer},
        linear::LinearLayer,
        recipe::Tokens,
        work::{Part, Work, WorkPass},
    },
    op::{Op, OpCounts},
};

/// A step under construction.
pub(super) struct WorkList<'a> {
    pub(super) config: &'a DecoderConfig,
    pub(super) tokens: &'a Tokens,
    /// Whether every parameter is trained, or adapters alone.
    pub(super) full: bool,
    /// Whether layers run again.
    pub(super) recompute: bool,
    pub(super) micro_batches: u128,
    pub(super) work: Vec<Work>,
}

/// Layers that cost alike.
pub(super) struct LayerGroup {
    pub(super) layer: Layer,
    /// Whether the gradient by the layer's input has a use.
    pub(super) below: bool,
    /// Linear layers with an adapter, and its rank.
    pub(super) adapters: Vec<(&'static str, u32)>,
    pub(super) times: u32,
}

impl LayerGroup {
    /// The rank of the adapter beside the module that holds a linear layer, where it has one.
    pub(super) fn rank(&self, linear: &LinearLayer) -> Option<u32> {
        let module = linear.fused.unwrap_or(linear.name);
        let found = self.adapters.iter().find(|(name, _)| *name == module);
        found.map(|(_, rank)| *rank)
    }
}

/// How a linear layer stands in the flow of data and gradients.
#[derive(Clone, Copy)]
pub(super) struct LinearFlow {
    /// Rows that pass one copy after the other.
    pub(super) rows: u128,
    /// Whether the gradient by its input has a use.
    pub(super) input: bool,
    /// Whether there is a gradient by its output.
    pub(super) output: bool,
}

impl WorkList<'_> {
    /// T rows, elements of a width or whatever else there are many of.
    pub(super) fn add(&mut self, part: Part, pass: WorkPass, each: OpCounts, times: u128) {
        self.work.push(Work { part, pass, each, times, product: 0 });
    }

    /// The same in the forward pass of a layer, and again where layers are recomputed.
    pub(super) fn forward(&mut self, part: Part, each: OpCounts, times: u128) {
        self.add(part, WorkPass::Forward, each, times);
        if self.recompute {
            self.add(part, WorkPass::Again, each, times);
        }
    }

    /// One product of `rows` rows with a matrix.
    pub(super) fn product(&mut self, part: Part, pass: WorkPass, [k, n]: [u64; 2], rows: u128) {
        let product = 2 * u128::from(k) * u128::from(n) * rows;
        let each = sum(&[(Op::Fma, k)]);
        self.work.push(Work { part, pass, each, times: rows * u128::from(n), product });
    }

    /// One in the forward pass of a layer, and again where layers are recomputed.
    pub(super) fn forward_product(&mut self, part: Part, shape: [u64; 2], rows: u128) {
        self.product(part, WorkPass::Forward, shape, rows);
        if self.recompute {
            self.product(part, WorkPass::Again, shape, rows);
        }
    }
}

/// Single-precision operations of several kinds.
pub(super) fn sum(counts: &[(Op, u64)]) -> OpCounts {
    counts.iter().map(|&(op, count)| OpCounts::f32(op, count)).sum()
}
