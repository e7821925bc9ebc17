//! Closed forms: the exact floating-point operations of a pass from its dimensions alone, as the
//! algebra says. This arm of the crate never sees a shader or an executor; where it agrees with a
//! measurement, it is because the kernel does what the algebra says.

mod attention;
mod bk_core;
mod columns;
mod cross_entropy;
mod embedding;
mod grouping;
mod layer_norm;
mod linear;
mod mix;
mod moe;
mod optimizer;
mod relu;
mod rms_norm;
mod rope;
mod swiglu;

use crate::{
    op::{Op, OpCounts},
    plan::{Dims, KernelName},
};

/// The exact operations of one launch of `kernel`; none where no closed form is known for it, or a
/// dimension that the form needs is missing.
pub fn exact(kernel: &KernelName, dims: &Dims) -> Option<OpCounts> {
    let family = match kernel.file.as_str() {
        "attention" | "attention_subgroup" => attention::exact,
        "bk_core" => bk_core::exact,
        "columns" => columns::exact,
        "cross_entropy" => cross_entropy::exact,
        "embedding" => embedding::exact,
        "grouping" => grouping::exact,
        "layer_norm" => layer_norm::exact,
        "linear" | "linear_subgroup" => linear::exact,
        "mix" => mix::exact,
        "moe" => moe::exact,
        "optimizer" => optimizer::exact,
        "relu" => relu::exact,
        "rms_norm" => rms_norm::exact,
        "rope" => rope::exact,
        "swiglu" => swiglu::exact,
        _ => return None,
    };
    family(&kernel.entry, dims)
}

/// How many of [`exact`]'s operations compute again what an earlier pass of the same step had but did
/// not keep: attention's backward pass makes its probabilities anew. None where [`exact`] is none.
pub fn recomputed(kernel: &KernelName, dims: &Dims) -> Option<OpCounts> {
    match kernel.file.as_str() {
        "attention" | "attention_subgroup" => attention::recomputed(&kernel.entry, dims),
        _ => exact(kernel, dims).map(|_| OpCounts::ZERO),
    }
}

/// A dimension by its letter.
fn dim(dims: &Dims, letter: &str) -> Option<u64> {
    dims.get(letter).map(|&value| u64::from(value))
}

/// Single-precision counts, one entry for each kind of operation. The families multiply dimensions
/// freely: what they multiply is the size of a tensor that exists, times a small constant.
fn f32s<const KINDS: usize>(counts: [(Op, u64); KINDS]) -> OpCounts {
    counts.into_iter().map(|(op, count)| OpCounts::f32(op, count)).sum()
}
