//! The one way to count: this kernel, plain and counting, on these buffers. Compiles, binds, runs, compares what
//! the two leave, decodes and prices. What comes of it, [`Observed`], is all that [`check`](crate::check) judges
//! and that reports are made of. Knows no formula, no plan, and nothing of what a count should be.

mod buffers;
mod countable;
mod runs;
#[cfg(all(feature = "embedded", feature = "gpu"))]
mod second;
mod series;
mod timing;
mod trial;

use std::{collections::BTreeMap, sync::Arc};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

#[cfg(all(feature = "embedded", feature = "gpu"))]
pub use self::second::Attempts;
pub use self::{
    buffers::{Buffers, Contents, Outputs},
    countable::Countable,
    runs::Runs,
    series::{KernelLaunch, Ready, Sequence, Series, UnderWay},
    timing::{Spread, TimeSource, Timing, WarmUp},
    trial::Trial,
};
pub(crate) use timing::median;

use crate::{
    Error,
    execute::{Adapter, Allocation, Bound, Dispatch, Executor, Outcome, ProgramId, Witness},
    instrument::{BlockTable, CounterBinding, Instrumented, Line, UnevenBarrier, instrument},
    kernel::KernelModule,
    op::Cost,
};

/// What the launches of one kernel did.
#[derive(Clone, Debug, PartialEq)]
pub struct Observed {
    /// The adapter that ran it.
    pub adapter: Arc<Adapter>,
    /// Executed operations and traffic, as the counters have them.
    pub cost: Cost,
    /// The same by line of the kernel's source, from 1. Empty where the kernel has no source.
    pub lines: BTreeMap<u32, Line>,
    /// The part of the cost whose results are never used, for SPIR-V. `None` where naga IR was counted, of which it is not
    /// known.
    pub dead: Option<Cost>,
    /// The barriers to which other than whole workgroups came: those of `cost` are without what is left over.
    pub uneven_barriers: Vec<UnevenBarrier>,
    /// Seconds of the plain kernel, the median of several runs; `None` where nothing was timed.
    pub seconds: Option<f64>,
    /// Seconds of the counting kernel, once.
    pub counted_seconds: f64,
    /// What the executor itself saw of the plain kernel, where it looks.
    pub witness: Option<Witness>,
    /// The layer whose pass ran in the place of this one, where this one did not run.
    pub from_layer: Option<u32>,
}

/// An adapter that was asked first and could not be right.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Moved {
    /// Its name.
    pub adapter: String,
    /// Why not: the kernel or pass, what the adapter did to it, and where.
    pub why: String,
}

/// A kernel on one executor, compiled as it is and counting.
pub struct Counting {
    adapter: Arc<Adapter>,
    plain: ProgramId,
    counting: ProgramId,
    counters: CounterBinding,
    table: BlockTable,
    /// Whether the table is of SPIR-V.
    is_spirv: bool,
}

/// A kernel called on bound buffers.
#[derive(Clone, Copy, Debug)]
pub struct Call<'a> {
    /// Named in every error.
    pub label: &'a str,
    /// Every resource that the plain kernel uses.
    pub bindings: &'a [Bound],
    /// Workgroups.
    pub grid: [u32; 3],
}

impl Counting {
    /// Rewrites a kernel for what an executor can do, and compiles it both ways.
    ///
    /// # Errors
    /// Where the kernel cannot be counted, or the executor cannot take it.
    pub fn new(executor: &mut dyn Executor, kernel: &KernelModule) -> Result<Self, Error> {
        let instrumented = instrument(kernel, &executor.adapter().limits)?;
        Self::rewritten(executor, kernel, &instrumented)
    }

    /// Compiles a kernel and its counting twin, which was rewritten elsewhere: for other limits than the executor's own, say.
    ///
    /// # Errors
    /// Where the executor cannot take one of the two.
    pub fn rewritten(
        executor: &mut dyn Executor,
        kernel: &KernelModule,
        counting: &Instrumented,
    ) -> Result<Self, Error> {
        Ok(Self {
            adapter: Arc::new(executor.adapter().clone()),
            plain: executor.compile(kernel)?,
            counting: executor.compile(&counting.kernel)?,
            counters: counting.counters,
            table: counting.table.clone(),
            is_spirv: false,
        })
    }

