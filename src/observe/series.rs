//! Kernels that run one after the other on the same buffers: counted once, timed several times, each time from the
//! same contents. Whose kernels they are, and what the buffers mean, is the caller's business.

use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};

use super::{
    Buffers, Call, Contents, Countable, Counting, Observed, Runs, Spread, Timing, timing::totals,
};
use crate::{
    Error,
    execute::{Bound, Clock, Executor, Outcome},
    kernel::Resource,
    waking::Waker,
};

/// A kernel, and how many workgroups of it run.
#[derive(Clone, Copy, Debug)]
pub struct KernelLaunch<'a> {
    /// What runs.
    pub kernel: &'a dyn Countable,
    /// Workgroups.
    pub grid: [u32; 3],
}

/// Which of several launches is compiled or run, for another thread that waits for them.
#[derive(Debug, Default)]
pub struct UnderWay(AtomicUsize);

impl UnderWay {
    /// The place of the launch among all of them.
    pub fn launch(&self) -> usize {
        self.0.load(SeqCst)
    }

    /// Notes that the next launch to come to is the first one.
    pub fn begin(&self) {
        self.0.store(0, SeqCst);
    }

    /// The launches, each noted as it is come to.
    fn each<T>(&self, launches: impl Iterator<Item = T>) -> impl Iterator<Item = T> {
        launches.enumerate().map(|(at, launch)| {
            self.0.store(at, SeqCst);
            launch
        })
    }
}

/// What a series of launches did.
#[derive(Clone, Debug)]
pub struct Series {
    /// What each launch did, in order.
    pub launches: Vec<Observed>,
    /// Seconds of each launch over the timed runs; `None` where nothing was timed.
    pub seconds: Vec<Option<Spread>>,
    /// Seconds of all of them together.
    pub total_seconds: Option<Spread>,
    /// How times were taken.
    pub timing: Timing,
}

/// Kernels compiled plain and counting, with the buffers that they share, on one executor. The executor is handed
/// to each call, and is the same at each.
pub struct Sequence<'a> {
    launches: Vec<KernelLaunch<'a>>,
    /// Each kernel once, and the launches that are of it.
    kernels: Vec<(Counting, Bound)>,
    /// For each launch which kernel it is of, and what it binds.
    bound: Vec<(usize, Vec<Bound>)>,
    buffers: Buffers<'a>,
    under_way: &'a UnderWay,
}

impl<'a> Sequence<'a> {
    /// Compiles the kernels of some launches and makes their buffers; `contents` has the bytes of each binding that
    /// one of them uses. `under_way` is told which launch is compiled, and later run. Whatever the executor held is
    /// given back.
    ///
    /// # Errors
    /// Where a kernel cannot be counted, or the executor does not take a kernel or the buffers.
    pub fn new(
        executor: &mut dyn Executor,
        launches: &[KernelLaunch<'a>],
        contents: impl IntoIterator<Item = (&'a Resource, impl Into<Contents>)>,
        under_way: &'a UnderWay,
    ) -> Result<Self, Error> {
        executor.clear();
        let mut distinct: Vec<&dyn Countable> = Vec::new();
        let mut kernels = Vec::new();
        let mut which = Vec::new();
        for launch in under_way.each(launches.iter()) {
            let known =
                distinct.iter().position(|kernel| std::ptr::addr_eq(*kernel, launch.kernel));
            if known.is_none() {
                let counting = launch.kernel.counting(executor)?;
                let counters = counting.counters(executor)?;
                distinct.push(launch.kernel);
                kernels.push((counting, counters));
            }
            which.push(known.unwrap_or(distinct.len() - 1));
        }
        let buffers = Buffers::new(executor, contents)?;
        let bound = which.into_iter().zip(launches);
        let bound = bound.map(|(kernel, launch)| (kernel, buffers.bound_to(launch.kernel)));
        Ok(Self {
            launches: launches.to_vec(),
            kernels,
            bound: bound.collect(),
            buffers,
            under_way,
        })
    }

    /// Their buffers.
    pub const fn buffers(&self) -> &Buffers<'a> {
        &self.buffers
    }

    /// Counts once and times `runs`, each from the same contents. Where the executor looks at what it runs, the
    /// plain kernels run at least once.
    ///
    /// # Errors
    /// Where the executor fails, or did not run a whole launch.
    pub fn observe(
        &self,
        executor: &mut dyn Executor,
        runs: impl Into<Runs>,
    ) -> Result<Series, Error> {
        let ready: Vec<Ready<'_>> = self
            .launches
            .iter()
            .zip(&self.bound)
            .map(|(launch, bound)| {
                let (counting, counters) = &self.kernels[bound.0];
                Ready {
                    counting,
                    counters: *counters,
                    call: Call {
                        label: launch.kernel.name(),
                        bindings: &bound.1,
                        grid: launch.grid,
                    },
                }
            })
            .collect();
        observe(executor, &self.buffers, &ready, self.under_way, runs.into())
    }
}

/// A launch with all that it takes.
#[derive(Clone, Copy)]
pub struct Ready<'a> {
    /// The kernel, compiled plain and counting.
    pub counting: &'a Counting,
    /// The counters that the counting kernel binds beside what the plain one does.
    pub counters: Bound,
    /// What the plain kernel is called on.
    pub call: Call<'a>,
}

