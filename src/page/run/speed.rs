//! How fast something of a run was, and how near that is to what its device can do.

use crate::page::{Cell, Column, roofline};
use crate::result::RunReport;
use crate::roofline::Placement;

/// The columns for what [`under`] says.
pub(super) fn under_columns(report: &RunReport) -> Vec<Column> {
    let peak = report.peak_flops_per_second.map(|_| Column::number("of peak", "peak_share"));
    let roof = (!report.ceilings.is_empty()).then(roofline::columns);
    peak.into_iter().chain(roof.into_iter().flatten()).collect()
}

/// Where something stands under what its device can do, as far as that was asked for.
pub(super) fn under(
    report: &RunReport,
    of_peak: Option<f64>,
    placement: Option<Placement>,
) -> Vec<Cell> {
    let of_peak = of_peak.map_or(Cell::Missing, Cell::Part);
    let peak = report.peak_flops_per_second.map(|_| of_peak);
    let roof = (!report.ceilings.is_empty()).then(|| roofline::placed(placement));
    peak.into_iter().chain(roof.into_iter().flatten()).collect()
}

/// FLOPs a second, in thousands of millions.
pub(super) fn rate(flops: Option<u64>, seconds: Option<f64>) -> Cell {
    let both = flops.zip(seconds);
    both.map_or(Cell::Missing, |(flops, seconds)| Cell::rate(flops as f64 / seconds * 1e-9, 2))
}
