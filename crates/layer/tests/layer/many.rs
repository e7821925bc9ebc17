//! Kernels with many counters, which are handed over in a loop, and with too many.

use flopmeter_core::op::{Op, Scalar};
use flopmeter_layer::NAME;

use crate::process::{Stage, can_play};

#[test]
fn many_branches_are_counted_apart() {
    if !can_play() {
        return;
    }
    let plain = Stage::new().play("many branches", &[]);
    let with_layer = Stage::new().play("many branches", &[NAME]);
    assert!(plain.left == with_layer.left, "its results differ");
    let [recording] = &with_layer.recordings[..] else { panic!("one device") };
    assert_eq!(recording.not_counted, []);
    let [kernel] = &recording.kernels[..] else { panic!("one kernel") };
    assert!(kernel.counters > 100);
    for (first, op) in [(0, Op::Add), (1, Op::Mul), (2, Op::Div)] {
        let taken = (first..100).step_by(3).map(|n| 7 * 32 - 1 - n).sum::<u64>();
        assert_eq!(kernel.cost.ops.get(Scalar::F32, op), taken, "{op:?}");
    }
}

#[test]
fn a_kernel_that_takes_too_many_counters_runs_as_it_is() {
    if !can_play() {
        return;
    }
    let plain = Stage::new().play("too many branches", &[]);
    let with_layer = Stage::new().play("too many branches", &[NAME]);
    assert!(plain.left == with_layer.left, "its results differ");
    let [recording] = &with_layer.recordings[..] else { panic!("one device") };
    assert_eq!(recording.kernels, []);
    let [told] = &recording.not_counted[..] else { panic!("{:?}", recording.not_counted) };
    assert!(told.why.starts_with("it has 1101 parts that are executed apart"), "{}", told.why);
}
