//! What the report on one kernel says: totals, then its source with what each line cost beside it.

use super::lines::{carriers, listing};
use super::number::{DASH, bytes, grouped, seconds, share_of};
use super::operations::operations;
use super::{
    Cell, Column, Fact, Page, Paged, Row, Section, Table, Tone, adapter_line, bars, judged,
    provenance, roofline, watched,
};
use crate::{
    observe::WarmUp,
    op::Traffic,
    result::{DispatchRow, Examined, FindingKind, ShaderReport},
    roofline::{BoundBy, Placement},
};

impl Paged for ShaderReport {
    fn page(&self, _every_layer: bool) -> Page {
        let mut sections = vec![
            Section::facts("What ran", head(self)),
            Section::table("Buffers", bindings(self)),
            Section::table("Operations", all_operations(self)),
            Section::facts("Rates", rates(self)),
        ];
        let ceilings = self.ceilings.as_ref();
        if !self.dispatches.is_empty() {
            sections.insert(1, Section::table("Dispatches", dispatches(self)));
        }
        sections.extend(ceilings.and_then(|under| roofline::section(under, &self.points())));
        if !self.source.is_empty() {
            let marks = format!(
                "marks a line with a tenth or more of the FLOPs, or of the bytes of {} that are loaded and \
                 stored",
                carriers(&self.traffic)
            );
            if self.lines.iter().any(|row| row.hot) {
                sections.push(Section::facts("Lines", [Fact::new(">", marks)]));
            }
            sections.extend(bars::lines(self, listing(self)));
            sections.push(Section::table("Source", listing(self)));
        }
        // What the executor saw stands among the rates.
        let told = [FindingKind::Bounds, FindingKind::Race, FindingKind::Tally];
        let sections = judged::around(sections, &self.checks, &told);
        let what = match self.dispatches.len() {
            0 => "one kernel, measured".to_owned(),
            many => format!("{many} dispatches, measured"),
        };
        Page { title: format!("{}: {what}", self.shader), sections }
    }

    fn judged(&self) -> Vec<Examined> {
        self.placed(&self.checks, judged::FIRST_LINE)
    }
}

fn head(report: &ShaderReport) -> Vec<Fact> {
    let ShaderReport { shader, entry, grid, workgroup_size, convention, .. } = report;
    let extents = |e: [u32; 3]| format!("{} x {} x {}", e[0], e[1], e[2]);
    let product = |e: [u32; 3]| e.iter().map(|&n| u128::from(n)).product::<u128>();
    let invocations = product(*grid) * product(*workgroup_size);
    let overrides = report.overrides.iter().map(|(name, value)| format!(", {name} = {value}"));
    let defines = report.defines.iter().map(|(name, value)| format!(", {name} defined as {value}"));
    let given: Vec<String> = overrides.chain(defines).collect();
    let dispatch = format!(
        "{} workgroups of {} = {} invocations",
        extents(*grid),
        extents(*workgroup_size),
        u64::try_from(invocations).map_or(DASH.to_owned(), grouped)
    );
    let (entries, dispatch) = match report.dispatches.len() {
        0 => (format!("entry point '{entry}'"), dispatch),
        many => (
            format!("entry points {entry}"),
            format!("{} of them, in this order on the same buffers", grouped(many as u64)),
        ),
    };
    let mut facts = vec![
        Fact::new("shader", format!("{shader}, {entries}{}", given.concat())),
        Fact::new("dispatch", dispatch),
        Fact::new("adapter", adapter_line(&report.adapter)),
    ];
    facts.extend(report.moved.as_ref().map(provenance::moved));
    let compiler = report.compiled_by.as_ref();
    facts.extend(compiler.map(|compiler| {
        Fact::new("compiled", format!("to SPIR-V by {compiler}, since naga does not take the text"))
    }));
    facts.extend([
        Fact { prose: true, ..Fact::new("measured", &*report.definition) },
        Fact::new("FLOPs", convention.in_full()),
    ]);
    facts
}

/// Each dispatch, and their sums.
fn dispatches(report: &ShaderReport) -> Table {
    let extents = |e: [u32; 3]| format!("{} x {} x {}", e[0], e[1], e[2]);
    let rates = |flops: u64, traffic: &Traffic, seconds: Option<f64>| {
        let storage = traffic.storage_bytes();
        let rate = |work: u64| {
            seconds.map_or(Cell::Missing, |seconds| Cell::rate(work as f64 / seconds * 1e-9, 3))
        };
        [
            Cell::whole(flops),
            Cell::Share(flops, report.flops),
            Cell::Bytes(storage),
            Cell::rate(flops as f64 / storage as f64, 2),
            seconds.map_or(Cell::Missing, Cell::Seconds),
            rate(flops),
            rate(storage),
        ]
    };
    let rows = report.dispatches.iter().map(|row| {
        let DispatchRow { entry, grid, workgroup_size, flops, traffic, seconds, .. } = row;
        let names = [entry.clone(), extents(*grid), extents(*workgroup_size)].map(Cell::Text);
        Row::new(names.into_iter().chain(rates(*flops, traffic, *seconds)).collect::<Vec<_>>())
    });
    let names = [Cell::text("total"), Cell::Blank, Cell::Blank];
    let sums = rates(report.flops, &report.traffic, report.seconds);
    let sum = Row::sum(names.into_iter().chain(sums).collect::<Vec<_>>());
    Table {
        columns: vec![
            Column::text("entry point", "entry"),
            Column::text("workgroups", "grid"),
            Column::text("of", "workgroup_size"),
            Column::number("FLOPs", "flops"),
            Column::number("share", "share"),
            Column::number("bytes", "bytes"),
            Column::number("FLOP/B", "intensity"),
            Column::number("time", "seconds"),
            Column::number("GFLOP/s", "gflops_per_second"),
            Column::number("GB/s", "gb_per_second"),
        ],
        rows: rows.chain([sum]).collect(),
        ..Table::default()
    }
}

