//! Running a plan: its buffers are made and filled, each kernel is compiled plain and counting, every pass is
//! dispatched and observed. Counts come from the counting kernels, times from the plain ones. Nothing here knows
//! what a count should be.

mod session;
mod uniform;

use std::{collections::BTreeMap, ops::ControlFlow, sync::Arc};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub use session::Session;

use crate::{
    Error,
    execute::{Adapter, Clock, Outcome},
    observe::{Observed, Timing, median, source},
    plan::{KernelName, Pass},
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
    /// Running the counting kernels once.
    Counting,
    /// Running the plain kernels once, for what an executor sees itself.
    Witnessing,
    /// Running the plain kernels to time them; the number of the run, from 0.
    Timing(u32),
}

/// Told before each pass; a break stops the run with [`Error::Interrupted`].
pub type Observer<'a> = dyn FnMut(Progress<'_>) -> ControlFlow<()> + 'a;

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

/// A kernel of the crate's own, as it was chosen for an adapter.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ChosenKernel {
    /// Its name.
    pub kernel: KernelName,
    /// Lanes and extents of its tiles: the values of its overrides.
    pub tile: BTreeMap<String, u32>,
    /// How many passes it runs.
    pub passes: u64,
}

impl Session<'_> {
    /// Runs the plan once counting and `repeats` times plain. What the buffers hold afterwards is what one
    /// run leaves, since each starts from the same contents.
    ///
    /// # Errors
    /// Where the executor fails or did not run all of a pass, and where `observe` breaks the run off.
    pub fn measure(
        &mut self,
        repeats: u32,
        observe: &mut Observer<'_>,
    ) -> Result<Measurement, Error> {
        // Some drivers compile at the first dispatch, which is no pass's time; untimed runs need none of it.
        if repeats > 0 {
            self.warm_up()?;
        }
        let mut passes = self.count(observe)?;
        let mut runs: Vec<Vec<(f64, Clock)>> = Vec::new();
        for repeat in 0..repeats {
            let outcomes = self.plain(Stage::Timing(repeat), observe)?;
            runs.push(outcomes.iter().map(|outcome| (outcome.seconds, outcome.clock)).collect());
            witnessed(&mut passes, outcomes);
        }
        // What is seen of the counting kernels has the counting in it.
        if repeats == 0 && self.looks() {
            witnessed(&mut passes, self.plain(Stage::Witnessing, observe)?);
        }
        for (i, pass) in passes.iter_mut().enumerate() {
            pass.seconds = median(runs.iter().map(|run| run[i].0).collect());
        }
        let timing = Timing {
            source: source(&runs),
            repeats,
            plain_seconds: median(
                runs.iter().map(|run| run.iter().map(|(s, _)| s).sum()).collect(),
            ),
            counted_seconds: passes.iter().map(|pass| pass.counted_seconds).sum(),
        };
        let adapter = Arc::new(self.adapter().clone());
        Ok(Measurement { adapter, passes, kernels: self.chosen().to_vec(), timing })
    }
}

/// Keeps what an executor saw of the plain kernels beside what their counters say.
fn witnessed(passes: &mut [Observed], outcomes: Vec<Outcome>) {
    for (pass, outcome) in passes.iter_mut().zip(outcomes) {
        pass.witness = outcome.witness;
    }
}
