//! Whether executors agree: each run's counts against the closed forms, and every run's counts and
//! values against those of the first. Judges runs; running them is somebody else's business.

use std::borrow::Cow;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{DEFINITION, Document};
use crate::{
    check::{self, Tally, Verdict},
    family::Chosen,
    measure::{ChosenKernel, KeptTensor, Run},
    model::{ModelName, NotRun},
    plan::{KernelName, Plan},
    result::Watched,
};

/// One plan as several executors ran it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Agreement {
    /// Name and version of this layout.
    #[schemars(extend("const" = Self::SCHEMA))]
    pub schema: Cow<'static, str>,
    /// Whether no two opinions differ, none is missing, and no executor saw what a kernel should not do.
    #[serde(default)]
    pub pass: bool,
    /// Which model was run, and on how much.
    #[serde(default, skip_serializing_if = "Option::is_none", flatten)]
    pub subject: Option<CheckedModel>,
    /// What is measured.
    pub definition: Cow<'static, str>,
    /// The kernels that the crate chose for what all of these adapters can do.
    #[serde(default)]
    pub kernels_chosen: Vec<ChosenKernel>,
    /// Every launch of the plan, in order.
    pub passes: Vec<CheckedPass>,
    /// Each run against the closed forms, then each but the first against the first, then the counters
    /// of each executor that tallies against its tally.
    pub counts: Vec<Comparison>,
    /// The part of its norm by which a tensor of one run may lie apart from another's.
    #[serde(default = "usual")]
    pub tolerance: f64,
    /// The loss and each gradient of each run but the first, against the first's.
    pub values: Vec<Value>,
    /// What each executor that looks saw beside the counts, by its name.
    pub watched: Vec<(String, Watched)>,
}

impl Document for Agreement {
    const SCHEMA: &'static str = "flopmeter.check/1";
}

const fn usual() -> f64 {
    check::TOLERANCE
}

/// What was run for a check.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct CheckedModel {
    /// What the model is called.
    #[serde(flatten)]
    pub model: ModelName,
    /// Sequences in the batch.
    pub batch: u32,
    /// Tokens in a sequence.
    pub seq: u32,
    /// What was chosen of the family's own options.
    #[serde(flatten)]
    pub options: Chosen,
    /// What the model's files hold or ask for that no pass has.
    #[serde(flatten)]
    pub not_run: NotRun,
}

/// One kernel launch.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct CheckedPass {
    /// Unique among the passes of a plan.
    pub label: String,
    /// Which kernel ran.
    pub kernel: KernelName,
}

/// Two opinions on a tensor.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Value {
    /// `loss` or `grad/NAME`.
    pub name: String,
    /// Whether they agree.
    #[serde(flatten)]
    pub verdict: Verdict,
    /// Whether both lie within [`check::ROUNDING`] of zero, so that nothing but their size is compared.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub rounding: bool,
    /// Whether both hold numbers that are infinite or none, which are the same in both where they agree.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub not_finite: bool,
}

/// Two opinions on the counts of a whole plan.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Comparison {
    /// Whose opinions they are.
    pub name: String,
    /// One for each pass of the plan.
    pub verdicts: Vec<Verdict>,
}

impl Comparison {
    /// How many passes came out how.
    pub fn tally(&self) -> Tally {
        self.verdicts.iter().fold(Tally::default(), |tally, verdict| tally + verdict)
    }
}

impl Agreement {
    /// Holds runs of one plan against each other and against the closed forms.
    pub fn new(plan: &Plan, runs: &[Run]) -> Self {
        let name = |run: &Run| run.measurement.adapter.name.clone();
        let forms = runs.iter().map(|run| Comparison {
            name: format!("{} = formula", name(run)),
            verdicts: check::passes(plan, &run.measurement),
        });
        let held: Vec<(&Run, &Run)> = match runs {
            [] => Vec::new(),
            [first, others @ ..] => others.iter().map(|other| (first, other)).collect(),
        };
        let pairs = held.iter().map(|(first, run)| Comparison {
            name: format!("{} = {}", name(run), name(first)),
            verdicts: check::executors(plan, &first.measurement, &run.measurement),
        });
        let tallies = runs.iter().filter_map(|run| {
            let verdicts = check::tallies(&run.measurement)?;
            Some(Comparison { name: format!("{} tally", name(run)), verdicts })
        });
        let watched = runs.iter().filter_map(|run| {
            let passes = run.measurement.passes.iter();
            Some((name(run), Watched::new(passes.map(|pass| pass.witness.as_ref()))?))
        });
        let passes = plan.passes.iter();
        let agreement = Self {
            schema: Self::SCHEMA.into(),
            pass: false,
            subject: None,
            definition: DEFINITION.into(),
            kernels_chosen: runs
                .first()
                .map_or_else(Vec::new, |run| run.measurement.kernels.clone()),
            passes: passes
                .map(|pass| CheckedPass { label: pass.label.clone(), kernel: pass.kernel.name() })
                .collect(),
            counts: forms.chain(pairs).chain(tallies).collect(),
            tolerance: check::tolerance(plan),
            values: held
                .iter()
                .flat_map(|(first, other)| values(first, other, check::tolerance(plan)))
                .collect(),
            watched: watched.collect(),
        };
        Self { pass: agreement.holds(), ..agreement }
    }

