//! The short tables: the published estimate by component, and the adapters of this machine.

use std::fmt::Write as _;

use comfy_table::Cell;

use super::{Style, bold, header, numbers, plain_table};
use crate::{
    estimate::{Estimate, PhaseFlops},
    execute::Adapter,
    plan::Phase,
    report::number::grouped,
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
    if let Some(experiment) = estimate.experiment() {
        let kind = if experiment.training { "training steps" } else { "forward passes" };
        let (steps, total) = (grouped(experiment.steps), grouped(experiment.total));
        let _ = writeln!(text, "\n{steps} {kind}: {total} FLOPs");
    }
    text
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
