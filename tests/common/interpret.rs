//! Any text as a kernel: if naga takes it, the embedded executor runs it, a little, or says why not. What it
//! must not do is panic. Shared with the fuzz target.

use std::{collections::BTreeMap, panic::catch_unwind};

use flopmeter::{
    execute::{Bound, Dispatch, Executor, cpu::Cpu},
    kernel::KernelModule,
};

/// Loops go round so often, buffers are so long, in bytes.
const ROUNDS: u64 = 30;
const BYTES: u64 = 256;

/// Runs every compute entry point of a source; how many of them ran, to their end or to an error.
pub fn interpret(source: &str) -> usize {
    // A panic within naga is not ours.
    let kernels = catch_unwind(|| kernels(source)).unwrap_or_default();
    kernels.iter().filter(|kernel| run(kernel)).count()
}

fn kernels(source: &str) -> Vec<KernelModule> {
    let Ok(module) = naga::front::wgsl::parse_str(source) else { return Vec::new() };
    let overrides = module.overrides.iter().map(|(_, o)| o).filter(|o| o.init.is_none());
    let overrides: BTreeMap<String, f64> = overrides
        .filter_map(|o| Some((o.id.map(|id| id.to_string()).or(o.name.clone())?, 2.0)))
        .collect();
    let entries = module.entry_points.iter();
    entries
        .filter_map(|entry| {
            KernelModule::from_module("kernel", Some(source), &module, &entry.name, &overrides).ok()
        })
        .collect()
}

/// Runs a kernel; whether the executor took it.
fn run(kernel: &KernelModule) -> bool {
    // Whole subgroups have a matrix, and every override is 2, the size of a workgroup among them.
    let subgroup = if kernel.has_cooperative_matrices() { 2 } else { 8 };
    let Ok(cpu) = Cpu::new(subgroup) else { return false };
    // Looking for races takes every path that not looking does.
    let mut cpu = cpu.with_max_rounds(ROUNDS).detecting_races();
    let Ok(program) = cpu.compile(kernel) else { return false };
    let mut bindings = Vec::new();
    for resource in &kernel.resources {
        let Ok(buffer) = cpu.allocate(&resource.name, BYTES) else { return false };
        let data: Vec<u8> = (0..BYTES).map(|i| (i * 37 % 11) as u8).collect();
        if cpu.write(buffer, 0, &data).is_err() {
            return false;
        }
        let (group, binding) = (resource.group, resource.binding);
        bindings.push(Bound { group, binding, buffer, offset: 0, size: BYTES });
    }
    let dispatch = Dispatch { label: "test", program, bindings: &bindings, grid: [2, 1, 1] };
    // A loop without an end, a divergent barrier: errors, and answers.
    let _ = cpu.dispatch(&dispatch);
    true
}
