//! RMS norm over M rows of D. A sum of n terms starts from 0 and takes n multiply-adds; where several
//! lanes share it, adding up their partial sums takes one addition for every lane but the first.

use super::{dim, f32s};
use crate::{
    op::{Op, OpCounts},
    plan::Dims,
};

pub(super) fn exact(entry: &str, dims: &Dims) -> Option<OpCounts> {
    let m = dim(dims, "M")?;
    let d = dim(dims, "D")?;
    match entry.strip_suffix("_vec4").unwrap_or(entry) {
        // A row sums the squares, rstd = rsqrt(sum / D + eps), and y = x * rstd * weight.
        "forward" => {
            let joins = dim(dims, "LANES_PER_ROW")? - 1;
            Some(f32s([
                (Op::Add, m * (joins + 1)),
                (Op::Mul, 2 * m * d),
                (Op::Div, m),
                (Op::Fma, m * d),
                (Op::Rsqrt, m),
                (Op::Convert, m),
            ]))
        }
        // A row sums g x with g = dy * weight, slope = -rstd^3 * sum / D, and
        // dx = (rstd * dy) * weight + slope * x.
        "backward_input" => {
            let joins = dim(dims, "LANES_PER_ROW")? - 1;
            let accumulated = m * d * dim(dims, "accumulate")?.min(1);
            Some(f32s([
                (Op::Add, m * joins + accumulated),
                (Op::Mul, m * (3 * d + 3)),
                (Op::Div, m),
                (Op::Fma, 2 * m * d),
                (Op::Neg, m),
                (Op::Convert, m),
            ]))
        }
        // An element adds (dy * rstd) * x to dweight.
        "backward_params" => {
            let joins = dim(dims, "LANES_PER_COLUMN")? - 1;
            Some(f32s([(Op::Add, joins * d), (Op::Mul, m * d), (Op::Fma, m * d)]))
        }
        _ => None,
    }
}