    /// The same, of a model.
    #[must_use]
    pub fn of(mut self, subject: CheckedModel) -> Self {
        self.subject = Some(subject);
        self
    }

    /// Whether no two opinions differ, none is missing, and no executor saw what a kernel should not do.
    pub fn holds(&self) -> bool {
        let counts = self.counts.iter().flat_map(|comparison| &comparison.verdicts);
        let differs = counts.chain(self.values.iter().map(|value| &value.verdict)).any(|verdict| {
            matches!(verdict, Verdict::Mismatch { .. } | Verdict::NotComparable { .. })
        });
        !differs && self.watched.iter().all(|(_, watched)| watched.holds())
    }
}

/// The loss and each kept gradient of one run against another's.
fn values(first: &Run, other: &Run, tolerance: f64) -> Vec<Value> {
    let [one, two] = [first, other].map(|run| run.measurement.adapter.name.as_str());
    let losses = [first, other].map(|run| run.loss.as_slice());
    let verdict = check::values_within((one, losses[0]), (two, losses[1]), tolerance);
    let loss = Value {
        name: "loss".to_owned(),
        verdict,
        rounding: false,
        not_finite: losses.iter().all(|loss| !loss.iter().all(|x| x.is_finite())),
    };
    let gradients = gradients((one, &first.tensors), (two, &other.tensors), tolerance);
    std::iter::once(loss).chain(gradients).collect()
}

/// Each gradient of one executor against another's. A gradient of which all terms cancel is left with what
/// rounding makes of it, which is relative to the terms: two of them agree where neither is larger than that.
fn gradients(
    (one, a): (&str, &[KeptTensor]),
    (two, b): (&str, &[KeptTensor]),
    tolerance: f64,
) -> Vec<Value> {
    let whole = a.iter().map(|tensor| check::norm(&tensor.data)).fold(0.0, f64::hypot);
    let is_finite = |tensor: &KeptTensor| tensor.data.iter().all(|x| x.is_finite());
    let cancels = |tensor: &KeptTensor| {
        is_finite(tensor) && check::norm(&tensor.data) <= check::ROUNDING * whole
    };
    let pairs = a.iter().zip(b).map(|(a, b)| {
        let verdict = check::values_within((one, &a.data), (two, &b.data), tolerance);
        let rounding = verdict != Verdict::Match && cancels(a) && cancels(b);
        let verdict = if rounding { Verdict::Match } else { verdict };
        let not_finite = !is_finite(a) && !is_finite(b);
        Value { name: a.name.clone(), verdict, rounding, not_finite }
    });
    pairs.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cancels_may_round_and_what_is_small_must_agree() {
        let kept = |data: &[f32]| KeptTensor {
            name: "grad/w".to_owned(),
            shape: vec![data.len()],
            data: data.to_vec(),
        };
        let verdict = |a: &[f32], b: &[f32]| {
            let whole = kept(&[0.3, 0.4]);
            let (a, b) = ([whole.clone(), kept(a)], [whole, kept(b)]);
            let values = gradients(("a", &a), ("b", &b), check::TOLERANCE);
            (values[1].verdict == Verdict::Match, values[1].rounding)
        };
        assert_eq!(verdict(&[0.0], &[0.0]), (true, false));
        assert_eq!(verdict(&[0.0], &[4e-6]), (true, true));
        assert_eq!(verdict(&[-3e-6], &[4e-6]), (true, true));
        assert_eq!(
            verdict(&[0.0], &[2e-5]),
            (false, false),
            "a gradient that one of them never wrote"
        );
        assert_eq!(verdict(&[0.0], &[f32::NAN]), (false, false));
        assert_eq!(verdict(&[1e-3], &[1.001e-3]), (false, false));
    }

    #[test]
    fn what_is_no_number_on_both_is_named() {
        let kept = |data: &[f32]| {
            [KeptTensor { name: "grad/w".to_owned(), shape: vec![2], data: data.to_vec() }]
        };
        let named = |a: &[f32], b: &[f32]| {
            let values = gradients(("a", &kept(a)), ("b", &kept(b)), check::TOLERANCE);
            (values[0].verdict == Verdict::Match, values[0].not_finite)
        };
        assert_eq!(named(&[1.0, f32::NAN], &[1.0, f32::NAN]), (true, true));
        assert_eq!(named(&[1.0, 2.0], &[1.0, f32::NAN]), (false, false));
        assert_eq!(named(&[1.0, 2.0], &[1.0, 2.0]), (true, false));
    }
}
