//! A plan's measurement: counts from its counting kernels, times from its plain ones.

use std::sync::Arc;

use super::{ChosenKernel, Observer, Session, Stage};
use crate::{
    Error,
    execute::{Adapter, Clock, Outcome},
    observe::{Observed, Runs, Timing, median},
};

/// A whole plan, measured.
#[derive(Clone, Debug, PartialEq)]
pub struct Measurement {
    /// The adapter that ran it.
    pub adapter: Arc<Adapter>,
    /// One for each pass of the plan, in its order.
    pub passes: Vec<Observed>,
    /// The kernels that ran, each once for each set of values that it was compiled with.
    pub kernels: Vec<ChosenKernel>,
    /// How times were taken.
    pub timing: Timing,
}

impl Session<'_> {
    /// Runs the plan once counting and `runs` times plain. What the buffers hold afterwards is what one run leaves,
    /// since each starts from the same contents.
    ///
    /// # Errors
    /// Where the executor fails or did not run all of a pass, and where `observe` breaks the run off.
    pub fn measure(
        &mut self,
        runs: impl Into<Runs>,
        observe: &mut Observer<'_>,
    ) -> Result<Measurement, Error> {
        // Some drivers compile at the first dispatch, which is no pass's time; untimed runs need none of it.
        let asked = runs.into();
        if !asked.none() {
            self.warm_up()?;
        }
        let mut passes = self.count(observe)?;
        let counted_seconds = passes.iter().map(|pass| pass.counted_seconds).sum();
        let (mut warm, mut waited) = (Vec::new(), 0.0);
        while !asked.are_warm(&warm, waited) {
            let run = seconds(&self.plain(Stage::Warming, observe)?);
            waited += run;
            warm.push(run);
        }
        let mut runs: Vec<Vec<(f64, Clock)>> = Vec::new();
        let mut whole = Vec::new();
        while !asked.are_enough(&whole, whole.iter().sum()) {
            let outcomes = self.plain(Stage::Timing(runs.len() as u32), observe)?;
            whole.push(seconds(&outcomes));
            runs.push(outcomes.iter().map(|outcome| (outcome.seconds, outcome.clock)).collect());
            witnessed(&mut passes, outcomes);
        }
        // What is seen of the counting kernels has the counting in it.
        if asked.none() && self.looks() {
            witnessed(&mut passes, self.plain(Stage::Witnessing, observe)?);
        }
        for (i, pass) in passes.iter_mut().enumerate() {
            pass.seconds = median(runs.iter().map(|run| run[i].0).collect());
        }
        let timing = Timing::of(asked, &runs, counted_seconds, &warm);
        let adapter = Arc::new(self.adapter().clone());
        Ok(Measurement { adapter, passes, kernels: self.chosen().to_vec(), timing })
    }
}

/// What a run of all passes took.
fn seconds(outcomes: &[Outcome]) -> f64 {
    outcomes.iter().map(|outcome| outcome.seconds).sum()
}

/// Keeps what an executor saw of the plain kernels beside what their counters say.
fn witnessed(passes: &mut [Observed], outcomes: Vec<Outcome>) {
    for (pass, outcome) in passes.iter_mut().zip(outcomes) {
        pass.witness = outcome.witness;
    }
}
