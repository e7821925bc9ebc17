//! What the report on a run of a program says: totals, its kernels, what they did, and what was not counted.

mod dispatches;
mod lines;
mod speed;

use speed::{rate, under, under_columns};

use super::number::{bytes, decimal, grouped, several, share_of};
use super::operations::operations;
use super::roofline;
use super::{Bar, Cell, Column, Fact, Page, Paged, Row, Section, Table, Tone, bars, judged};
use crate::{
    op::{Op, Scalar, Traffic},
    result::{Ending, Examined, FindingKind, KernelRow, RunReport},
};

impl Paged for RunReport {
    fn page(&self, every_layer: bool) -> Page {
        let totals = &self.totals;
        let mut sections = vec![Section::facts("What ran", head(self))];
        sections.extend(drawn(self));
        sections.push(Section::table("Kernels", kernels(self)));
        let table = lines::table(self, every_layer);
        sections.extend(table.map(|table| Section::table("Lines", table)));
        if let (Some(ops), Some(flops)) = (&totals.ops, totals.flops) {
            let table = operations(ops, totals.dead_ops.as_ref(), flops, self.convention);
            sections.push(Section::table("Operations", table));
        }
        let dispatches = self.dispatches_in_order.as_deref();
        let table = dispatches.map(|rows| dispatches::table(self, rows, every_layer));
        sections.extend(table.map(|table| Section::table("Dispatches", table)));
        if !self.not_counted.is_empty() {
            sections.push(Section::table("Not counted", not_counted(self)));
        }
        sections.extend(
            self.ceilings.iter().filter_map(|(&device, ceilings)| {
                roofline::section(ceilings, &self.points(device))
            }),
        );
        if self.strict {
            // How it ended, and what was not counted, is told above.
            sections = judged::around(sections, &self.checks(), &[FindingKind::Answer]);
        }
        let program = self.command.first().map_or("", String::as_str);
        Page { title: format!("{program}: a program, measured"), sections }
    }

    fn judged(&self) -> Vec<Examined> {
        self.checks()
    }
}

fn head(report: &RunReport) -> Vec<Fact> {
    let RunReport { totals, unfinished_submissions, .. } = report;
    let ending = Ending { code: report.exit_code, signal: report.signal };
    let ended = match ending {
        Ending { code: Some(0), .. } => Fact::new("ended", ending.to_string()),
        Ending { code: Some(_), .. } => {
            Fact::new("ended", ending.to_string()).toned(Tone::Doubtful)
        }
        Ending { signal: Some(_), .. } => {
            Fact::new("ended", format!("{ending}; what was known then is counted")).toned(Tone::Bad)
        }
        Ending { .. } => Fact::new("ended", ending.to_string()).toned(Tone::Bad),
    };
    let mut facts = vec![Fact::new("program", report.command.join(" ")), ended];
    let options = (!report.options.is_empty()).then(|| report.options.join(" "));
    facts.extend(options.map(|options| Fact::new("options", options)));
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
    facts.extend(if report.counted { counted(report) } else { timed_alone(report) });
    facts.push(Fact::new("timing", timing(report)));
    facts.extend(
        report.timing.notes.iter().map(|note| Fact::new("", note.clone()).toned(Tone::Doubtful)),
    );
    if let Some(peak) = report.peak_flops_per_second {
        let reached = totals.peak_share.map_or("nothing was timed".to_owned(), |share| {
            format!("all kernels together reached {} of it", share_of(share))
        });
        let said = format!("{} GFLOP/s, as stated; {reached}", decimal(peak * 1e-9, 1));
        facts.push(Fact::new("peak", said));
    }
    facts.extend(report.ceilings.values().flat_map(roofline::ceilings));
    facts.extend(lines::fact(report));
    facts.extend(report.dispatches_in_order.as_deref().map(|rows| dispatches::fact(report, rows)));
    if *unfinished_submissions > 0 {
        let were = several(*unfinished_submissions, "submission was", "submissions were");
        let said = format!("{were} not seen to end, and counted in part");
        facts.push(Fact::new("unfinished", said).toned(Tone::Bad));
    }
    facts
}

/// What was executed.
fn counted(report: &RunReport) -> Vec<Fact> {
    let RunReport { convention, totals, .. } = report;
    let traffic = totals.traffic.unwrap_or_default();
    let mut facts = vec![
        Fact { prose: true, ..Fact::new("measured", &*report.definition) },
        Fact::new("FLOPs", convention.in_full()),
        Fact::new(
            "executed",
            format!(
                "{} in {}; storage {} loaded, {} stored{}",
                several(totals.flops.unwrap_or_default(), "FLOP", "FLOPs"),
                dispatches_of_kernels(report),
                bytes(traffic.storage_load),
                bytes(traffic.storage_store),
                textures(traffic)
            ),
        ),
    ];
    if let Some(dead) = totals.dead_ops.filter(|dead| !dead.is_zero()) {
        let dead = grouped(dead.flops(*convention));
        facts.push(Fact::new(
            "dead",
            format!("{dead} of those FLOPs have results that nobody uses"),
        ));
    }
    let steps = totals.ops.map_or(0, |ops| ops.get(Scalar::Int, Op::Trace));
    if steps > 0 {
        let steps = several(steps, "step of a ray query", "steps of ray queries");
        let said = format!("{steps}; what the device computes and reads in them is in no count");
        facts.push(Fact::new("rays", said));
    }
    facts
}