/// What each resource of the kernel was bound to.
fn bindings(report: &ShaderReport) -> Table {
    let rows = report.bindings.iter().map(|bound| {
        let mut fill = bound.fill.clone().unwrap_or("zeros (nothing was bound)".to_owned());
        if !bound.zeros.is_empty() {
            fill = format!("{fill}; zeros in {}", bound.zeros.join(", "));
        }
        let cells = [
            Cell::text(format!("{}.{}", bound.group, bound.binding)),
            Cell::text(&*bound.name),
            Cell::Bytes(bound.bytes),
            Cell::text(fill),
        ];
        let tone = if bound.fill.is_some() { Tone::Plain } else { Tone::Doubtful };
        Row { tone, ..Row::new(cells) }
    });
    let immediates = report.immediates.iter().map(|member| {
        let cells = [
            Cell::text("immediate"),
            Cell::text(&*member.name),
            Cell::Bytes(member.bytes),
            Cell::text(member.value.as_deref().unwrap_or("zeros (nothing was given)")),
        ];
        let tone = if member.value.is_some() { Tone::Plain } else { Tone::Doubtful };
        Row { tone, ..Row::new(cells) }
    });
    let rows = rows.chain(immediates);
    Table {
        columns: vec![
            Column::text("binding", "binding"),
            Column::text("name", "name"),
            Column::number("bytes", "bytes"),
            Column::text("filled with", "fill"),
        ],
        rows: rows.collect(),
        ..Table::default()
    }
}

/// Executed operations by kind.
fn all_operations(report: &ShaderReport) -> Table {
    let mut table = operations(
        &report.ops,
        report.dead_ops.as_ref().filter(|dead| !dead.is_zero()),
        report.flops,
        report.convention,
    );
    let sums = [Cell::whole(report.flops), Cell::Share(report.flops, report.flops)];
    let blank = table.columns.len() - 1 - sums.len();
    let before = [Cell::text("total")].into_iter().chain((0..blank).map(|_| Cell::Blank));
    table.rows.push(Row::sum(before.chain(sums).collect::<Vec<_>>()));
    table
}

/// What is said where nobody looked whether accesses are within their buffers.
const UNWATCHED: &str = "not looked at: what is loaded beyond a buffer counts as the rest does (check and the embedded \
                         executor look)";

/// Traffic, intensity and rates.
fn rates(report: &ShaderReport) -> Vec<Fact> {
    let Traffic {
        storage_load,
        storage_store,
        texture_load,
        texture_store,
        uniform_load,
        workgroup_load,
        workgroup_store,
        atomics,
        barriers,
    } = report.traffic;
    let mut parts =
        vec![format!("storage {} loaded, {} stored", bytes(storage_load), bytes(storage_store))];
    if texture_load + texture_store > 0 {
        let (load, store) = (bytes(texture_load), bytes(texture_store));
        parts.push(format!("textures {load} loaded, {store} stored"));
    }
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
    let storage = carriers(&report.traffic);
    let intensity = match report.intensity {
        Some(intensity) => format!("{intensity:.3} FLOP for each byte of {storage} traffic"),
        None => "no storage traffic".to_owned(),
    };
    let timing = &report.timing;
    let counted = seconds(timing.counted_seconds);
    let clock = timing.source.in_words();
    let time = match report.seconds {
        Some(plain) => {
            let giga = |per_run: u64| per_run as f64 / plain * 1e-9;
            let spread = report.spread.filter(|_| timing.repeats > 1);
            let spread =
                spread.map(|spread| format!("{} to {}", seconds(spread.min), seconds(spread.max)));
            let parts = spread.into_iter().chain(timing.warm_up.and_then(WarmUp::in_words));
            let spread: String = parts.map(|part| format!(", {part}")).collect();
            format!(
                "{} plain (median of {}{spread}, by {clock}): {:.3} GFLOP/s, {:.3} GB/s of {storage} \
                 traffic; counting once took {counted}",
                seconds(plain),
                timing.repeats,
                giga(report.flops),
                giga(report.traffic.storage_bytes())
            )
        }
        None => format!("{clock}; counting once took {counted}"),
    };
    let mut facts = vec![
        Fact::new("traffic", parts.join("; ")),
        Fact::new("intensity", intensity),
        Fact::new("timing", time),
    ];
    facts.extend(watched::embedded_times(&report.adapter));
    match &report.watched {
        Some(watched) => facts.extend(watched::facts(watched)),
        None => facts.push(Fact::new("bounds", UNWATCHED)),
    }
    facts.extend(report.tally.as_ref().map(|own| provenance::tally("", own)));
    if let Some(ceilings) = &report.ceilings {
        facts.push(Fact::new("place", placed(report)));
        facts.extend(roofline::ceilings(ceilings));
    }
    facts
}

/// Where the kernel stands under the adapter's ceilings.
fn placed(report: &ShaderReport) -> String {
    match report.roofline {
        None => "not placed: it was not timed, or neither computes nor touches storage".to_owned(),
        Some(Placement { attainable_flops_per_second, share, bound }) => {
            let attainable = match report.flops {
                0 => String::new(),
                _ => format!(" of {:.3} attainable GFLOP/s", attainable_flops_per_second * 1e-9),
            };
            let why = match bound {
                BoundBy::None => ": latency, or too little work",
                BoundBy::Compute | BoundBy::Memory | BoundBy::Workgroup => "",
            };
            format!("{}{attainable}, bound by {}{why}", share_of(share), roofline::in_words(bound))
        }
    }
}
