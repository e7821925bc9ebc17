//! Plans that an adapter takes and the host's memory does not: refused before anything is allocated.

use flopmeter::{
    Error,
    execute::{
        Adapter, Allocation, Dispatch, Executor, Outcome, ProgramId, Sampler, Texture, cpu::Cpu,
    },
    kernel::KernelModule,
    measure::Session,
    model::lower::matrix_product,
};

/// An executor with so much memory to spare, which notes whether it is asked for any.
struct Cramped {
    inner: Cpu,
    memory: Option<u64>,
    allocated: u64,
}

impl Executor for Cramped {
    fn adapter(&self) -> &Adapter {
        self.inner.adapter()
    }

    fn compile(&mut self, kernel: &KernelModule) -> Result<ProgramId, Error> {
        self.inner.compile(kernel)
    }

    fn allocate(&mut self, label: &str, bytes: u64) -> Result<Allocation, Error> {
        self.allocated += bytes;
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
        self.inner.dispatch(dispatch)
    }

    fn clear(&mut self) {
        self.inner.clear();
    }

    fn memory(&self) -> Option<u64> {
        self.memory
    }
}

#[test]
fn what_exceeds_the_memory_is_refused_before_it_is_taken() {
    let inner = common::embedded();
    let plan = matrix_product(8, 8, 8, &inner.adapter().limits);
    let mut executor = Cramped { inner, memory: None, allocated: 0 };
    let mut open = |memory| {
        executor.memory = memory;
        executor.allocated = 0;
        let problem = Session::open(&mut executor, &plan, &()).err().map(|error| error.to_string());
        (problem, executor.allocated)
    };
    let (problem, allocated) = open(Some(plan.bytes() - 1));
    let problem = problem.unwrap();
    let needed = format!("take {} bytes", plan.bytes());
    let available = format!("only {} bytes", plan.bytes() - 1);
    assert!(problem.contains(&needed) && problem.contains(&available), "{problem}");
    assert_eq!(allocated, 0);
    for memory in [Some(plan.bytes()), None] {
        let (problem, allocated) = open(memory);
        assert_eq!(problem, None);
        assert!(allocated >= plan.bytes());
    }
}

#[test]
fn who_computes_in_the_hosts_memory_knows_how_much_there_is() {
    // Where the system says nothing there is nothing to hold a plan against.
    if let Some(memory) = common::embedded().memory() {
        assert!(memory > 1 << 20, "{memory}");
    }
    let known = cfg!(any(target_os = "linux", target_os = "macos", target_os = "windows"));
    assert_eq!(common::embedded().memory().is_some(), known);
}
