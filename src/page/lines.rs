//! The source of a kernel as a table: each line with what it cost. Knows what columns stand there; what else a report
//! says is told elsewhere.

use std::collections::BTreeMap;

use super::{Cell, Column, Row, Table, Tone};
use crate::{
    op::Traffic,
    result::{LineRow, ShaderReport, carriers as carriers_of},
};

/// The source, each line with its executions, FLOPs and bytes; `>` marks those to look at first.
pub(super) fn listing(report: &ShaderReport) -> Table {
    let storage = carriers(&report.traffic);
    let others: Vec<&Touched> = others(&report.traffic).collect();
    let several = !report.continued_in.is_empty();
    let costs = report.lines.iter().map(|row| ((row.file.as_deref(), row.line), row));
    let mut costs: BTreeMap<_, _> = costs.collect();
    let rows = (1_u32..).zip(report.source.lines()).map(|(number, source)| {
        let (file, number) = report.file_of(number);
        // Lines of a file that is included twice stand there twice, and what they cost stands with the first.
        let cost = costs.remove(&(file, number));
        let blank = || vec![Cell::Blank; 4 + others.len()];
        let costs = cost.map_or_else(blank, |row| {
            let touched = row.traffic.storage_bytes();
            let costs = [
                Cell::whole(row.executions),
                or_blank(row.flops, Cell::whole(row.flops)),
                or_blank(row.flops, Cell::Share(row.flops, report.flops)),
                or_blank(touched, Cell::Bytes(touched)),
            ];
            let others = others.iter().map(|other| other.cell((other.of)(&row.traffic)));
            costs.into_iter().chain(others).collect()
        });
        let hot = cost.is_some_and(|row| row.hot);
        let mark = Cell::text(if hot { ">" } else { "" });
        let place = [mark, Cell::whole(number), Cell::text(source)];
        let file = several.then(|| Cell::text(file.unwrap_or_default()));
        let row = Row::new(costs.into_iter().chain(place).chain(file).collect::<Vec<_>>());
        Row { tone: if hot { Tone::Hot } else { Tone::Plain }, ..row }
    });
    let rows: Vec<Row> = rows.chain(unlined(report, &others)).collect();
    let costs = [
        Column::number("executions", "executions").gives_way(3),
        Column::number("FLOPs", "flops"),
        Column::number("share", "share").gives_way(4),
        // Of bytes or FLOPs a line has its mark.
        Column::number(format!("{storage} bytes"), "bytes").gives_way(1),
    ];
    let others =
        others.iter().map(|other| Column::number(other.name, other.key).gives_way(other.gives_way));
    let place = [
        Column::text("", "hot"),
        Column::number("line", "line"),
        Column::text("source", "source").is_cut(),
    ];
    let columns = costs.into_iter().chain(others).chain(place);
    let file = several.then(|| Column::text("of", "file"));
    Table {
        columns: columns.chain(file).collect(),
        rows,
        main: true,
        code: true,
        ..Table::default()
    }
}

/// What the lines of a listing leave of the whole: optimisers of SPIR-V move instructions and say of no line.
fn unlined(report: &ShaderReport, others: &[&Touched]) -> Option<Row> {
    let of_lines = |of: fn(&LineRow) -> u64| report.lines.iter().map(of).sum::<u64>();
    let left = |whole: u64, of: fn(&LineRow) -> u64| whole.saturating_sub(of_lines(of));
    let others = others.iter().map(|other| {
        let of_lines = report.lines.iter().map(|row| (other.of)(&row.traffic)).sum();
        (other, (other.of)(&report.traffic).saturating_sub(of_lines))
    });
    let others: Vec<_> = others.collect();
    let flops = left(report.flops, |row| row.flops);
    let touched = left(report.traffic.storage_bytes(), |row| row.traffic.storage_bytes());
    let more: u64 = others.iter().map(|(_, left)| left).sum();
    let costs = [
        Cell::Blank,
        or_blank(flops, Cell::whole(flops)),
        or_blank(flops, Cell::Share(flops, report.flops)),
        or_blank(touched, Cell::Bytes(touched)),
    ];
    let costs = costs.into_iter().chain(others.iter().map(|(other, left)| other.cell(*left)));
    let place = [Cell::text(""), Cell::Blank, Cell::text("(of no line that is known)")];
    let file = (!report.continued_in.is_empty()).then_some(Cell::Blank);
    (flops + touched + more > 0)
        .then(|| Row::new(costs.chain(place).chain(file).collect::<Vec<_>>()))
}

/// Something beside storage that a line may touch, in a column where any does.
struct Touched {
    name: &'static str,
    key: &'static str,
    /// When its column makes way for the source, as [`Column::gives_way`] has it.
    gives_way: u8,
    of: fn(&Traffic) -> u64,
    in_bytes: bool,
}

impl Touched {
    fn cell(&self, count: u64) -> Cell {
        or_blank(count, if self.in_bytes { Cell::Bytes(count) } else { Cell::whole(count) })
    }
}

const TOUCHED: [Touched; 2] = [
    Touched {
        name: "workgroup bytes",
        key: "workgroup_bytes",
        gives_way: 2,
        of: |traffic| traffic.workgroup_load + traffic.workgroup_store,
        in_bytes: true,
    },
    Touched {
        name: "atomics",
        key: "atomics",
        gives_way: 2,
        of: |traffic| traffic.atomics,
        in_bytes: false,
    },
];

/// What is touched beside storage.
fn others(traffic: &Traffic) -> impl Iterator<Item = &'static Touched> {
    TOUCHED.iter().filter(|touched| (touched.of)(traffic) > 0)
}

/// What carries the traffic that is held against FLOPs, in words.
pub(super) const fn carriers(traffic: &Traffic) -> &'static str {
    carriers_of(traffic.texture_load + traffic.texture_store > 0)
}

fn or_blank(count: u64, cell: Cell) -> Cell {
    if count == 0 { Cell::Blank } else { cell }
}
