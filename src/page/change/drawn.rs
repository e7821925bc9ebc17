//! What moved from one run of kernels to another as pictures: FLOPs, bytes and times, each on an axis of its own. What is
//! equal has no picture.

use std::cmp::Reverse;

use super::cells::runs;
use crate::{
    page::{Bar, Cell, Column, Figure, Plot, Row, Section, Table, TimeBar, Unit, number::grouped},
    result::{ChangeReport, KernelFigures, KernelPair},
};

/// Kernels that are drawn, those with most first.
const DRAWN: usize = 8;

/// A picture of each kind of figure that moved.
pub(super) fn figures(report: &ChangeReport) -> Vec<Section> {
    let flops = counted(
        "FLOPs, A beside B",
        "whose executed FLOPs moved, before (A) and after (B)",
        Unit::Count,
        report,
        |its| its.flops,
    );
    let traffic = "whose bytes of storage and texture traffic moved, before (A) and after (B)";
    let bytes = counted("Bytes, A beside B", traffic, Unit::Bytes, report, |its| its.bytes);
    flops.into_iter().chain(bytes).chain(times(report)).collect()
}

/// Kernels of which one side or the other counts more, as bars.
fn counted(
    title: &'static str,
    what: &str,
    unit: Unit,
    report: &ChangeReport,
    of: fn(&KernelFigures) -> u64,
) -> Option<Section> {
    let count = |side: &Option<KernelFigures>| side.as_ref().map(of);
    let mut moved: Vec<&KernelPair> =
        report.kernels.iter().filter(|pair| count(&pair.a) != count(&pair.b)).collect();
    moved.sort_by_key(|pair| Reverse(count(&pair.a).max(count(&pair.b))));
    let bars = moved.iter().take(DRAWN).flat_map(|pair| {
        sides(pair).filter_map(move |(series, name, side)| {
            Some(Bar { name, parts: vec![(series, count(side)?)] })
        })
    });
    let cell = |side| match (count(side), unit) {
        (None, _) => Cell::Missing,
        (Some(count), Unit::Count) => Cell::whole(count),
        (Some(count), Unit::Bytes) => Cell::Bytes(count),
    };
    let rows = moved.iter().map(|pair| {
        let both = count(&pair.a).zip(count(&pair.b));
        let change = both.map_or(Cell::Missing, |(a, b)| Cell::Change(a as f64, b as f64));
        Row::new([Cell::text(&*pair.name), cell(&pair.a), cell(&pair.b), change])
    });
    let data = Table { columns: columns().into(), rows: rows.collect(), ..Table::default() };
    let figure = Figure::Bars { unit, bars: bars.collect() };
    section(title, what, moved.len(), figure, data)
}

/// Kernels that were timed on both sides and took longer on one, as bars.
fn times(report: &ChangeReport) -> Option<Section> {
    let seconds_of = |side: &Option<KernelFigures>| side.as_ref().and_then(|its| its.seconds);
    let timed = report.kernels.iter().filter_map(|pair| {
        let both = (seconds_of(&pair.a)?, seconds_of(&pair.b)?);
        (both.0 != both.1).then_some((pair, both))
    });
    let mut moved: Vec<(&KernelPair, (f64, f64))> = timed.collect();
    moved.sort_by(|(_, one), (_, other)| other.0.max(other.1).total_cmp(&one.0.max(one.1)));
    let drawn = moved.iter().take(DRAWN).flat_map(|(pair, _)| {
        sides(pair).filter_map(|(series, name, side)| {
            let side = side.as_ref()?;
            let spread = side.spread.map(|spread| (spread.min, spread.max));
            Some(TimeBar { name, series, seconds: side.seconds?, spread })
        })
    });
    let rows = moved.iter().map(|(pair, (a, b))| {
        let change = Cell::Change(*a, *b);
        let cells = [Cell::text(&*pair.name), Cell::Seconds(*a), Cell::Seconds(*b), change];
        let runs = [runs(pair.a), runs(pair.b)].concat();
        Row::new(cells.into_iter().chain(runs).collect::<Vec<_>>())
    });
    let spread = [
        Column::number("shortest A", "seconds_min_a"),
        Column::number("longest A", "seconds_max_a"),
        Column::number("shortest B", "seconds_min_b"),
        Column::number("longest B", "seconds_max_b"),
    ];
    let columns = columns().into_iter().chain(spread);
    let data = Table { columns: columns.collect(), rows: rows.collect(), ..Table::default() };
    let what = "whose median time moved, before (A) and after (B); a thin line goes from the least to the most of its runs";
    let figure = Figure::Times(drawn.collect());
    section("Time, A beside B", what, moved.len(), figure, data)
}

/// Both sides of a kernel with what they are called.
fn sides(pair: &KernelPair) -> impl Iterator<Item = (usize, String, &Option<KernelFigures>)> {
    let sides = [("A", &pair.a), ("B", &pair.b)].into_iter().enumerate();
    sides.map(|(series, (side, its))| (series, format!("{} {side}", pair.name), its))
}

fn columns() -> [Column; 4] {
    [
        Column::text("kernel", "kernel"),
        Column::number("A", "a"),
        Column::number("B", "b"),
        Column::number("change", "change"),
    ]
}

/// `None` where nothing moved.
fn section(
    title: &'static str,
    what: &str,
    moved: usize,
    figure: Figure,
    data: Table,
) -> Option<Section> {
    let rest = match moved.saturating_sub(DRAWN) {
        0 => String::new(),
        rest => format!(" {} more are among the numbers.", grouped(rest as u64)),
    };
    let description = format!("Kernels {what}.{rest}");
    let series = ["A", "B"].map(str::to_owned).into();
    (moved > 0)
        .then(|| Section::plot(title, Plot { description, series, key: Vec::new(), figure, data }))
}
