//! Token plus position embedding of B sequences of N tokens: one addition for each of the B N D
//! elements, forward, and in each of the two gradients, whatever the tokens are. Without positions
//! there is nothing to add but the gradients of T tokens that are the same.

use super::{dim, f32s};
use crate::{
    op::{Op, OpCounts},
    plan::Dims,
};

pub(super) fn exact(entry: &str, dims: &Dims) -> Option<OpCounts> {
    match entry.strip_suffix("_vec4").unwrap_or(entry) {
        "forward" | "backward_token" | "backward_position" => {
            let elements = dim(dims, "B")? * dim(dims, "N")? * dim(dims, "D")?;
            Some(f32s([(Op::Add, elements)]))
        }
        "backward_rows" => Some(f32s([(Op::Add, dim(dims, "T")? * dim(dims, "D")?)])),
        // Rows are copied; the dimensions that say how many are wanted all the same.
        "gather" | "scatter" => dim(dims, "ROWS").map(|_| OpCounts::ZERO),
        _ => None,
    }
}
