//! Running a plan: buffers made and filled, kernels compiled once plain and once instrumented, every
//! pass dispatched, block executions folded into the cost of each pass. Counts come from the
//! instrumented kernels, times from the plain ones. Nothing here knows what a count should be.

mod session;
mod uniform;

use std::ops::ControlFlow;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub use session::Session;

use crate::{
    Error,
    execute::{Adapter, Clock, Outcome, Witness},
    op::Cost,
    plan::Pass,
};

/// What a run is doing, told before each pass.
#[derive(Clone, Copy, Debug)]
pub struct Progress<'a> {
    /// What the passes are run for.
    pub stage: Stage,
    /// The pass that comes next.
    pub pass: &'a Pass,
    /// Its position in the plan.
    pub index: usize,
    /// How many passes the plan has.
    pub passes: usize,
}

/// What the passes of a plan are run for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    /// Running the instrumented kernels once.
    Counting,
    /// Running the plain kernels once, for what an executor sees itself.
    Witnessing,
    /// Running the plain kernels, for the how-manieth time (from 0).
    Timing(u32),
}

/// Told before each pass; a break stops the run with [`Error::Interrupted`].
pub type Observer<'a> = dyn FnMut(Progress<'_>) -> ControlFlow<()> + 'a;

/// What one pass cost.
#[derive(Clone, Debug, PartialEq)]
pub struct PassMeasurement {
    /// Executed operations and traffic, counted by the device.
    pub cost: Cost,
    /// What the executor itself saw while it ran the plain kernel, where it looks.
    pub witness: Option<Witness>,
    /// Median time of the plain kernel; none where nothing was timed.
    pub seconds: Option<f64>,
    /// Time of the instrumented kernel, once.
    pub counted_seconds: f64,
    /// The layer whose pass ran in the place of this one, where this one did not run.
    pub from_layer: Option<u32>,
}

/// How times were taken.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Timing {
    /// Whose clock.
    pub source: Source,
    /// Timed runs of the plain kernels.
    pub repeats: u32,
    /// Median over the runs of the whole plan's plain time.
    pub plain_seconds: Option<f64>,
    /// The whole plan's time when instrumented, once.
    pub counted_seconds: f64,
}

/// Whose clock a report's times come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Source {
    /// The device's, for every pass.
    Timestamps,
    /// The host's, for at least one pass.
    Wall,
    /// Nobody's: nothing was timed.
    None,
}

impl Source {
    /// The same for a reader.
    pub const fn in_words(self) -> &'static str {
        match self {
            Self::Timestamps => "the device's timestamps",
            Self::Wall => "the host's clock, submission and wait included",
            Self::None => "nothing was timed",
        }
    }
}

/// A whole plan, measured.
#[derive(Clone, Debug, PartialEq)]
pub struct Measurement {
    /// Who ran it.
    pub adapter: Adapter,
    /// One for each pass of the plan, in its order.
    pub passes: Vec<PassMeasurement>,
    /// How times were taken.
    pub timing: Timing,
}

impl Session<'_> {
    /// Runs the plan once instrumented and `repeats` times plain. What the buffers hold afterwards
    /// is what one run leaves: each starts from the same contents.
    pub fn measure(
        &mut self,
        repeats: u32,
        observe: &mut Observer<'_>,
    ) -> Result<Measurement, Error> {
        // Some drivers compile at the first dispatch, which is no kernel's time; untimed runs need none of it.
        if repeats > 0 {
            self.warm_up()?;
        }
        let counted = self.count(observe)?;
        let mut runs: Vec<Vec<(f64, Clock)>> = Vec::new();
        let mut witnesses: Vec<Option<Witness>> = vec![None; counted.len()];
        let seen = |outcomes: Vec<Outcome>| outcomes.into_iter().map(|o| o.witness).collect();
        for repeat in 0..repeats {
            let outcomes = self.plain(Stage::Timing(repeat), observe)?;
            runs.push(outcomes.iter().map(|outcome| (outcome.seconds, outcome.clock)).collect());
            witnesses = seen(outcomes);
        }
        // What is seen of the instrumented kernels has the counting in it.
        if repeats == 0 && counted.iter().any(|pass| pass.witnessed) {
            witnesses = seen(self.plain(Stage::Witnessing, observe)?);
        }

        let seconds = |pass: usize| median(runs.iter().map(|run| run[pass].0).collect());
        let timing = Timing {
            source: source(&runs),
            repeats,
            plain_seconds: median(
                runs.iter().map(|run| run.iter().map(|(s, _)| s).sum()).collect(),
            ),
            counted_seconds: counted.iter().map(|pass| pass.seconds).sum(),
        };
        let passes = counted
            .into_iter()
            .zip(witnesses)
            .enumerate()
            .map(|(i, (pass, witness))| PassMeasurement {
                cost: pass.cost,
                witness,
                seconds: seconds(i),
                counted_seconds: pass.seconds,
                from_layer: None,
            })
            .collect();
        Ok(Measurement { adapter: self.adapter().clone(), passes, timing })
    }
}

pub(crate) fn source(runs: &[Vec<(f64, Clock)>]) -> Source {
    let mut clocks = runs.iter().flatten().map(|(_, clock)| clock).peekable();
    if clocks.peek().is_none() {
        Source::None
    } else if clocks.all(|clock| *clock == Clock::Timestamps) {
        Source::Timestamps
    } else {
        Source::Wall
    }
}

/// The middle value, or the mean of the middle two.
pub(crate) fn median(mut values: Vec<f64>) -> Option<f64> {
    values.sort_by(f64::total_cmp);
    let upper = *values.get(values.len() / 2)?;
    Some(if values.len() % 2 == 1 { upper } else { (values[values.len() / 2 - 1] + upper) / 2.0 })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_median_is_the_middle() {
        assert_eq!(median(vec![]), None);
        assert_eq!(median(vec![3.0, 1.0, 2.0]), Some(2.0));
        assert_eq!(median(vec![4.0, 1.0, 2.0, 3.0]), Some(2.5));
    }

    #[test]
    fn one_pass_on_the_wall_clock_makes_the_source_wall() {
        let run = |clock| vec![(1.0, Clock::Timestamps), (1.0, clock)];
        assert_eq!(source(&[]), Source::None);
        assert_eq!(source(&[run(Clock::Timestamps)]), Source::Timestamps);
        assert_eq!(source(&[run(Clock::Timestamps), run(Clock::Wall)]), Source::Wall);
    }
}
