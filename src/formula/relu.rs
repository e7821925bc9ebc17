//! ReLU over P elements: one comparison and one selection each, forward as backward.

use super::{dim, f32s};
use crate::{
    op::{Op, OpCounts},
    plan::Dims,
};

pub(super) fn exact(entry: &str, dims: &Dims) -> Option<OpCounts> {
    let p = dim(dims, "P")?;
    match entry.strip_suffix("_vec4").unwrap_or(entry) {
        "forward" | "backward" => Some(f32s([(Op::Compare, p), (Op::Select, p)])),
        _ => None,
    }
}
