//! What the small program is counted as, and that it leaves what it leaves without the layer.

use std::{
    collections::BTreeMap,
    io::{BufRead as _, BufReader},
};

use flopmeter_core::{
    op::{Convention, Op, OpCounts, Scalar},
    recording::{NotCounted, Recording},
};
use flopmeter_layer::NAME;

use crate::{
    process::{Played, Stage, VALIDATION, can_play, skipped},
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
        let plain = Stage::new().play(scene.name, &[]);
        let with_layer = Stage::new().play(scene.name, &[NAME]);
        assert_eq!(plain.recordings, []);
        if plain.left.is_empty() {
            skipped("EXTENSION", &format!("the device cannot play '{}'", scene.name));
            continue;
        }
        assert!(plain.left == with_layer.left, "{}: its results differ", scene.name);
        let [recording] = &with_layer.recordings[..] else { panic!("{}", scene.name) };
        assert_eq!(counted(recording), expected((scene.counts)()), "{}", scene.name);
        assert!(recording.finished, "{}", scene.name);
        assert_eq!(recording.unfinished_submissions, 0, "{}", scene.name);
    }
}

#[test]
fn kernels_are_timed_as_they_are() {
    if !can_play() {
        return;
    }
    for scene in SCENES {
        let plain = Stage::new().play(scene.name, &[]);
        let timed = Stage::new().play_timed(scene.name, &[NAME]);
        assert!(plain.left == timed.left, "{}: its results differ", scene.name);
        if plain.left.is_empty() {
            continue;
        }
        let [recording] = &timed.recordings[..] else { panic!("{}", scene.name) };
        assert_eq!((recording.kernels.len(), recording.not_counted.len()), (0, 0));
        assert!(recording.finished && recording.times.iter().all(|times| times.seconds > 0.0));
        let times: Vec<u64> = recording.times.iter().map(|times| times.dispatches).collect();
        let counts: Vec<u64> = (scene.counts)().iter().map(|(dispatches, _)| *dispatches).collect();
        // Where a command buffer is submitted again before it has ended, its last run alone is timed.
        if scene.name == "reused" {
            assert!(times[0] > 0 && times[0] < counts[0], "{times:?}");
        } else {
            assert_eq!(times, counts, "{}", scene.name);
        }
    }
}

#[test]
fn devices_are_counted_apart() {
    if !can_play() {
        return;
    }
    let plain = Stage::new().play("two devices", &[]);
    let with_layer = Stage::new().play("two devices", &[NAME]);
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
    let mut child = stage.command("endless", &[NAME]).spawn().unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    assert!(lines.any(|line| line.unwrap().contains("started")));
    child.kill().unwrap();
    child.wait().unwrap();
    let [recording] = &stage.recordings()[..] else { panic!("one device") };
    assert!(!recording.finished);
    assert_eq!(recording.unfinished_submissions, 1);
    assert_eq!(counted(recording), [(2, OpCounts::f32(Op::Add, 64))]);
}

#[test]
fn what_has_no_price_is_not_counted_and_runs() {
    if !can_play() {
        return;
    }
    let plain = Stage::new().play("clock", &[]);
    if plain.left.is_empty() {
        skipped("EXTENSION", "the device's kernels read no clock");
        return;
    }
    let mut with_layer = Stage::new().play("clock", &[NAME]);
    assert!(plain.left == with_layer.left);
    let recording = &mut with_layer.recordings[0];
    let refused = std::mem::take(&mut recording.not_counted);
    let [NotCounted { kernel: Some(kernel), what: None, why, dispatches: 1 }] = &refused[..] else {
        panic!("{refused:?}")
    };
    assert!(kernel.starts_with("main@") && why.contains("OpReadClockKHR has no price"), "{why}");
    assert_eq!(counted(recording), [(1, OpCounts::f32(Op::Add, 32))]);
}

#[test]
fn what_reaches_the_driver_is_valid() {
    if !can_play() {
        return;
    }
    // Messages name handles, which differ from run to run.
    let rules = |played: Played| {
        let rules = played.said.split_whitespace().filter(|word| word.starts_with("VUID-"));
        rules.map(str::to_owned).collect::<Vec<_>>()
    };
    let complaints = |scene: &str, layers: &[&str]| rules(Stage::new().play(scene, layers));
    if complaints("wrong", &[VALIDATION]).is_empty() {
        skipped("VALIDATION", "Khronos's validation layer is not installed");
        return;
    }
    // What comes through this layer is seen by the one below it.
    assert_ne!(complaints("wrong", &[NAME, VALIDATION]), [""; 0]);
    for scene in SCENES {
        // An old validation layer does not know what a new driver has.
        let own = complaints(scene.name, &[VALIDATION]);
        let mut more = complaints(scene.name, &[NAME, VALIDATION]);
        // Version 1.3.239 of the validation layer ends any program with timestamps in a secondary command buffer.
        if scene.name != "reused" {
            more.extend(rules(Stage::new().play_timed(scene.name, &[NAME, VALIDATION])));
        }
        more.retain(|rule| !own.contains(rule));
        assert_eq!(more, [""; 0], "{}", scene.name);
    }
}
