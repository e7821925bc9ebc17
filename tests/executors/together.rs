//! Passes that are submitted together: what they leave is what they leave one by one, no submission takes long,
//! and a clock that does not tell them apart has each of them timed by itself.

use std::{collections::BTreeMap, ops::ControlFlow};

use flopmeter::{
    execute::{Bound, Dispatch, Executor},
    kernel::KernelModule,
    measure::{Measurement, Session},
    model::{
        AskedShape, Batch, Model,
        lower::{Training, inputs, lower},
    },
    observe::{Runs, TimeSource},
};

use crate::clocked::Clocked;

/// What every pass takes.
const SECONDS: f64 = 0.03125;

/// Measures a step; what was measured, and the loss.
fn step(executor: &mut dyn Executor, runs: impl Into<Runs>) -> (Measurement, Vec<f32>) {
    let set = ["vocab_size=20", "d_model=8", "n_layers=1", "num_experts=2"];
    let model = Model::resolve("resnet-bk", set).unwrap();
    let asked = AskedShape { batch: Some(1), seq: Some(4), ..AskedShape::default() };
    let batch = Batch::load(None, asked, &model.config, 7).unwrap();
    let limits = executor.adapter().limits;
    let plan = lower(&model.config, batch.shape, Training::default(), limits).unwrap();
    let weights = model.weights(7).unwrap();
    let inputs = inputs(&weights, &batch);
    let mut session = Session::open(executor, &plan, &inputs).unwrap();
    let measured = session.measure(runs, &mut |_| ControlFlow::Continue(())).unwrap();
    let loss = session.read(&plan.outputs["loss"].windows).unwrap();
    (measured, loss)
}

#[test]
fn passes_are_submitted_together_for_a_tenth_of_a_second() {
    let mut executor = Clocked::new(|_| SECONDS);
    let (measured, loss) = step(&mut executor, 3);
    let passes = measured.passes.len();
    let mut once = vec![3; passes / 3];
    once.extend((passes % 3 != 0).then_some(passes % 3));
    assert_eq!(executor.submissions, once.repeat(3));
    assert_eq!(measured.timing.source, TimeSource::Timestamps);
    assert!(measured.passes.iter().all(|pass| pass.seconds == Some(SECONDS)));
    assert_eq!(loss, step(&mut common::embedded(), 3).1);
}

#[test]
fn passes_that_a_clock_does_not_tell_apart_are_timed_one_by_one() {
    let mut executor = Clocked::new(|_| SECONDS);
    executor.tells = false;
    let (measured, loss) = step(&mut executor, 3);
    assert_eq!(executor.submissions, [3], "the clock is asked once");
    assert!(measured.passes.iter().all(|pass| pass.seconds == Some(SECONDS)));
    assert_eq!(loss, step(&mut common::embedded(), 3).1);
}

/// Ten times what a step takes; before that untimed a tenth of it at the least, and until two in a row agree.
#[test]
fn steps_run_until_they_took_as_long_as_was_asked() {
    let passes = step(&mut common::embedded(), 0).0.passes.len();
    let mut executor = Clocked::new(|_| SECONDS);
    let seconds = 10.0 * SECONDS * passes as f64;
    let (measured, _) = step(&mut executor, Runs::from(1).for_seconds(seconds));
    assert_eq!(measured.timing.repeats, 10);
    assert_eq!(executor.submissions.iter().sum::<usize>(), 12 * passes);
    let spread = measured.timing.spread.unwrap();
    assert_eq!((spread.min, spread.max), (seconds / 10.0, seconds / 10.0));
}

#[test]
fn dispatches_that_run_together_run_one_after_the_other() {
    let source = "@group(0) @binding(0) var<storage, read_write> x: array<f32, 64>;
        @compute @workgroup_size(64) fn twice(@builtin(local_invocation_index) i: u32) { x[i] *= 2.0; }
        @compute @workgroup_size(64) fn more(@builtin(local_invocation_index) i: u32) { x[63u - i] += 1.0; }";
    common::on_every_executor(|executor| {
        let mut compile = |entry| {
            let kernel = KernelModule::from_wgsl(entry, source, entry, &BTreeMap::new()).unwrap();
            executor.compile(&kernel).unwrap()
        };
        let programs = ["twice", "more"].map(&mut compile);
        let buffer = executor.allocate("x", 256).unwrap();
        let bindings = [Bound { group: 0, binding: 0, buffer, offset: 0, size: 256 }];
        let dispatches: Vec<_> = (0..20)
            .map(|index| {
                let program = programs[index % 2];
                Dispatch { label: "step", program, bindings: &bindings, grid: [1; 3] }
            })
            .collect();
        let outcomes = executor.dispatch_all(&dispatches).unwrap();
        assert!(outcomes.is_none_or(|outcomes| outcomes.len() == 20));
        let read = executor.read(buffer, 0, 256).unwrap();
        let expected = (0..10).fold(0.0, |x, _| 2.0 * x + 1.0);
        assert_eq!(bytemuck::pod_collect_to_vec::<u8, f32>(&read), [expected; 64]);
        assert!(executor.dispatch_all(&[]).unwrap().is_none_or(|outcomes| outcomes.is_empty()));
    });
}
