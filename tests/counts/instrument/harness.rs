//! Runs a kernel plain and counting on the same data, with a counting twin of the test's own: rewritten for limits
//! that the executor has not, or spoilt.

use std::collections::BTreeMap;

use flopmeter::{
    Error,
    execute::{Executor, Limits},
    instrument::{Instrumented, instrument},
    kernel::{KernelModule, ResourceKind},
    observe::{Buffers, Call, Counting, Observed, Trial},
};

/// One entry point for each form of control flow.
pub const CONTROL: &str = include_str!("../../fixtures/control.wgsl");
/// A module that leaves little room.
pub const CROWDED: &str = include_str!("../../fixtures/crowded.wgsl");

/// Words of each buffer that a fixture binds.
const WORDS: usize = 1024;

/// What a buffer holds at a place.
pub fn number(i: usize) -> f32 {
    ((i * 7) % 17) as f32 * 0.25 + 0.5
}

pub fn kernel(source: &str, entry: &str, overrides: &[(&str, f64)]) -> KernelModule {
    let overrides: BTreeMap<_, _> =
        overrides.iter().map(|&(name, value)| (name.to_owned(), value)).collect();
    KernelModule::from_wgsl("fixture", source, entry, &overrides).unwrap()
}

/// What each resource of a kernel holds before it runs.
fn contents(kernel: &KernelModule) -> Vec<Vec<u8>> {
    let contents = kernel.resources.iter().map(|resource| match &resource.kind {
        ResourceKind::Storage { .. } => (0..WORDS).flat_map(|i| number(i).to_le_bytes()).collect(),
        ResourceKind::Uniform { size, .. } => 7_u32.to_le_bytes().repeat(*size as usize / 4),
        ResourceKind::Opaque => panic!("no fixture binds a texture"),
    });
    contents.collect()
}

/// A kernel and its counting twin on the fixtures' data.
pub fn trial<'a>(
    executor: &mut dyn Executor,
    kernel: &'a KernelModule,
    counting: &Instrumented,
) -> Result<Trial<'a>, Error> {
    Trial::rewritten(executor, kernel, counting, contents(kernel))
}

/// The raw counters after a dispatch over each grid, one after the other. Each eight bytes of them hold `before` at
/// first.
pub fn raw_counters(
    executor: &mut dyn Executor,
    kernel: &KernelModule,
    counting: &Instrumented,
    before: u64,
    grids: &[[u32; 3]],
) -> Vec<u8> {
    executor.clear();
    let counting = Counting::rewritten(executor, kernel, counting).unwrap();
    let resources = kernel.resources.iter().zip(contents(kernel));
    let buffers = Buffers::new(executor, resources).unwrap();
    let counters = counting.counters(executor).unwrap();
    let before = before.to_le_bytes().repeat(counters.size as usize / 8);
    executor.write(counters.buffer, 0, &before).unwrap();
    for &grid in grids {
        let call = Call { label: "fixture", bindings: buffers.bound(), grid };
        counting.run_counting(executor, &call, counters).unwrap();
    }
    executor.read(counters.buffer, 0, counters.size).unwrap()
}

/// Limits with which counters are added up in each of the ways that this adapter has: within vectors,
/// active lanes, workgroups and nothing.
pub fn ways(own: Limits) -> Vec<(&'static str, Limits)> {
    let shared = Limits { subgroup_lanes: None, ..own };
    let mut ways =
        vec![("workgroup", shared), ("nothing", Limits { workgroup_bytes: 7, ..shared })];
    if own.subgroup_lanes.is_some() {
        ways.push(("active lanes", Limits { lockstep: false, ..own }));
        if own.lockstep {
            ways.push(("vector", own));
        }
    }
    ways
}

/// What was observed of a kernel that counts for these limits. It computes what it computes without counting, and
/// costs what the executor tallies of the plain kernel, where it does.
pub fn counted(
    executor: &mut dyn Executor,
    kernel: &KernelModule,
    limits: &Limits,
    grid: [u32; 3],
) -> Observed {
    let counting = instrument(kernel, limits).unwrap();
    let trial = trial(executor, kernel, &counting).unwrap();
    let (observed, [counted, plain]) = trial.compare(executor, grid).unwrap();
    let entry = &kernel.entry_point().name;
    assert!(counted == plain, "counting changed a result of {entry}");
    if let Some(witness) = &observed.witness {
        assert_eq!(observed.cost, witness.tally, "counted and tallied, {entry}");
    }
    executor.clear();
    observed
}
