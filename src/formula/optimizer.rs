//! One optimizer step over P parameters. Under `ieee` that is 2 a parameter for SGD, 15 for Adam and
//! 14 for AdamW, the factors common to all parameters being worked out once elsewhere.

use super::{dim, f32s};
use crate::{
    op::{Op, OpCounts},
    plan::Dims,
};

pub(super) fn exact(entry: &str, dims: &Dims) -> Option<OpCounts> {
    let p = dim(dims, "P")?;
    // The mean (mul, fma), the mean square (2 mul, fma), the scale from it (sqrt, fma), and the
    // step along their ratio (div, fma).
    let moments = f32s([(Op::Mul, 3), (Op::Fma, 4), (Op::Sqrt, 1), (Op::Div, 1)]);
    let each = match entry.strip_suffix("_vec4").unwrap_or(entry) {
        "sgd" => f32s([(Op::Fma, 1)]),
        "adam" => moments + f32s([(Op::Fma, 1)]), // the decay enters the gradient
        "adamw" => moments + f32s([(Op::Mul, 1)]), // the decay scales the parameter
        _ => return None,
    };
    Some(each.times(p))
}
