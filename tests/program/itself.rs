//! This program counted by itself: what the layer counts of the SPIR-V that wgpu makes of a kernel is held against what the
//! kernel's own counters say of its naga IR.

use std::{collections::BTreeMap, fs, path::Path};

use flopmeter::{
    format::csv,
    op::OpCounts,
    page::Paged,
    result::{self, KernelRow, Report, RunReport, ShaderReport},
};
use flopmeter_core::recording;
use predicates::str::contains;

use crate::command::{PROGRAM, flopmeter};

/// Runs this program with the layer in it; what it reports, and what is reported of it.
fn run<D: result::Document>(arguments: &[&str], folder: &Path) -> (D, RunReport) {
    let [own, of_it] = ["own", "of_it"].map(|name| folder.join(name));
    let mut command = flopmeter(&["run", "--count-only", "--json"]);
    command.arg(&of_it).args(["--", PROGRAM]).args(arguments).arg("--json").arg(&own);
    command.assert().success();
    (result::load(&own).unwrap(), counted(&of_it))
}

/// What is reported of this program. All of it is counted but for the kernel by which it finds out whether an adapter ends
/// loops early, where the adapter does.
fn counted(path: &Path) -> RunReport {
    let report: RunReport = result::load(path).unwrap();
    for recording::NotCounted { why, dispatches, .. } in &report.not_counted {
        let ends = why.contains("ends the loops of a subgroup after");
        assert!(ends && *dispatches == 1, "{why}");
    }
    assert!(report.not_counted.len() <= 1);
    report
}

/// The floating-point operations of kernels by their names.
fn by_name(kernels: impl Iterator<Item = (String, OpCounts)>) -> BTreeMap<String, OpCounts> {
    let mut sums: BTreeMap<String, OpCounts> = BTreeMap::new();
    for (name, ops) in kernels {
        let sum = sums.entry(name).or_default();
        *sum = *sum + ops.floating();
    }
    sums.retain(|_, ops| !ops.is_zero());
    sums
}

#[test]
fn every_kernel_of_a_step_is_counted_alike_as_naga_ir_and_as_spirv() {
    if common::gpu().is_none() {
        return;
    }
    let common = ["--repeat", "0", "--batch", "2", "--set", "vocab_size=23"];
    let steps: [&[&str]; 2] = [
        &["resnet-bk", "--seq", "5", "--set", "d_model=6", "--set", "n_layers=1"],
        &[
            "qwen2.5-0.5b",
            "--seq",
            "7",
            "--set",
            "hidden_size=8",
            "--set",
            "num_hidden_layers=1",
            "--set",
            "num_attention_heads=2",
            "--set",
            "num_key_value_heads=1",
            "--set",
            "intermediate_size=16",
        ],
    ];
    for step in steps {
        let folder = tempfile::tempdir().unwrap();
        let arguments = [&["profile"], step, &common[..]].concat();
        let (own, of_it) = run::<Report>(&arguments, folder.path());
        // By entry point: wgpu passes labels on to its driver in debug builds alone.
        let entry = |kernel: String| kernel.rsplit('.').next().unwrap_or_default().to_owned();
        let counted =
            by_name(own.passes.iter().map(|pass| (entry(pass.kernel.to_string()), pass.ops)));
        let rows = of_it.kernels.iter().map(|row| (row.entry.clone(), row.ops.unwrap()));
        assert_eq!(by_name(rows), counted, "{step:?}");
        assert!(counted.len() > 10, "{step:?}");
        assert_eq!(of_it.totals.flops, Some(own.totals.measured.total()));
        assert_eq!(of_it.devices.len(), 1);
    }
}

#[test]
fn one_kernel_is_counted_and_leaves_what_it_leaves() {
    if common::gpu().is_none() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let dump = folder.path().join("left");
    let dumped = format!("0.0={}", dump.display());
    let kernel = "tests/fixtures/collatz.wgsl";
    let arguments =
        ["shader", kernel, "--dispatch", "1", "--bind", "0.0=iota:64", "--dump", &dumped];
    flopmeter(&arguments).assert().success();
    let plain = fs::read(&dump).unwrap();

    let arguments = [&arguments[..], &["--repeat", "0"]].concat();
    let (own, of_it) = run::<ShaderReport>(&arguments, folder.path());
    assert!(plain == fs::read(&dump).unwrap());
    let rows: Vec<_> = of_it.kernels.iter().filter(|row| row.entry == "collatz").collect();
    let [row] = rows[..] else { panic!("{rows:?}") };
    assert_eq!(row.ops.unwrap().floating(), own.ops.floating());
    assert_eq!((row.dispatches, row.invocations, row.module.len()), (1, Some(32), 16));
}

/// A program of a few small dispatches.
const SMALL: [&str; 10] = [
    "shader",
    "tests/fixtures/collatz.wgsl",
    "--entry",
    "collatz",
    "--dispatch",
    "1",
    "--bind",
    "0.0=iota:64",
    "--repeat",
    "0",
];

/// Runs the small program; what is reported of it and what was printed.
fn small(options: &[&str]) -> (RunReport, String) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("report");
    let mut command = flopmeter(&["run", "--json"]);
    command.arg(&path).args(options).args(["--", PROGRAM]).args(SMALL);
    let output = command.assert().success().get_output().stdout.clone();
    (counted(&path), String::from_utf8(output).unwrap())
}

