//! The dispatches of a run one by one, in the order in which they were submitted.

use std::collections::BTreeMap;

use super::speed::{rate, under, under_columns};
use crate::page::{Cell, Column, Fact, Row, Table, number::grouped};
use crate::result::{RunDispatch, RunReport};

/// Rows that a reader is shown.
const SHOWN: usize = 100;

/// How many dispatches there are, and how many of them have a row.
pub(super) fn fact(report: &RunReport, rows: &[RunDispatch]) -> Fact {
    let (all, left_out) = (rows.len() as u64, report.dispatches_left_out);
    let mut said = format!("{} one by one", grouped(all));
    if rows.len() > SHOWN {
        said += &format!(" (a terminal shows {SHOWN} of them, files have all)");
    }
    if left_out > 0 {
        said +=
            &format!("; {} behind them are in the rows of their kernels alone", grouped(left_out));
    }
    Fact::new("dispatches", said)
}

/// The dispatches, the first of them only unless `every` is set.
pub(super) fn table(report: &RunReport, rows: &[RunDispatch], every: bool) -> Table {
    let ids = report.kernels.iter().map(|kernel| kernel.id);
    let names: BTreeMap<u32, String> = ids.zip(report.names()).collect();
    let rows = if every { rows } else { &rows[..rows.len().min(SHOWN)] };
    let row = |(number, dispatch): (u64, &RunDispatch)| {
        let RunDispatch { kernel, id, grid, flops, traffic, seconds, .. } = dispatch;
        let grid = grid.map(|[x, y, z]| format!("{x} x {y} x {z}"));
        let mut cells = vec![
            Cell::whole(number),
            Cell::text(id.and_then(|id| names.get(&id)).unwrap_or(kernel).as_str()),
            grid.map_or(Cell::Missing, Cell::text),
            Cell::count(dispatch.invocations),
            Cell::count(*flops),
            traffic.map_or(Cell::Missing, |its| Cell::Bytes(its.storage_bytes())),
            seconds.map_or(Cell::Missing, Cell::Seconds),
            rate(*flops, *seconds),
        ];
        cells.extend(under(report, dispatch.peak_share, dispatch.roofline));
        cells.push(dispatch.why.as_deref().map_or(Cell::Blank, Cell::text));
        Row::new(cells)
    };
    let mut columns = vec![
        Column::number("#", "number"),
        Column::text("kernel", "kernel"),
        Column::text("workgroups", "grid"),
        Column::number("invocations", "invocations").gives_way(3),
        Column::number("FLOPs", "flops"),
        Column::number("bytes", "storage_bytes").gives_way(2),
        Column::number("time", "seconds"),
        Column::number("GFLOP/s", "gflops_per_second"),
    ];
    columns.extend(under_columns(report));
    columns.push(Column::text("not counted", "why").gives_way(1));
    let rows = (1..).zip(rows).map(row).collect();
    // Who asks for them wants them.
    Table { columns, rows, main: true, ..Table::default() }
}
