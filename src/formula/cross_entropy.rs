//! Closed forms of cross entropy. A row's maximum and sum are each V operations, one an element onto
//! a lane's own share, and `LANES - 1` to bring the lanes' shares together; the exponentials are
//! made once and only scaled in the backward pass.

use super::dim;
use crate::{
    op::{Op, OpCounts},
    plan::Dims,
};

pub(super) fn exact(entry: &str, dims: &Dims) -> Option<OpCounts> {
    let m = dim(dims, "M")?;
    // Lanes to shares, shares to one.
    let reduction = |count: u64| Some(count + dim(dims, "LANES")? - 1);
    match entry {
        "forward" | "forward_vec4" => {
            let v = dim(dims, "V")?;
            let row = OpCounts::f32(Op::MinMax, reduction(v)?)
                + OpCounts::f32(Op::Add, v)
                + OpCounts::f32(Op::Exp, v)
                + OpCounts::f32(Op::Add, reduction(v)?)
                // log(sum) - (x_target - maximum)
                + OpCounts::f32(Op::Log, 1)
                + OpCounts::f32(Op::Add, 2);
            Some(row.times(m))
        }
        "backward" | "backward_vec4" => {
            let v = dim(dims, "V")?;
            let row =
                OpCounts::f32(Op::Div, 1) + OpCounts::f32(Op::Mul, v) + OpCounts::f32(Op::Add, 1);
            Some(row.times(m))
        }
        "mean" => Some(OpCounts::f32(Op::Add, reduction(m)?) + OpCounts::f32(Op::Mul, 1)),
        _ => None,
    }
}
