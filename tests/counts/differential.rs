//! Kernels that nobody wrote, on every executor: what the instrumenter, the interpreter and a driver's
//! compiler make of one program must be the same results and the same counts.
//!
//! `FLOPMETER_SEEDS=N` runs the first N seeds on every executor, instead of those that run always.
#![allow(clippy::print_stderr, reason = "a kernel that fails must be seen")]

use common::generator::{self, COUNTERS, LANES, OWN};
use flopmeter::{
    execute::{Executor, Witness, cpu::Simplification},
    kernel::KernelModule,
    observe::{Observed, Trial},
};

/// Seeds that run always, and those of them that run on an adapter, too, whose compiler takes its time.
const SEEDS: u64 = 100;
const ON_ADAPTER: u64 = 40;

/// Seeds that found something once, and what.
const REGRESSIONS: [(u64, &str); 0] = [];

const GROUPS: u32 = 3;
const GRID: [u32; 3] = [GROUPS, 1, 1];

/// How far apart results of one operation that rounds may lie, relative to their size. WGSL allows 2.5
/// units in the last place for a quotient of such numbers, 4 or so for roots, 3 + 2 |x| for an exponential
/// of |x| < 10.3, 3 for a logarithm of 2 or more: 24 times 2^-23 at most, and 4 more where the exponential's operand was
/// rounded already.
const TOLERANCE: f32 = 4e-6;

/// What a kernel leaves: its buffers in the order of their bindings.
type Left = Vec<Vec<u32>>;

/// A kernel on the buffers that all of these kernels bind.
fn trial<'a>(executor: &mut dyn Executor, kernel: &'a KernelModule) -> Trial<'a> {
    let own = GROUPS * LANES * OWN;
    let whole = |i: u32| ((i * 37 % 101) as f32 - 50.0).to_bits();
    let words = kernel.resources.iter().map(|resource| -> Vec<u32> {
        match resource.binding {
            0 => (0..own).map(|i| i.wrapping_mul(2_654_435_761) >> (i % 32)).collect(),
            1 | 2 => (0..own).map(whole).collect(),
            3 => vec![5; COUNTERS as usize],
            _ => (0..16).map(|i| i * i * 77).collect(),
        }
    });
    let contents = words.map(|words| bytemuck::cast_slice(&words).to_vec()).collect();
    Trial::new(executor, kernel, contents).unwrap()
}

/// What lies in a kernel's buffers; those that it does not use are empty.
fn left(executor: &mut dyn Executor, trial: &Trial<'_>) -> Left {
    let read = |binding| trial.buffers().read(executor, (0, binding)).unwrap();
    (0..5).map(read).map(|bytes| bytemuck::pod_collect_to_vec(&bytes.unwrap_or_default())).collect()
}

/// What a kernel leaves, plain and counting, and what was observed.
fn measured(executor: &mut dyn Executor, kernel: &KernelModule) -> (Left, Left, Observed) {
    let trial = trial(executor, kernel);
    let mut observed = trial.count(executor, GRID).unwrap();
    let counted = left(executor, &trial);
    trial.restore(executor).unwrap();
    observed.witness = trial.plain(executor, GRID).unwrap().witness;
    (left(executor, &trial), counted, observed)
}

/// Holds what a kernel left to what it left elsewhere.
fn hold_equal(what: &str, one: &Left, other: &Left) {
    assert_eq!(one[0], other[0], "integers: {what}");
    assert_eq!(one[3], other[3], "counters in memory: {what}");
    let float = |words: &[u32]| words.iter().map(|w| f32::from_bits(*w)).collect::<Vec<_>>();
    // As numbers: whether a zero is negative is not defined everywhere.
    assert_eq!(float(&one[1]), float(&other[1]), "whole floats: {what}");
    for (a, b) in float(&one[2]).into_iter().zip(float(&other[2])) {
        let near = (a - b).abs() <= TOLERANCE * a.abs().max(b.abs());
        assert!(near, "rounded: {what}: {a} and {b} are too far apart");
    }
}

/// Holds one seed's kernel to everything that executors must agree on.
fn hold(seed: u64, gpu: Option<&mut dyn Executor>) {
    let source = generator::kernel(seed);
    let kernel = KernelModule::from_wgsl("random", &source, "main", &Default::default())
        .unwrap_or_else(|error| panic!("seed {seed}: {error}\n{source}"));
    let (plain, counted, observed) = measured(&mut common::embedded(), &kernel);
    assert!(plain == counted, "counting changed a bit");
    let cost = observed.cost;
    let tally = observed.witness.unwrap().tally;
    assert_eq!(tally, cost, "the tally differs from the counters");

    // The kernel keeps its generator's promises, under another schedule, too.
    let mut watching = common::embedded().detecting_races();
    let watched = trial(&mut watching, &kernel);
    let witness = watched.plain(&mut watching, GRID).unwrap().witness.unwrap();
    assert!(left(&mut watching, &watched) == plain, "looking for races changed a bit");
    assert_eq!(witness.races.unwrap(), []);
    assert_eq!(witness.out_of_bounds, []);

    let Some(gpu) = gpu else { return };
    let (there, counted_there, observed_there) = measured(gpu, &kernel);
    assert_eq!(observed_there.cost, cost, "the counters differ between executors");
    hold_equal("another executor", &there, &plain);
    // A driver may round otherwise where it compiles the same expression in another kernel.
    hold_equal("counting on another executor", &counted_there, &there);
}

/// What a kernel leaves on an executor, and what the executor saw of it.
fn plain(executor: &mut dyn Executor, kernel: &KernelModule) -> (Left, Witness) {
    let trial = trial(executor, kernel);
    let witness = trial.plain(executor, GRID).unwrap().witness.unwrap();
    (left(executor, &trial), witness)
}

/// Holds a kernel on the embedded executor against the same without some of its passes: what is computed and
/// what the executor saw are the same.
fn hold_without(
    what: &str,
    passes: &[Simplification],
    kernel: &KernelModule,
    whole: &(Left, Witness),
) {
    let (left, witness) = plain(&mut common::embedded().without(passes), kernel);
    assert!(left == whole.0, "without {passes:?}, results of {what}");
    assert_eq!(witness, whole.1, "without {passes:?}, what was seen of {what}");
}

#[test]
fn passes_of_the_embedded_executor_change_nothing() {
    for seed in 0..SEEDS {
        let source = generator::kernel(seed);
        let kernel =
            KernelModule::from_wgsl("random", &source, "main", &Default::default()).unwrap();
        let whole = plain(&mut common::embedded(), &kernel);
        for pass in Simplification::ALL {
            hold_without(&format!("seed {seed}"), &[pass], &kernel, &whole);
        }
        hold_without(&format!("seed {seed}"), &Simplification::ALL, &kernel, &whole);
    }
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
