//! The figures of a training step's report: where its FLOPs are, who counts how many, why the published
//! estimator and the measurement differ, and when each pass ran.

use std::{cmp::Reverse, collections::BTreeMap};

use super::number::grouped;
use super::{
    Bar, Cell, Column, Figure, Plot, Rise, Row, Section, Stretch, Table, Track, Unit, components,
};
use crate::{component::Phase, result::Report};

/// Series that have a colour of their own; the smaller ones share the last.
const COLOURS: usize = 7;
/// Causes that a waterfall shows by themselves.
const CAUSES: usize = 12;

/// Where the FLOPs are, by phase.
pub(super) fn shares(report: &Report) -> Section {
    let folded = components::folded(&report.components, false);
    let components: Vec<_> = folded.rows.iter().map(|row| (folded.name(row), row)).collect();
    let by_name = components.iter().map(|(name, row)| (name.as_str(), row.measured as f64));
    let series = largest(by_name);
    let ran =
        |phase| components.iter().filter(move |(_, row)| row.phase == phase && row.measured > 0);
    let mut bars = Vec::new();
    for phase in Phase::ALL {
        let mut parts: BTreeMap<usize, u64> = BTreeMap::new();
        for (name, row) in ran(phase) {
            *parts.entry(place(&series, name)).or_default() += row.measured;
        }
        bars.push(Bar { name: phase.name().to_owned(), parts: parts.into_iter().collect() });
    }
    let whole = report.totals.measured.total();
    let rows = Phase::ALL.into_iter().flat_map(ran).map(|(name, row)| {
        let cells = [Cell::text(name), Cell::whole(row.measured), Cell::Share(row.measured, whole)];
        Row::new(cells).of(row.phase.name())
    });
    let data = Table {
        grouped_by: Some("phase"),
        columns: vec![
            Column::text("component", "component"),
            Column::number("FLOPs", "flops"),
            Column::number("share", "share"),
        ],
        rows: rows.collect(),
        ..Table::default()
    };
    let description = format!(
        "One bar a phase, as long as its executed FLOPs and divided by component; {} in all.",
        grouped(whole)
    );
    let plot = Plot { description, series, key: Vec::new(), figure: flops(bars), data };
    Section::plot("Where the FLOPs are", plot)
}

/// The same step as each way of counting has it.
pub(super) fn opinions(report: &Report) -> Section {
    let totals = &report.totals;
    let split = [
        ("measured".to_owned(), Some(totals.measured)),
        ("closed forms".to_owned(), totals.exact),
        ("published estimator".to_owned(), Some(totals.estimate)),
    ];
    let phases = split.iter().filter_map(|(name, flops)| Some((name, (*flops)?)));
    let series: Vec<String> = Phase::ALL.map(|phase| phase.name().to_owned()).into();
    let whole = "not divided".to_owned();
    let mut bars = Vec::new();
    let mut rows = Vec::new();
    for (name, flops) in phases {
        let parts = Phase::ALL.map(|phase| (phase as usize, flops.get(phase)));
        bars.push(Bar { name: name.clone(), parts: parts.into() });
        let cells = parts.map(|(_, flops)| Cell::whole(flops));
        let ends = ([Cell::text(name)], [Cell::whole(flops.total())]);
        rows.push(Row::new(ends.0.into_iter().chain(cells).chain(ends.1).collect::<Vec<_>>()));
    }
    for rule in &report.field_formulas {
        let name = format!("{} ({})", rule.name, rule.of);
        bars.push(Bar { name: name.clone(), parts: vec![(series.len(), rule.flops)] });
        let blank = [const { Cell::Blank }; 3];
        let ends = ([Cell::text(name)], [Cell::whole(rule.flops)]);
        rows.push(Row::new(ends.0.into_iter().chain(blank).chain(ends.1).collect::<Vec<_>>()));
    }
    let numbers = Phase::ALL.map(Phase::name).into_iter().chain(["total"]);
    let data = Table {
        columns: [Column::text("count", "count")]
            .into_iter()
            .chain(numbers.map(|name| Column::number(name, name)))
            .collect(),
        rows,
        ..Table::default()
    };
    let description =
        "The FLOPs of the same step as measured, by the closed forms, and by each estimator."
            .to_owned();
    let undivided = (!report.field_formulas.is_empty()).then_some(whole);
    let series = series.into_iter().chain(undivided).collect();
    Section::plot(
        "Who counts how many",
        Plot { description, series, key: Vec::new(), figure: flops(bars), data },
    )
}

