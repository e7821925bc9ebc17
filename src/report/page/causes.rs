//! Why measured and estimate differ, as a table: by phase, the largest difference first, and in one
//! row what agrees.

use super::{Cell, Column, Row, Table};
use crate::{
    explain::Cause,
    plan::Phase,
    report::{Report, Totals},
};

pub(super) fn table(report: &Report) -> Table {
    let Totals { measured, estimate, .. } = report.totals;
    let mut rows = Vec::new();
    for phase in Phase::ALL {
        let (agreeing, differing): (Vec<&Cause>, Vec<&Cause>) = report
            .causes
            .iter()
            .filter(|cause| cause.phase == phase)
            .partition(|cause| cause.difference == 0);
        let name = phase.name();
        for cause in &differing {
            rows.push(row("", cause.measured, cause.estimate, &cause.text).of(name));
        }
        if !agreeing.is_empty() {
            let flops = agreeing.iter().map(|cause| cause.measured).sum();
            let subjects: Vec<&str> = agreeing.iter().map(|cause| cause.subject.as_str()).collect();
            let why = format!("as charged: {}", subjects.join(", "));
            rows.push(row("", flops, flops, &why).of(name));
        }
        if !(agreeing.is_empty() && differing.is_empty()) {
            rows.push(sum(name, measured.get(phase), estimate.get(phase)).of(name));
        }
    }
    rows.push(sum("total", measured.total(), estimate.total()));
    Table {
        grouped_by: Some("phase"),
        columns: vec![
            Column::text("", ""),
            Column::number("difference", "difference"),
            Column::number("measured", "measured"),
            Column::number("estimate", "estimate"),
            Column::text("why measured and estimate differ", "cause"),
        ],
        rows,
        main: false,
    }
}

fn sum(name: &str, measured: u64, estimate: u64) -> Row {
    Row { sum: true, ..row(name, measured, estimate, "") }
}

fn row(name: &str, measured: u64, estimate: u64, why: &str) -> Row {
    Row::new([
        Cell::text(name),
        Cell::Difference(i128::from(measured) - i128::from(estimate)),
        Cell::Count(measured),
        Cell::Count(estimate),
        Cell::text(why),
    ])
}
