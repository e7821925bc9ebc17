//! How times were taken, and what becomes of several. Knows clocks, not what they timed.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Runs;
use crate::execute::Clock;

/// How times were taken.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Timing {
    /// The clock.
    pub source: TimeSource,
    /// Timed runs of the plain kernels.
    pub repeats: u32,
    /// Seconds that they were asked to take together at the least; `None` where their number alone was asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub min_seconds: Option<f64>,
    /// Median over the runs of the whole plan's plain time.
    pub plain_seconds: Option<f64>,
    /// The least, the middle and the greatest of those times.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub spread: Option<Spread>,
    /// The whole plan's time when instrumented, once.
    pub counted_seconds: f64,
    /// Untimed runs of the plain kernels before those that were timed; `None` where there were none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub warm_up: Option<WarmUp>,
}

impl Timing {
    /// Of timed runs, as many as were `asked` for, each with the seconds of what ran in it and by which clock, beside one
    /// counting run and the times of runs before them.
    pub(crate) fn of(
        asked: Runs,
        runs: &[Vec<(f64, Clock)>],
        counted_seconds: f64,
        warm: &[f64],
    ) -> Self {
        Self {
            source: source(runs),
            repeats: runs.len() as u32,
            min_seconds: asked.min_seconds(),
            plain_seconds: median(totals(runs)),
            spread: Spread::of(&totals(runs)),
            counted_seconds,
            warm_up: WarmUp::of(warm),
        }
    }
}

/// Untimed runs until a device is warm.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct WarmUp {
    /// How many.
    pub runs: u32,
    /// Seconds of the first of them.
    pub first_seconds: f64,
    /// Seconds of the last of them.
    pub last_seconds: f64,
}

impl WarmUp {
    fn of(times: &[f64]) -> Option<Self> {
        let (&first_seconds, &last_seconds) = (times.first()?, times.last()?);
        Some(Self { runs: times.len() as u32, first_seconds, last_seconds })
    }

    /// The same for a reader, as part of a sentence; `None` where its times moved no further than times that agree.
    pub(crate) fn in_words(self) -> Option<String> {
        let Self { runs, first_seconds, last_seconds } = self;
        let moved = last_seconds / first_seconds - 1.0;
        let says = moved.is_finite() && moved.abs() > Runs::AGREEMENT;
        says.then(|| {
            format!("times moved by {:+.0} % in {runs} untimed runs before", 100.0 * moved)
        })
    }
}

/// Seconds of each run, all that ran in it together.
pub(crate) fn totals(runs: &[Vec<(f64, Clock)>]) -> Vec<f64> {
    runs.iter().map(|run| run.iter().map(|(seconds, _)| seconds).sum()).collect()
}

/// The least, the middle and the greatest of several measurements.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Spread {
    /// The least.
    pub min: f64,
    /// The middle one.
    pub median: f64,
    /// The greatest.
    pub max: f64,
}

impl Spread {
    /// Of at least one value.
    pub(crate) fn of(values: &[f64]) -> Option<Self> {
        Some(Self {
            min: values.iter().copied().reduce(f64::min)?,
            median: median(values.to_vec())?,
            max: values.iter().copied().reduce(f64::max)?,
        })
    }

    /// `work` done in each of these times, as rates.
    pub(crate) fn rates(self, work: u64) -> Self {
        let work = work as f64;
        Self { min: work / self.max, median: work / self.median, max: work / self.min }
    }
}

/// The clock that a report's times come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum TimeSource {
    /// The device's, for every pass.
    Timestamps,
    /// The host's, for at least one pass.
    Wall,
    /// None: nothing was timed.
    None,
}

impl TimeSource {
    /// The same for a reader.
    pub const fn in_words(self) -> &'static str {
        match self {
            Self::Timestamps => "the device's timestamps",
            Self::Wall => "the host's clock, submission and wait included",
            Self::None => "nothing was timed",
        }
    }
}

fn source(runs: &[Vec<(f64, Clock)>]) -> TimeSource {
    let mut clocks = runs.iter().flatten().map(|(_, clock)| clock).peekable();
    if clocks.peek().is_none() {
        TimeSource::None
    } else if clocks.all(|clock| *clock == Clock::Timestamps) {
        TimeSource::Timestamps
    } else {
        TimeSource::Wall
    }
}

/// The middle value, or the mean of the middle two.
pub(crate) fn median(mut values: Vec<f64>) -> Option<f64> {
    values.sort_unstable_by(f64::total_cmp);
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
    fn rates_turn_times_around() {
        let seconds = Spread::of(&[4.0, 1.0, 2.0]).expect("values");
        assert_eq!(seconds, Spread { min: 1.0, median: 2.0, max: 4.0 });
        assert_eq!(seconds.rates(8), Spread { min: 2.0, median: 4.0, max: 8.0 });
        assert_eq!(Spread::of(&[]), None);
    }

    #[test]
    fn a_warm_up_says_how_far_times_moved() {
        assert_eq!(WarmUp::of(&[]), None);
        let warm_up = WarmUp::of(&[2.0, 1.5, 1.0]).expect("runs");
        assert_eq!(warm_up, WarmUp { runs: 3, first_seconds: 2.0, last_seconds: 1.0 });
        let words = warm_up.in_words().expect("they moved");
        assert_eq!(words, "times moved by -50 % in 3 untimed runs before");
        assert_eq!(WarmUp::of(&[1.0, 1.01]).and_then(WarmUp::in_words), None);
    }

    #[test]
    fn one_pass_on_the_wall_clock_makes_the_source_wall() {
        let run = |clock| vec![(1.0, Clock::Timestamps), (1.0, clock)];
        assert_eq!(source(&[]), TimeSource::None);
        assert_eq!(source(&[run(Clock::Timestamps)]), TimeSource::Timestamps);
        assert_eq!(source(&[run(Clock::Timestamps), run(Clock::Wall)]), TimeSource::Wall);
    }
}
