//! Token plus position embedding of B sequences of N tokens: one addition for each of the B N D
//! elements, forward, and in each of the two gradients, whatever the tokens are.

use super::{dim, f32s};
use crate::{
    op::{Op, OpCounts},
    plan::Dims,
};

pub(super) fn exact(entry: &str, dims: &Dims) -> Option<OpCounts> {
    let elements = dim(dims, "B")? * dim(dims, "N")? * dim(dims, "D")?;
    match entry {
        "forward" | "backward_token" | "backward_position" => Some(f32s([(Op::Add, elements)])),
        _ => None,
    }
}
