//! What is said of an adapter's ceilings: how fast arithmetic and memory go, what a dispatch costs, and where
//! kernels stand under them.

mod cells;
mod picture;

pub(super) use cells::{columns, in_words, placed};
pub use picture::roofline;

use cells::table;

use super::number::{DASH, seconds, several};
use super::{Fact, Page, Paged, Section, Tone, adapter_line};
use crate::{
    execute::Clock,
    result::{PlacedKernel, RooflineReport},
    roofline::{Ceilings, Resource, Spread},
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
                "a kernel of fewer than {ridge:.1} FLOP for each byte of storage traffic is bound by memory, by the highest \
                 rate of each"
            ),
        )
    }));
    let timestamps = |clocked: Clock| clocked == Clock::Timestamps;
    let all = ceilings.ceilings.iter().all(|ceiling| timestamps(ceiling.clock));
    let timed = clock(if all { Clock::Timestamps } else { Clock::Wall });
    let rounds = match ceilings.rounds {
        1 => String::new(),
        rounds => format!("; everything {rounds} times, since the peak drifted, and the best kept"),
    };
    let runs = several(ceilings.repeats, "run", "runs");
    facts.push(Fact::new("timing", format!("{runs} of each at least, by {timed}{rounds}")));
    let drift = ceilings.drift;
    let watched = ceilings.ceilings.first().map_or("the peak", |first| first.name.as_str());
    let of_last = if ceilings.rounds > 1 { " of the last time" } else { "" };
    facts.push(Fact::new(
        "drift",
        format!(
            "{watched} {:.2} GFLOP/s at the start{of_last}, {:.2} at the end",
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
        "{} GFLOP/s (f32), {} GB/s of storage traffic and {} GB/s of workgroup memory, the best of all runs, \
         measured with this report; traffic is what kernels ask for, so that caches may carry one past 100 %. \
         A kernel that reaches less than half of every ceiling is limited by latency, or has too little work",
        giga(Resource::F32),
        giga(Resource::Storage),
        giga(Resource::Workgroup)
    );
    let warning = ceilings.warning.as_ref();
    let warning =
        warning.map(|warning| Fact::new("", format!("warning: {warning}")).toned(Tone::Doubtful));
    [Fact { prose: true, ..Fact::new("roofline", said) }].into_iter().chain(warning).collect()
}

/// The section that shows the roofline with kernels under it; `None` where there is no roof.
pub(super) fn section(ceilings: &Ceilings, kernels: &[PlacedKernel]) -> Option<Section> {
    Some(Section::plot("Roofline", roofline(ceilings, kernels)?))
}
