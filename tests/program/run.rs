//! `flopmeter run` as a user meets it: whose counts, whose output, whose exit code, and what is said where there is
//! nothing to count. The program that is run is this one, which uses Vulkan through wgpu: what the layer counts of the
//! SPIR-V that wgpu makes of a kernel is held against what the kernel's own counters say of its naga IR.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::Path,
};

use flopmeter::{
    format::csv,
    op::OpCounts,
    page::Paged,
    result::{self, Origin, Report, RunReport, ShaderReport, to_signed_json},
};
use predicates::{prelude::*, str::contains};

use crate::command::{PROGRAM, flopmeter};

/// Runs this program with the layer in it; what it reports, and what is reported of it.
fn run<D: result::Document>(arguments: &[&str], folder: &Path) -> (D, RunReport) {
    let [own, of_it] = ["own", "of_it"].map(|name| folder.join(name));
    let mut command = flopmeter(&["run", "--count-only", "--strict", "--json"]);
    command.arg(&of_it).args(["--", PROGRAM]).args(arguments).arg("--json").arg(&own);
    command.assert().success();
    (result::load(&own).unwrap(), result::load(&of_it).unwrap())
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
    (result::load(&path).unwrap(), String::from_utf8(output).unwrap())
}

#[test]
fn kernels_are_counted_and_then_timed_as_they_are() {
    if common::gpu().is_none() {
        return;
    }
    let (both, printed) = small(&["--peak", "1e9"]);
    assert_eq!(printed.matches("collatz.wgsl").count(), 1, "nobody sees the second run: {printed}");
    let (counted, _) = small(&["--count-only", "--strict"]);
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
    let kernels = |report: &RunReport| {
        let rows = report.kernels.iter();
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
    let report: RunReport = result::load(&path).unwrap();
    assert_eq!(report.options[0], "--per-dispatch");
    assert_eq!(report.options.len(), 3, "and where the report goes: {:?}", report.options);
    let rows = report.dispatches_in_order.as_ref().unwrap();
    let csv = csv::render(&report.page(true));
    assert!(
        csv.starts_with("number,kernel,grid,") && csv.lines().count() == 1 + rows.len(),
        "{csv}"
    );
    assert_eq!(rows.len() as u64, report.totals.dispatches);
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
    command.args(["run", "--count-only", "--strict", "--json"]).arg(&path);
    command.args(["--", PROGRAM]).args(SMALL).assert().success();
    let report: RunReport = result::load(&path).unwrap();
    assert!(report.kernels.iter().any(|row| row.entry == "collatz"));
}

#[test]
fn the_programs_output_and_exit_code_are_its_own() {
    let run = flopmeter(&["run", "--", "sh", "-c", "echo out; echo err >&2; exit 7"]);
    let mut run = run;
    let said = contains("err\n").and(contains("with exit code 7")).and(contains("used no Vulkan"));
    run.assert().code(7).stdout("out\n").stderr(said);
    // As shells say that a signal ended it.
    let mut killed = flopmeter(&["run", "--", "sh", "-c", "kill -TERM $$"]);
    killed.assert().code(128 + 15).stderr(contains("by signal 15"));
    flopmeter(&["run", "--strict", "--", "true"]).assert().code(1);
    flopmeter(&["run", "--", "true"]).assert().code(0);
    // It is the progress and the log that are not wanted.
    let said = contains("with exit code 0").and(contains("used no Vulkan"));
    flopmeter(&["run", "--quiet", "--", "true"]).assert().code(0).stdout("").stderr(said);
}

/// What asks this program to end asks the program that it runs, which ends as it likes; that is reported then.
#[cfg(unix)]
#[test]
fn a_request_to_end_is_the_programs() {
    use std::{
        io::{BufRead as _, BufReader},
        process::{Command, Stdio},
    };

    let script = "trap 'echo asked; exit 7' TERM; echo ready; while :; do sleep 0.05; done";
    let mut running = Command::new(PROGRAM)
        .args(["run", "--", "sh", "-c", script])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut said = BufReader::new(running.stdout.take().unwrap()).lines();
    assert_eq!(said.next().unwrap().unwrap(), "ready");
    let pid = running.id().to_string();
    assert!(Command::new("kill").args(["-TERM", &pid]).status().unwrap().success());
    assert_eq!(said.next().unwrap().unwrap(), "asked");
    let output = running.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(7));
    assert!(String::from_utf8(output.stderr).unwrap().contains("used no Vulkan"));

    // A signal that is ignored where the run was started is one that the program ignores.
    let script = format!(
        "trap '' TERM; exec {PROGRAM} run -q -- sh -c 'trap - TERM; kill -TERM $$; echo alive'"
    );
    let ignored = Command::new("sh").args(["-c", &script]).output().unwrap();
    assert_eq!((ignored.status.code(), &*ignored.stdout), (Some(0), &b"alive\n"[..]));
}

#[test]
fn the_program_has_the_environment_that_the_user_has() {
    let shown = |command: &mut assert_cmd::Command| {
        let output = command.env_remove("NODEVICE_SELECT").output().unwrap();
        let names = String::from_utf8(output.stdout).unwrap();
        let names = names.lines().filter_map(|line| line.split_once('=')).map(|(name, _)| name);
        names.filter(|name| *name != "_").map(str::to_owned).collect::<BTreeSet<_>>()
    };
    let mut plain = shown(&mut assert_cmd::Command::new("env"));
    let with_layer = shown(&mut flopmeter(&["run", "--quiet", "--", "env"]));
    plain.extend(
        [
            "FLOPMETER_RECORDINGS",
            "GGML_VK_DEBUG_MARKERS",
            "VK_ADD_LAYER_PATH",
            "VK_INSTANCE_LAYERS",
            // Set by the test itself.
            "MESA_SHADER_CACHE_DIR",
            "XDG_CACHE_HOME",
        ]
        .map(str::to_owned),
    );
    assert_eq!(with_layer, plain);
}

