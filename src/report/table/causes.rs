//! Why measured and estimate differ, as a table: by phase, the largest difference first, and in one
//! row what agrees.

use comfy_table::Cell;

use super::{Style, bold, header, numbers, plain_table};
use crate::{
    explain::Cause,
    plan::Phase,
    report::{
        Report, Totals,
        number::{grouped, signed},
    },
};

pub(super) fn render(report: &Report, style: Style) -> String {
    let mut table = plain_table(style);
    let mut names = header(["", "difference", "measured", "estimate"]);
    names.extend(header(["why measured and estimate differ"]));
    table.set_header(names);
    let Totals { measured, estimate, .. } = report.totals;
    for phase in Phase::ALL {
        let (agreeing, differing): (Vec<&Cause>, Vec<&Cause>) = report
            .causes
            .iter()
            .filter(|cause| cause.phase == phase)
            .partition(|cause| cause.difference == 0);
        for cause in &differing {
            table.add_row(row("", cause.measured, cause.estimate, &cause.text));
        }
        if !agreeing.is_empty() {
            let flops = agreeing.iter().map(|cause| cause.measured).sum();
            let subjects: Vec<&str> = agreeing.iter().map(|cause| cause.subject.as_str()).collect();
            table.add_row(row("", flops, flops, &format!("as charged: {}", subjects.join(", "))));
        }
        if !(agreeing.is_empty() && differing.is_empty()) {
            table.add_row(bold(row(phase.name(), measured.get(phase), estimate.get(phase), "")));
        }
    }
    table.add_row(bold(row("total", measured.total(), estimate.total(), "")));
    format!("{}\n", table.trim_fmt())
}

fn row(name: &str, measured: u64, estimate: u64, why: &str) -> Vec<Cell> {
    let difference = signed(i128::from(measured) - i128::from(estimate));
    let mut cells = numbers(name.to_owned(), [difference, grouped(measured), grouped(estimate)]);
    cells.push(Cell::new(why));
    cells
}
