//! Why measured and estimate differ, as a table: by phase, the largest difference first, and in one
//! row what agrees.

use super::{Cell, Column, Row, Table};
use crate::{
    component::Phase,
    explain::Cause,
    result::{Report, Totals},
};

pub(super) fn table(report: &Report) -> Table {
    let Totals { measured, estimate, extrapolated, .. } = report.totals;
    let mut rows = Vec::new();
    for phase in Phase::ALL {
        let (agreeing, differing): (Vec<&Cause>, Vec<&Cause>) = report
            .causes
            .iter()
            .filter(|cause| cause.phase == phase)
            .partition(|cause| cause.difference == 0);
        let name = phase.name();
        for cause in &differing {
            let flops = [cause.measured, cause.estimate];
            rows.push(row("", flops, cause.extrapolated, &cause.text).of(name));
        }
        if !agreeing.is_empty() {
            let flops = [agreeing.iter().map(|cause| cause.measured).sum(); 2];
            let some = agreeing.iter().any(|cause| cause.extrapolated);
            let subjects: Vec<&str> = agreeing.iter().map(|cause| cause.subject.as_str()).collect();
            let why = format!("as charged: {}", subjects.join(", "));
            rows.push(row("", flops, some, &why).of(name));
        }
        let flops = [measured.get(phase), estimate.get(phase)];
        let some = extrapolated.is_some_and(|flops| flops.get(phase) > 0);
        let wrong = report.passes.iter().filter(|pass| pass.phase == phase && pass.is_wrong());
        match wrong.count() {
            0 if agreeing.is_empty() && differing.is_empty() => {}
            0 => rows.push(sum(name, flops, some, "").of(name)),
            wrong => {
                let why =
                    format!("not explained: {wrong} of its passes do not match their closed forms");
                rows.push(sum(name, flops, some, &why).of(name));
            }
        }
    }
    rows.push(sum("total", [measured.total(), estimate.total()], extrapolated.is_some(), ""));
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
        code: false,
    }
}

fn sum(name: &str, flops: [u64; 2], extrapolated: bool, why: &str) -> Row {
    Row { sum: true, ..row(name, flops, extrapolated, why) }
}

fn row(name: &str, [measured, estimate]: [u64; 2], extrapolated: bool, why: &str) -> Row {
    let difference = Cell::Difference(i128::from(measured) - i128::from(estimate));
    Row::new([
        Cell::text(name),
        difference.extrapolated(extrapolated),
        Cell::whole(measured).extrapolated(extrapolated),
        Cell::whole(estimate),
        Cell::text(why),
    ])
}
