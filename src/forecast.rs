//! What many steps cost: their FLOPs together, how long they take at a measured rate and at a stated
//! peak, how many of them a budget pays for, and how well a device was used. Knows what one step is
//! counted and timed at, and neither executors nor how a forecast looks.

mod named;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::Error;
pub use named::{NAMED_PEAKS, NamedPeak, PeakName, named_peak};

/// What is asked about the steps to come.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Question {
    /// What many steps cost.
    pub extent: Option<Extent>,
    /// How many steps so many FLOPs pay for.
    pub budget: Option<u128>,
    /// How long they take on a device that is described, not measured.
    pub peak: Option<Peak>,
}

impl Question {
    /// Whether nothing is asked.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// How far an experiment goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Extent {
    /// So many steps.
    Steps(u64),
    /// As many steps as these tokens take, the last one as full as the others.
    Tokens(u64),
}

impl Extent {
    fn steps(self, tokens_per_step: u64) -> Result<u64, Error> {
        let (name, count, steps) = match self {
            Self::Steps(steps) => ("steps", steps, steps),
            Self::Tokens(tokens) => ("tokens", tokens, tokens.div_ceil(tokens_per_step)),
        };
        if count == 0 {
            return Err(Error::Config(format!("{name} is 0; it must be at least 1")));
        }
        Ok(steps)
    }
}

/// A device's peak rate, from its data sheet, and the share of it that is expected.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Peak {
    /// FLOPs a second that it could execute; of several devices, all of them together.
    pub flops_per_second: f64,
    /// The name of the peak of one device, where it was stated by name.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "named::read")]
    #[schemars(with = "Option<String>")]
    pub device: Option<PeakName>,
    /// How many devices work together.
    #[serde(default = "one")]
    pub devices: u32,
    /// The part of them that a training run gets out of it, recomputation not counted.
    pub mfu: f64,
}

const fn one() -> u32 {
    1
}

impl Peak {
    /// So many devices of a peak that has this name, where it has one, of which a run makes use of `mfu`.
    ///
    /// # Errors
    /// As [`Peak::new`].
    pub fn together(
        devices: u32,
        device: Option<PeakName>,
        flops_per_second: f64,
        mfu: f64,
    ) -> Result<Self, Error> {
        let all = Self::new(flops_per_second * f64::from(devices), mfu)?;
        Ok(Self { device, devices, ..all })
    }

    /// A peak of which a run makes use of `mfu`.
    ///
    /// # Errors
    /// [`Error::Config`] where either is no such number.
    pub fn new(flops_per_second: f64, mfu: f64) -> Result<Self, Error> {
        if !(flops_per_second > 0.0 && flops_per_second.is_finite()) {
            return Err(Error::Config(format!(
                "a peak of {flops_per_second} FLOP/s is none: say how many FLOPs a second the device \
                 could execute, as in 67e12"
            )));
        }
        if !(mfu > 0.0 && mfu <= 1.0) {
            return Err(Error::Config(format!(
                "a utilisation (MFU) of {mfu} is none: say which part of the peak a run uses, more than \
                 0 and at most 1, as in 0.4"
            )));
        }
        Ok(Self { flops_per_second, device: None, devices: 1, mfu })
    }

    /// The utilisation that was stated, or as much of it as recomputation leaves of the peak.
    fn mfu_of(&self, step: &Step) -> f64 {
        match step.hardware_flops() {
            0 => self.mfu,
            executed => self.mfu.min(step.model_flops() as f64 / executed as f64),
        }
    }
}

/// One step, with the FLOPs of one way to count it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Step {
    /// Its FLOPs.
    pub flops: u64,
    /// FLOPs beside or among them that compute again what the step had and did not keep.
    pub recomputed: Recomputed,
    /// Tokens that it works through.
    pub tokens: u32,
    /// Whether it trains, or is a forward pass only.
    pub training: bool,
    /// How long it took, where it ran and was timed.
    pub seconds: Option<f64>,
}

/// How a count of FLOPs treats recomputation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Recomputed {
    /// The count has these FLOPs in it: it counts what ran.
    Among(u64),
    /// The count leaves these FLOPs out: it is about the model.
    Beside(u64),
}

impl Step {
    /// FLOPs that the model needs, recomputation left out.
    pub const fn model_flops(&self) -> u64 {
        match self.recomputed {
            Recomputed::Among(again) => self.flops.saturating_sub(again),
            Recomputed::Beside(_) => self.flops,
        }
    }

    /// FLOPs that the device executes, recomputation included.
    const fn hardware_flops(&self) -> u64 {
        match self.recomputed {
            Recomputed::Among(_) => self.flops,
            Recomputed::Beside(again) => self.flops.saturating_add(again),
        }
    }
}

