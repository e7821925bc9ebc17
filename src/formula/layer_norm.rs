//! Layer norm over M rows of D. A sum of n terms starts from 0 and takes n additions; where several
//! lanes share it, adding up their partial sums takes one more for every lane but the first.

use super::{dim, f32s};
use crate::{
    op::{Op, OpCounts},
    plan::Dims,
};

pub(super) fn exact(entry: &str, dims: &Dims) -> Option<OpCounts> {
    let m = dim(dims, "M")?;
    let d = dim(dims, "D")?;
    match entry {
        // A row sums x (D add), then the squares of x - mean (D add, D fma); each element of y is
        // two fma: x * rstd + shift, then * weight + bias. Once a row: two means (convert, div),
        // rstd = rsqrt(variance + eps), shift = -(mean * rstd).
        "forward" => {
            let joins = 2 * (dim(dims, "LANES_PER_ROW")? - 1);
            Some(f32s([
                (Op::Add, m * (2 * d + joins + 1)),
                (Op::Mul, m),
                (Op::Div, 2 * m),
                (Op::Fma, 3 * m * d),
                (Op::Neg, m),
                (Op::Rsqrt, m),
                (Op::Convert, 2 * m),
            ]))
        }
        // An element takes g = dy * weight, + into one sum, x - mean, fma into the other; then
        // dx = (rstd * dy) * weight + (slope * x + offset). Once a row: both means (convert, 2 div),
        // slope = -rstd^3 * mean(g (x - mean)) and offset = -(slope * mean + rstd * mean(g)).
        "backward_input" => {
            let joins = 2 * (dim(dims, "LANES_PER_ROW")? - 1);
            let accumulated = m * d * dim(dims, "accumulate")?.min(1);
            Some(f32s([
                (Op::Add, m * (2 * d + joins) + accumulated),
                (Op::Mul, m * (2 * d + 4)),
                (Op::Div, 2 * m),
                (Op::Fma, m * (3 * d + 1)),
                (Op::Neg, 2 * m),
                (Op::Convert, m),
            ]))
        }
        // An element adds (dy * rstd) * (x - mean) to dweight and dy to dbias.
        "backward_params" => {
            let joins = 2 * (dim(dims, "LANES_PER_COLUMN")? - 1);
            Some(f32s([(Op::Add, 2 * m * d + joins * d), (Op::Mul, m * d), (Op::Fma, m * d)]))
        }
        _ => None,
    }
}
