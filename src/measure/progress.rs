//! What a run tells of itself before each pass.

use std::ops::ControlFlow;

use crate::plan::Pass;

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
    /// Running the plain kernels untimed, until caches are warm and clocks are raised.
    Warming,
    /// Running the plain kernels to time them; the number of the run, from 0.
    Timing(u32),
}

/// Told before each pass; a break stops the run with [`Error::Interrupted`](crate::Error::Interrupted).
pub type Observer<'a> = dyn FnMut(Progress<'_>) -> ControlFlow<()> + 'a;
