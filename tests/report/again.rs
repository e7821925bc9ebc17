//! A run that is counted and run again for times may do something else then: what it does otherwise has no time.

use flopmeter::{
    op::Convention,
    result::{Ending, RunReport},
};
use flopmeter_core::recording::{Counted, Device, Recording, Timed};

/// A kernel, how often it is dispatched, and over how many workgroups.
type Dispatches = (&'static str, u64, Option<u64>);

/// Counted as some dispatches, then timed as others that take half a second each.
fn report(counted: &[Dispatches], timed: &[Dispatches]) -> RunReport {
    let kernels = counted.iter().map(|&(entry, dispatches, workgroups)| Counted {
        entry: entry.into(),
        dispatches,
        workgroups,
        ..Counted::default()
    });
    let kernels = kernels.collect();
    let times = timed.iter().map(|&(entry, dispatches, workgroups)| Timed {
        entry: entry.into(),
        submitted: dispatches,
        workgroups,
        dispatches,
        seconds: 0.5 * dispatches as f64,
        ..Timed::default()
    });
    timed_as(kernels, times.collect())
}

/// What was counted, with these times.
fn timed_as(kernels: Vec<Counted>, times: Vec<Timed>) -> RunReport {
    let device = || Some(Device { name: "Example".into(), ..Device::default() });
    let counted = Recording { device: device(), kernels, ..Recording::default() };
    let timed = Recording { device: device(), times, ..Recording::default() };
    let ending = Ending { code: Some(0), signal: None };
    let mut report = RunReport::new(vec![], ending, &[counted], None, Convention::Ieee);
    report.time(&[timed]);
    report
}

/// Seconds of each kernel, by name.
fn seconds(report: &RunReport) -> Vec<(&str, Option<f64>)> {
    let mut rows: Vec<_> = report.kernels.iter().map(|row| (&*row.entry, row.seconds)).collect();
    rows.sort_by_key(|&(entry, _)| entry);
    rows
}

#[test]
fn the_same_dispatches_have_times() {
    let dispatches = [("a", 2, Some(8)), ("b", 3, None)];
    let report = report(&dispatches, &dispatches);
    assert_eq!(seconds(&report), [("a", Some(1.0)), ("b", Some(1.5))]);
    assert_eq!(report.totals.seconds, Some(2.5));
    assert_eq!(report.timing.notes, [""; 0]);
}

#[test]
fn other_dispatches_have_no_times() {
    let counted = [("gone", 1, Some(1)), ("larger", 2, Some(8)), ("more", 2, Some(8))];
    let timed = [("larger", 2, Some(80)), ("more", 6, Some(24)), ("new", 1, Some(1))];
    let report = report(&counted, &timed);
    assert_eq!(seconds(&report), [("gone", None), ("larger", None), ("more", Some(1.0))]);
    // A part of the FLOPs over a part of the time would be no rate of anything.
    assert_eq!(report.totals.seconds, None);
    assert_eq!(report.timing.source, "timestamps");
    assert_eq!(
        report.timing.notes,
        [
            "larger: no time: dispatched over other workgroups when kernels were timed",
            "gone: no time: not dispatched when kernels were timed",
            "more: dispatched another number of times when kernels were timed; its time is scaled to the dispatches \
             that were counted",
        ]
    );
}

#[test]
fn a_note_names_a_few() {
    let counted = ["a", "b", "c", "d", "e"].map(|name| (name, 1, Some(1)));
    let report = report(&counted, &[]);
    assert_eq!(report.totals.seconds, None);
    let [note] = &report.timing.notes[..] else { panic!("{:?}", report.timing) };
    assert_eq!(note, "a, b, c and 2 more: no time: not dispatched when kernels were timed");
}

/// Whatever is submitted again before it has ended, or executed twice, overwrites its timestamps.
#[test]
fn dispatches_over_other_workgroups_take_another_time() {
    let times = |submitted, workgroups, dispatches, seconds| Timed {
        entry: "a".into(),
        submitted,
        workgroups,
        dispatches,
        seconds,
        ..Timed::default()
    };
    let counted = |dispatches, workgroups| {
        vec![Counted { entry: "a".into(), dispatches, workgroups, ..Counted::default() }]
    };
    // A hundred over one workgroup, of which one was timed, and one over 256 that takes as long as 256 of them.
    let (small, large) = (times(100, Some(100), 1, 0.5), times(1, Some(256), 1, 128.0));
    let report = timed_as(counted(101, Some(356)), vec![small.clone(), large]);
    assert_eq!(seconds(&report), [("a", Some(50.0 + 128.0))]);
    let said = "a: 2 of 101 dispatches were timed; ";
    let others = "the others are taken to last as long as those over the same workgroups";
    assert_eq!(report.timing.notes, [format!("{said}{others}")]);

    // None of those over 256 was, or the device alone knows over how many they are.
    for other in [times(1, Some(256), 0, 0.0), times(2, None, 1, 1.0)] {
        let (all, workgroups) = (100 + other.submitted, other.workgroups.map(|its| its + 100));
        let timed = 1 + other.dispatches;
        let report = timed_as(counted(all, workgroups), vec![small.clone(), other]);
        assert_eq!(seconds(&report), [("a", None)]);
        assert_eq!(report.totals.seconds, None);
        let said = format!("a: {timed} of {all} dispatches were timed; ");
        let others = "no time: how long the others took is not known";
        assert_eq!(report.timing.notes, [format!("{said}{others}")]);
    }
}
