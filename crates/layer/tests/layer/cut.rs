//! Loops that a driver ends early, of which no count is told.

use flopmeter_core::op::Convention;
use flopmeter_layer::NAME;

use crate::{
    process::{Stage, can_play},
    rare::LONG,
};

#[test]
fn loops_are_counted_whole_or_not_at_all() {
    if !can_play() {
        return;
    }
    let [recording] = &Stage::new().play("long", &[NAME]).recordings[..] else { panic!("one") };
    let flops = recording.kernels.iter().map(|its| its.cost.ops.flops(Convention::Ieee));
    match &recording.not_counted[..] {
        [] => assert_eq!(flops.sum::<u64>(), 32 * LONG),
        [why] => {
            assert!(why.why.contains("ends the loops of a subgroup after 65535"), "{}", why.why);
            assert_eq!(flops.sum::<u64>(), 0);
        }
        many => panic!("{many:?}"),
    }
}
