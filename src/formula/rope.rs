//! Rotary positions: each pair of a head's WIDTH elements is turned by an angle, forth or back.

use super::{dim, f32s};
use crate::{
    op::{Op, OpCounts},
    plan::Dims,
};

pub(super) fn exact(entry: &str, dims: &Dims) -> Option<OpCounts> {
    let heads = dim(dims, "B")? * dim(dims, "S")? * dim(dims, "HEADS")?;
    let pairs = heads * (dim(dims, "WIDTH")? / 2);
    match entry.strip_suffix("_vec4").unwrap_or(entry) {
        // a c - b s and b c + a s, or the other way round.
        "forward" | "backward" => {
            Some(f32s([(Op::Mul, 2 * pairs), (Op::Fma, 2 * pairs), (Op::Neg, pairs)]))
        }
        _ => None,
    }
}