/// How long steps take.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Times {
    /// At the rate at which the step was measured, where it was timed.
    pub measured: Option<f64>,
    /// At the stated peak and utilisation, where they are stated.
    pub stated: Option<f64>,
}

impl Times {
    /// Whether neither is known.
    pub(crate) fn are_unknown(&self) -> bool {
        *self == Self::default()
    }

    fn times(self, steps: u128) -> Self {
        let many = |seconds: Option<f64>| seconds.map(|seconds| seconds * steps as f64);
        Self { measured: many(self.measured), stated: many(self.stated) }
    }
}

/// What many steps cost.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Experiment {
    /// How many steps.
    pub steps: u64,
    /// Tokens that they work through.
    pub tokens: u64,
    /// Whether a step trains, or is a forward pass only.
    pub training: bool,
    /// FLOPs of all steps.
    pub total: u128,
    /// How long they take.
    #[serde(default, skip_serializing_if = "Times::are_unknown")]
    pub seconds: Times,
}

/// How many steps a budget pays for.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Budget {
    /// FLOPs that may be spent.
    pub flops: u128,
    /// Whether a step trains, or is a forward pass only.
    pub training: bool,
    /// Whole steps that fit.
    pub steps: u128,
    /// FLOPs that are left over.
    pub left: u128,
    /// How long the steps that fit take.
    #[serde(default, skip_serializing_if = "Times::are_unknown")]
    pub seconds: Times,
}

/// How well a device was used, as PaLM defines it (Chowdhery et al. 2022, appendix B).
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Utilisation {
    /// Model FLOPs utilisation: the rate at which tokens went through, against the rate that the whole
    /// peak would give them if it were spent on what the model needs. Recomputation is not needed.
    pub mfu: f64,
    /// Hardware FLOPs utilisation: what ran, recomputation included, against the peak.
    pub hfu: f64,
}

/// What one count of a step says about the steps to come.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Forecast {
    /// Whose count it is: `measured`, `estimate` or the name of a rule.
    pub count: String,
    /// FLOPs of one step by this count.
    pub step: u64,
    /// FLOPs of one step that compute something again, as they are executed.
    pub recomputed: u64,
    /// Whether this count has them in it, since it counts what runs.
    #[serde(default)]
    pub counts_recomputed: bool,
    /// How long one step takes.
    pub seconds: Times,
    /// The peak that was stated, if any.
    pub peak: Option<Peak>,
    /// What many steps cost, where that was asked.
    pub experiment: Option<Experiment>,
    /// How many steps a budget pays for, where that was asked.
    pub budget: Option<Budget>,
    /// How well the measured device was used, where it was timed and its peak was stated.
    pub utilisation: Option<Utilisation>,
}

impl Forecast {
    /// HFU at the stated utilisation, if a device had as much: more than 1 where recomputation leaves none of the peak.
    pub fn stated_hfu(&self) -> Option<f64> {
        let needed = self.model_flops();
        let executed = needed.saturating_add(self.recomputed);
        self.peak.map(|peak| match needed {
            0 => peak.mfu,
            _ => peak.mfu * executed as f64 / needed as f64,
        })
    }

    /// Whether the stated times are the least possible: the whole peak is used.
    pub fn is_least(&self) -> bool {
        self.stated_hfu().is_some_and(|hfu| hfu >= 1.0)
    }

    /// FLOPs that the model needs, what is computed again left out.
    pub const fn model_flops(&self) -> u64 {
        if self.counts_recomputed { self.step - self.recomputed } else { self.step }
    }

