//! Kernels of a program that are one module with several constants: what tells them apart in a report, and which of
//! them stand beside each other in a comparison.

use flopmeter::{
    format::{
        csv,
        table::{self, Terminal},
    },
    op::{Convention, Cost, Op, OpCounts},
    page::Paged,
    result::{ChangeReport, Ending, KernelRun, RanKernels, RunReport},
};
use flopmeter_core::recording::{Counted, Device, Recording};

/// A kernel: its entry point, its module, its constants and its FLOPs.
type Made<'a> = (&'a str, &'a str, &'a [(u32, u64)], u64);

fn report(kernels: &[Made<'_>]) -> RunReport {
    let counted = |&(entry, module, constants, flops): &Made<'_>| Counted {
        entry: entry.to_owned(),
        module: module.to_owned(),
        spec_constants: constants.iter().map(|&(number, value)| (number, value.into())).collect(),
        dispatches: 1,
        invocations: 1,
        counters: 1,
        cost: Cost { ops: OpCounts::f32(Op::Mul, flops), ..Cost::default() },
        ..Counted::default()
    };
    let recording = Recording {
        device: Some(Device { name: "Example".into(), ..Device::default() }),
        finished: true,
        kernels: kernels.iter().map(counted).collect(),
        ..Recording::default()
    };
    let ended = Ending { code: Some(0), signal: None };
    RunReport::new(vec!["program".to_owned()], ended, &[recording], None, Convention::Ieee)
}

/// Each row of a comparison: what it is called, and its FLOPs before and after.
fn pairs(before: &[Made<'_>], after: &[Made<'_>]) -> Vec<(String, Option<u64>, Option<u64>)> {
    let run = |kernels| KernelRun::from(RanKernels::Program(Box::new(report(kernels))));
    let [before, after] = [before, after].map(run);
    let rows = ChangeReport::new(&before, &after, Convention::Ieee).unwrap().kernels.into_iter();
    let flops = rows.map(|row| (row.name, row.a.map(|a| a.flops), row.b.map(|b| b.flops)));
    flops.collect()
}

const ONE: &str = "e87842eb27295845";
const OTHER: &str = "0123456789abcdef";

