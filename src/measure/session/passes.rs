//! Running the passes of a session: each by itself where its counts are wanted, many in one submission where its
//! time is. Knows nothing of what the buffers hold.

use std::ops::ControlFlow;

use super::{Launch, Session};
use crate::{
    Error,
    execute::{Dispatch, Outcome},
    measure::{Observer, Progress, Stage},
    observe::{Call, Observed},
    waking::Waker,
};

/// How long passes that are submitted together may take: long beside what a submission costs, short beside what a
/// driver's watchdog allows, and no user waits for it who wants to stop.
const SUBMISSION_SECONDS: f64 = 0.1;

#[derive(Clone, Copy, PartialEq, Eq)]
enum Variant {
    Plain,
    Counted,
}

impl Session<'_> {
    /// Runs one workgroup of every program, so that what a driver does at a first dispatch is done.
    /// Leaves rubbish behind: every run starts by restoring what it relies on.
    pub(in crate::measure) fn warm_up(&mut self) -> Result<(), Error> {
        let mut warm = vec![false; self.kernels.len()];
        for index in 0..self.launches.len() {
            if !std::mem::replace(&mut warm[self.launches[index].kernel], true) {
                self.dispatch(index, Variant::Plain, [1; 3])?;
                self.dispatch(index, Variant::Counted, [1; 3])?;
            }
        }
        self.waker = Waker::of(self.executor, None)?;
        Ok(())
    }

    /// Runs the counting kernels once.
    pub(in crate::measure) fn count(
        &mut self,
        observe: &mut Observer<'_>,
    ) -> Result<Vec<Observed>, Error> {
        self.executor.write(self.counters, 0, &vec![0; self.counter_bytes as usize])?;
        let outcomes = self.run(Stage::Counting, observe)?;
        let raw = self.executor.read(self.counters, 0, self.counter_bytes)?;
        outcomes
            .into_iter()
            .zip(self.launches.iter().zip(&self.plan.passes))
            .map(|(outcome, (launch, pass))| {
                let start = launch.counters.offset as usize;
                let raw = &raw[start..start + launch.counters.size as usize];
                let counting = &self.kernels[launch.kernel].counting;
                let observed = counting.decode(raw, pass.grid, outcome.seconds);
                observed.map_err(|error| error.of_pass(&pass.label))
            })
            .collect()
    }

    /// Runs the plain kernels once.
    pub(in crate::measure) fn plain(
        &mut self,
        stage: Stage,
        observe: &mut Observer<'_>,
    ) -> Result<Vec<Outcome>, Error> {
        self.run(stage, observe)
    }

    fn run(&mut self, stage: Stage, observe: &mut Observer<'_>) -> Result<Vec<Outcome>, Error> {
        if matches!(stage, Stage::Warming | Stage::Timing(_)) && !self.apart {
            match self.timed_together(stage, observe)? {
                Some(outcomes) => return Ok(outcomes),
                // A clock that did not tell two passes apart once is not asked again.
                None => self.apart = true,
            }
        }
        self.fill(&self.restored.clone())?;
        // What counts is woken too, since it is compared with what is plain.
        self.waker.wake(self.executor)?;
        let variant = if stage == Stage::Counting { Variant::Counted } else { Variant::Plain };
        (0..self.launches.len())
            .map(|index| {
                self.announce(stage, index, observe)?;
                let outcome = self.dispatch(index, variant, self.plan.passes[index].grid)?;
                self.seconds[index] = outcome.seconds;
                Ok(outcome)
            })
            .collect()
    }

    /// Runs the plain kernels, many in one submission, so that the device does not idle between them. `None`
    /// where its clock does not tell them apart.
    fn timed_together(
        &mut self,
        stage: Stage,
        observe: &mut Observer<'_>,
    ) -> Result<Option<Vec<Outcome>>, Error> {
        self.fill(&self.restored.clone())?;
        self.waker.wake(self.executor)?;
        let most = self.executor.most_at_once();
        let plan = self.plan;
        let mut outcomes = Vec::with_capacity(plan.passes.len());
        while outcomes.len() < plan.passes.len() {
            let from = outcomes.len();
            let to = from + together(&self.seconds[from..], most);
            for index in from..to {
                self.announce(stage, index, observe)?;
            }
            let launches = self.launches[from..to].iter().zip(&plan.passes[from..to]);
            let dispatches: Vec<Dispatch<'_>> = launches
                .map(|(Launch { kernel, bindings, .. }, pass)| {
                    let call = Call { label: &pass.label, bindings, grid: pass.grid };
                    self.kernels[*kernel].counting.plain(&call)
                })
                .collect();
            let ran = self.executor.dispatch_all(&dispatches);
            match ran.map_err(|error| error.of_pass(&plan.passes[from].label))? {
                Some(some) => outcomes.extend(some),
                None => return Ok(None),
            }
        }
        Ok(Some(outcomes))
    }

    /// Says which pass comes next.
    fn announce(
        &self,
        stage: Stage,
        index: usize,
        observe: &mut Observer<'_>,
    ) -> Result<(), Error> {
        let (pass, passes) = (&self.plan.passes[index], self.plan.passes.len());
        match observe(Progress { stage, pass, index, passes }) {
            ControlFlow::Continue(()) => Ok(()),
            ControlFlow::Break(()) => Err(Error::Interrupted(pass.label.clone())),
        }
    }

    fn dispatch(
        &mut self,
        index: usize,
        variant: Variant,
        grid: [u32; 3],
    ) -> Result<Outcome, Error> {
        let Launch { kernel, bindings, counters } = &self.launches[index];
        let counting = &self.kernels[*kernel].counting;
        let label = &self.plan.passes[index].label;
        let call = Call { label, bindings, grid };
        match variant {
            Variant::Plain => counting.run_plain(self.executor, &call),
            Variant::Counted => counting.run_counting(self.executor, &call, *counters),
        }
        .map_err(|error| error.of_pass(label))
    }
}

/// How many of the passes that come next, each with what it took before, go into one submission.
fn together(seconds: &[f64], most: usize) -> usize {
    let mut sum = 0.0;
    let fit = seconds.iter().take_while(|&&seconds| {
        sum += seconds;
        sum <= SUBMISSION_SECONDS
    });
    fit.count().clamp(1, most)
}
