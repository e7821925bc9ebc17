//! SwiGLU over P elements, y = silu(gate) * up. The sigmoid takes a negation, an exponential, an
//! addition and a division.

use super::{dim, f32s};
use crate::{
    op::{Op, OpCounts},
    plan::Dims,
};

pub(super) fn exact(entry: &str, dims: &Dims) -> Option<OpCounts> {
    let p = dim(dims, "P")?;
    let sigmoid = f32s([(Op::Neg, p), (Op::Exp, p), (Op::Add, p), (Op::Div, p)]);
    match entry.strip_suffix("_vec4").unwrap_or(entry) {
        // gate * sigmoid * up.
        "forward" => Some(sigmoid + f32s([(Op::Mul, 2 * p)])),
        // silu = gate * sigmoid; dup = dy * silu; dgate = dy * up * (silu * (1 - sigmoid) + sigmoid).
        "backward" => Some(sigmoid + f32s([(Op::Mul, 4 * p), (Op::Add, p), (Op::Fma, p)])),
        _ => None,
    }
}