/// What went to and from textures, where something did.
fn textures(traffic: Traffic) -> String {
    let Traffic { texture_load: load, texture_store: store, .. } = traffic;
    if load + store == 0 {
        return String::new();
    }
    format!("; textures {} loaded, {} stored", bytes(load), bytes(store))
}

/// What ran where nothing was counted.
fn timed_alone(report: &RunReport) -> Vec<Fact> {
    let ran = dispatches_of_kernels(report);
    vec![Fact::new("executed", format!("{ran}, as they are: timed, and nothing was counted"))]
}

fn dispatches_of_kernels(report: &RunReport) -> String {
    let dispatches = several(report.totals.dispatches, "dispatch", "dispatches");
    let kernels = several(report.kernels.len() as u64, "kernel", "kernels");
    format!("{dispatches} of {kernels}")
}

fn timing(report: &RunReport) -> &'static str {
    match &*report.timing.source {
        "timestamps" if report.counted => {
            "by timestamps around each dispatch, the first of a kernel included, in a second run in which nothing was \
             counted"
        }
        "timestamps" => "by timestamps around each dispatch, the first of a kernel included",
        _ => "nothing was timed",
    }
}

/// Which kernels the FLOPs are in; `None` where nothing was counted.
fn drawn(report: &RunReport) -> Option<Section> {
    let bars = report.kernels.iter().zip(report.names()).filter_map(|(kernel, name)| {
        let flops = kernel.flops?;
        let dead = kernel.dead_ops.map_or(0, |dead| dead.flops(report.convention));
        Some(Bar { name, parts: vec![(0, flops.saturating_sub(dead)), (1, dead)] })
    });
    let description =
        "One bar a kernel, as long as the FLOPs that it executed in all its dispatches.";
    let series = ["used", "dead: results that nobody uses"];
    bars::of_flops(
        "Where the FLOPs are",
        description.to_owned(),
        &series,
        bars.collect(),
        kernels(report),
    )
}

/// Each kernel, most FLOPs first.
fn kernels(report: &RunReport) -> Table {
    let row = |(kernel, name): (&KernelRow, String)| {
        let dead = kernel.dead_ops.map(|dead| dead.flops(report.convention));
        let mut cells = vec![
            Cell::text(name),
            Cell::text(&*kernel.module),
            Cell::whole(kernel.dispatches),
            Cell::count(kernel.invocations),
            Cell::count(kernel.flops),
            share(kernel.flops, report.totals.flops),
            Cell::count(dead),
            kernel.traffic.map_or(Cell::Missing, |its| Cell::Bytes(its.storage_bytes())),
            kernel.intensity.map_or(Cell::Missing, |intensity| Cell::rate(intensity, 2)),
            kernel.seconds.map_or(Cell::Missing, Cell::Seconds),
            rate(kernel.flops, kernel.seconds),
        ];
        cells.extend(under(report, kernel.peak_share, kernel.roofline));
        Row::new(cells)
    };
    let totals = &report.totals;
    let storage = totals.traffic.map(|traffic| traffic.storage_bytes());
    let intensity = totals.flops.zip(storage).map(|(flops, bytes)| flops as f64 / bytes as f64);
    let mut total = vec![
        Cell::text("total"),
        Cell::Blank,
        Cell::whole(totals.dispatches),
        Cell::Blank,
        Cell::count(totals.flops),
        share(totals.flops, totals.flops),
        Cell::count(totals.dead_ops.map(|dead| dead.flops(report.convention))),
        storage.map_or(Cell::Missing, Cell::Bytes),
        intensity.map_or(Cell::Missing, |intensity| Cell::rate(intensity, 2)),
        totals.seconds.map_or(Cell::Missing, Cell::Seconds),
        rate(totals.flops, totals.seconds),
    ];
    total.extend(under(report, totals.peak_share, None));
    let mut columns = vec![
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
    ];
    columns.extend(under_columns(report));
    Table {
        columns,
        rows: report.kernels.iter().zip(report.names()).map(row).chain([Row::sum(total)]).collect(),
        main: report.dispatches_in_order.is_none(),
        ..Table::default()
    }
}

/// A part of a whole, where both are known.
fn share(part: Option<u64>, whole: Option<u64>) -> Cell {
    part.zip(whole).map_or(Cell::Missing, |(part, whole)| Cell::Share(part, whole))
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
