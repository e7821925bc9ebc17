//! What is said of a figure before and after.

use crate::{
    page::{Cell, number::seconds},
    result::KernelFigures,
};

/// How much more a figure is after than before, in percent.
pub(super) fn percent(a: f64, b: f64) -> String {
    if a == b {
        "same".to_owned()
    } else if a > 0.0 {
        format!("{:+.2} %", 100.0 * (b - a) / a)
    } else {
        "new".to_owned()
    }
}

/// How far apart the runs of a kernel were.
pub(super) fn runs(of: Option<KernelFigures>) -> Cell {
    let spread = of.and_then(|its| its.spread);
    spread.map_or(Cell::Missing, |its| {
        Cell::Text(format!("{} to {}", seconds(its.min), seconds(its.max)))
    })
}
