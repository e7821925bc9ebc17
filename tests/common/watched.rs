//! The embedded executor as a guard against races: a launch in which accesses race fails the test. The results
//! of such a kernel depend on which invocation comes first, and a test that compares them fails by chance.

use flopmeter::{
    Error,
    execute::{
        Adapter, Allocation, Dispatch, Executor, Outcome, ProgramId, Sampler, Texture, cpu::Cpu,
    },
    kernel::KernelModule,
};

/// An executor on which nothing may race.
pub struct Watched(Cpu);

impl Default for Watched {
    fn default() -> Self {
        Self(crate::embedded().detecting_races())
    }
}

impl Executor for Watched {
    fn adapter(&self) -> &Adapter {
        self.0.adapter()
    }

    fn compile(&mut self, kernel: &KernelModule) -> Result<ProgramId, Error> {
        self.0.compile(kernel)
    }

    fn allocate(&mut self, label: &str, bytes: u64) -> Result<Allocation, Error> {
        self.0.allocate(label, bytes)
    }

    fn texture(&mut self, label: &str, texture: &Texture) -> Result<Allocation, Error> {
        self.0.texture(label, texture)
    }

    fn sampler(&mut self, label: &str, sampler: Sampler) -> Result<Allocation, Error> {
        self.0.sampler(label, sampler)
    }

    fn write(&mut self, buffer: Allocation, offset: u64, data: &[u8]) -> Result<(), Error> {
        self.0.write(buffer, offset, data)
    }

    fn read(&mut self, buffer: Allocation, offset: u64, size: u64) -> Result<Vec<u8>, Error> {
        self.0.read(buffer, offset, size)
    }

    fn dispatch(&mut self, dispatch: &Dispatch<'_>) -> Result<Outcome, Error> {
        let outcome = self.0.dispatch(dispatch)?;
        let races = outcome.witness.as_ref().and_then(|witness| witness.races.as_ref());
        let races = races.expect("an executor that looks for races");
        assert!(races.is_empty(), "{} races: {races:#?}", dispatch.label);
        Ok(outcome)
    }

    fn clear(&mut self) {
        self.0.clear();
    }

    fn looks(&self) -> bool {
        self.0.looks()
    }

    fn memory(&self) -> Option<u64> {
        self.0.memory()
    }
}
