//! One kernel on buffers of its own, from its contents to what was observed. Whose kernel it is, and what its
//! buffers mean, is the caller's business.

use super::{
    Buffers, Call, Counting, Observed, Outputs, Runs, Series, Timing,
    series::{Ready, UnderWay, observe},
};
use crate::{
    Error,
    execute::{Bound, Executor, Outcome},
    instrument::{Instrumented, instrument},
    kernel::KernelModule,
};

/// A kernel compiled plain and counting, with its buffers, on one executor. The executor is handed to each call,
/// and is the same at each.
pub struct Trial<'a> {
    kernel: &'a KernelModule,
    counting: Counting,
    buffers: Buffers<'a>,
    counters: Bound,
}

impl<'a> Trial<'a> {
    /// Compiles a kernel and makes its buffers; `contents` has the bytes of each of its resources, in their order.
    /// Whatever the executor held is given back.
    ///
    /// # Errors
    /// Where the kernel cannot be counted, or the executor does not take kernel or buffers.
    pub fn new(
        executor: &mut dyn Executor,
        kernel: &'a KernelModule,
        contents: Vec<Vec<u8>>,
    ) -> Result<Self, Error> {
        let counting = instrument(kernel, &executor.adapter().limits)?;
        Self::rewritten(executor, kernel, &counting, contents)
    }

    /// The same with a counting twin that was rewritten elsewhere: for other limits than the executor's own, say.
    ///
    /// # Errors
    /// Where the executor does not take kernel or buffers.
    pub fn rewritten(
        executor: &mut dyn Executor,
        kernel: &'a KernelModule,
        counting: &Instrumented,
        contents: Vec<Vec<u8>>,
    ) -> Result<Self, Error> {
        assert_eq!(kernel.resources.len(), contents.len(), "as many contents as resources");
        executor.clear();
        let counting = Counting::rewritten(executor, kernel, counting)?;
        let buffers = Buffers::new(executor, kernel.resources.iter().zip(contents))?;
        let counters = counting.counters(executor)?;
        Ok(Self { kernel, counting, buffers, counters })
    }

    /// The kernel, compiled both ways.
    pub const fn counting(&self) -> &Counting {
        &self.counting
    }

    /// Its buffers.
    pub const fn buffers(&self) -> &Buffers<'a> {
        &self.buffers
    }

    /// Gives the buffers that the kernel may write their contents back.
    ///
    /// # Errors
    /// Where the executor fails.
    pub fn restore(&self, executor: &mut dyn Executor) -> Result<(), Error> {
        self.buffers.restore(executor)
    }

    /// Runs the counting kernel on what the buffers hold.
    ///
    /// # Errors
    /// Where the executor fails, or did not run the whole launch.
    pub fn count(&self, executor: &mut dyn Executor, grid: [u32; 3]) -> Result<Observed, Error> {
        self.counting.count(executor, &self.call(grid), self.counters)
    }

    /// Runs the plain kernel on what the buffers hold.
    ///
    /// # Errors
    /// Where the executor fails.
    pub fn plain(&self, executor: &mut dyn Executor, grid: [u32; 3]) -> Result<Outcome, Error> {
        self.counting.run_plain(executor, &self.call(grid))
    }

    /// Counts once and times `runs`, each from the same contents. Where the executor looks at what it runs, the
    /// plain kernel runs at least once.
    ///
    /// # Errors
    /// Where the executor fails, or did not run the whole launch.
    pub fn observe(
        &self,
        executor: &mut dyn Executor,
        grid: [u32; 3],
        runs: impl Into<Runs>,
    ) -> Result<(Observed, Timing), Error> {
        let call = self.call(grid);
        let ready = Ready { counting: &self.counting, counters: self.counters, call };
        let Series { mut launches, timing, .. } =
            observe(executor, &self.buffers, &[ready], &UnderWay::default(), runs.into())?;
        Ok((launches.remove(0), timing))
    }

    /// Runs the kernel counting and plain from the same contents; what was observed, and what each of the two left.
    ///
    /// # Errors
    /// Where the executor fails, or did not run the whole launch.
    pub fn compare(
        &self,
        executor: &mut dyn Executor,
        grid: [u32; 3],
    ) -> Result<(Observed, [Outputs; 2]), Error> {
        self.restore(executor)?;
        let mut observed = self.count(executor, grid)?;
        let counted = self.buffers.outputs(executor)?;
        self.restore(executor)?;
        let outcome = self.plain(executor, grid)?;
        observed.seconds = Some(outcome.seconds);
        observed.witness = outcome.witness;
        let plain = self.buffers.outputs(executor)?;
        Ok((observed, [counted, plain]))
    }

    fn call(&self, grid: [u32; 3]) -> Call<'_> {
        Call { label: &self.kernel.name, bindings: self.buffers.bound(), grid }
    }
}