/// From the estimate to what was measured, cause by cause.
pub(super) fn waterfall(report: &Report) -> Section {
    let mut subjects: BTreeMap<&str, i128> = BTreeMap::new();
    for cause in &report.causes {
        *subjects.entry(&cause.subject).or_default() += cause.difference;
    }
    let explained: i128 = subjects.values().sum();
    let all =
        i128::from(report.totals.measured.total()) - i128::from(report.totals.estimate.total());
    // What passes that do not match their closed forms did has no cause.
    subjects.insert("not explained", all - explained);
    let mut causes: Vec<(&str, i128)> =
        subjects.into_iter().filter(|(_, difference)| *difference != 0).collect();
    causes.sort_by_key(|(_, difference)| Reverse(difference.unsigned_abs()));
    let rows = causes
        .iter()
        .map(|(name, difference)| Row::new([Cell::text(*name), Cell::Difference(*difference)]));
    let sum = Row::sum([Cell::text("measured less estimated"), Cell::Difference(all)]);
    let data = Table {
        columns: vec![Column::text("cause", "cause"), Column::number("difference", "difference")],
        rows: rows.chain([sum]).collect(),
        ..Table::default()
    };
    let rest = causes.split_off(causes.len().min(CAUSES));
    let others = (!rest.is_empty()).then(|| {
        (format!("{} others", rest.len()), rest.iter().map(|(_, difference)| difference).sum())
    });
    let causes = causes.into_iter().map(|(name, difference)| (name.to_owned(), difference));
    let steps = causes.chain(others).map(|(name, difference)| Rise { name, difference });
    let description = format!(
        "From the estimate of {} FLOPs, the axis' 0, to the {} FLOPs measured: each \
         bar is one cause, all phases together, and begins where the one before ended.",
        grouped(report.totals.estimate.total()),
        grouped(report.totals.measured.total())
    );
    let series = ["measured more", "measured less", "altogether"].map(str::to_owned).into();
    let figure = Figure::Waterfall(steps.collect());
    Section::plot(
        "From the estimate to the measurement",
        Plot { description, series, key: Vec::new(), figure, data },
    )
}

/// When each pass ran, if passes ran one after the other; `None` where nothing was timed.
pub(super) fn timeline(report: &Report) -> Option<Section> {
    let timed = report.passes.iter().filter_map(|pass| Some((pass, pass.seconds?)));
    let series = largest(timed.clone().map(|(pass, seconds)| (pass.kernel.file.as_str(), seconds)));
    let mut tracks =
        Phase::ALL.map(|phase| Track { name: phase.name().to_owned(), slices: Vec::new() });
    let mut rows = Vec::new();
    let mut now = 0.0;
    for (pass, seconds) in timed {
        let series = place(&series, &pass.kernel.file);
        tracks[pass.phase as usize].slices.push(Stretch { series, start: now, seconds });
        rows.push(Row::new([
            Cell::text(&pass.label),
            Cell::text(pass.kernel.to_string()),
            Cell::Seconds(now),
            Cell::Seconds(seconds),
            Cell::whole(pass.flops),
            Cell::Bytes(pass.traffic.storage_bytes()),
            Cell::rate(pass.flops as f64 / seconds * 1e-9, 2),
        ]));
        now += seconds;
    }
    if rows.is_empty() {
        return None;
    }
    let description = format!(
        "Each of {} passes with its median duration, by {}. Durations are measured; passes are laid end \
         to end.",
        grouped(rows.len() as u64),
        report.timing.source.in_words()
    );
    let data = Table {
        columns: vec![
            Column::text("pass", "pass"),
            Column::text("kernel", "kernel"),
            Column::number("start", "start_seconds"),
            Column::number("time", "seconds"),
            Column::number("FLOPs", "flops"),
            Column::number("bytes", "bytes"),
            Column::number("GFLOP/s", "gflops_per_second"),
        ],
        rows,
        ..Table::default()
    };
    let plot = Plot {
        description,
        series,
        key: Vec::new(),
        figure: Figure::Timeline(tracks.into()),
        data,
    };
    Some(Section::plot("Where the time went", plot))
}

fn flops(bars: Vec<Bar>) -> Figure {
    Figure::Bars { unit: Unit::Count, bars }
}

/// The names with the most to them, largest first, and one for the rest where there is a rest.
fn largest<'a>(parts: impl Iterator<Item = (&'a str, f64)>) -> Vec<String> {
    let mut sums: BTreeMap<&str, f64> = BTreeMap::new();
    for (name, value) in parts.filter(|(_, value)| *value > 0.0) {
        *sums.entry(name).or_default() += value;
    }
    let mut names: Vec<(&str, f64)> = sums.into_iter().collect();
    names.sort_by(|(_, a), (_, b)| b.total_cmp(a));
    let rest = names.len().saturating_sub(COLOURS);
    names.truncate(COLOURS);
    let others = (rest > 0).then(|| format!("{rest} others"));
    names.into_iter().map(|(name, _)| name.to_owned()).chain(others).collect()
}

/// Where a name stands among series; past the named ones all are the last.
fn place(series: &[String], name: &str) -> usize {
    series.iter().position(|series| series == name).unwrap_or(COLOURS)
}
