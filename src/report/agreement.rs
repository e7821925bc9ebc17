//! Whether executors agree: each run's counts against the closed forms, and every run's counts and
//! values against those of the first. Judges runs; running them is somebody else's business.

use crate::{
    check::{self, Tally, Verdict},
    plan::Plan,
    profile::Run,
    report::Watched,
};

/// One plan as several executors ran it.
#[derive(Clone, Debug, PartialEq)]
pub struct Agreement {
    /// Each run against the closed forms, then each but the first against the first, then the counters
    /// of each executor that tallies against its tally.
    pub counts: Vec<Comparison>,
    /// The loss and each gradient of each run but the first, against the first's.
    pub values: Vec<(String, Verdict)>,
    /// What each executor that looks saw beside the counts, by its name.
    pub watched: Vec<(String, Watched)>,
}

/// Two opinions on the counts of a whole plan.
#[derive(Clone, Debug, PartialEq)]
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
        let Some((first, others)) = runs.split_first() else {
            return Self { counts: Vec::new(), values: Vec::new(), watched: Vec::new() };
        };
        let pairs = others.iter().map(|run| Comparison {
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
        Self {
            counts: forms.chain(pairs).chain(tallies).collect(),
            values: others.iter().flat_map(|other| values(first, other)).collect(),
            watched: watched.collect(),
        }
    }

    /// Whether no two opinions differ, and nobody saw what a kernel should not do.
    pub fn holds(&self) -> bool {
        let counts = self.counts.iter().flat_map(|comparison| &comparison.verdicts);
        let differs = counts
            .chain(self.values.iter().map(|(_, verdict)| verdict))
            .any(|verdict| matches!(verdict, Verdict::Mismatch { .. }));
        !differs && self.watched.iter().all(|(_, watched)| watched.holds())
    }
}

/// The loss and each kept tensor of one run against another's.
fn values(first: &Run, other: &Run) -> Vec<(String, Verdict)> {
    let [one, two] = [first, other].map(|run| run.measurement.adapter.name.as_str());
    let hold = |a, b| check::values((one, a), (two, b));
    let loss = ("loss".to_owned(), hold(first.loss.as_slice(), other.loss.as_slice()));
    let tensors = first.tensors.iter().zip(&other.tensors);
    let tensors = tensors.map(|(a, b)| (a.name.clone(), hold(&a.data, &b.data)));
    std::iter::once(loss).chain(tensors).collect()
}
