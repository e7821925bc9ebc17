//! How long kernels and ceilings are timed, by a clock that the tests wind: runs go on until they took as long as was
//! asked and agree, cold ones are not among them, and ceilings that drift are measured again.

use std::ops::ControlFlow;

use flopmeter::{
    kernel::KernelModule,
    observe::{Runs, Timing, Trial},
    roofline::{self, Ceilings, Resource},
};

use crate::clocked::Clocked;

/// Times a kernel for two seconds.
fn timed(executor: &mut Clocked) -> Timing {
    timed_as(executor, Runs::from(1).for_seconds(2.0))
}

fn timed_as(executor: &mut Clocked, asked: Runs) -> Timing {
    let source = "@group(0) @binding(0) var<storage, read_write> x: array<f32, 8>;
        @compute @workgroup_size(8) fn main(@builtin(local_invocation_index) i: u32) { x[i] += 1.0; }";
    let kernel = KernelModule::from_wgsl("add", source, "main", &Default::default()).unwrap();
    let trial = Trial::new(executor, &kernel, vec![vec![0; 32]]).unwrap();
    trial.observe(executor, [1; 3], asked).unwrap().1
}

/// Dispatches before those that are timed or warm up: one of each kernel for its driver, and one to count.
const BEFORE: usize = 3;

#[test]
fn steady_runs_take_as_long_as_was_asked() {
    let mut executor = Clocked::new(|_| 0.125);
    assert_eq!(timed(&mut executor).repeats, 16);
    assert_eq!(executor.dispatches, BEFORE + 2 + 16, "two of them to warm up");
}

#[test]
fn runs_that_do_not_agree_go_on_for_four_times_as_long() {
    let timing = timed(&mut Clocked::new(|run| if run % 2 == 0 { 0.125 } else { 0.25 }));
    assert_eq!(timing.repeats, 43);
    let spread = timing.spread.unwrap();
    assert_eq!((spread.min, spread.max), (0.125, 0.25));
}

#[test]
fn runs_end_where_they_come_to_agree() {
    // Half of all runs agree after as many steady ones as there were unsteady ones.
    let timing = timed(&mut Clocked::new(|run| match run {
        0..20 if run % 2 == 0 => 0.25,
        _ => 0.125,
    }));
    assert!((17..40).contains(&timing.repeats), "{timing:?}");
}

#[test]
fn cold_runs_are_not_timed() {
    let timing = timed(&mut Clocked::new(|run| if run <= BEFORE { 1.0 } else { 0.125 }));
    let spread = timing.spread.unwrap();
    assert_eq!((spread.min, spread.max, timing.repeats), (0.125, 0.125, 16));
}

#[test]
fn a_gpu_is_awake_whenever_it_counts_or_is_timed() {
    let mut executor = Clocked::new(|_| 0.25);
    executor.adapter.limits.parallel = true;
    assert_eq!(timed_as(&mut executor, 3.into()).repeats, 3);
    // The driver's first two dispatches; half a second of other work, and the count; then some before each run.
    let [work, it] = [true, false];
    assert_eq!(executor.wakes, [it, it, work, work, it, work, it, work, it, work, it]);

    let mut executor = Clocked::new(|_| 0.25);
    timed_as(&mut executor, 3.into());
    assert_eq!(executor.wakes, [it; 6], "a processor");
    let mut executor = Clocked::new(|_| 0.25);
    executor.adapter.limits.parallel = true;
    timed_as(&mut executor, 0.into());
    assert_eq!(executor.wakes.iter().filter(|&&wakes| wakes).count(), 0, "nothing is timed");
}

fn ceilings(seconds: impl Fn(usize) -> f64 + Send + 'static) -> Ceilings {
    let mut executor = Clocked::new(seconds);
    // Little work is enough, since the clock does not look at it.
    executor.adapter.limits.binding_bytes = 1 << 20;
    executor.adapter.limits.invocations = 16;
    roofline::measure(&mut executor, 2, &mut |_| ControlFlow::Continue(())).unwrap()
}

#[test]
fn ceilings_that_drift_are_measured_again_and_the_best_kept() {
    let steady = ceilings(|_| 0.125);
    assert_eq!((steady.rounds, &steady.warning), (1, &None));
    assert_eq!(steady.drift.first, steady.drift.last);
    // The device is half as fast while the first of them is measured.
    let drifted = ceilings(|run| if run < 10 { 0.25 } else { 0.125 });
    assert_eq!((drifted.rounds, &drifted.warning), (2, &None));
    for resource in [Resource::F32, Resource::Storage, Resource::Workgroup] {
        assert_eq!(drifted.best(resource), steady.best(resource), "{resource:?}");
    }
}

#[test]
fn ceilings_that_never_settle_are_said_to_be_doubtful() {
    let restless = ceilings(|run| 0.125 + 0.01 * run as f64);
    assert_eq!(restless.rounds, 3);
    assert!(restless.warning.unwrap().contains("doubtful"));
}