#[test]
fn kernels_are_counted_and_then_timed_as_they_are() {
    if common::gpu().is_none() {
        return;
    }
    let (both, printed) = small(&["--peak", "1e9"]);
    assert_eq!(printed.matches("collatz.wgsl").count(), 1, "nobody sees the second run: {printed}");
    let (counted, _) = small(&["--count-only"]);
    assert_eq!((&*both.timing.source, &*counted.timing.source), ("timestamps", "none"));
    assert!(both.kernels.iter().all(|row| row.seconds.is_some_and(|time| time > 0.0)));
    assert_eq!((counted.totals.seconds, counted.totals.peak_share), (None, None));
    let ops = |report: &RunReport| report.kernels.iter().map(|row| row.ops).collect::<Vec<_>>();
    assert_eq!(ops(&both), ops(&counted));
    for row in &both.kernels {
        let reached = row.flops.unwrap() as f64 / row.seconds.unwrap() / 1e9;
        assert_eq!(row.peak_share, Some(reached));
    }
    assert_eq!(both.peak_flops_per_second, Some(1e9));
}

#[test]
fn what_is_timed_alone_has_no_counts() {
    if common::gpu().is_none() {
        return;
    }
    let (timed, printed) = small(&["--time-only", "--per-dispatch"]);
    assert!(printed.contains("collatz.wgsl"), "its only run is seen: {printed}");
    let (counted, _) = small(&["--count-only"]);
    assert!(counted.counted && !timed.counted);
    let is_counted = |row: &&KernelRow| {
        let left_out = counted.not_counted.iter().filter_map(|its| its.kernel.as_deref());
        !left_out.filter_map(|name| name.split_once('@')).any(|(_, of)| row.module.starts_with(of))
    };
    let kernels = |report: &RunReport| {
        let rows = report.kernels.iter().filter(is_counted);
        let mut rows: Vec<_> = rows.map(|row| (row.module.clone(), row.dispatches)).collect();
        rows.sort();
        rows
    };
    assert_eq!(kernels(&timed), kernels(&counted));
    assert_eq!((timed.totals.flops, timed.totals.ops, timed.totals.traffic), (None, None, None));
    assert!(timed.kernels.iter().all(|row| row.flops.is_none() && row.invocations.is_none()));
    assert!(timed.totals.seconds.is_some_and(|seconds| seconds > 0.0));
    let rows = timed.dispatches_in_order.as_ref().unwrap();
    assert!(rows.iter().all(|row| row.seconds.is_some() && row.flops.is_none()));

    let folder = tempfile::tempdir().unwrap();
    let saved = [("timed", &timed), ("counted", &counted)].map(|(name, report)| {
        let path = folder.path().join(name);
        fs::write(&path, result::to_json(report)).unwrap();
        path
    });
    let mut compare = flopmeter(&["compare"]);
    let said = contains("kernels of A were timed and not counted");
    compare.args(saved).assert().code(2).stderr(said);
}

#[test]
fn dispatches_are_told_one_by_one() {
    if common::gpu().is_none() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("report");
    // The same kernel twice, on what it left the first time.
    let twice = ["--entry", "collatz", "--dispatch", "2"];
    let mut command = flopmeter(&["run", "--per-dispatch", "--json"]);
    command.arg(&path).args(["--", PROGRAM]).args(SMALL).args(twice).assert().success();
    let report = counted(&path);
    assert_eq!(report.options[0], "--per-dispatch");
    assert_eq!(report.options.len(), 3, "and where the report goes: {:?}", report.options);
    let rows = report.dispatches_in_order.as_ref().unwrap();
    let csv = csv::render(&report.page(true));
    assert!(
        csv.starts_with("number,kernel,grid,") && csv.lines().count() == 1 + rows.len(),
        "{csv}"
    );
    let not_counted: u64 = report.not_counted.iter().map(|its| its.dispatches).sum();
    assert_eq!(rows.len() as u64, report.totals.dispatches + not_counted);
    assert_eq!(report.dispatches_left_out, 0);
    for kernel in &report.kernels {
        let of_it: Vec<_> = rows.iter().filter(|row| row.id == Some(kernel.id)).collect();
        assert_eq!(of_it.len() as u64, kernel.dispatches);
        assert_eq!(of_it.iter().map(|row| row.ops.unwrap()).sum::<OpCounts>(), kernel.ops.unwrap());
        assert_eq!(of_it.iter().map(|row| row.flops.unwrap()).sum::<u64>(), kernel.flops.unwrap());
        assert!(of_it.iter().all(|row| row.seconds.is_some_and(|time| time > 0.0)));
    }
    // It may be called by a label, which wgpu passes on in debug builds alone.
    let ours = report.kernels.iter().find(|row| row.entry == "collatz").map(|row| row.id);
    let grids = rows.iter().filter(|row| row.id == ours).map(|row| row.grid.unwrap());
    assert_eq!(grids.collect::<Vec<_>>(), [[1, 1, 1], [2, 1, 1]]);
    let shown = flopmeter::format::table::render(
        &report.page(false),
        flopmeter::format::table::Terminal::PIPE,
    );
    assert!(shown.contains("2 x 1 x 1") && shown.contains("one by one"), "{shown}");
}

/// What is installed is one file.
#[test]
fn the_program_carries_its_layer() {
    if common::gpu().is_none() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let alone = folder.path().join("program");
    fs::copy(PROGRAM, &alone).unwrap();
    let path = folder.path().join("report");
    let mut command = assert_cmd::Command::new(&alone);
    command.args(["run", "--count-only", "--json"]).arg(&path);
    command.args(["--", PROGRAM]).args(SMALL).assert().success();
    let report = counted(&path);
    assert!(report.kernels.iter().any(|row| row.entry == "collatz"));
}
