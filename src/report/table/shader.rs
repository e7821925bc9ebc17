//! The report on one kernel: totals, then its source with what each line cost beside it.

use std::fmt::Write as _;

use super::{
    RED, Style, adapter_line, clock_in_words, embedded_times, header, numbers, painted,
    plain_table, watched::watched, wrapped,
};
use crate::{
    op::{OpCounts, Traffic},
    report::{
        ShaderReport,
        number::{DASH, bytes, grouped, seconds, share},
    },
};

/// A whole report on one kernel.
pub fn shader(report: &ShaderReport, style: Style) -> String {
    let mut text = head(report);
    text.push('\n');
    text.push_str(&operations(report, style));
    text.push('\n');
    text.push_str(&rates(report));
    text.push_str(embedded_times(&report.adapter));
    if let Some(seen) = &report.watched {
        text.push_str(&watched(seen, style));
    }
    if !report.source.is_empty() {
        text.push('\n');
        text.push_str(&listing(report, style));
    }
    text
}

fn head(report: &ShaderReport) -> String {
    let ShaderReport { shader, entry, grid, workgroup_size, convention, .. } = report;
    let extents = |e: [u32; 3]| format!("{} x {} x {}", e[0], e[1], e[2]);
    let product = |e: [u32; 3]| e.iter().map(|&n| u128::from(n)).product::<u128>();
    let invocations = product(*grid) * product(*workgroup_size);
    let overrides: Vec<String> =
        report.overrides.iter().map(|(name, value)| format!(", {name} = {value}")).collect();
    let rows = [
        ("shader", format!("{shader}, entry point '{entry}'{}", overrides.concat())),
        (
            "dispatch",
            format!(
                "{} workgroups of {} = {} invocations",
                extents(*grid),
                extents(*workgroup_size),
                u64::try_from(invocations).map_or(DASH.to_owned(), grouped)
            ),
        ),
        ("adapter", adapter_line(&report.adapter)),
        ("measured", wrapped(report.definition)),
        ("FLOPs", format!("convention {convention}: {}", convention.describe())),
    ];
    rows.into_iter().fold(String::new(), |mut text, (name, value)| {
        let _ = writeln!(text, "{name:<9} {value}");
        text
    })
}

/// Executed operations by kind.
fn operations(report: &ShaderReport, style: Style) -> String {
    let mut table = plain_table(style);
    table.set_header(header(["operation", "executed", "FLOPs", "share"]));
    for (scalar, op, count) in report.ops.iter() {
        let flops = OpCounts::of(scalar, op, count).flops(report.convention);
        table.add_row(numbers(
            format!("{}.{}", scalar.name(), op.name()),
            [grouped(count), grouped(flops), share(flops, report.flops)],
        ));
    }
    table.add_row(super::bold(numbers(
        "total".to_owned(),
        [String::new(), grouped(report.flops), share(report.flops, report.flops)],
    )));
    format!("{}\n", table.trim_fmt())
}

/// Traffic, intensity and rates.
fn rates(report: &ShaderReport) -> String {
    let Traffic {
        storage_load,
        storage_store,
        uniform_load,
        workgroup_load,
        workgroup_store,
        atomics,
        barriers,
    } = report.traffic;
    let mut parts =
        vec![format!("storage {} loaded, {} stored", bytes(storage_load), bytes(storage_store))];
    if uniform_load > 0 {
        parts.push(format!("uniform {} loaded", bytes(uniform_load)));
    }
    if workgroup_load + workgroup_store > 0 {
        let (load, store) = (bytes(workgroup_load), bytes(workgroup_store));
        parts.push(format!("workgroup {load} loaded, {store} stored"));
    }
    if atomics > 0 {
        parts.push(format!("{} atomics", grouped(atomics)));
    }
    if barriers > 0 {
        parts.push(format!("{} barriers", grouped(barriers)));
    }
    let intensity = match report.intensity {
        Some(intensity) => format!("{intensity:.3} FLOP for each byte of storage traffic"),
        None => "no storage traffic".to_owned(),
    };
    let timing = &report.timing;
    let counted = seconds(timing.counted_seconds);
    let clock = clock_in_words(timing.source);
    let time = match report.seconds {
        Some(plain) => {
            let giga = |per_run: u64| per_run as f64 / plain * 1e-9;
            format!(
                "{} plain (median of {}, by {clock}): {:.3} GFLOP/s, {:.3} GB/s of storage traffic; \
                 counting once took {counted}",
                seconds(plain),
                timing.repeats,
                giga(report.flops),
                giga(report.traffic.storage_bytes())
            )
        }
        None => format!("{clock}; counting once took {counted}"),
    };
    let rows = [("traffic", parts.join("; ")), ("intensity", intensity), ("timing", time)];
    rows.into_iter().fold(String::new(), |mut text, (name, value)| {
        let _ = writeln!(text, "{name:<9} {value}");
        text
    })
}

/// The source, each line with its executions, FLOPs and bytes; `>` marks those to look at first.
fn listing(report: &ShaderReport, style: Style) -> String {
    const NAMES: [&str; 4] = ["executions", "FLOPs", "share", "bytes"];
    let lines: Vec<&str> = report.source.lines().collect();
    let rows: Vec<(bool, [String; 4])> = (1..=lines.len() as u32)
        .map(|number| match report.lines.iter().find(|row| row.line == number) {
            None => (false, Default::default()),
            Some(row) => {
                let or_blank = |n: u64, text: String| if n == 0 { String::new() } else { text };
                let touched = row.traffic.bytes();
                let columns = [
                    grouped(row.executions),
                    or_blank(row.flops, grouped(row.flops)),
                    or_blank(row.flops, share(row.flops, report.flops)),
                    or_blank(touched, bytes(touched)),
                ];
                (row.hot, columns)
            }
        })
        .collect();
    let width = |column: usize| {
        let values = rows.iter().map(|(_, columns)| columns[column].len());
        values.max().unwrap_or_default().max(NAMES[column].len())
    };
    let widths: [usize; 4] = std::array::from_fn(width);
    let digits = lines.len().to_string().len();
    let padded = |columns: [&str; 4]| {
        let columns = columns.iter().zip(widths);
        columns.map(|(text, width)| format!("{text:>width$}")).collect::<Vec<_>>().join("  ")
    };
    let mut text = format!("{}    {:>digits$}  source\n", padded(NAMES), "");
    for ((number, line), (hot, columns)) in (1..).zip(&lines).zip(&rows) {
        let mark = if *hot { '>' } else { ' ' };
        let columns = padded(std::array::from_fn(|i| columns[i].as_str()));
        let row = format!("{columns}  {mark} {number:>digits$}  {line}");
        let row = row.trim_end();
        let row = if *hot { painted(row, RED, style) } else { row.to_owned() };
        let _ = writeln!(text, "{row}");
    }
    text
}
