//! What the small program is counted as, and that it leaves what it leaves without the layer.

use std::{
    collections::BTreeMap,
    io::{BufRead as _, BufReader},
};

use flopmeter_core::{
    op::{Convention, Op, OpCounts, Scalar},
    recording::{Dispatched, NotCounted, Recording},
};
use flopmeter_layer::{EACH, NAME, TIMES};

use crate::{
    process::{Played, Stage, VALIDATION, can_play, skipped},
    rare::POOLS_DISPATCH,
    scenes::{Counts, GONE_AFTER, SCENES},
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
        let timed = Stage::new().play_with(scene.name, &[NAME], &[TIMES]);
        assert!(plain.left == timed.left, "{}: its results differ", scene.name);
        if plain.left.is_empty() {
            continue;
        }
        let [recording] = &timed.recordings[..] else { panic!("{}", scene.name) };
        assert_eq!((recording.kernels.len(), recording.not_counted.len()), (0, 0));
        assert!(recording.finished && recording.times.iter().all(|times| times.seconds > 0.0));
        let times: Vec<(u64, u64)> =
            recording.times.iter().map(|its| (its.submitted, its.dispatches)).collect();
        let counts = (scene.counts)();
        let counts: Vec<(u64, u64)> = counts.iter().map(|&(times, _)| (times, times)).collect();
        // Where a command buffer is submitted again before it has ended, its last run alone is timed, and one that is
        // executed again has overwritten its times: each grid of those is by itself.
        if scene.name == "reused" {
            let grids: Vec<_> = recording.times.iter().map(|its| its.workgroups).collect();
            assert_eq!(grids, [Some(6), Some(6 * 4), Some(6)]);
            assert_eq!(times, [(6, 2), (6, 2), (2, 2)]);
            assert_eq!(times.iter().map(|(all, _)| all).sum::<u64>(), counts[0].0);
        } else {
            assert_eq!(times, counts, "{}", scene.name);
        }
    }
}

/// Whether a pipeline has to be compiled is for the driver to say, of the program's own.
#[test]
fn a_pipeline_that_would_have_to_be_compiled_is_had_or_not_as_without_the_layer() {
    if !can_play() {
        return;
    }
    let plain = Stage::new().play("uncompiled", &[]);
    let with_layer = Stage::new().play("uncompiled", &[NAME]);
    assert!(plain.left == with_layer.left, "another number of pipelines was had");
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
    for scene in ["endless", "endless by the device"] {
        let stage = Stage::new();
        let mut child = stage.command(scene, &[NAME]).spawn().unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        assert!(lines.any(|line| line.unwrap().contains("started")));
        child.kill().unwrap();
        child.wait().unwrap();
        let [recording] = &stage.recordings()[..] else { panic!("one device") };
        assert!(!recording.finished);
        assert_eq!(recording.unfinished_submissions, 1, "{scene}");
        assert_eq!(counted(recording), [(2, OpCounts::f32(Op::Add, 64))]);
    }
}

#[test]
fn what_a_program_has_seen_is_recorded_before_it_can_be_killed() {
    if !can_play() {
        return;
    }
    let gone = |asked: &[&str]| {
        let stage = Stage::new();
        let mut command = stage.command("gone", &[NAME]);
        let output = command.envs(asked.iter().map(|&variable| (variable, "1"))).output().unwrap();
        assert!(output.status.code().is_none(), "a signal ends it: {output:?}");
        let mut all = stage.recordings();
        let recording = all.remove(0);
        assert!(all.is_empty() && !recording.finished, "the layer was not told");
        assert_eq!(recording.unfinished_submissions, 0);
        recording
    };
    let (counts, times) = (gone(&[EACH]), gone(&[TIMES, EACH]));
    let add = |times| OpCounts::f32(Op::Add, 32 * times);
    assert_eq!(counted(&counts), [(GONE_AFTER, add(GONE_AFTER))]);
    let once = (Some([1; 3]), Some(add(1)));
    assert_eq!(one_by_one(&counts), vec![once; GONE_AFTER as usize]);
    let timed = times.times.iter().map(|kernel| (kernel.submitted, kernel.dispatches));
    assert_eq!(timed.collect::<Vec<_>>(), [(GONE_AFTER, GONE_AFTER)]);
}

