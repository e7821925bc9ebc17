//! What the report on one kernel says: totals, then its source with what each line cost beside it.

use std::collections::BTreeMap;

use super::number::{DASH, bytes, grouped, seconds, share_of};
use super::operations::operations;
use super::{
    Cell, Column, Fact, Page, Paged, Row, Section, Table, Tone, adapter_line, bars, judged,
    provenance, roofline, watched,
};
use crate::{
    observe::WarmUp,
    op::Traffic,
    result::{DispatchRow, Examined, FindingKind, LineRow, ShaderReport},
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
        self.placed(&self.checks)
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
        Fact::new("FLOPs", format!("convention {convention}: {}", convention.describe())),
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

/// What carries the traffic that is held against FLOPs, in words.
pub(super) const fn carriers(traffic: &Traffic) -> &'static str {
    if traffic.texture_load + traffic.texture_store > 0 { "storage and texture" } else { "storage" }
}

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
    facts.extend(report.watched.iter().flat_map(watched::facts));
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

/// The source, each line with its executions, FLOPs and bytes; `>` marks those to look at first.
pub(super) fn listing(report: &ShaderReport) -> Table {
    let storage = carriers(&report.traffic);
    let has_workgroup = in_workgroup(&report.traffic) > 0;
    let several = !report.continued_in.is_empty();
    let costs = report.lines.iter().map(|row| ((row.file.as_deref(), row.line), row));
    let mut costs: BTreeMap<_, _> = costs.collect();
    let rows = (1_u32..).zip(report.source.lines()).map(|(number, source)| {
        let (file, number) = report.file_of(number);
        // Lines of a file that is included twice stand there twice, and what they cost stands with the first.
        let cost = costs.remove(&(file, number));
        let costs = cost.map_or([const { Cell::Blank }; 5], |row| {
            let touched = row.traffic.storage_bytes();
            let shared = in_workgroup(&row.traffic);
            [
                Cell::whole(row.executions),
                or_blank(row.flops, Cell::whole(row.flops)),
                or_blank(row.flops, Cell::Share(row.flops, report.flops)),
                or_blank(touched, Cell::Bytes(touched)),
                or_blank(shared, Cell::Bytes(shared)),
            ]
        });
        let costs = costs.into_iter().take(if has_workgroup { 5 } else { 4 });
        let hot = cost.is_some_and(|row| row.hot);
        let mark = Cell::text(if hot { ">" } else { "" });
        let place = [mark, Cell::whole(number), Cell::text(source)];
        let file = several.then(|| Cell::text(file.unwrap_or_default()));
        let row = Row::new(costs.chain(place).chain(file).collect::<Vec<_>>());
        Row { tone: if hot { Tone::Hot } else { Tone::Plain }, ..row }
    });
    let rows: Vec<Row> = rows.chain(unlined(report, has_workgroup)).collect();
    let costs = [
        Column::number("executions", "executions").gives_way(3),
        Column::number("FLOPs", "flops"),
        Column::number("share", "share").gives_way(4),
        // Of bytes or FLOPs a line has its mark.
        Column::number(format!("{storage} bytes"), "bytes").gives_way(1),
    ];
    let shared = Column::number("workgroup bytes", "workgroup_bytes").gives_way(2);
    let place = [
        Column::text("", "hot"),
        Column::number("line", "line"),
        Column::text("source", "source").is_cut(),
    ];
    let columns = costs.into_iter().chain(has_workgroup.then_some(shared)).chain(place);
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
fn unlined(report: &ShaderReport, has_workgroup: bool) -> Option<Row> {
    let of_lines = |of: fn(&LineRow) -> u64| report.lines.iter().map(of).sum::<u64>();
    let left = |whole: u64, of: fn(&LineRow) -> u64| whole.saturating_sub(of_lines(of));
    let flops = left(report.flops, |row| row.flops);
    let touched = left(report.traffic.storage_bytes(), |row| row.traffic.storage_bytes());
    let shared = left(in_workgroup(&report.traffic), |row| in_workgroup(&row.traffic));
    let costs = [
        Cell::Blank,
        or_blank(flops, Cell::whole(flops)),
        or_blank(flops, Cell::Share(flops, report.flops)),
        or_blank(touched, Cell::Bytes(touched)),
        or_blank(shared, Cell::Bytes(shared)),
    ];
    let place = [Cell::text(""), Cell::Blank, Cell::text("(of no line that is known)")];
    let file = (!report.continued_in.is_empty()).then_some(Cell::Blank);
    let costs = costs.into_iter().take(if has_workgroup { 5 } else { 4 });
    (flops + touched + shared > 0)
        .then(|| Row::new(costs.chain(place).chain(file).collect::<Vec<_>>()))
}

/// Bytes of workgroup memory that are loaded and stored.
fn in_workgroup(traffic: &Traffic) -> u64 {
    traffic.workgroup_load + traffic.workgroup_store
}

fn or_blank(count: u64, cell: Cell) -> Cell {
    if count == 0 { Cell::Blank } else { cell }
}
