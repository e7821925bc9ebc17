//! The embedded executor as a guard: a launch in which accesses race fails the test, and so does a launch of one of the
//! crate's own kernels that reaches out of bounds. The results of a kernel that races depend on which invocation comes
//! first, and a test that compares them fails by chance; the crate's own kernels run on devices without the clamps that
//! others have.

use std::collections::HashSet;

use flopmeter::{
    Error,
    execute::{
        Adapter, Allocation, Dispatch, Executor, Outcome, ProgramId, Sampler, Texture,
        cpu::{Cpu, SUBGROUP_LANES},
    },
    kernel::KernelModule,
};

/// An executor on which nothing may race, and no proven kernel may leave its bounds.
pub struct Watched {
    cpu: Cpu,
    /// Programs of the crate's own kernels.
    proven: HashSet<ProgramId>,
}

impl Default for Watched {
    fn default() -> Self {
        Self::of(SUBGROUP_LANES)
    }
}

impl Watched {
    /// One whose subgroups have so many lanes.
    ///
    /// # Panics
    /// Where that is no size of a subgroup.
    pub fn of(lanes: u32) -> Self {
        let cpu = Cpu::new(lanes).unwrap_or_else(|error| panic!("{error}"));
        Self { cpu: cpu.detecting_races(), proven: HashSet::new() }
    }
}

impl Executor for Watched {
    fn adapter(&self) -> &Adapter {
        self.cpu.adapter()
    }

    fn compile(&mut self, kernel: &KernelModule) -> Result<ProgramId, Error> {
        let program = self.cpu.compile(kernel)?;
        if kernel.is_proven {
            self.proven.insert(program);
        }
        Ok(program)
    }

    fn allocate(&mut self, label: &str, bytes: u64) -> Result<Allocation, Error> {
        self.cpu.allocate(label, bytes)
    }

    fn texture(&mut self, label: &str, texture: &Texture) -> Result<Allocation, Error> {
        self.cpu.texture(label, texture)
    }

    fn sampler(&mut self, label: &str, sampler: Sampler) -> Result<Allocation, Error> {
        self.cpu.sampler(label, sampler)
    }

    fn write(&mut self, buffer: Allocation, offset: u64, data: &[u8]) -> Result<(), Error> {
        self.cpu.write(buffer, offset, data)
    }

    fn read(&mut self, buffer: Allocation, offset: u64, size: u64) -> Result<Vec<u8>, Error> {
        self.cpu.read(buffer, offset, size)
    }

    fn dispatch(&mut self, dispatch: &Dispatch<'_>) -> Result<Outcome, Error> {
        let outcome = self.cpu.dispatch(dispatch)?;
        let witness = outcome.witness.as_ref().expect("an executor that looks");
        if self.proven.contains(&dispatch.program) {
            let outside = &witness.out_of_bounds;
            assert!(outside.is_empty(), "{} leaves its bounds: {outside:#?}", dispatch.label);
        }
        let races = witness.races.as_ref().expect("an executor that looks for races");
        assert!(races.is_empty(), "{} races: {races:#?}", dispatch.label);
        Ok(outcome)
    }

    fn clear(&mut self) {
        self.proven.clear();
        self.cpu.clear();
    }

    fn looks(&self) -> bool {
        self.cpu.looks()
    }

    fn memory(&self) -> Option<u64> {
        self.cpu.memory()
    }
}
