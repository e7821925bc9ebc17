//! What the small program is counted as, and that it leaves what it leaves without the layer.

use std::{
    collections::BTreeMap,
    io::{BufRead as _, BufReader},
};

use flopmeter_core::{
    op::{Convention, Op, OpCounts, Scalar},
    recording::Recording,
};

use crate::{
    process::{Stage, can_play},
    scenes::{Counts, SCENES},
};

/// The floating-point operations of a recording, by kernel.
fn counted(recording: &Recording) -> Vec<(u64, OpCounts)> {
    assert_eq!(recording.not_counted, []);
    let kernels = recording.kernels.iter();
    let mut counts: Vec<_> =
        kernels.map(|kernel| (kernel.dispatches, kernel.cost.ops.floating())).collect();
    counts.sort_by_key(|&(dispatches, ops)| (dispatches, ops.flops(Convention::Ieee)));
    counts
}

fn expected(counts: Counts) -> Vec<(u64, OpCounts)> {
    let op = |name: &str| Op::ALL.into_iter().find(|op| op.name() == name).unwrap();
    let ops = |counts: BTreeMap<&str, u64>| {
        counts.into_iter().map(|(name, count)| OpCounts::of(Scalar::F32, op(name), count)).sum()
    };
    counts.into_iter().map(|(dispatches, counts)| (dispatches, ops(counts))).collect()
}

#[test]
fn every_scene_is_counted_and_leaves_the_same() {
    if !can_play() {
        return;
    }
    for scene in SCENES {
        let plain = Stage::new().play(scene.name, false);
        let with_layer = Stage::new().play(scene.name, true);
        assert_eq!(plain.recordings, []);
        assert!(plain.left == with_layer.left, "{}: its results differ", scene.name);
        let [recording] = &with_layer.recordings[..] else { panic!("{}", scene.name) };
        assert_eq!(counted(recording), expected((scene.counts)()), "{}", scene.name);
        assert!(recording.finished, "{}", scene.name);
        assert_eq!(recording.unfinished_submissions, 0, "{}", scene.name);
    }
}

#[test]
fn devices_are_counted_apart() {
    if !can_play() {
        return;
    }
    let plain = Stage::new().play("two devices", false);
    let with_layer = Stage::new().play("two devices", true);
    assert!(plain.left == with_layer.left);
    let counts: Vec<_> = with_layer.recordings.iter().map(counted).collect();
    let add = |times| vec![(times, OpCounts::f32(Op::Add, 32 * times))];
    assert_eq!(counts, [add(1), add(2)]);
}

#[test]
fn a_killed_program_leaves_what_was_known() {
    if !can_play() {
        return;
    }
    let stage = Stage::new();
    let mut child = stage.command("endless", true).spawn().unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    assert!(lines.any(|line| line.unwrap().contains("started")));
    child.kill().unwrap();
    child.wait().unwrap();
    let [recording] = &stage.recordings()[..] else { panic!("one device") };
    assert!(!recording.finished);
    assert_eq!(recording.unfinished_submissions, 1);
    assert_eq!(counted(recording), [(2, OpCounts::f32(Op::Add, 64))]);
}