    /// Takes SPIR-V that was compiled both ways.
    #[cfg(feature = "spirv")]
    pub fn of_spirv(
        executor: &dyn Executor,
        [plain, counting]: [ProgramId; 2],
        counters: CounterBinding,
        table: BlockTable,
    ) -> Self {
        let adapter = Arc::new(executor.adapter().clone());
        Self { adapter, plain, counting, counters, table, is_spirv: true }
    }

    /// What the counters mean.
    pub const fn table(&self) -> &BlockTable {
        &self.table
    }

    /// The counters of the kernel, where they lie at `offset` bytes of a buffer.
    pub fn counters_at(&self, buffer: Allocation, offset: u64) -> Bound {
        let CounterBinding { group, binding } = self.counters;
        Bound { group, binding, buffer, offset, size: self.table.bytes() }
    }

    /// Makes a buffer of counters, all of them zero.
    ///
    /// # Errors
    /// Where the executor has no room.
    pub fn counters(&self, executor: &mut dyn Executor) -> Result<Bound, Error> {
        let buffer = executor.allocate("counters", self.table.bytes())?;
        Ok(self.counters_at(buffer, 0))
    }

    /// The plain kernel, to be run.
    pub const fn plain<'a>(&self, call: &Call<'a>) -> Dispatch<'a> {
        let Call { label, bindings, grid } = *call;
        Dispatch { label, program: self.plain, bindings, grid }
    }

    /// The counting kernel, to be run. What `call` binds includes the counters.
    pub const fn counted<'a>(&self, call: &Call<'a>) -> Dispatch<'a> {
        let Call { label, bindings, grid } = *call;
        Dispatch { label, program: self.counting, bindings, grid }
    }

    /// Runs the plain kernel.
    ///
    /// # Errors
    /// Where the executor fails.
    pub fn run_plain(
        &self,
        executor: &mut dyn Executor,
        call: &Call<'_>,
    ) -> Result<Outcome, Error> {
        executor.dispatch(&self.plain(call))
    }

    /// Runs the counting kernel, which adds to the counters. Who reads them calls [`Self::decode`].
    ///
    /// # Errors
    /// Where the executor fails.
    pub fn run_counting(
        &self,
        executor: &mut dyn Executor,
        call: &Call<'_>,
        counters: Bound,
    ) -> Result<Outcome, Error> {
        let bindings = [call.bindings, &[counters]].concat();
        executor.dispatch(&self.counted(&Call { bindings: &bindings, ..*call }))
    }

    /// What the raw counters of a launch say, and how long it took.
    ///
    /// # Errors
    /// Where the adapter did not run the whole launch, or the counters contradict each other.
    pub fn decode(&self, raw: &[u8], grid: [u32; 3], seconds: f64) -> Result<Observed, Error> {
        let executions = self.table.decode(raw, self.table.invocations(grid))?;
        Ok(Observed {
            adapter: Arc::clone(&self.adapter),
            cost: self.table.cost(&executions),
            lines: self.table.lines(&executions),
            dead: self.is_spirv.then(|| self.table.dead(&executions)),
            uneven_barriers: self.table.uneven_barriers(&executions),
            seconds: None,
            counted_seconds: seconds,
            witness: None,
            from_layer: None,
        })
    }

    /// Zeroes the counters, runs the counting kernel and reads them.
    ///
    /// # Errors
    /// Where the executor fails, or did not run the whole launch.
    pub fn count(
        &self,
        executor: &mut dyn Executor,
        call: &Call<'_>,
        counters: Bound,
    ) -> Result<Observed, Error> {
        let Bound { buffer, offset, size, .. } = counters;
        executor.write(buffer, offset, &vec![0; size as usize])?;
        let outcome = self.run_counting(executor, call, counters)?;
        let raw = executor.read(buffer, offset, size)?;
        self.decode(&raw, call.grid, outcome.seconds)
    }
}
