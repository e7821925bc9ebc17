//! `flopmeter roofline`: this adapter's ceilings, measured.

use anyhow::Context as _;

use flopmeter::{
    execute::{self, Embedded, Executor},
    format::svg,
    observe::Runs,
    page,
    result::{PlacedKernel, RooflineReport},
    roofline::{self, Ceilings},
};

use super::{
    Outcome,
    args::{Common, Roofline},
    export::{Formats, Places},
    output::Sink,
    progress::Bar,
};

pub fn run(asked: &Roofline, common: &Common) -> super::Result {
    let mut places = Places::default();
    let formats = Formats::claim(&mut places, &asked.exports)?;
    let to_svg = places.claim("--svg", asked.svg.as_deref())?;
    let mut executor = execute::open(&asked.adapter, Embedded::default())?;
    log::info!("measuring {}", executor.adapter().name);
    let bar = Bar::new(common, 0);
    let ceilings = measure(executor.as_mut(), asked.timed.runs(asked.repeat)?, &bar)?;
    drop(bar);
    let report = RooflineReport::new(ceilings);
    if let Some(sink) = &to_svg {
        write_plot(sink, &report.ceilings, &[])?;
    }
    formats.write(&report, &places, common)?;
    Ok(Outcome::Holds)
}

/// Measures an executor's ceilings, on a bar.
pub(super) fn measure(
    executor: &mut dyn Executor,
    runs: impl Into<Runs>,
    bar: &Bar,
) -> super::Result<Ceilings> {
    let mut done = 0;
    Ok(roofline::measure(executor, runs, &mut |name| {
        // Where everything is measured again, there is as much again to do.
        bar.reach(done, roofline::PROBES * (done / roofline::PROBES + 1));
        done += 1;
        bar.say(&format!("measuring: {name}"))
    })?)
}

/// Writes ceilings and what stands under them as a drawing.
pub(super) fn write_plot(
    sink: &Sink,
    ceilings: &Ceilings,
    points: &[PlacedKernel],
) -> super::Result<()> {
    let lacking = "the plot: a ceiling of arithmetic or of storage traffic is missing";
    let plot = page::roofline(ceilings, points).context(lacking)?;
    sink.write(&svg::render(&format!("Roofline of {}", ceilings.adapter.name), &plot))
}
