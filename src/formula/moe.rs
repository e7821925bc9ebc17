//! The mixture around its experts: T tokens, E experts, K chosen for each token, width D. What is
//! counted does not depend on who is chosen.

use super::{dim, f32s};
use crate::{
    op::{Op, OpCounts},
    plan::Dims,
};

pub(super) fn exact(entry: &str, dims: &Dims) -> Option<OpCounts> {
    let t = dim(dims, "T")?;
    let k = dim(dims, "K")?;
    match entry.strip_suffix("_vec4").unwrap_or(entry) {
        // Each of the K choices compares with all E logits and keeps the better, the first of them as the
        // largest; its weight is exp(logit - largest), which is added to the sum and divided by it.
        "route" => Some(f32s([
            (Op::Compare, t * k * dim(dims, "E")?),
            (Op::Select, t * k * (dim(dims, "E")? + 1)),
            (Op::Add, 2 * t * k),
            (Op::Exp, t * k),
            (Op::Div, t * k),
        ])),
        "gather" => Some(OpCounts::ZERO),
        "combine" => Some(f32s([(Op::Fma, t * k * dim(dims, "D")?)])),
        "backward_combine" => Some(f32s([(Op::Mul, t * k * dim(dims, "D")?)])),
        // A dot product over D for each assignment, and joining the partial sums of its lanes.
        "backward_gate" => {
            let joins = dim(dims, "LANES_PER_ROW")? - 1;
            Some(f32s([(Op::Fma, t * k * dim(dims, "D")?), (Op::Add, t * k * joins)]))
        }
        "backward_gather" => Some(f32s([(Op::Add, t * k * dim(dims, "D")?)])),
        // The weighted mean of dgate takes K fma; then gate * (dgate - mean) for each choice.
        "backward_route" => Some(f32s([(Op::Fma, t * k), (Op::Add, t * k), (Op::Mul, t * k)])),
        _ => None,
    }
}
