//! What the report on a run of a program says: totals, its kernels, what they did, and what was not counted.

use super::number::{bytes, grouped};
use super::operations::operations;
use super::{Cell, Column, Fact, Page, Paged, Row, Section, Table, Tone};
use crate::result::{KernelRow, RunReport};

impl Paged for RunReport {
    fn page(&self, _every_layer: bool) -> Page {
        let totals = &self.totals;
        let mut sections = vec![
            Section::facts("What ran", head(self)),
            Section::table("Kernels", kernels(self)),
            Section::table(
                "Operations",
                operations(&totals.ops, Some(&totals.dead_ops), totals.flops, self.convention),
            ),
        ];
        if !self.not_counted.is_empty() {
            sections.push(Section::table("Not counted", not_counted(self)));
        }
        let program = self.command.first().map_or("", String::as_str);
        Page { title: format!("{program}: a program, measured"), sections }
    }
}

fn head(report: &RunReport) -> Vec<Fact> {
    let RunReport { convention, totals, unfinished_submissions, .. } = report;
    let ended = match (report.exit_code, report.signal) {
        (Some(0), _) => Fact::new("ended", "with exit code 0"),
        (Some(code), _) => {
            Fact::new("ended", format!("with exit code {code}")).toned(Tone::Doubtful)
        }
        (None, Some(signal)) => {
            Fact::new("ended", format!("by signal {signal}; what was known then is counted"))
                .toned(Tone::Bad)
        }
        (None, None) => Fact::new("ended", "in an unknown way").toned(Tone::Bad),
    };
    let mut facts = vec![Fact::new("program", report.command.join(" ")), ended];
    for device in &report.devices {
        let also = match &device.enabled[..] {
            [] => String::new(),
            enabled => format!("; for counting it also had {}", enabled.join(", ")),
        };
        facts.push(Fact::new(
            "device",
            format!("{} ({}; {}){also}", device.name, device.api, device.driver),
        ));
    }
    facts.extend([
        Fact { prose: true, ..Fact::new("measured", &*report.definition) },
        Fact::new("FLOPs", format!("convention {convention}: {}", convention.describe())),
        Fact::new(
            "executed",
            format!(
                "{} FLOPs in {} dispatches of {} kernels; storage {} loaded, {} stored",
                grouped(totals.flops),
                grouped(totals.dispatches),
                grouped(report.kernels.len() as u64),
                bytes(totals.traffic.storage_load),
                bytes(totals.traffic.storage_store)
            ),
        ),
    ]);
    if !totals.dead_ops.is_zero() {
        let dead = grouped(totals.dead_ops.flops(*convention));
        facts.push(Fact::new(
            "dead",
            format!("{dead} of those FLOPs have results that nobody uses"),
        ));
    }
    let timing = match &*report.timing.source {
        "timestamps" => {
            "by timestamps around each dispatch, in a second run in which nothing was counted"
        }
        _ => "nothing was timed",
    };
    facts.push(Fact::new("timing", timing));
    if *unfinished_submissions > 0 {
        let said = format!(
            "{} submissions were not seen to end, and are counted in part",
            grouped(*unfinished_submissions)
        );
        facts.push(Fact::new("unfinished", said).toned(Tone::Bad));
    }
    facts
}

/// Each kernel, most FLOPs first.
fn kernels(report: &RunReport) -> Table {
    let row = |kernel: &KernelRow| {
        let storage = kernel.traffic.storage_bytes();
        Row::new([
            Cell::text(&*kernel.name),
            Cell::text(&*kernel.module),
            Cell::whole(kernel.dispatches),
            Cell::whole(kernel.invocations),
            Cell::whole(kernel.flops),
            Cell::Share(kernel.flops, report.totals.flops),
            Cell::whole(kernel.dead_ops.flops(report.convention)),
            Cell::Bytes(storage),
            kernel.intensity.map_or(Cell::Missing, |intensity| Cell::rate(intensity, 2)),
            kernel.seconds.map_or(Cell::Missing, Cell::Seconds),
            rate(kernel.flops, kernel.seconds),
        ])
    };
    let total = Row::sum([
        Cell::text("total"),
        Cell::Blank,
        Cell::whole(report.totals.dispatches),
        Cell::Blank,
        Cell::whole(report.totals.flops),
        Cell::Share(report.totals.flops, report.totals.flops),
        Cell::whole(report.totals.dead_ops.flops(report.convention)),
        Cell::Bytes(report.totals.traffic.storage_bytes()),
        Cell::rate(report.totals.flops as f64 / report.totals.traffic.storage_bytes() as f64, 2),
        report.totals.seconds.map_or(Cell::Missing, Cell::Seconds),
        rate(report.totals.flops, report.totals.seconds),
    ]);
    Table {
        columns: vec![
            Column::text("kernel", "kernel"),
            Column::text("module", "module").gives_way(4),
            Column::number("dispatches", "dispatches"),
            Column::number("invocations", "invocations").gives_way(5),
            Column::number("FLOPs", "flops"),
            Column::number("share", "share").gives_way(2),
            Column::number("dead", "dead_flops").gives_way(1),
            Column::number("bytes", "storage_bytes").gives_way(3),
            Column::number("FLOP/B", "flops_per_byte").gives_way(6),
            Column::number("time", "seconds"),
            Column::number("GFLOP/s", "gflops_per_second"),
        ],
        rows: report.kernels.iter().map(row).chain([total]).collect(),
        main: true,
        ..Table::default()
    }
}

/// FLOPs a second, in thousands of millions.
fn rate(flops: u64, seconds: Option<f64>) -> Cell {
    seconds.map_or(Cell::Missing, |seconds| Cell::rate(flops as f64 / seconds * 1e-9, 2))
}

fn not_counted(report: &RunReport) -> Table {
    let rows = report.not_counted.iter().map(|row| {
        let what = row.kernel.as_ref().or(row.what.as_ref());
        let cells = [
            Cell::text(what.map_or("", String::as_str)),
            Cell::whole(row.dispatches),
            Cell::text(&*row.why),
        ];
        Row { tone: Tone::Doubtful, ..Row::new(cells) }
    });
    Table {
        columns: vec![
            Column::text("not counted", "what"),
            Column::number("dispatches", "dispatches"),
            Column::text("why", "why"),
        ],
        rows: rows.collect(),
        ..Table::default()
    }
}
