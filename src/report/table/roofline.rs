//! An adapter's ceilings: how fast arithmetic and memory go, what a dispatch costs.

use std::fmt::Write as _;

use super::{Style, YELLOW, adapter_line, header, numbers, painted, plain_table, wrapped};
use crate::{
    execute::Clock,
    report::{
        RooflineReport,
        number::{DASH, bytes, grouped, seconds, share_of},
    },
    roofline::{Bound, Ceilings, Placement, Resource, Spread},
};

/// The whole report.
pub fn roofline(report: &RooflineReport, style: Style) -> String {
    let ceilings = &report.ceilings;
    let mut table = plain_table(style);
    table.set_header(header([
        "ceiling", "median", "least", "most", "unit", "a run", "time", "buffers",
    ]));
    for ceiling in &ceilings.ceilings {
        let Spread { min, median, max } = ceiling.rate;
        let [median, min, max] = [median, min, max].map(|rate| format!("{:.2}", rate * 1e-9));
        let (unit, work) = match ceiling.resource.is_compute() {
            true => ("GFLOP/s", format!("{} FLOPs", grouped(ceiling.work))),
            false => ("GB/s", format!("{} bytes", grouped(ceiling.work))),
        };
        table.add_row(numbers(
            ceiling.name.clone(),
            [
                median,
                min,
                max,
                unit.to_owned(),
                work,
                seconds(ceiling.seconds.median),
                bytes(ceiling.buffer_bytes),
            ],
        ));
    }
    for missing in &ceilings.missing {
        let none = || DASH.to_owned();
        let cells = std::array::from_fn::<_, 7, _>(|_| none());
        table.add_row(numbers(missing.name.clone(), cells));
    }
    let mut text = String::new();
    let _ = writeln!(text, "adapter   {}", adapter_line(&ceilings.adapter));
    let _ = writeln!(text, "measured  {}\n", wrapped(report.method));
    let _ = writeln!(text, "{}\n", table.trim_fmt());
    text.push_str(&foot(ceilings, style));
    text
}

fn foot(ceilings: &Ceilings, style: Style) -> String {
    let mut text = String::new();
    let spread = |spread: Spread| {
        format!("{} ({} to {})", seconds(spread.median), seconds(spread.min), seconds(spread.max))
    };
    let clock = |clock| match clock {
        Clock::Timestamps => "the device's timestamps",
        Clock::Wall => "the host's clock",
    };
    let _ = writeln!(
        text,
        "dispatch  an empty one takes {} by {}; to submit it and wait {} by the host's clock",
        spread(ceilings.empty_dispatch),
        clock(ceilings.empty_dispatch_clock),
        spread(ceilings.submit_and_wait)
    );
    if let Some(ridge) = ridge(ceilings) {
        let _ = writeln!(
            text,
            "ridge     a kernel of fewer than {ridge:.1} FLOP for each byte of storage traffic is bound by memory"
        );
    }
    let all = ceilings.ceilings.iter();
    let timed = if all.clone().all(|ceiling| ceiling.clock == Clock::Timestamps) {
        clock(Clock::Timestamps)
    } else {
        clock(Clock::Wall)
    };
    let _ = writeln!(text, "timing    {} runs of each by {timed}", ceilings.repeats);
    let _ = writeln!(
        text,
        "drift     f32 peak {:.2} GFLOP/s at the start, {:.2} at the end",
        ceilings.drift.first * 1e-9,
        ceilings.drift.last * 1e-9
    );
    for missing in &ceilings.missing {
        let _ = writeln!(text, "missing   {}: {}", missing.name, missing.why);
    }
    if let Some(warning) = &ceilings.warning {
        let _ = writeln!(text, "{}", painted(&format!("warning   {warning}"), YELLOW, style));
    }
    text
}

/// FLOPs a byte at which single precision and memory take equally long.
fn ridge(ceilings: &Ceilings) -> Option<f64> {
    Some(ceilings.best(Resource::F32)? / ceilings.best(Resource::Storage)?)
}

/// The ceilings under which a report places its kernels, in a few lines.
pub(super) fn ceilings(ceilings: &Ceilings, style: Style) -> String {
    let giga =
        |resource| ceilings.best(resource).map_or(DASH.to_owned(), |r| format!("{:.1}", r * 1e-9));
    let mut text = String::new();
    let _ = writeln!(
        text,
        "roofline  {} GFLOP/s (f32) and {} GB/s of storage traffic, measured in this run; traffic is what \
         kernels ask for,\n          so that caches may carry one past 100 %",
        giga(Resource::F32),
        giga(Resource::Storage)
    );
    if let Some(warning) = &ceilings.warning {
        let _ =
            writeln!(text, "{}", painted(&format!("          warning: {warning}"), YELLOW, style));
    }
    text
}

/// What binds, and the share of the attainable.
pub(super) fn placed(placement: Option<Placement>) -> [String; 2] {
    match placement {
        None => [DASH.to_owned(), DASH.to_owned()],
        Some(Placement { share, bound, .. }) => [bound_in_words(bound).to_owned(), share_of(share)],
    }
}

/// What limits a kernel.
pub(super) const fn bound_in_words(bound: Bound) -> &'static str {
    match bound {
        Bound::Compute => "compute",
        Bound::Memory => "memory",
    }
}