/// A file that may not be written is an error for the layer, and no signal for the program.
#[test]
#[cfg(target_os = "linux")]
fn a_program_that_may_write_no_files_goes_on() {
    if !can_play() {
        return;
    }
    let stage = Stage::new();
    let mut command = stage.command("limited", &[NAME]);
    // The driver's own files are not the layer's business.
    let output = command.env("MESA_SHADER_CACHE_DISABLE", "true").output().unwrap();
    assert!(output.status.success(), "{output:?}");
    let [recording] = &stage.recordings()[..] else { panic!("one device") };
    assert_eq!(counted(recording), [(1, OpCounts::f32(Op::Add, 32))], "as far as it was written");
    assert_eq!(stage.lost(), 1);
}

/// It is the same process, and what was counted before stays.
#[test]
#[cfg(unix)]
fn a_process_that_replaces_its_program_is_counted_before_and_after() {
    if !can_play() {
        return;
    }
    let once = Stage::new().play(SCENES[0].name, &[NAME]);
    let replaced = Stage::new().play("replaced", &[NAME]);
    let counts = |played: &Played| played.recordings.iter().map(counted).collect::<Vec<_>>();
    assert!(!counts(&once).concat().is_empty());
    assert_eq!(counts(&replaced), [counts(&once), counts(&once)].concat());
}

/// Drivers keep what they compiled by what they were given, so that has to be the same in the next run.
#[test]
fn the_driver_finds_again_what_it_compiled() {
    if !can_play() {
        return;
    }
    let cache = tempfile::tempdir().unwrap();
    let files = || {
        let mut folders = vec![cache.path().to_owned()];
        let mut files = 0;
        while let Some(folder) = folders.pop() {
            for entry in std::fs::read_dir(folder).unwrap() {
                let path = entry.unwrap().path();
                if path.is_dir() { folders.push(path) } else { files += 1 }
            }
        }
        files
    };
    let play = |layers: &[&str]| {
        let stage = Stage::new();
        let mut command = stage.command("constants", layers);
        command.env("MESA_SHADER_CACHE_DIR", cache.path());
        command.env("MESA_DISK_CACHE_MULTI_FILE", "1");
        assert!(command.output().unwrap().status.success());
        files()
    };
    let plain = play(&[]);
    if plain == 0 {
        skipped("CACHE", "the driver keeps nothing in files, or not in these");
        return;
    }
    let counting = play(&[NAME]);
    assert!(counting > plain, "kernels that count are others");
    assert_eq!([play(&[NAME]), play(&[])], [counting; 2]);
}

#[test]
fn what_has_no_price_is_not_counted_and_runs() {
    if !can_play() {
        return;
    }
    let plain = Stage::new().play("derivatives", &[]);
    if plain.left.is_empty() {
        skipped("EXTENSION", "the device's kernels take no derivatives");
        return;
    }
    let mut with_layer = Stage::new().play("derivatives", &[NAME]);
    assert!(plain.left == with_layer.left);
    let recording = &mut with_layer.recordings[0];
    let refused = std::mem::take(&mut recording.not_counted);
    let [NotCounted { kernel: Some(kernel), what: None, why, dispatches: 1 }] = &refused[..] else {
        panic!("{refused:?}")
    };
    assert!(kernel.starts_with("main@") && why.contains("OpDPdx has no price"), "{why}");
    assert_eq!(counted(recording), [(1, OpCounts::f32(Op::Add, 32))]);
}

#[test]
fn what_is_no_pipeline_is_named() {
    if !can_play() {
        return;
    }
    let plain = Stage::new().play("objects", &[]);
    if plain.left.is_empty() {
        skipped("EXTENSION", "the device has no shader objects");
        return;
    }
    let mut with_layer = Stage::new().play("objects", &[NAME]);
    assert!(plain.left == with_layer.left);
    let recording = &mut with_layer.recordings[0];
    let mut refused = std::mem::take(&mut recording.not_counted);
    refused.sort_by(|one, other| one.what.cmp(&other.what));
    let named: Vec<_> =
        refused.iter().map(|its| (its.what.as_deref().unwrap(), its.dispatches)).collect();
    assert_eq!(named, [("dispatches", 2), ("shader objects (VK_EXT_shader_object)", 0)]);
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
            for asked in [TIMES, EACH] {
                more.extend(rules(Stage::new().play_with(
                    scene.name,
                    &[NAME, VALIDATION],
                    &[asked],
                )));
            }
        }
        more.retain(|rule| !own.contains(rule));
        assert_eq!(more, [""; 0], "{}", scene.name);
    }
}

/// The floating-point operations of each dispatch, in order; `None` where they are not known.
fn one_by_one(recording: &Recording) -> Vec<(Option<[u32; 3]>, Option<OpCounts>)> {
    let in_order = recording.in_order.as_ref().unwrap();
    assert_eq!(in_order.left_out, 0);
    let known = |row: &Dispatched| row.counts.as_ref().map(|counts| counts.cost.ops.floating());
    in_order.dispatches.iter().map(|row| (row.grid, known(row))).collect()
}

