//! What only the embedded executor promises: a tally of its own, defined results where arithmetic or
//! an index leaves its range, and an error instead of a hang, each naming its line. It is asked as an executor, so
//! most kernels run without counting.

mod errors;
mod results;
mod witness;

use flopmeter::{
    execute::{Bound, Dispatch, Executor as _, Outcome, cpu::Cpu},
    kernel::KernelModule,
    observe::Buffers,
};

fn kernel(source: &str) -> KernelModule {
    KernelModule::from_wgsl("embedded", source, "main", &Default::default()).unwrap()
}

/// Runs a kernel whose buffers all hold `words`, and gives back the first.
fn run(cpu: &mut Cpu, kernel: &KernelModule, words: &[u32], grid: u32) -> (Outcome, Vec<u32>) {
    let contents = kernel.resources.iter().map(|resource| {
        let counts = resource.name == "flopmeter_counters";
        let words = if counts { vec![0; words.len()] } else { words.to_vec() };
        (resource, bytemuck::cast_slice(&words).to_vec())
    });
    let buffers = Buffers::new(cpu, contents).unwrap();
    let program = cpu.compile(kernel).unwrap();
    let dispatch =
        Dispatch { label: "test", program, bindings: buffers.bound(), grid: [grid, 1, 1] };
    let outcome = cpu.dispatch(&dispatch).unwrap();
    let bytes = buffers.read(cpu, (0, 0)).unwrap().unwrap();
    (outcome, bytemuck::pod_collect_to_vec(&bytes))
}

fn fails(source: &str) -> String {
    let mut cpu = common::embedded().with_max_rounds(10_000);
    let kernel = kernel(source);
    let program = match cpu.compile(&kernel) {
        Ok(program) => program,
        Err(error) => return error.to_string(),
    };
    let buffer = cpu.allocate("x", 256).unwrap();
    let bindings = [Bound { group: 0, binding: 0, buffer, offset: 0, size: 256 }];
    let dispatch = Dispatch { label: "test", program, bindings: &bindings, grid: [1, 1, 1] };
    cpu.dispatch(&dispatch).unwrap_err().to_string()
}

const X: &str = "@group(0) @binding(0) var<storage, read_write> x: array<u32>;\n";
