//! What is said of an adapter's ceilings: how fast arithmetic and memory go, what a dispatch costs, and where
//! kernels stand under them.

mod picture;

pub use picture::roofline;

use super::number::{DASH, seconds};
use super::{Cell, Column, Fact, Page, Paged, Row, Section, Table, Tone, adapter_line};
use crate::{
    execute::Clock,
    result::{PlacedKernel, RooflineReport},
    roofline::{Bound, Ceilings, Placement, Resource, Spread},
};

impl Paged for RooflineReport {
    fn page(&self, _every_layer: bool) -> Page {
        let ceilings = &self.ceilings;
        let head = [
            Fact::new("adapter", adapter_line(&ceilings.adapter)),
            Fact { prose: true, ..Fact::new("measured", &*self.method) },
        ];
        let mut sections = vec![
            Section::facts("What was measured", head),
            Section::table("Ceilings", table(ceilings)),
            Section::facts("Findings", found(ceilings)),
        ];
        sections.extend(section(ceilings, &[]));
        Page { title: format!("{}: measured ceilings", ceilings.adapter.name), sections }
    }
}

fn table(ceilings: &Ceilings) -> Table {
    let rows = ceilings.ceilings.iter().map(|ceiling| {
        let Spread { min, median, max } = ceiling.rate;
        let [median, min, max] = [median, min, max].map(|rate| Cell::rate(rate * 1e-9, 2));
        Row::new([
            Cell::text(&ceiling.name),
            median,
            min,
            max,
            Cell::text(unit(ceiling.resource)),
            Cell::whole(ceiling.work),
            Cell::Seconds(ceiling.seconds.median),
            Cell::Bytes(ceiling.buffer_bytes),
        ])
    });
    let missing = ceilings.missing.iter().map(|missing| {
        let cells = [const { Cell::Missing }; 7];
        Row::new([Cell::text(&missing.name)].into_iter().chain(cells).collect::<Vec<_>>())
    });
    Table {
        columns: vec![
            Column::text("ceiling", "ceiling"),
            Column::number("median", "median"),
            Column::number("least", "least"),
            Column::number("most", "most"),
            Column::text("unit", "unit"),
            Column::number("a run", "work"),
            Column::number("time", "seconds"),
            Column::number("buffers", "buffer_bytes"),
        ],
        rows: rows.chain(missing).collect(),
        ..Table::default()
    }
}

/// The unit that a resource's rates are said in.
const fn unit(resource: Resource) -> &'static str {
    if resource.is_compute() { "GFLOP/s" } else { "GB/s" }
}

fn found(ceilings: &Ceilings) -> Vec<Fact> {
    let spread = |spread: Spread| {
        format!("{} ({} to {})", seconds(spread.median), seconds(spread.min), seconds(spread.max))
    };
    let clock = |clock| match clock {
        Clock::Timestamps => "the device's timestamps",
        Clock::Wall => "the host's clock",
    };
    let mut facts = vec![Fact::new(
        "dispatch",
        format!(
            "an empty one takes {} by {}; to submit it and wait {} by the host's clock",
            spread(ceilings.empty_dispatch),
            clock(ceilings.empty_dispatch_clock),
            spread(ceilings.submit_and_wait)
        ),
    )];
    let ridge = ceilings.best(Resource::F32).zip(ceilings.best(Resource::Storage));
    facts.extend(ridge.map(|(peak, bandwidth)| {
        let ridge = peak / bandwidth;
        Fact::new(
            "ridge",
            format!(
                "a kernel of fewer than {ridge:.1} FLOP for each byte of storage traffic is bound by memory"
            ),
        )
    }));
    let timestamps = |clocked: Clock| clocked == Clock::Timestamps;
    let all = ceilings.ceilings.iter().all(|ceiling| timestamps(ceiling.clock));
    let timed = clock(if all { Clock::Timestamps } else { Clock::Wall });
    facts.push(Fact::new("timing", format!("{} runs of each by {timed}", ceilings.repeats)));
    let drift = ceilings.drift;
    facts.push(Fact::new(
        "drift",
        format!(
            "f32 peak {:.2} GFLOP/s at the start, {:.2} at the end",
            drift.first * 1e-9,
            drift.last * 1e-9
        ),
    ));
    let missing = ceilings.missing.iter();
    facts.extend(missing.map(|m| Fact::new("missing", format!("{}: {}", m.name, m.why))));
    let warning = ceilings.warning.iter();
    facts.extend(warning.map(|warning| Fact::new("warning", warning).toned(Tone::Doubtful)));
    facts
}

/// The ceilings under which a report places its kernels, in a few lines.
pub(super) fn ceilings(ceilings: &Ceilings) -> Vec<Fact> {
    let giga =
        |resource| ceilings.best(resource).map_or(DASH.to_owned(), |r| format!("{:.1}", r * 1e-9));
    let said = format!(
        "{} GFLOP/s (f32) and {} GB/s of storage traffic, measured in this run; traffic is what kernels \
         ask for, so that caches may carry one past 100 %",
        giga(Resource::F32),
        giga(Resource::Storage)
    );
    let warning = ceilings.warning.as_ref();
    let warning =
        warning.map(|warning| Fact::new("", format!("warning: {warning}")).toned(Tone::Doubtful));
    [Fact { prose: true, ..Fact::new("roofline", said) }].into_iter().chain(warning).collect()
}

/// The columns that ceilings add to a table of kernels: what binds, and the share of the attainable.
pub(super) fn columns() -> [Column; 2] {
    [Column::text("bound by", "bound_by"), Column::number("of roof", "share_of_attainable")]
}

/// What stands in them.
pub(super) fn placed(placement: Option<Placement>) -> [Cell; 2] {
    match placement {
        None => [Cell::Missing, Cell::Missing],
        Some(Placement { share, bound, .. }) => [Cell::text(in_words(bound)), Cell::Part(share)],
    }
}

/// What limits a kernel.
pub(super) const fn in_words(bound: Bound) -> &'static str {
    match bound {
        Bound::Compute => "compute",
        Bound::Memory => "memory",
    }
}

/// The section that shows the roofline with kernels under it; `None` where there is no roof.
pub(super) fn section(ceilings: &Ceilings, kernels: &[PlacedKernel]) -> Option<Section> {
    Some(Section::plot("Roofline", roofline(ceilings, kernels)?))
}
