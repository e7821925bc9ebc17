//! Runs a kernel plain and instrumented on the same data.

use std::collections::BTreeMap;

use flopmeter::{
    Error,
    execute::{Allocation, Bound, Dispatch, Executor, Limits},
    instrument::{BlockTable, Instrumented, instrument},
    kernel::{KernelModule, ResourceKind},
    op::Cost,
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

/// What an instrumented run leaves behind.
pub struct Ran {
    /// Every storage buffer, by name.
    pub outputs: BTreeMap<String, Vec<u8>>,
    /// The raw counters; empty after a plain run.
    pub counters: Vec<u8>,
    /// What the executor itself tallied, where it does.
    pub tally: Option<Cost>,
}

/// Runs a kernel once for each grid; `counters` are where they are bound and what they hold before.
pub fn run(
    executor: &mut dyn Executor,
    kernel: &KernelModule,
    counters: Option<(u32, u32, &[u8])>,
    grids: &[[u32; 3]],
) -> Ran {
    let mut bindings = Vec::new();
    let mut outputs: Vec<(String, Allocation)> = Vec::new();
    let mut counter_buffer = None;
    for resource in &kernel.resources {
        let counters = counters.filter(|&(g, b, _)| (g, b) == (resource.group, resource.binding));
        let data: Vec<u8> = match (&resource.kind, counters) {
            (ResourceKind::Storage { .. }, Some((_, _, before))) => before.to_vec(),
            (ResourceKind::Storage { .. }, None) => {
                (0..WORDS).flat_map(|i| number(i).to_le_bytes()).collect()
            }
            (ResourceKind::Uniform { size, .. }, _) => {
                7_u32.to_le_bytes().repeat(*size as usize / 4)
            }
            (ResourceKind::Opaque, _) => panic!("no fixture binds a texture"),
        };
        let buffer = executor.allocate(&resource.name, data.len() as u64).unwrap();
        executor.write(buffer, 0, &data).unwrap();
        let (group, binding) = (resource.group, resource.binding);
        bindings.push(Bound { group, binding, buffer, offset: 0, size: data.len() as u64 });
        match (&resource.kind, counters) {
            (_, Some(_)) => counter_buffer = Some((buffer, data.len() as u64)),
            (ResourceKind::Storage { .. }, None) => outputs.push((resource.name.clone(), buffer)),
            (ResourceKind::Uniform { .. } | ResourceKind::Opaque, None) => {}
        }
    }
    let program = executor.compile(kernel).unwrap();
    let mut tally = Some(Cost::default());
    for &grid in grids {
        let dispatch = Dispatch { label: "fixture", program, bindings: &bindings, grid };
        let outcome = executor.dispatch(&dispatch).unwrap();
        tally = tally.zip(outcome.witness.map(|seen| seen.tally)).map(|(sum, tally)| sum + tally);
    }
    let mut read = |buffer, size| executor.read(buffer, 0, size).unwrap();
    let outputs =
        outputs.into_iter().map(|(name, buffer)| (name, read(buffer, 4 * WORDS as u64))).collect();
    let counters = counter_buffer.map_or(Vec::new(), |(buffer, size)| read(buffer, size));
    executor.clear();
    Ran { outputs, counters, tally }
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

/// Runs an instrumented kernel whose counters start at zero.
pub fn run_instrumented(
    executor: &mut dyn Executor,
    instrumented: &Instrumented,
    grids: &[[u32; 3]],
) -> Ran {
    let zeros = vec![0; instrumented.table.bytes() as usize];
    let at = instrumented.counters;
    run(executor, &instrumented.kernel, Some((at.group, at.binding, &zeros)), grids)
}

/// The raw counters of an instrumented kernel after one dispatch, or what the executor said.
pub fn launched(
    executor: &mut dyn Executor,
    instrumented: &Instrumented,
    grid: [u32; 3],
) -> Result<Vec<u8>, Error> {
    let Instrumented { kernel, counters, table } = instrumented;
    let program = executor.compile(kernel)?;
    let mut bindings = Vec::new();
    for resource in &kernel.resources {
        let (group, binding) = (resource.group, resource.binding);
        let counting = (group, binding) == (counters.group, counters.binding);
        let size = if counting { table.bytes() } else { 4 * WORDS as u64 };
        let buffer = executor.allocate(&resource.name, size)?;
        bindings.push((counting, Bound { group, binding, buffer, offset: 0, size }));
    }
    let bound: Vec<Bound> = bindings.iter().map(|&(_, bound)| bound).collect();
    executor.dispatch(&Dispatch { label: "fixture", program, bindings: &bound, grid })?;
    let (_, at) = bindings.iter().find(|(counting, _)| *counting).expect("it counts");
    let raw = executor.read(at.buffer, 0, at.size);
    executor.clear();
    raw
}

/// What a kernel costs on the device. It also computes what it computes without counting, and costs what
/// the executor tallies of the plain kernel, where it does.
pub fn counted(
    executor: &mut dyn Executor,
    kernel: &KernelModule,
    limits: &Limits,
    grid: [u32; 3],
) -> Cost {
    let (table, executions) = counted_blocks(executor, kernel, limits, grid);
    table.cost(&executions)
}

/// The same, block by block.
pub fn counted_blocks(
    executor: &mut dyn Executor,
    kernel: &KernelModule,
    limits: &Limits,
    grid: [u32; 3],
) -> (BlockTable, Vec<u64>) {
    let instrumented = instrument(kernel, limits).unwrap();
    let plain = run(executor, kernel, None, &[grid]);
    let counted = run_instrumented(executor, &instrumented, &[grid]);
    let entry = &kernel.entry_point().name;
    assert!(plain.outputs == counted.outputs, "counting changed a result of {entry}");
    let table = instrumented.table;
    let executions = table.decode(&counted.counters, table.invocations(grid)).unwrap();
    if let Some(tally) = plain.tally {
        assert_eq!(table.cost(&executions), tally, "counted and tallied, {entry}");
    }
    (table, executions)
}