#[test]
fn each_dispatch_is_counted_by_itself() {
    if !can_play() {
        return;
    }
    for scene in SCENES {
        let plain = Stage::new().play(scene.name, &[]);
        let each = Stage::new().play_with(scene.name, &[NAME], &[EACH]);
        assert!(plain.left == each.left, "{}: its results differ", scene.name);
        if plain.left.is_empty() {
            continue;
        }
        let [recording] = &each.recordings[..] else { panic!("{}", scene.name) };
        let counts = counted(recording);
        assert_eq!(counts, expected((scene.counts)()), "{}", scene.name);
        let rows = one_by_one(recording);
        assert_eq!(rows.len() as u64, counts.iter().map(|(times, _)| times).sum::<u64>());
        let known: OpCounts = rows.iter().filter_map(|(_, ops)| *ops).sum();
        let all: OpCounts = counts.iter().map(|(_, ops)| *ops).sum();
        // What a command buffer that runs several times left before its last run is not there any more.
        let whole = rows.iter().all(|(_, ops)| ops.is_some());
        assert_eq!((whole, known == all), (scene.name != "reused", scene.name != "reused"));
    }
}

/// What is not in use any more takes no room of what is.
#[test]
fn what_was_recorded_and_thrown_away_gives_its_room_back() {
    if !can_play() {
        return;
    }
    let played = Stage::new().play_with("pools", &[NAME], &[EACH]);
    let rows = one_by_one(&played.recordings[0]);
    let known = rows.iter().filter(|(_, ops)| ops.is_some()).count();
    assert_eq!((rows.len() as u64, known as u64), (POOLS_DISPATCH, POOLS_DISPATCH));
}

#[test]
fn dispatches_come_in_the_order_in_which_they_are_submitted() {
    if !can_play() {
        return;
    }
    let rows = |scene| {
        let played = Stage::new().play_with(scene, &[NAME], &[EACH]);
        one_by_one(&played.recordings[0])
    };
    let constants = |invocations: u64, rounds: u64| {
        Some(OpCounts::f32(Op::Fma, invocations * rounds) + OpCounts::f32(Op::Mul, invocations))
    };
    let (five, nine) = (constants(16, 5), constants(16, 9));
    let expected = [([1, 1, 1], five), ([2, 1, 1], nine), ([2, 1, 1], nine)];
    assert_eq!(rows("constants"), expected.map(|(grid, ops)| (Some(grid), ops)));

    let add = |groups: u64| Some(OpCounts::f32(Op::Add, 32 * groups));
    let expected = [(None, add(3)), (None, add(2)), (Some([2, 1, 1]), add(2))];
    assert_eq!(rows("indirect"), expected);

    // One command buffer executes two dispatches of a secondary one twice, another has one of its own.
    let (one, four, own) = (Some([1, 1, 1]), Some([2, 2, 1]), Some([1, 1, 3]));
    let twice = [one, four, one, four];
    let grids = [&twice[..], &[own], &twice, &[own], &twice].concat();
    let rows = rows("reused");
    assert_eq!(rows.iter().map(|(grid, _)| *grid).collect::<Vec<_>>(), grids);
    let known = (0..).zip(&rows).filter_map(|(at, (_, ops))| Some((at, (*ops)?)));
    let known: Vec<(usize, OpCounts)> = known.collect();
    assert_eq!(
        known,
        [(4, 3), (7, 1), (8, 4), (9, 3), (12, 1), (13, 4)].map(|(at, n)| (at, add(n).unwrap()))
    );
}

#[test]
fn dispatches_are_timed_one_by_one() {
    if !can_play() {
        return;
    }
    let played = Stage::new().play_with("constants", &[NAME], &[TIMES, EACH]);
    let in_order = played.recordings[0].in_order.as_ref().unwrap();
    let rows: Vec<_> = in_order.dispatches.iter().map(|row| (row.kernel, row.grid)).collect();
    assert_eq!(rows, [(0, Some([1; 3])), (1, Some([2, 1, 1])), (1, Some([2, 1, 1]))]);
    assert!(in_order.dispatches.iter().all(|row| row.seconds.is_some_and(|time| time > 0.0)));
    let sum: f64 = in_order.dispatches.iter().filter_map(|row| row.seconds).sum();
    let all: f64 = played.recordings[0].times.iter().map(|times| times.seconds).sum();
    assert!((sum - all).abs() < 1e-12, "{sum} {all}");
}
