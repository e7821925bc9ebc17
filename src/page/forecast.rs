//! What a report says about many steps: what was asked, and what each count of one step answers.

use super::number::{duration, grouped, rate, several};
use super::{Cell, Column, Fact, Row, Table};
use crate::forecast::{Budget, Experiment, Forecast, Peak, PeakName, Utilisation};

/// What of a count is computed again, in the row or column behind it.
pub(super) const RECOMPUTED: &str = "of it recomputed";

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
        let steps = match training {
            true => several(*steps, "training step", "training steps"),
            false => several(*steps, "forward pass", "forward passes"),
        };
        let text = format!("{steps} = {}; {here}", several(*tokens, "token", "tokens"));
        facts.push(Fact::new("run", text));
    }
    if let Some(Budget { flops, training, .. }) = budget {
        let text = format!("{} FLOPs for {}", grouped(*flops), kind(*training));
        facts.push(Fact::new("budget", text));
    }
    if let Some(Peak { flops_per_second, device, devices, mfu }) = peak {
        let device = device.map(PeakName::as_str);
        let used = match (seconds.measured, experiment) {
            (Some(_), _) => "; MFU and HFU in the table are of this run, against the peak",
            (None, None) => "; nothing was timed here",
            (None, Some(_)) => "",
        };
        let all = rate(*flops_per_second);
        let each = rate(flops_per_second / f64::from(*devices));
        let all = match (device, devices) {
            (None, 1) => all,
            (Some(name), 1) => format!("{name}, {all}"),
            (None, many) => {
                format!("{} devices of {each}, {all} together", grouped(u64::from(*many)))
            }
            (Some(name), many) => {
                format!("{} {name} of {each}, {all} together", grouped(u64::from(*many)))
            }
        };
        let again = match forecast.recomputed {
            0 => "",
            _ => ", with what is computed again",
        };
        let hfu = forecast.stated_hfu().unwrap_or(*mfu);
        let times = if forecast.is_least() {
            let beyond = match *mfu < 1.0 && hfu > 1.0 {
                true => {
                    format!("; an MFU of {mfu} would be an HFU of {hfu:.3}, more than a device has")
                }
                false => String::new(),
            };
            format!(
                "times are the least possible, at an HFU of 1{again}{beyond}: no run uses all of a peak"
            )
        } else {
            let again = match forecast.recomputed {
                0 => String::new(),
                _ => format!(" (with what is computed again, an HFU of {hfu:.3})"),
            };
            format!("times are at an MFU of {mfu} of it{again}")
        };
        let text = format!("stated: {all}; {times}{used}");
        facts.push(Fact::new("peak", text));
    }
    facts
}

/// What each count of a step answers: a row for each question, a column for each count.
pub(super) fn table(forecasts: &[Forecast]) -> Table {
    type Answer = fn(&Forecast) -> Option<Cell>;
    let least = if forecasts.iter().any(Forecast::is_least) { ", at the least" } else { "" };
    let questions: [(String, Answer); 10] = [
        ("FLOPs a step".to_owned(), |f| Some(Cell::whole(f.step))),
        (RECOMPUTED.to_owned(), |f| f.counts_recomputed.then(|| Cell::whole(f.recomputed))),
        (format!("step time{least}"), |f| f.seconds.stated.map(Cell::Seconds)),
        ("all steps".to_owned(), |f| Some(Cell::whole(f.experiment?.total))),
        (format!("their time{least}"), |f| time(f.experiment?.seconds.stated)),
        ("budget pays for".to_owned(), |f| Some(Cell::whole(f.budget?.steps))),
        ("its time here".to_owned(), |f| time(f.budget?.seconds.measured)),
        (format!("its time{least}"), |f| time(f.budget?.seconds.stated)),
        ("MFU".to_owned(), |f| used(f, |used| used.mfu)),
        ("HFU".to_owned(), |f| used(f, |used| used.hfu)),
    ];
    let rows = questions.into_iter().filter_map(|(question, answer)| {
        let mut answers: Vec<Option<Cell>> = forecasts.iter().map(answer).collect();
        in_one_unit(&mut answers);
        let is_answered = answers.iter().any(Option::is_some);
        let cells = answers.into_iter().map(|cell| cell.unwrap_or(Cell::Missing));
        is_answered
            .then(|| Row::new([Cell::Text(question)].into_iter().chain(cells).collect::<Vec<_>>()))
    });
    let counts = forecasts.iter().map(|its| Column::number(its.count.clone(), its.count.clone()));
    Table {
        columns: [Column::text("by", "question")].into_iter().chain(counts).collect(),
        rows: rows.collect(),
        ..Table::default()
    }
}

fn time(seconds: Option<f64>) -> Option<Cell> {
    seconds.map(|seconds| Cell::Duration(seconds, seconds))
}

/// Says times that are held against each other in the unit of the shortest.
fn in_one_unit(cells: &mut [Option<Cell>]) {
    let times = cells.iter().filter_map(|cell| match cell {
        Some(Cell::Duration(seconds, _)) => Some(*seconds),
        _ => None,
    });
    let shortest = times.fold(f64::INFINITY, f64::min);
    for cell in cells.iter_mut().flatten() {
        if let Cell::Duration(_, like) = cell {
            *like = shortest;
        }
    }
}

fn used(forecast: &Forecast, of: fn(Utilisation) -> f64) -> Option<Cell> {
    forecast.utilisation.map(|used| Cell::Part(of(used)))
}
