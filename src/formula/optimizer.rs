//! optimizer

use crate::{op::OpCounts, plan::Dims};

pub(super) fn exact(_entry: &str, _dims: &Dims) -> Option<OpCounts> {
    None
}
