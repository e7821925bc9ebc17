//! What is said of a figure before and after.

use crate::{page::Cell, result::KernelFigures};

/// The shortest and the longest run of a kernel.
pub(super) fn runs(of: Option<KernelFigures>) -> [Cell; 2] {
    let spread = of.and_then(|its| its.spread);
    spread.map_or([Cell::Missing, Cell::Missing], |its| [its.min, its.max].map(Cell::Seconds))
}
