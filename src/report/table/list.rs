//! The short tables: the published estimate by component, and the adapters of this machine.

use std::fmt::Write as _;

use comfy_table::Cell;

use super::{Style, bold, header, numbers, plain_table};
use crate::{
    estimate::{Estimate, FieldFormula, PerFunction, PhaseFlops},
    execute::Adapter,
    forecast::{Forecast, Peak, Times},
    plan::Phase,
    report::number::{duration, grouped, rate},
};

/// The published estimate: components and, where they were asked for, many steps.
pub fn estimate(model: &str, estimate: &Estimate, style: Style) -> String {
    let mut table = plain_table(style);
    table.set_header(header(["component", "forward", "backward", "optimizer", "total"]));
    let row = |name: &str, flops: PhaseFlops| {
        let [forward, backward, optimizer] = Phase::ALL.map(|phase| grouped(flops.get(phase)));
        numbers(name.to_owned(), [forward, backward, optimizer, grouped(flops.total())])
    };
    for (component, flops) in estimate.component_breakdown() {
        table.add_row(row(component, flops));
    }
    table.add_row(bold(row("total", estimate.total_flops())));
    let mut text = format!(
        "{model}: the published estimate of one training step, in FLOPs; nothing was run\n\n{}\n",
        table.trim_fmt()
    );
    if let Some(PerFunction { attention, feed_forward, norm, block, model }) =
        estimate.per_function()
    {
        let mut table = plain_table(style);
        table.set_header(header(["function", "forward"]));
        let functions = [
            ("attention", attention),
            ("feed_forward", feed_forward),
            ("norm", norm),
            ("block", block),
            ("model", model),
        ];
        for (name, flops) in functions {
            table.add_row(numbers(name.to_owned(), [grouped(*flops)]));
        }
        let _ = write!(text, "\n{}\n", table.trim_fmt());
    }
    if !estimate.field().is_empty() {
        text.push_str("\nbeside it, what the field quotes\n");
    }
    for FieldFormula { name, formula, of, flops } in estimate.field() {
        let _ = writeln!(text, "  {name} ({of}): {} = {formula}", grouped(*flops));
    }
    if let Some(forecast) = estimate.forecast() {
        text.push_str(&ahead(forecast));
    }
    text
}

/// What an estimate says about many steps.
fn ahead(forecast: &Forecast) -> String {
    let Forecast { seconds, peak, experiment, budget, .. } = forecast;
    let kind = |training| if training { "training steps" } else { "forward passes" };
    let there = |seconds: Times| match peak.zip(seconds.stated) {
        Some((peak, seconds)) => format!("; {} {}", duration(seconds), at(peak)),
        None => String::new(),
    };
    let mut text = String::new();
    if let Some(budget) = budget {
        let [flops, steps, left] = [budget.flops, budget.steps, budget.left].map(grouped);
        let (kind, there) = (kind(budget.training), there(budget.seconds));
        let _ = writeln!(text, "\n{flops} FLOPs pay for {steps} {kind}, {left} left over{there}");
    }
    if let Some(experiment) = experiment {
        let [steps, tokens, total] =
            [experiment.steps, experiment.tokens, experiment.total].map(grouped);
        let (kind, there) = (kind(experiment.training), there(experiment.seconds));
        let _ = writeln!(text, "\n{steps} {kind} ({tokens} tokens): {total} FLOPs{there}");
    }
    if let (Some(peak), None, None) = (peak, budget, experiment) {
        let one = duration(seconds.stated.unwrap_or_default());
        let _ = writeln!(text, "\none step: {one} {}", at(*peak));
    }
    text
}

/// A stated peak in words.
fn at(peak: Peak) -> String {
    format!("at {} x {}", rate(peak.flops_per_second), peak.mfu)
}

/// What can run here, best first; `auto` takes the first.
pub fn adapters(adapters: &[Adapter], style: Style) -> String {
    let mut table = plain_table(style);
    table.set_header(header(["adapter", "auto", "backend", "type", "binding", "driver"]));
    for (i, adapter) in adapters.iter().enumerate() {
        let auto = if i == 0 { "yes" } else { "" };
        let binding = format!("{} MiB", adapter.limits.binding_bytes >> 20);
        let columns = [
            &adapter.name,
            auto,
            &adapter.backend,
            &adapter.device_type,
            &binding,
            &adapter.driver,
        ];
        table.add_row(columns.map(Cell::new));
    }
    format!("{}\n", table.trim_fmt())
}
