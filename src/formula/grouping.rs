//! Grouping assignments by key: integers only, so no floating-point operation at any size.

use crate::{op::OpCounts, plan::Dims};

pub(super) fn exact(entry: &str, _dims: &Dims) -> Option<OpCounts> {
    match entry {
        "clear" | "count" | "scan" | "place" => Some(OpCounts::ZERO),
        _ => None,
    }
}