    /// What a count of `step` answers to a question.
    ///
    /// # Errors
    /// [`Error::Config`] where an extent is 0, its tokens overflow u64, or a step of a budget costs
    /// nothing.
    pub fn new(count: &str, step: Step, question: Question) -> Result<Self, Error> {
        let Question { extent, budget, peak } = question;
        let Step { flops, tokens, training, .. } = step;
        let tokens = u64::from(tokens);
        let model = step.model_flops() as f64;
        let stated = |peak: Peak| model / (peak.flops_per_second * peak.mfu_of(&step));
        let seconds = Times { measured: step.seconds, stated: peak.map(stated) };
        let experiment = extent.map(|extent| -> Result<_, Error> {
            let steps = extent.steps(tokens)?;
            let tokens = steps.checked_mul(tokens).ok_or_else(|| {
                Error::Config(format!(
                    "{steps} steps of {tokens} tokens each overflow 64 bits: lower steps or tokens"
                ))
            })?;
            let total = u128::from(steps) * u128::from(flops);
            let seconds = seconds.times(steps.into());
            Ok(Experiment { steps, tokens, training, total, seconds })
        });
        let budget = budget.map(|budget| -> Result<_, Error> {
            let steps = budget.checked_div(flops.into()).ok_or_else(|| {
                Error::Config(format!(
                    "a step costs nothing as '{count}' counts it: no budget limits it"
                ))
            })?;
            let left = budget - steps * u128::from(flops);
            Ok(Budget { flops: budget, training, steps, left, seconds: seconds.times(steps) })
        });
        let utilisation = step.seconds.zip(peak).map(|(seconds, peak)| {
            let possible = peak.flops_per_second * seconds;
            Utilisation { mfu: model / possible, hfu: step.hardware_flops() as f64 / possible }
        });
        Ok(Self {
            count: count.to_owned(),
            step: flops,
            recomputed: step.hardware_flops() - step.model_flops(),
            counts_recomputed: matches!(step.recomputed, Recomputed::Among(_)),
            seconds,
            peak,
            experiment: experiment.transpose()?,
            budget: budget.transpose()?,
            utilisation,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const STEP: Step = Step {
        flops: 1_000,
        recomputed: Recomputed::Among(200),
        tokens: 64,
        training: true,
        seconds: Some(0.5),
    };

    fn answer(step: Step, question: Question) -> Forecast {
        Forecast::new("measured", step, question).unwrap()
    }

    #[test]
    fn tokens_take_whole_steps() {
        let steps = |tokens| {
            let extent = Some(Extent::Tokens(tokens));
            answer(STEP, Question { extent, ..Question::default() }).experiment.unwrap()
        };
        assert_eq!((steps(64).steps, steps(65).steps, steps(1).steps), (1, 2, 1));
        assert_eq!((steps(65).tokens, steps(65).total), (128, 2_000));
        assert_eq!(steps(640).seconds, Times { measured: Some(5.0), stated: None });
    }

    #[test]
    fn a_budget_pays_for_whole_steps() {
        let budget = answer(STEP, Question { budget: Some(2_999), ..Question::default() }).budget;
        let Budget { steps, left, seconds, .. } = budget.unwrap();
        assert_eq!((steps, left, seconds.measured), (2, 999, Some(1.0)));
    }

    /// Worked out from the definitions: 1000 FLOPs in half a second of a peak of 4000 FLOP/s, 200 of
    /// them a second time.
    #[test]
    fn recomputation_is_hardwares_and_not_the_models() {
        let peak = Some(Peak::new(4_000.0, 0.4).unwrap());
        let question = Question { peak, ..Question::default() };
        let measured = answer(STEP, question);
        assert_eq!(measured.utilisation, Some(Utilisation { mfu: 0.4, hfu: 0.5 }));
        assert_eq!((measured.recomputed, measured.seconds.stated), (200, Some(0.5)));
        // An estimator that charges no recomputation is about the model.
        let estimate = answer(Step { recomputed: Recomputed::Beside(200), ..STEP }, question);
        assert_eq!(estimate.utilisation, Some(Utilisation { mfu: 0.5, hfu: 0.6 }));
        let untimed = answer(Step { seconds: None, ..STEP }, question);
        assert_eq!((untimed.utilisation, untimed.seconds.measured), (None, None));
        assert_eq!((untimed.stated_hfu(), untimed.is_least()), (Some(0.5), false));
    }

    /// What is computed again takes its time, too: no step is shorter than all of its FLOPs at the peak.
    #[test]
    fn recomputation_leaves_less_than_the_whole_peak() {
        for (mfu, hfu) in [(1.0, 1.25), (0.9, 1.125), (0.8, 1.0)] {
            let question =
                Question { peak: Some(Peak::new(4_000.0, mfu).unwrap()), ..Question::default() };
            let forecast = answer(STEP, question);
            assert_eq!(forecast.seconds.stated, Some(0.25), "{mfu}");
            assert_eq!((forecast.stated_hfu(), forecast.is_least()), (Some(hfu), true), "{mfu}");
        }
    }

    #[test]
    fn what_makes_no_sense_is_said_so() {
        let problem = |step, question| Forecast::new("x", step, question).unwrap_err().to_string();
        let extent = |extent| Question { extent: Some(extent), ..Question::default() };
        assert!(problem(STEP, extent(Extent::Steps(0))).contains("steps is 0"));
        assert!(problem(STEP, extent(Extent::Tokens(0))).contains("tokens is 0"));
        assert!(problem(STEP, extent(Extent::Steps(u64::MAX))).contains("overflow"));
        let free = Step { flops: 0, recomputed: Recomputed::Among(0), ..STEP };
        let budget = Question { budget: Some(1), ..Question::default() };
        assert!(problem(free, budget).contains("costs nothing"));
        for (peak, mfu) in [(0.0, 0.4), (f64::NAN, 0.4), (1e12, 0.0), (1e12, 1.1), (-1.0, 0.4)] {
            assert!(matches!(Peak::new(peak, mfu), Err(Error::Config(_))), "{peak} {mfu}");
        }
    }
}
