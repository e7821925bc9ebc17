//! What the mathematics asks for and what the kernels execute beyond it, as a table: by phase and reason.

use super::{Cell, Column, Row, Table};
use crate::{
    component::Phase,
    result::{Report, Totals},
};

pub(super) fn table(report: &Report) -> Option<Table> {
    let Totals { exact, algebraic, .. } = &report.totals;
    let (exact, algebraic) = exact.as_ref().zip(algebraic.as_ref())?;
    let mut rows = Vec::new();
    for phase in Phase::ALL.into_iter().filter(|&phase| exact.get(phase) > 0) {
        let name = phase.name();
        rows.push(row("algebraic", algebraic.get(phase), "what the mathematics asks for").of(name));
        let costs = report.schedule_costs.iter().filter(|cost| cost.phase == phase);
        rows.extend(costs.map(|cost| row(cost.reason.name(), cost.flops, &cost.text).of(name)));
        rows.push(Row { sum: true, ..row(name, exact.get(phase), "") }.of(name));
    }
    rows.push(Row { sum: true, ..row("total", exact.total(), "") });
    Some(Table {
        grouped_by: Some("phase"),
        columns: vec![
            Column::text("", "part"),
            Column::number("schedule", "flops"),
            Column::text("what it consists of", "why"),
        ],
        rows,
        main: false,
        code: false,
    })
}

fn row(part: &str, flops: u64, why: &str) -> Row {
    Row::new([Cell::text(part), Cell::whole(flops), Cell::text(why)])
}
