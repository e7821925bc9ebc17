//! An adapter's ceilings, measured and not looked up: what the kernels of `shaders/roofline.wgsl` reach,
//! as work that the counters counted over time that the plain kernels took. Knows executors and
//! counting; nothing of models, arguments or how a report looks.

mod ceiling;
mod place;
mod probe;

use std::ops::ControlFlow;

pub use crate::observe::Spread;
pub use ceiling::{Ceiling, Ceilings, Drift, Missing, Resource};
pub use place::{BoundBy, Placement};

use crate::{Error, KernelError, execute::Executor, observe::Runs};

/// Timed runs of each kernel, where no other number is asked for.
pub const REPEATS: u32 = 7;

/// Told before each kernel; a break stops the measurement with [`Error::Interrupted`].
pub type ProbeObserver<'a> = dyn FnMut(&str) -> ControlFlow<()> + 'a;

/// How many kernels a round of [`measure`] runs: each ceiling's, nothing, and the first again.
pub const PROBES: usize = probe::PROBES.len() + 2;

/// How often everything is measured at the most, where the peak drifts.
const ROUNDS: u32 = 3;

/// Measures an executor's ceilings, each with one timed run at least, and all of them again where the peak drifted
/// meanwhile: of each the best is kept. Takes seconds. Whatever the executor held is given back.
///
/// # Errors
/// Where the executor fails at anything that every adapter can do, or `observe` breaks the run off.
pub fn measure(
    executor: &mut dyn Executor,
    runs: impl Into<Runs>,
    observe: &mut ProbeObserver<'_>,
) -> Result<Ceilings, Error> {
    let runs = runs.into();
    let mut best = round(executor, runs, observe)?;
    while best.drift.is_much() && best.rounds < ROUNDS {
        best = best.or_better(round(executor, runs, observe)?);
    }
    Ok(best)
}

/// Measures every ceiling once.
fn round(
    executor: &mut dyn Executor,
    runs: Runs,
    observe: &mut ProbeObserver<'_>,
) -> Result<Ceilings, Error> {
    let mut measured = |executor: &mut dyn Executor, probe: &probe::Probe| match observe(probe.name)
    {
        ControlFlow::Continue(()) => probe.run(executor, runs),
        ControlFlow::Break(()) => Err(Error::Interrupted(probe.name.to_owned())),
    };
    let mut ceilings = Vec::new();
    let mut missing = Vec::new();
    for probe in probe::PROBES {
        match measured(executor, probe) {
            Ok(times) => ceilings.extend(times.ceiling(probe)),
            Err(Error::Core(KernelError::BackEnd { problem, .. })) if probe.optional => {
                missing.push(Missing { name: probe.name.to_owned(), why: problem });
            }
            Err(error) => return Err(error),
        }
    }
    let empty = measured(executor, &probe::NOTHING)?;
    let last = measured(executor, &probe::PROBES[0])?.ceiling(&probe::PROBES[0]);
    executor.clear();

    let [first, last] = [ceilings.first(), last.as_ref()].map(|c| c.map_or(0.0, |c| c.rate.median));
    let drift = Drift { first, last };
    Ok(Ceilings {
        adapter: executor.adapter().clone(),
        repeats: runs.least().max(1),
        rounds: 1,
        ceilings,
        missing,
        empty_dispatch: empty.seconds,
        empty_dispatch_clock: empty.clock,
        submit_and_wait: empty.waited,
        drift,
        warning: drift.warning(),
    })
}
