//! Figures of reports on kernels, estimates and comparisons: bars of FLOPs, the longest first, and what came out of
//! comparisons. A training step has figures of its own.

use super::number::grouped;
use super::{Bar, Figure, Plot, Section, Table, Unit};
use crate::result::{LineRow, ShaderReport};

/// Bars that stand for themselves; the shorter ones share the last.
const BARS: usize = 16;

/// Bars of FLOPs, the longest first, with the numbers behind them; `None` where no bar has a length.
pub(super) fn of_flops(
    title: &'static str,
    description: String,
    series: &[&str],
    bars: Vec<Bar>,
    data: Table,
) -> Option<Section> {
    let mut bars: Vec<Bar> = bars.into_iter().filter(|bar| length(bar) > 0).collect();
    if bars.is_empty() {
        return None;
    }
    bars.sort_by_key(|bar| std::cmp::Reverse(length(bar)));
    if bars.len() > BARS {
        let rest = bars.split_off(BARS - 1);
        let parts = (0..series.len()).map(|series| {
            let of = |bar: &Bar| -> u64 {
                bar.parts.iter().filter(|part| part.0 == series).map(|part| part.1).sum()
            };
            (series, rest.iter().map(of).sum())
        });
        let name = format!("{} others", grouped(rest.len() as u64));
        bars.push(Bar { name, parts: parts.collect() });
    }
    Some(section(title, description, series, bars, data))
}

/// Bars in the order in which they are.
pub(super) fn section(
    title: &'static str,
    description: String,
    series: &[&str],
    bars: Vec<Bar>,
    data: Table,
) -> Section {
    let series = series.iter().map(|&name| name.to_owned()).collect();
    let figure = Figure::Bars { unit: Unit::Count, bars };
    Section::plot(title, Plot { description, series, key: Vec::new(), figure, data })
}

fn length(bar: &Bar) -> u128 {
    bar.parts.iter().map(|&(_, flops)| u128::from(flops)).sum()
}

/// Which lines of a kernel's source its FLOPs are on; `None` where no line has any.
pub(super) fn lines(report: &ShaderReport, data: Table) -> Option<Section> {
    let stated: Vec<&str> = report.source.lines().collect();
    let text = |row: &LineRow| {
        let at = (1_u32..).zip(&stated);
        let mut same =
            at.filter(|&(number, _)| report.file_of(number) == (row.file.as_deref(), row.line));
        same.next().map_or("", |(_, text)| text.trim())
    };
    let bars = report.lines.iter().map(|row| Bar {
        name: format!("{}  {}", row.line, text(row)),
        parts: vec![(0, row.flops)],
    });
    of_flops(
        "Which lines the FLOPs are on",
        format!(
            "One bar a line of the source, as long as its executed FLOPs; {} in all.",
            grouped(report.flops)
        ),
        &["executed"],
        bars.collect(),
        data,
    )
}
