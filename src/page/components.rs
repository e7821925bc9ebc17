//! The table of components: one block a phase, layers of one shape summed unless each is wanted.

use super::{Cell, Column, Idle, Row, Table, Tone, roofline};
use crate::{
    component::{ComponentName, Phase},
    op::Cost,
    result::{Component, Report, component},
};

pub(super) fn table(report: &Report, every_layer: bool) -> Table {
    let folded = folded(&report.components, every_layer);
    let components = &folded.rows;
    let row = |name: &str, component: &Component| row(name, component, report);
    let sum = |name: &str, phase: Phase, rows: &[&Component]| {
        let mut sum = Component::new(ComponentName::new(&[]), phase);
        rows.iter().for_each(|row| sum.absorb(row));
        Row { sum: true, ..row(name, &sum) }
    };
    let mut rows = Vec::new();
    for phase in Phase::ALL {
        let of_phase: Vec<&Component> =
            components.iter().filter(|component| component.phase == phase).collect();
        if of_phase.is_empty() {
            continue;
        }
        rows.extend(of_phase.iter().map(|part| row(&folded.name(part), part).of(phase.name())));
        rows.push(sum(phase.name(), phase, &of_phase).of(phase.name()));
    }
    rows.push(sum("total", Phase::Forward, &components.iter().collect::<Vec<_>>()));
    let mut columns = vec![
        Column::text("component", "component"),
        Column::number("measured", "measured"),
        Column::number("schedule", "exact").idle(Idle::WhereEqual(1)),
        Column::number("diff", "difference").idle(Idle::WhereZero),
        Column::number("estimate", "estimate").gives_way(3),
        Column::number("ratio", "ratio"),
        Column::number("bytes", "bytes").gives_way(4),
        Column::number("FLOP/B", "flops_per_byte").gives_way(5),
        Column::number("time", "seconds"),
        Column::number("GFLOP/s", "gflops_per_second").gives_way(2),
        Column::number("share", "share").gives_way(1),
    ];
    if report.extrapolation.is_some() {
        columns.push(Column::text("scaled up", "extrapolated"));
    }
    if report.ceilings.is_some() {
        columns.extend(roofline::columns());
    }
    Table { grouped_by: Some("phase"), columns, rows, main: true, code: false }
}

fn row(name: &str, component: &Component, report: &Report) -> Row {
    let Component { measured, exact, estimate, traffic, seconds, extrapolated, .. } = component;
    let difference = exact.map(|exact| i128::from(*measured) - i128::from(exact));
    let moved = traffic.storage_bytes();
    let rate = |seconds: f64| Cell::rate(*measured as f64 / seconds * 1e-9, 2);
    let marked = |cell: Cell| cell.extrapolated(*extrapolated);
    let mut cells = vec![
        Cell::text(name),
        marked(Cell::whole(*measured)),
        Cell::count(*exact),
        marked(difference.map_or(Cell::Missing, Cell::Difference)),
        Cell::count(Some(*estimate).filter(|&flops| flops > 0)),
        marked(Cell::ratio(*measured, *estimate)),
        marked(Cell::Bytes(moved)),
        marked(Cell::rate(*measured as f64 / moved as f64, 2)),
        marked(seconds.map_or(Cell::Missing, Cell::Seconds)),
        marked(seconds.map_or(Cell::Missing, rate)),
        marked(Cell::Share(*measured, report.totals.measured.total())),
    ];
    if report.extrapolation.is_some() {
        cells.push(Cell::text(if *extrapolated { "yes" } else { "no" }));
    }
    if let Some(ceilings) = &report.ceilings {
        let cost = Cost { ops: component.ops, traffic: *traffic };
        let place = |seconds| ceilings.place(&cost, report.convention, seconds);
        cells.extend(roofline::placed(seconds.and_then(place)));
    }
    let differs = difference.is_some_and(|difference| difference != 0);
    Row { tone: if differs { Tone::Bad } else { Tone::Plain }, ..Row::new(cells) }
}

/// The first and the last layer, where a row of a layer stands for all of them.
#[derive(Clone, Copy)]
pub(super) struct Layers(Option<[u32; 2]>);

impl Layers {
    /// Those of components, unless each layer is wanted or there is but one.
    pub(super) fn of<'a>(
        components: impl Iterator<Item = &'a ComponentName>,
        every_layer: bool,
    ) -> Self {
        let layers: Vec<u32> = components.filter_map(|name| name.layer).collect();
        let ends = layers.iter().min().zip(layers.iter().max());
        let ends = ends.map(|(first, last)| [*first, *last]);
        Self(ends.filter(|[first, last]| first != last && !every_layer))
    }

    /// What a component is called, after the first and last layer that it stands for.
    pub(super) fn name(self, component: &ComponentName) -> String {
        match self.0 {
            Some([first, last]) => component.with_layers(&format!("{first}..{last}")),
            None => component.to_string(),
        }
    }
}

/// Rows, and the layers that they stand for.
pub(super) struct Folded {
    pub(super) rows: Vec<Component>,
    layers: Layers,
}

/// Rows that differ only in the layer's number become one, unless each layer is wanted or there is but one.
pub(super) fn folded(rows: &[Component], every_layer: bool) -> Folded {
    let layers = Layers::of(rows.iter().map(|row| &row.name), every_layer);
    let rows = match layers.0 {
        None => rows.to_vec(),
        Some([first, _]) => component::gather(rows.iter().cloned().map(|mut row| {
            row.name.layer = row.name.layer.map(|_| first);
            row
        })),
    };
    Folded { rows, layers }
}

impl Folded {
    /// What a row is called.
    pub(super) fn name(&self, row: &Component) -> String {
        self.layers.name(&row.name)
    }
}
