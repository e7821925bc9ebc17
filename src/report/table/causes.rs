//! Why measured and estimate differ, as a table: by phase, the largest difference first, and in one
//! row what agrees.

use comfy_table::Cell;

use super::{Style, bold, header, marked, numbers, plain_table};
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
    let Totals { measured, estimate, extrapolated, .. } = report.totals;
    for phase in Phase::ALL {
        let (agreeing, differing): (Vec<&Cause>, Vec<&Cause>) = report
            .causes
            .iter()
            .filter(|cause| cause.phase == phase)
            .partition(|cause| cause.difference == 0);
        for cause in &differing {
            let flops = [cause.measured, cause.estimate];
            table.add_row(row("", flops, cause.extrapolated, &cause.text));
        }
        if !agreeing.is_empty() {
            let flops = [agreeing.iter().map(|cause| cause.measured).sum(); 2];
            let some = agreeing.iter().any(|cause| cause.extrapolated);
            let subjects: Vec<&str> = agreeing.iter().map(|cause| cause.subject.as_str()).collect();
            let text = format!("as charged: {}", subjects.join(", "));
            table.add_row(row("", flops, some, &text));
        }
        if !(agreeing.is_empty() && differing.is_empty()) {
            let flops = [measured.get(phase), estimate.get(phase)];
            let some = extrapolated.is_some_and(|flops| flops.get(phase) > 0);
            table.add_row(bold(row(phase.name(), flops, some, "")));
        }
    }
    let flops = [measured.total(), estimate.total()];
    table.add_row(bold(row("total", flops, extrapolated.is_some(), "")));
    format!("{}\n", table.trim_fmt())
}

fn row(name: &str, [measured, estimate]: [u64; 2], extrapolated: bool, why: &str) -> Vec<Cell> {
    let difference = signed(i128::from(measured) - i128::from(estimate));
    let [difference, counted] =
        [difference, grouped(measured)].map(|figure| marked(extrapolated, figure));
    let mut cells = numbers(name.to_owned(), [difference, counted, grouped(estimate)]);
    cells.push(Cell::new(why));
    cells
}
