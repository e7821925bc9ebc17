//! WGSL's rarer types and functions against expectations worked out by hand, on every executor that
//! takes them: 64-bit and 16-bit scalars, their atomics and storage, matrices, vector geometry, packing
//! and bits at the edges. What executors compute is asked, not what it costs: only plain kernels run.
#![allow(clippy::print_stdout, reason = "whoever reads the log must see what was skipped")]

mod algebra;
mod bits;
mod scalars;

use flopmeter::{
    execute::{Bound, DeviceType, Dispatch, Executor},
    kernel::KernelModule,
};

/// Runs one workgroup of a kernel on its only buffer; none, and said so, where the device cannot.
fn run(executor: &mut dyn Executor, kernel: &KernelModule, words: &[u32]) -> Option<Vec<u32>> {
    let size = 4 * words.len() as u64;
    let program = match executor.compile(kernel) {
        Ok(program) => program,
        Err(error) if executor.adapter().device_type != DeviceType::Embedded => {
            let why = error.to_string();
            println!("SKIPPED on {}: {}", executor.adapter().name, why.lines().last().unwrap());
            return None;
        }
        Err(error) => panic!("{error}"),
    };
    let buffer = executor.allocate("x", size).unwrap();
    executor.write(buffer, 0, bytemuck::cast_slice(words)).unwrap();
    let bindings = [Bound { group: 0, binding: 0, buffer, offset: 0, size }];
    let dispatch = Dispatch { label: "test", program, bindings: &bindings, grid: [1; 3] };
    executor.dispatch(&dispatch).unwrap();
    Some(bytemuck::pod_collect_to_vec(&executor.read(buffer, 0, size).unwrap()))
}

fn wgsl(source: &str) -> KernelModule {
    KernelModule::from_wgsl("language", source, "main", &Default::default()).unwrap()
}

/// A kernel that computes each expression, a `u32`, from what it finds in memory, where no compiler can
/// evaluate it beforehand: `one` and `ones` are 1 and `u32::MAX`.
fn evaluates(enable: &str, declarations: &str, cases: &[(&str, u32)]) {
    evaluates_where(|_| true, enable, declarations, cases);
}

/// The same on those executors of which it can be asked.
fn evaluates_where(
    can: impl Fn(&dyn Executor) -> bool,
    enable: &str,
    declarations: &str,
    cases: &[(&str, u32)],
) {
    let mut body = String::new();
    for (i, (expression, _)) in cases.iter().enumerate() {
        body += &format!("x[{}] = {expression};\n", i + 2);
    }
    let source = format!(
        "{enable}
@group(0) @binding(0) var<storage, read_write> x: array<u32>;
@compute @workgroup_size(1) fn main() {{ let one = x[0]; let ones = x[1];
{declarations}
{body}}}"
    );
    let kernel = wgsl(&source);
    let mut words = vec![1, u32::MAX];
    words.resize(2 + cases.len(), 0xdead_beef);
    common::on_every_executor(|executor| {
        if !can(executor) {
            return;
        }
        let Some(found) = run(executor, &kernel, &words) else { return };
        for ((expression, expected), found) in cases.iter().zip(&found[2..]) {
            let name = &executor.adapter().name;
            assert_eq!(found, expected, "{expression} on {name}: {found:#x}, not {expected:#x}");
        }
    });
}

/// The same for expressions that are an `f32`. What is rounded on the way may be rounded otherwise
/// elsewhere: a few units in the last place of the largest number in it.
fn approximates(declarations: &str, cases: &[(&str, f32)]) {
    let mut body = String::new();
    for (i, (expression, _)) in cases.iter().enumerate() {
        body += &format!("x[{}] = bitcast<u32>({expression});\n", i + 2);
    }
    let source = format!(
        "@group(0) @binding(0) var<storage, read_write> x: array<u32>;
@compute @workgroup_size(1) fn main() {{ let one = f32(x[0]);
{declarations}
{body}}}"
    );
    near(&wgsl(&source), cases);
}

fn near(kernel: &KernelModule, cases: &[(&str, f32)]) {
    let mut words = vec![1, u32::MAX];
    words.resize(2 + cases.len(), 0xdead_beef);
    common::on_every_executor(|executor| {
        let Some(found) = run(executor, kernel, &words) else { return };
        for ((expression, expected), found) in cases.iter().zip(&found[2..]) {
            let found = f32::from_bits(*found);
            // 16 units in the last place of a number of some size, 1 at least.
            let apart = (found - expected).abs() / expected.abs().max(1.0);
            let name = &executor.adapter().name;
            assert!(apart < 2e-6, "{expression} on {name}: {found}, not {expected}");
        }
    });
}