#[test]
fn kernels_of_one_module_stand_beside_those_of_the_same_constants() {
    let before: [Made<'_>; 2] =
        [("main", ONE, &[(0, 4), (1, 9)], 96), ("main", ONE, &[(0, 4), (1, 2)], 20)];
    let after: [Made<'_>; 2] =
        [("main", ONE, &[(0, 4), (1, 9)], 48), ("main", ONE, &[(0, 4), (1, 2)], 60)];
    assert_eq!(
        pairs(&before, &after),
        [
            ("main@e87842eb (constant 1 = 2)".to_owned(), Some(20), Some(60)),
            ("main@e87842eb (constant 1 = 9)".to_owned(), Some(96), Some(48)),
        ]
    );
    // One of them ran in one of the two alone.
    assert_eq!(
        pairs(&before, &after[..1]),
        [
            ("main@e87842eb (constant 1 = 9)".to_owned(), Some(96), Some(48)),
            ("main@e87842eb (constant 1 = 2)".to_owned(), Some(20), None),
        ]
    );
    // Where each has a single one, that is it, whatever its constants are now.
    let wider: [Made<'_>; 1] = [("main", ONE, &[(0, 8)], 7)];
    assert_eq!(pairs(&before[..1], &wider), [("main@e87842eb".to_owned(), Some(96), Some(7))]);
}

#[test]
fn what_else_differs_tells_kernels_of_one_name_apart() {
    let before: [Made<'_>; 4] = [
        ("sum", ONE, &[], 10),
        ("sum", OTHER, &[], 20),
        ("max", ONE, &[(3, 1)], 30),
        ("max", ONE, &[], 40),
    ];
    let after: [Made<'_>; 2] = [("sum", OTHER, &[], 5), ("sum", ONE, &[], 6)];
    assert_eq!(
        pairs(&before, &after),
        [
            ("sum (module e87842eb)".to_owned(), Some(10), Some(6)),
            ("sum (module 01234567)".to_owned(), Some(20), Some(5)),
            ("max (constant 3 not set)".to_owned(), Some(40), None),
            ("max (constant 3 = 1)".to_owned(), Some(30), None),
        ]
    );
    // An edited module is still the kernel of its constants.
    let edited: [Made<'_>; 2] = [("max", OTHER, &[(3, 1)], 3), ("max", OTHER, &[(3, 2)], 4)];
    let again: [Made<'_>; 2] = [("max", ONE, &[(3, 1)], 30), ("max", ONE, &[(3, 2)], 40)];
    assert_eq!(
        pairs(&again, &edited),
        [
            ("max (constant 3 = 2)".to_owned(), Some(40), Some(4)),
            ("max (constant 3 = 1)".to_owned(), Some(30), Some(3)),
        ]
    );
}

#[test]
fn rows_of_a_run_tell_its_specialisations_apart() {
    let report = report(&[
        ("main", ONE, &[(1, 9), (2, 5), (3, 1), (4, 7)], 96),
        ("main", ONE, &[(1, 2), (2, 5), (3, 1), (4, 8)], 20),
        ("main", ONE, &[(1, 2), (2, 6), (3, 1), (4, 9)], 19),
        ("alone", ONE, &[(1, 2)], 1),
    ]);
    // What all have alike tells nothing, nor what others have told already.
    let names = [
        "main@e87842eb (constants 1 = 9, 2 = 5)",
        "main@e87842eb (constants 1 = 2, 2 = 5)",
        "main@e87842eb (constants 1 = 2, 2 = 6)",
        "alone",
    ];
    assert_eq!(report.names(), names);
    let shown = table::render(&report.page(false), Terminal::PIPE);
    let written = csv::render(&report.page(true));
    for name in names {
        assert!(shown.contains(name), "{name}: {shown}");
        assert!(written.contains(name), "{name}: {written}");
    }
    assert!(!shown.contains("alone ("), "{shown}");
}

/// By the names that the module has, also beside a report of an older version, which has none.
#[test]
fn constants_are_told_by_their_names() {
    let kernels: [Made<'_>; 2] =
        [("main", ONE, &[(0, 64), (7, 1)], 96), ("main", ONE, &[(0, 64)], 20)];
    let older = report(&kernels);
    let mut named = older.clone();
    for row in &mut named.kernels {
        row.constant_names = [(0, "BLOCK".to_owned()), (7, "FAST".to_owned())].into();
    }
    let names = ["main@e87842eb (FAST = 1)", "main@e87842eb (FAST not set)"];
    assert_eq!(named.names(), names);
    let run = |report| KernelRun::from(RanKernels::Program(Box::new(report)));
    let [older, named] = [older, named].map(run);
    let change = ChangeReport::new(&older, &named, Convention::Ieee).unwrap();
    let both = change.kernels.iter().map(|row| (&*row.name, row.a.is_some() && row.b.is_some()));
    assert_eq!(both.collect::<Vec<_>>(), names.map(|name| (name, true)));

    // Where modules of one name call it otherwise, it has its number.
    let several: [Made<'_>; 2] = [("sum", ONE, &[(0, 1)], 9), ("sum", OTHER, &[(0, 2)], 8)];
    let mut several = report(&several);
    for (row, name) in several.kernels.iter_mut().zip(["LEFT", "RIGHT"]) {
        row.constant_names = [(0, name.to_owned())].into();
    }
    assert_eq!(several.names(), ["sum (constant 0 = 1)", "sum (constant 0 = 2)"]);

    // And so have two that a module calls alike.
    let alike: [Made<'_>; 3] = [
        ("max", ONE, &[(0, 1), (1, 1)], 9),
        ("max", ONE, &[(0, 1), (1, 2)], 8),
        ("max", ONE, &[(0, 2), (1, 1)], 7),
    ];
    let mut alike = report(&alike);
    for row in &mut alike.kernels {
        row.constant_names = [0, 1].map(|number| (number, "N".to_owned())).into();
    }
    let names = ["0 = 1, 1 = 1", "0 = 1, 1 = 2", "0 = 2, 1 = 1"];
    assert_eq!(alike.names(), names.map(|values| format!("max (constants {values})")));
}
