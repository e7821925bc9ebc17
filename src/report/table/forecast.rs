//! Many steps, as a table: a row for each count of one step.

use std::fmt::Write as _;

use super::{Style, header, numbers, plain_table};
use crate::{
    forecast::{Budget, Experiment, Forecast, Peak},
    report::{
        Report,
        number::{DASH, duration, grouped, percent, rate},
    },
};

/// What was asked and what each count answers; nothing where nothing was asked.
pub(super) fn render(report: &Report, style: Style) -> String {
    let Some(first) = report.forecasts.first() else { return String::new() };
    let mut table = plain_table(style);
    table.set_header(header([
        "count",
        "FLOPs a step",
        "again",
        "all steps",
        "time at peak",
        "MFU",
        "HFU",
        "budget pays for",
        "that here",
        "that at peak",
    ]));
    let or_dash = |text: Option<String>| text.unwrap_or_else(|| DASH.to_owned());
    for Forecast { count, step, recomputed, seconds, experiment, budget, utilisation, .. } in
        &report.forecasts
    {
        let stated = experiment.map_or(*seconds, |experiment| experiment.seconds).stated;
        let within = budget.map(|budget| budget.seconds).unwrap_or_default();
        table.add_row(numbers(
            count.clone(),
            [
                grouped(*step),
                grouped(*recomputed),
                or_dash(experiment.map(|experiment| grouped(experiment.total))),
                or_dash(stated.map(duration)),
                or_dash(utilisation.map(|part| percent(part.mfu))),
                or_dash(utilisation.map(|part| percent(part.hfu))),
                or_dash(budget.map(|budget| grouped(budget.steps))),
                or_dash(within.measured.map(duration)),
                or_dash(within.stated.map(duration)),
            ],
        ));
    }
    format!("{}\n{}\n\n", question(first), table.trim_fmt())
}

/// What was asked, in lines of a head.
fn question(forecast: &Forecast) -> String {
    let Forecast { seconds, peak, experiment, budget, .. } = forecast;
    let mut text = String::new();
    let kind = |training| if training { "training steps" } else { "forward passes" };
    if let Some(Experiment { steps, tokens, training, seconds, .. }) = experiment {
        let here = seconds.measured.map_or_else(
            || "nothing was timed here".to_owned(),
            |seconds| format!("{} at the rate measured here", duration(seconds)),
        );
        let [steps, tokens] = [*steps, *tokens].map(grouped);
        let _ = writeln!(text, "ahead     {steps} {} = {tokens} tokens; {here}", kind(*training));
    }
    if let Some(Budget { flops, training, .. }) = budget {
        let _ = writeln!(text, "budget    {} FLOPs for {}", grouped(*flops), kind(*training));
    }
    if let Some(Peak { flops_per_second, mfu }) = peak {
        let used = match seconds.measured {
            Some(_) => "MFU and HFU are of this run, against that peak",
            None => "nothing was timed: no MFU, no HFU",
        };
        let peak = rate(*flops_per_second);
        let _ = writeln!(text, "peak      stated: {peak}, of which a run uses {mfu}; {used}");
    }
    text
}