/// Counts a series once and times it, each time from the contents of its buffers.
pub(super) fn observe(
    executor: &mut dyn Executor,
    buffers: &Buffers<'_>,
    launches: &[Ready<'_>],
    under_way: &UnderWay,
    asked: Runs,
) -> Result<Series, Error> {
    // Where nothing is timed, no clock need be up.
    let mut waker = Waker::default();
    if !asked.none() {
        warm_up(executor, buffers, launches, under_way)?;
        waker = Waker::of(executor, None)?;
    }
    let mut observed = Vec::new();
    // What counts is compared with what is plain.
    waker.wake(executor)?;
    for Ready { counting, counters, call } in under_way.each(launches.iter()) {
        observed.push(counting.count(executor, call, *counters)?);
    }
    let waited = |run: &[Outcome]| run.iter().map(|outcome| outcome.waited_seconds).sum::<f64>();
    let (mut warm, mut all_waited) = (Vec::new(), 0.0);
    while !asked.are_warm(&warm, all_waited) {
        let run = plain(executor, buffers, launches, under_way, &mut waker)?;
        all_waited += waited(&run);
        warm.push(run.iter().map(|outcome| outcome.seconds).sum());
    }
    let mut runs: Vec<Vec<(f64, Clock)>> = Vec::new();
    let (mut whole, mut all_waited) = (Vec::new(), 0.0);
    let mut last = None;
    while !asked.are_enough(&whole, all_waited) {
        let run = plain(executor, buffers, launches, under_way, &mut waker)?;
        all_waited += waited(&run);
        whole.push(run.iter().map(|outcome| outcome.seconds).sum());
        runs.push(run.iter().map(|outcome| (outcome.seconds, outcome.clock)).collect());
        last = Some(run);
    }
    // What is seen of the counting kernels has the counting in it.
    if last.is_none() && executor.looks() {
        last = Some(plain(executor, buffers, launches, under_way, &mut Waker::default())?);
    }
    for (seen, outcome) in observed.iter_mut().zip(last.into_iter().flatten()) {
        seen.witness = outcome.witness;
    }
    let of_launch = |index: usize| -> Vec<f64> { runs.iter().map(|run| run[index].0).collect() };
    let seconds: Vec<Option<Spread>> =
        (0..launches.len()).map(|index| Spread::of(&of_launch(index))).collect();
    for (seen, seconds) in observed.iter_mut().zip(&seconds) {
        seen.seconds = seconds.map(|spread| spread.median);
    }
    let counted_seconds = observed.iter().map(|seen| seen.counted_seconds).sum();
    let timing = Timing::of(asked, &runs, counted_seconds, &warm);
    let total_seconds = Spread::of(&totals(&runs));
    Ok(Series { launches: observed, seconds, total_seconds, timing })
}

/// Runs the plain kernels from the contents of their buffers, on a device that is awake where they are timed.
fn plain(
    executor: &mut dyn Executor,
    buffers: &Buffers<'_>,
    launches: &[Ready<'_>],
    under_way: &UnderWay,
    waker: &mut Waker,
) -> Result<Vec<Outcome>, Error> {
    buffers.restore(executor)?;
    waker.wake(executor)?;
    under_way
        .each(launches.iter())
        .map(|ready| ready.counting.run_plain(executor, &ready.call))
        .collect()
}

/// Has drivers compile what they compile at the first dispatch, which is not the kernels' time. A kernel that follows
/// another may end only on what that one leaves, so of several each runs whole.
fn warm_up(
    executor: &mut dyn Executor,
    buffers: &Buffers<'_>,
    launches: &[Ready<'_>],
    under_way: &UnderWay,
) -> Result<(), Error> {
    let one = launches.len() == 1;
    let grid = |call: &Call<'_>| if one { [1; 3] } else { call.grid };
    for Ready { counting, call, .. } in under_way.each(launches.iter()) {
        counting.run_plain(executor, &Call { grid: grid(call), ..*call })?;
    }
    if !one {
        buffers.restore(executor)?;
    }
    for Ready { counting, counters, call } in under_way.each(launches.iter()) {
        counting.run_counting(executor, &Call { grid: grid(call), ..*call }, *counters)?;
    }
    buffers.restore(executor)
}
