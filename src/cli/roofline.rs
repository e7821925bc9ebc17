//! `flopmeter roofline`: this adapter's ceilings, measured.

use anyhow::anyhow;

use flopmeter::{
    execute::{self, Executor, cpu::SUBGROUP_LANES},
    report::{Point, RooflineReport, json, plot, table},
    roofline::{self, Ceilings},
};

use super::{
    Outcome,
    args::{Common, Roofline},
    interrupt,
    output::{self, Sink},
    progress::Bar,
};

pub fn run(asked: &Roofline, common: &Common) -> super::Result {
    interrupt::listen()?;
    let to_json = asked.json.as_deref().map(Sink::of);
    let to_svg = asked.svg.as_deref().map(Sink::of);
    let sinks = [("--json", &to_json), ("--svg", &to_svg)];
    output::check(sinks.iter().filter_map(|(name, sink)| Some((*name, sink.as_ref()?))))?;
    let mut executor = execute::open(&asked.adapter, SUBGROUP_LANES)?;
    log::info!("measuring {}", executor.adapter().name);
    let bar = Bar::new(common, 0);
    let ceilings = measure(executor.as_mut(), asked.repeat, &bar)?;
    drop(bar);
    let report = RooflineReport::new(ceilings);
    if let Some(sink) = &to_svg {
        write_plot(sink, &report.ceilings, &[])?;
    }
    if let Some(sink) = &to_json {
        sink.write(&json::render(&report))?;
    }
    if !sinks.iter().any(|(_, sink)| sink.as_ref() == Some(&Sink::Standard)) {
        output::print(&table::roofline(&report, output::style(common)))?;
    }
    Ok(Outcome::Holds)
}

/// Measures an executor's ceilings, on a bar.
pub(super) fn measure(
    executor: &mut dyn Executor,
    repeats: u32,
    bar: &Bar,
) -> super::Result<Ceilings> {
    Ok(roofline::measure(executor, repeats, &mut |name| bar.say(&format!("measuring: {name}")))?)
}

/// Writes ceilings and what stands under them as a drawing.
pub(super) fn write_plot(sink: &Sink, ceilings: &Ceilings, points: &[Point]) -> super::Result<()> {
    sink.write(&plot::roofline(ceilings, points).map_err(|problem| anyhow!(problem))?)
}
