//! The table of components: one block a phase, layers of one shape summed unless each is wanted.

use comfy_table::{Cell, Color};

use super::{Style, bold, header, marked, numbers, plain_table};
use crate::{
    plan::Phase,
    report::{
        Component, Report, component,
        number::{DASH, bytes, grouped, ratio, seconds, share, signed},
    },
};

const COLUMNS: [&str; 11] = [
    "component",
    "measured",
    "exact",
    "diff",
    "estimate",
    "ratio",
    "bytes",
    "FLOP/B",
    "time",
    "GFLOP/s",
    "share",
];

pub(super) fn render(report: &Report, style: Style) -> String {
    let mut rows = report.components.clone();
    if !style.every_layer {
        rows = folded(rows);
    }
    let whole = report.totals.measured.total();
    let mut table = plain_table(style);
    table.set_header(header(COLUMNS));
    let sum = |name: &str, phase: Phase, rows: &[&Component]| {
        let mut sum = Component::new(name.to_owned(), phase);
        rows.iter().for_each(|row| sum.absorb(row));
        sum
    };
    for phase in Phase::ALL {
        let of_phase: Vec<&Component> = rows.iter().filter(|row| row.phase == phase).collect();
        if of_phase.is_empty() {
            continue;
        }
        for row in &of_phase {
            table.add_row(line(&format!("  {}", row.name), row, whole));
        }
        let total = sum(phase.name(), phase, &of_phase);
        table.add_row(bold(line(phase.name(), &total, whole)));
    }
    let total = sum("total", Phase::Forward, &rows.iter().collect::<Vec<_>>());
    table.add_row(bold(line("total", &total, whole)));
    format!("{}\n", table.trim_fmt())
}

fn line(name: &str, row: &Component, whole: u64) -> Vec<Cell> {
    let difference = row.exact.map(|exact| i128::from(row.measured) - i128::from(exact));
    let moved = row.traffic.storage_bytes();
    let per_byte = row.measured as f64 / moved as f64;
    let gflops = row.seconds.map(|seconds| row.measured as f64 / seconds * 1e-9);
    let or_dash = |text: Option<String>| text.unwrap_or_else(|| DASH.to_owned());
    let marked = |text: String| marked(row.extrapolated, text);
    let mut cells = numbers(
        name.to_owned(),
        [
            marked(grouped(row.measured)),
            or_dash(row.exact.map(grouped)),
            or_dash(difference.map(signed).map(marked)),
            if row.estimate == 0 { DASH.to_owned() } else { grouped(row.estimate) },
            marked(ratio(row.measured, row.estimate)),
            marked(bytes(moved)),
            or_dash((moved > 0).then(|| format!("{per_byte:.2}")).map(marked)),
            or_dash(row.seconds.map(seconds).map(marked)),
            or_dash(
                gflops.filter(|rate| rate.is_finite()).map(|rate| marked(format!("{rate:.2}"))),
            ),
            marked(share(row.measured, whole)),
        ],
    );
    if difference.is_some_and(|difference| difference != 0) {
        cells = cells.into_iter().map(|cell| cell.fg(Color::Red)).collect();
    }
    cells
}

/// Rows that differ only in the layer's number become one, named after the first and last of them.
fn folded(rows: Vec<Component>) -> Vec<Component> {
    let layers: Vec<u32> = rows.iter().filter_map(|row| Some(layer(&row.name)?.0)).collect();
    let (Some(first), Some(last)) = (layers.iter().min(), layers.iter().max()) else { return rows };
    if first == last {
        return rows;
    }
    let renamed = rows.into_iter().map(|row| match layer(&row.name) {
        Some((_, rest)) => Component { name: format!("layer_{first}..{last}{rest}"), ..row },
        None => row,
    });
    component::gather(renamed)
}

/// A layer's number, and what follows it in a component's name.
fn layer(name: &str) -> Option<(u32, &str)> {
    let rest = name.strip_prefix("layer_")?;
    let end = rest.find('.').unwrap_or(rest.len());
    Some((rest[..end].parse().ok()?, &rest[end..]))
}
