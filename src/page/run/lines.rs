//! The lines of a run's kernels, of those whose modules say which lines they are made of: what each cost.

use std::cmp::Reverse;

use crate::page::{Cell, Column, Fact, Row, Table, number::several};
use crate::result::{KernelLine, KernelRow, RunReport};

/// Rows that a reader is shown.
const SHOWN: usize = 20;

/// How many lines are known, and how many of them have a row; `None` where none are.
pub(super) fn fact(report: &RunReport) -> Option<Fact> {
    let with_lines = report.kernels.iter().filter(|row| !row.lines.is_empty());
    let (kernels, lines) =
        with_lines.fold((0_u64, 0), |(kernels, lines), row| (kernels + 1, lines + row.lines.len()));
    let known = several(lines as u64, "line", "lines");
    let mut said = format!("{known} of {}", several(kernels, "kernel", "kernels"));
    if lines > SHOWN {
        said +=
            &format!(" (the {SHOWN} with most FLOPs stand below, all of them with -v and in JSON)");
    }
    (kernels > 0).then(|| Fact::new("lines", said))
}

/// The lines, most FLOPs first, of those with as many the most bytes; the first of them only unless `every` is set. `None`
/// where none are known.
pub(super) fn table(report: &RunReport, every: bool) -> Option<Table> {
    let names = report.names();
    let kernels = report.kernels.iter().zip(&names);
    let mut lines: Vec<(&KernelRow, &String, &KernelLine)> = kernels
        .flat_map(|(row, name)| row.lines.iter().map(move |line| (row, name, line)))
        .collect();
    lines.sort_by_key(|(_, _, line)| Reverse((line.flops, line.traffic.storage_bytes())));
    if !every {
        lines.truncate(SHOWN);
    }
    let has_files = lines.iter().any(|(row, ..)| row.file.is_some());
    let row = |(row, name, line): (&KernelRow, &String, &KernelLine)| {
        let cells = [
            Cell::text(name.as_str()),
            Cell::whole(line.executions),
            Cell::whole(line.flops),
            report.totals.flops.map_or(Cell::Missing, |all| Cell::Share(line.flops, all)),
            Cell::Bytes(line.traffic.storage_bytes()),
            Cell::whole(line.line),
            Cell::text(line.text.as_deref().unwrap_or_default()),
        ];
        let file = has_files.then(|| Cell::text(row.file.as_deref().unwrap_or_default()));
        Row::new(cells.into_iter().chain(file).collect::<Vec<_>>())
    };
    let columns = [
        Column::text("kernel", "kernel"),
        Column::number("executions", "executions").gives_way(4),
        Column::number("FLOPs", "flops"),
        Column::number("share", "share").gives_way(3),
        Column::number("bytes", "storage_bytes").gives_way(2),
        Column::number("line", "line"),
        Column::text("source", "source").is_cut(),
    ];
    let file = has_files.then(|| Column::text("of", "file").gives_way(1));
    let rows: Vec<Row> = lines.into_iter().map(row).collect();
    let columns = columns.into_iter().chain(file).collect();
    (!rows.is_empty()).then(|| Table { columns, rows, code: true, ..Table::default() })
}
