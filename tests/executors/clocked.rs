//! An executor with a clock that a test winds: what runs takes what the test says, whatever it took.

use flopmeter::{
    Error,
    execute::{
        Adapter, Allocation, Clock, Dispatch, Executor, Outcome, ProgramId, Sampler, Texture,
        cpu::Cpu,
    },
    kernel::KernelModule,
};

/// The embedded executor by such a clock. It notes how many dispatches it runs together.
pub struct Clocked {
    inner: Cpu,
    /// Its adapter, of which a test may say otherwise.
    pub adapter: Adapter,
    /// The seconds of a dispatch, by the number of those before it.
    seconds: Box<dyn Fn(usize) -> f64 + Send>,
    /// Dispatches so far.
    pub dispatches: usize,
    /// Whether each of them was work of no interest, which keeps a device awake.
    pub wakes: Vec<bool>,
    /// Whether the clock tells passes apart that are submitted together.
    pub tells: bool,
    pub submissions: Vec<usize>,
}

impl Clocked {
    pub fn new(seconds: impl Fn(usize) -> f64 + Send + 'static) -> Self {
        let inner = common::embedded();
        let adapter = inner.adapter().clone();
        let seconds = Box::new(seconds);
        Self {
            inner,
            adapter,
            seconds,
            dispatches: 0,
            wakes: Vec::new(),
            tells: true,
            submissions: Vec::new(),
        }
    }

    fn timed(&mut self, dispatch: &Dispatch<'_>) -> Result<Outcome, Error> {
        // Of what nobody looks at, a little is enough.
        let wakes = dispatch.label == "waking the device";
        let grid = if wakes { [1; 3] } else { dispatch.grid };
        let outcome = self.inner.dispatch(&Dispatch { grid, ..*dispatch })?;
        self.wakes.push(wakes);
        let seconds = (self.seconds)(self.dispatches);
        self.dispatches += 1;
        let waited_seconds = seconds;
        Ok(Outcome { seconds, clock: Clock::Timestamps, waited_seconds, ..outcome })
    }
}

impl Executor for Clocked {
    fn adapter(&self) -> &Adapter {
        &self.adapter
    }

    fn compile(&mut self, kernel: &KernelModule) -> Result<ProgramId, Error> {
        self.inner.compile(kernel)
    }

    fn allocate(&mut self, label: &str, bytes: u64) -> Result<Allocation, Error> {
        self.inner.allocate(label, bytes)
    }

    fn texture(&mut self, label: &str, texture: &Texture) -> Result<Allocation, Error> {
        self.inner.texture(label, texture)
    }

    fn sampler(&mut self, label: &str, sampler: Sampler) -> Result<Allocation, Error> {
        self.inner.sampler(label, sampler)
    }

    fn write(&mut self, buffer: Allocation, offset: u64, data: &[u8]) -> Result<(), Error> {
        self.inner.write(buffer, offset, data)
    }

    fn read(&mut self, buffer: Allocation, offset: u64, size: u64) -> Result<Vec<u8>, Error> {
        self.inner.read(buffer, offset, size)
    }

    fn dispatch(&mut self, dispatch: &Dispatch<'_>) -> Result<Outcome, Error> {
        self.timed(dispatch)
    }

    fn dispatch_all(&mut self, dispatches: &[Dispatch<'_>]) -> Result<Option<Vec<Outcome>>, Error> {
        self.submissions.push(dispatches.len());
        let outcomes: Result<Vec<_>, _> = dispatches.iter().map(|one| self.timed(one)).collect();
        outcomes.map(|outcomes| self.tells.then_some(outcomes))
    }

    fn most_at_once(&self) -> usize {
        64
    }

    fn clear(&mut self) {
        self.inner.clear();
    }
}
