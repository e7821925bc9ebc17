//! Kernels that nobody wrote, on every executor: what the instrumenter, the interpreter and a driver's
//! compiler make of one program must be the same results and the same counts.
//!
//! `FLOPMETER_SEEDS=N` runs the first N seeds on every executor, instead of those that run always.
#![allow(clippy::print_stderr, reason = "a kernel that fails must be seen")]

use common::generator::{self, COUNTERS, LANES, OWN};
use flopmeter::{
    execute::{Bound, Dispatch, Executor, Witness},
    instrument::instrument,
    kernel::KernelModule,
    op::Cost,
};

/// Seeds that run always, and those of them that run on an adapter, too, whose compiler takes its time.
const SEEDS: u64 = 100;
const ON_ADAPTER: u64 = 40;

/// Seeds that found something once, and what.
const REGRESSIONS: [(u64, &str); 0] = [];

const GROUPS: u32 = 3;

/// How far apart results of one operation that rounds may lie, relative to their size. WGSL allows 2.5
/// units in the last place for a quotient of such numbers, 4 or so for roots, 3 + 2 |x| for an exponential
/// of |x| < 10.3, 3 for a logarithm of 2 or more: 24 times 2^-23 at most, and 4 more where the exponential's operand was
/// rounded already.
const TOLERANCE: f32 = 4e-6;

/// What a kernel leaves: its buffers in the order of their bindings, and what counting adds to that.
#[derive(PartialEq)]
struct Left {
    buffers: Vec<Vec<u32>>,
    counters: Vec<u8>,
    witness: Option<Witness>,
}

fn run(
    executor: &mut dyn Executor,
    kernel: &KernelModule,
    counters: Option<(u32, u32, u64)>,
) -> Left {
    executor.clear();
    let own = GROUPS * LANES * OWN;
    let mut bindings = Vec::new();
    for resource in &kernel.resources {
        let (group, binding) = (resource.group, resource.binding);
        let whole = |i: u32| ((i * 37 % 101) as f32 - 50.0).to_bits();
        let words: Vec<u32> = match (counters, binding) {
            (Some((g, b, bytes)), _) if (g, b) == (group, binding) => vec![0; bytes as usize / 4],
            (_, 0) => (0..own).map(|i| i.wrapping_mul(2_654_435_761) >> (i % 32)).collect(),
            (_, 1 | 2) => (0..own).map(whole).collect(),
            (_, 3) => vec![5; COUNTERS as usize],
            _ => (0..16).map(|i| i * i * 77).collect(),
        };
        let size = 4 * words.len() as u64;
        let buffer = executor.allocate(&resource.name, size).unwrap();
        executor.write(buffer, 0, bytemuck::cast_slice(&words)).unwrap();
        bindings.push(Bound { group, binding, buffer, offset: 0, size });
    }
    let program = executor.compile(kernel).unwrap();
    let dispatch = Dispatch { label: "random", program, bindings: &bindings, grid: [GROUPS, 1, 1] };
    let witness = executor.dispatch(&dispatch).unwrap().witness;
    let mut left = Left { buffers: vec![Vec::new(); 5], counters: Vec::new(), witness };
    for Bound { group, binding, buffer, size, .. } in bindings {
        let bytes = executor.read(buffer, 0, size).unwrap();
        if counters.is_some_and(|(g, b, _)| (g, b) == (group, binding)) {
            left.counters = bytes;
        } else {
            left.buffers[binding as usize] = bytemuck::pod_collect_to_vec(&bytes);
        }
    }
    left
}

/// What a kernel leaves, plain and counting, and what it costs.
fn measured(executor: &mut dyn Executor, kernel: &KernelModule) -> (Left, Left, Cost) {
    let plain = run(executor, kernel, None);
    let counting = instrument(kernel, &executor.adapter().limits).unwrap();
    let table = &counting.table;
    let at = (counting.counters.group, counting.counters.binding, table.bytes());
    let counted = run(executor, &counting.kernel, Some(at));
    let cost =
        table.cost(&table.decode(&counted.counters, table.invocations([GROUPS, 1, 1])).unwrap());
    (plain, counted, cost)
}

/// Holds what a kernel left to what it left elsewhere.
fn hold_equal(what: &str, one: &Left, other: &Left) {
    assert_eq!(one.buffers[0], other.buffers[0], "integers: {what}");
    assert_eq!(one.buffers[3], other.buffers[3], "counters in memory: {what}");
    let float = |words: &[u32]| words.iter().map(|w| f32::from_bits(*w)).collect::<Vec<_>>();
    // As numbers: whether a zero is negative is not defined everywhere.
    assert_eq!(float(&one.buffers[1]), float(&other.buffers[1]), "whole floats: {what}");
    for (a, b) in float(&one.buffers[2]).into_iter().zip(float(&other.buffers[2])) {
        let near = (a - b).abs() <= TOLERANCE * a.abs().max(b.abs());
        assert!(near, "rounded: {what}: {a} and {b} are too far apart");
    }
}

/// Holds one seed's kernel to everything that executors must agree on.
fn hold(seed: u64, gpu: Option<&mut dyn Executor>) {
    let source = generator::kernel(seed);
    let kernel = KernelModule::from_wgsl("random", &source, "main", &Default::default())
        .unwrap_or_else(|error| panic!("seed {seed}: {error}\n{source}"));
    let (plain, counted, cost) = measured(&mut common::embedded(), &kernel);
    assert!(plain.buffers == counted.buffers, "counting changed a bit");
    let tally = plain.witness.as_ref().unwrap().tally;
    assert_eq!(tally, cost, "the tally differs from the counters");

    // The kernel keeps its generator's promises, under another schedule, too.
    let watched = run(&mut common::embedded().detecting_races(), &kernel, None);
    assert!(watched.buffers == plain.buffers, "looking for races changed a bit");
    let witness = watched.witness.unwrap();
    assert_eq!(witness.races.unwrap(), []);
    assert_eq!(witness.out_of_bounds, []);

    let Some(gpu) = gpu else { return };
    let (there, counted_there, cost_there) = measured(gpu, &kernel);
    assert_eq!(cost_there, cost, "the counters differ between executors");
    hold_equal("another executor", &there, &plain);
    // A driver may round otherwise where it compiles the same expression in another kernel.
    hold_equal("counting on another executor", &counted_there, &there);
}

#[test]
fn executors_agree_on_kernels_that_nobody_wrote() {
    let why = "naga's GLSL guards neither divisions nor conversions";
    let mut gpu = common::gpu().filter(|gpu| !common::gl_cannot(gpu, why));
    let asked = std::env::var("FLOPMETER_SEEDS").map(|n| n.parse::<u64>().unwrap());
    let (seeds, on_adapter) = asked.map_or((SEEDS, ON_ADAPTER), |n| (n, n));
    let known = REGRESSIONS.map(|(seed, _)| (seed, true));
    for (seed, here) in known.into_iter().chain((0..seeds).map(|seed| (seed, seed < on_adapter))) {
        let gpu = gpu.as_mut().filter(|_| here).map(|gpu| gpu as &mut dyn Executor);
        let held = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| hold(seed, gpu)));
        if let Err(panic) = held {
            eprintln!("seed {seed}:\n{}", generator::kernel(seed));
            std::panic::resume_unwind(panic);
        }
    }
}
