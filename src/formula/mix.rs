//! The residual stream y = h + f + bk_scale * s over P elements, its gradients, plain sums and
//! multiples.

use super::{dim, f32s};
use crate::{
    op::{Op, OpCounts},
    plan::Dims,
};

pub(super) fn exact(entry: &str, dims: &Dims) -> Option<OpCounts> {
    match entry.strip_suffix("_vec4").unwrap_or(entry) {
        "forward" => {
            let p = dim(dims, "P")?;
            Some(f32s([(Op::Add, p), (Op::Fma, p)]))
        }
        "backward" | "scale" => Some(f32s([(Op::Mul, dim(dims, "P")?)])),
        "backward_scale_partials" => Some(f32s([(Op::Fma, dim(dims, "P")?)])),
        // Every partial is added to one lane's sum, and every lane but the first to the total.
        "backward_scale" => {
            Some(f32s([(Op::Add, dim(dims, "PARTIALS")? + dim(dims, "LANES")? - 1)]))
        }
        "add" => Some(f32s([(Op::Add, dim(dims, "P")?)])),
        _ => None,
    }
}