#[test]
fn what_cannot_be_run_is_refused() {
    crate::command::refused(
        &["run", "--", "no-such-program"],
        &["no-such-program", "cannot be started", "No such file"],
    );
    crate::command::refused(&["run", "--", "tests/program/main.rs"], &["Permission denied"]);
    crate::command::refused(&["run"], &["PROGRAM"]);
    let both = ["run", "--count-only", "--time-only", "--", "true"];
    crate::command::refused(&both, &["--time-only", "cannot be used with"]);
    crate::command::refused(&["run", "--time-only", "--strict", "--", "true"], &["--strict"]);
    crate::command::refused(&["run", "--count-only", "--peak", "1", "--", "true"], &["--peak"]);
    crate::command::refused(&["run", "--peak", "fast", "--", "true"], &["h100-bf16"]);
    crate::command::refused(&["run", "--peak=-1", "--", "true"], &["a peak of -1 FLOP/s is none"]);
    crate::command::refused(&["run", "--json", "/nonexistent/r", "--", "true"], &["/nonexistent"]);
}

#[test]
fn a_run_is_written_in_every_format() {
    let folder = tempfile::tempdir().unwrap();
    let mut command = flopmeter(&["run"]);
    for format in ["json", "csv", "markdown", "html"] {
        command.arg(format!("--{format}")).arg(folder.path().join(format));
    }
    command.args(["--", "echo", "own"]).assert().success().stdout("own\n").stderr("");
    let read = |name: &str| fs::read_to_string(folder.path().join(name)).unwrap();
    let report: RunReport = result::load(&folder.path().join("json")).unwrap();
    let mut origin: Origin = serde_json::from_str(&read("json")).unwrap();
    // The command of this report is the program's.
    assert_eq!(std::mem::take(&mut origin.command), report.command);
    assert_eq!(to_signed_json(&report, &origin), read("json"));
    assert_eq!(csv::render(&report.page(true)), read("csv"));
    assert!(read("markdown").starts_with("# echo: a program, measured"));
    assert!(read("html").contains("it used no Vulkan"));
}

/// What `--strict` judged is in each format, and a program that fails by itself has failed whether or not it is judged.
#[test]
fn what_was_judged_is_answered_everywhere() {
    let folder = tempfile::tempdir().unwrap();
    let run = |options: &[&str], program: &str| {
        let [junit, github] = ["junit", "github"].map(|name| folder.path().join(name));
        let mut command = flopmeter(&["run"]);
        command.args(options).arg("--junit").arg(&junit).arg("--github").arg(&github);
        command.args(["--", program]).output().unwrap();
        let shown = flopmeter(&["run"]).args(options).args(["--", program]).output().unwrap();
        let shown = String::from_utf8(shown.stderr).unwrap();
        [fs::read_to_string(junit).unwrap(), fs::read_to_string(github).unwrap(), shown]
    };
    let [junit, github, shown] = run(&["--strict"], "true");
    assert!(junit.contains("tests=\"2\" failures=\"1\"") && junit.contains("used no Vulkan"));
    assert!(github.contains("::error title=flopmeter::the program: it used no Vulkan"), "{github}");
    assert!(shown.contains("FAIL      the program: it used no Vulkan"), "{shown}");

    let [junit, github, shown] = run(&["--strict"], "false");
    assert!(junit.contains("tests=\"2\" failures=\"2\""), "{junit}");
    assert!(github.contains("::error title=flopmeter::the program ended with exit code 1\n"));
    assert!(shown.contains("FAIL") && shown.contains("the program ended with exit code 1; "));

    let [junit, github, shown] = run(&[], "true");
    assert!(junit.contains("tests=\"1\" failures=\"0\"") && !github.contains("::error"));
    assert!(!shown.contains("FAIL") && !shown.contains("PASS"), "{shown}");
    let [junit, github, shown] = run(&[], "false");
    assert!(junit.contains("tests=\"1\" failures=\"1\"") && github.contains("::error"));
    assert!(!shown.contains("FAIL") && !shown.contains("PASS"), "{shown}");
}

/// A program may have run for hours.
#[cfg(unix)]
#[test]
fn a_report_that_cannot_be_written_is_told_and_the_programs_failure_stays_its_own() {
    let folder = tempfile::tempdir().unwrap();
    let [gone, csv] = ["gone", "run.csv"].map(|name| folder.path().join(name));
    let json = gone.join("run.json");
    for (own, code) in [("exit 5", 5), ("kill -TERM $$", 128 + 15), ("exit 0", 2)] {
        fs::create_dir(&gone).unwrap();
        let mut command = flopmeter(&["run", "--count-only", "--json"]);
        command.arg(&json).arg("--csv").arg(&csv).args(["--", "sh", "-c"]);
        command.arg(format!("rmdir {}; {own}", gone.display()));
        let lost = contains("used no Vulkan").and(contains("error: ")).and(contains("run.json"));
        command.assert().code(code).stdout("").stderr(lost);
        // The others are written all the same.
        assert!(fs::read_to_string(&csv).unwrap().contains("flops"), "{own}");
        fs::remove_file(&csv).unwrap();
    }
}
