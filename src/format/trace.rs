//! The timed passes of a report as a trace that ui.perfetto.dev and Chrome open: one slice a pass, with what
//! it cost as arguments, a track a phase. Durations were measured one by one, starts were not: slices are
//! laid end to end, and the trace says so.

use serde::Serialize;

use crate::{
    component::{ComponentName, Phase},
    result::{PassRow, Report, to_json},
};

/// Everything happens in one process.
const PROCESS: u32 = 1;

/// A trace in Chrome's JSON object format.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Trace<'a> {
    display_time_unit: &'static str,
    other_data: About<'a>,
    trace_events: Vec<Event<'a>>,
}

/// What a reader must know about the slices.
#[derive(Serialize)]
struct About<'a> {
    starts: &'static str,
    clock: &'static str,
    convention: &'static str,
    adapter: &'a str,
    definition: &'a str,
}

/// An event, told apart by its `ph`; times are in microseconds.
#[derive(Serialize)]
#[serde(tag = "ph")]
enum Event<'a> {
    /// A name of the process or of a track.
    #[serde(rename = "M")]
    Name { name: &'static str, pid: u32, tid: u32, args: Name<'a> },
    /// A slice, whole.
    #[serde(rename = "X")]
    Slice { name: &'a str, cat: String, ts: f64, dur: f64, pid: u32, tid: u32, args: Cost<'a> },
}

#[derive(Serialize)]
struct Name<'a> {
    name: &'a str,
}

/// What a pass cost.
#[derive(Serialize)]
struct Cost<'a> {
    kernel: String,
    component: &'a ComponentName,
    flops: u64,
    bytes: u64,
    gflops_per_second: f64,
    grid: [u32; 3],
}

/// The timed passes of a report as a JSON document; `None` where nothing was timed.
pub fn render(report: &Report) -> String {
    let names = [("process_name", 0, report.model.as_given.as_str())]
        .into_iter()
        .chain(Phase::ALL.map(|phase| ("thread_name", track(phase), phase.name())));
    let names = names.map(|(name, tid, says)| Event::Name {
        name,
        pid: PROCESS,
        tid,
        args: Name { name: says },
    });
    let mut now = 0.0;
    let slices = report.passes.iter().filter_map(|pass| {
        let seconds = pass.seconds?;
        let start = now;
        now += seconds * 1e6;
        Some(slice(pass, start, seconds))
    });
    let trace = Trace {
        display_time_unit: "ms",
        other_data: About {
            starts: "laid end to end: each pass has its median duration, and begins where the one before ends",
            clock: report.timing.source.in_words(),
            convention: report.convention.name(),
            adapter: &report.adapter.name,
            definition: &report.definition,
        },
        trace_events: names.chain(slices).collect(),
    };
    to_json(&trace)
}

fn slice(pass: &PassRow, ts: f64, seconds: f64) -> Event<'_> {
    Event::Slice {
        name: &pass.label,
        cat: pass.kernel.to_string(),
        ts,
        dur: seconds * 1e6,
        pid: PROCESS,
        tid: track(pass.phase),
        args: Cost {
            kernel: pass.kernel.to_string(),
            component: &pass.component,
            flops: pass.flops,
            bytes: pass.traffic.storage_bytes(),
            gflops_per_second: if seconds > 0.0 { pass.flops as f64 / seconds * 1e-9 } else { 0.0 },
            grid: pass.grid,
        },
    }
}

/// A phase's track; tracks are shown in the order of their numbers.
const fn track(phase: Phase) -> u32 {
    phase as u32 + 1
}
