//! What a report says about many steps: what was asked, and what each count of one step answers.

use super::number::{duration, grouped, rate};
use super::{Cell, Column, Fact, Row, Table};
use crate::forecast::{Budget, Experiment, Forecast, Peak, Utilisation};

/// What a step is called that is one of many.
fn kind(training: bool) -> &'static str {
    if training { "training steps" } else { "forward passes" }
}

/// What was asked: all counts of a step were asked the same.
pub(super) fn asked(forecast: &Forecast) -> Vec<Fact> {
    let Forecast { seconds, peak, experiment, budget, .. } = forecast;
    let mut facts = Vec::new();
    if let Some(Experiment { steps, tokens, training, seconds, .. }) = experiment {
        let here = seconds.measured.map_or_else(
            || "nothing was timed here".to_owned(),
            |seconds| format!("{} at the rate measured here", duration(seconds)),
        );
        let [steps, tokens] = [*steps, *tokens].map(grouped);
        let text = format!("{steps} {} = {tokens} tokens; {here}", kind(*training));
        facts.push(Fact::new("run", text));
    }
    if let Some(Budget { flops, training, .. }) = budget {
        let text = format!("{} FLOPs for {}", grouped(*flops), kind(*training));
        facts.push(Fact::new("budget", text));
    }
    if let Some(Peak { flops_per_second, mfu }) = peak {
        let used = match seconds.measured {
            Some(_) => "MFU and HFU in the table are of this run, against the peak",
            None => "nothing was timed here",
        };
        let again = match forecast.recomputed {
            0 => String::new(),
            again => {
                let needed = forecast.model_flops();
                let hfu = mfu * (needed + again) as f64 / needed as f64;
                format!(" (with what is computed again, an HFU of {hfu:.3})")
            }
        };
        let peak = rate(*flops_per_second);
        let text = format!("stated: {peak}; times are at an MFU of {mfu} of it{again}; {used}");
        facts.push(Fact::new("peak", text));
    }
    facts
}

/// What each count answers, in columns for what was asked.
pub(super) fn table(forecasts: &[Forecast]) -> Table {
    type Answer = fn(&Forecast) -> Option<Cell>;
    let number = |name: &'static str, key: &'static str| Column::number(name, key);
    // What is known of one step stands elsewhere in a report, too, and gives way to what was asked.
    let columns: [(Column, Answer); 10] = [
        (number("FLOPs a step", "flops_per_step").gives_way(1), |f| Some(Cell::whole(f.step))),
        (number("of it again", "recomputed_flops_per_step").gives_way(3), |f| {
            f.counts_recomputed.then(|| Cell::whole(f.recomputed))
        }),
        (number("step time", "step_stated_seconds").gives_way(2), |f| {
            f.seconds.stated.map(Cell::Seconds)
        }),
        (number("all steps", "total_flops"), |f| Some(Cell::whole(f.experiment?.total))),
        (number("time", "total_stated_seconds").joined(), |f| time(f.experiment?.seconds.stated)),
        (number("budget pays for", "budget_steps"), |f| Some(Cell::whole(f.budget?.steps))),
        (number("its time here", "budget_measured_seconds").joined(), |f| {
            time(f.budget?.seconds.measured)
        }),
        (number("its time", "budget_stated_seconds").joined(), |f| time(f.budget?.seconds.stated)),
        (number("MFU", "mfu"), |f| used(f, |used| used.mfu)),
        (number("HFU", "hfu").joined(), |f| used(f, |used| used.hfu)),
    ];
    let answered = |answer: &Answer| forecasts.iter().any(|forecast| answer(forecast).is_some());
    let columns: Vec<_> = columns.into_iter().filter(|(_, answer)| answered(answer)).collect();
    let row = |forecast: &Forecast| {
        let answers = columns.iter().map(|(_, answer)| answer(forecast).unwrap_or(Cell::Missing));
        Row::new([Cell::text(&*forecast.count)].into_iter().chain(answers).collect::<Vec<_>>())
    };
    let rows = forecasts.iter().map(row).collect();
    let answers = columns.into_iter().map(|(column, _)| column);
    Table {
        columns: [Column::text("count", "count")].into_iter().chain(answers).collect(),
        rows,
        ..Table::default()
    }
}

fn time(seconds: Option<f64>) -> Option<Cell> {
    seconds.map(Cell::Duration)
}

fn used(forecast: &Forecast, of: fn(Utilisation) -> f64) -> Option<Cell> {
    forecast.utilisation.map(|used| Cell::Part(of(used)))
}
