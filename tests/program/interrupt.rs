//! Ctrl-C, in every command that runs something and on every kind of executor, while a dispatch is under way
//! that does not end by itself, or not for long: one message, exit code 2, no file. A command that waited for an
//! endless dispatch would end by its own timeout, with another message. An abort, as by a driver, is sent likewise.
#![cfg(unix)]

use std::{
    fs,
    io::{BufRead as _, BufReader, Read as _},
    process::{Command, Output, Stdio},
    thread,
    time::{Duration, Instant},
};

use flopmeter::execute::Executor as _;
use serde_json::Value;

use crate::command::{PROGRAM, SMALL, adapter, text};

/// Sends a process a signal: an abort as one of its own threads does, any other as `kill` does.
fn send(signal: &str, process: u32) {
    #[cfg(target_os = "linux")]
    if signal == "-ABRT" {
        return abort(process.try_into().unwrap());
    }
    let process = process.to_string();
    assert!(Command::new("kill").args([signal, &process]).status().unwrap().success());
}

/// Has a process believe that its first thread aborted.
#[cfg(target_os = "linux")]
fn abort(process: libc::pid_t) {
    // The sender stands behind three numbers, in a place for a pointer.
    let sender = if size_of::<usize>() == 8 { 4 } else { 3 };
    #[expect(unsafe_code, reason = "the call reads a structure of plain numbers, which is whole")]
    let sent = unsafe {
        let mut info: libc::siginfo_t = std::mem::zeroed();
        (info.si_signo, info.si_code) = (libc::SIGABRT, libc::SI_QUEUE);
        (&raw mut info).cast::<libc::pid_t>().add(sender).write(process);
        libc::syscall(libc::SYS_rt_tgsigqueueinfo, process, process, libc::SIGABRT, &raw const info)
    };
    assert_eq!(sent, 0);
}

/// Sends the program a ctrl-C, and holds what [`signalled`] does.
fn interrupted(arguments: &[&str], begins: impl Fn(&str) -> bool, error: &str) -> Output {
    signalled("-INT", arguments, begins, error)
}

/// Starts the program, sends it a signal a while after a line of its log that `begins`, and holds what every
/// command promises of its end: exit code 2, and one message, which has `error` in it.
fn signalled(
    signal: &str,
    arguments: &[&str],
    begins: impl Fn(&str) -> bool,
    error: &str,
) -> Output {
    let mut child = Command::new(PROGRAM)
        .args(arguments)
        .arg("-v")
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut log = BufReader::new(child.stderr.take().unwrap()).lines();
    assert!(log.by_ref().any(|line| begins(&line.unwrap())), "{arguments:?} did not begin");
    thread::sleep(Duration::from_millis(500));
    assert_eq!(child.try_wait().unwrap(), None, "{arguments:?} ended by itself");
    send(signal, child.id());
    let output = child.wait_with_output().unwrap();
    let said: Vec<String> = log.map(Result::unwrap).collect();
    assert_eq!(output.status.code(), Some(2), "{arguments:?}: {said:?}");
    let errors = said.iter().filter(|line| line.starts_with("error: ")).count();
    assert_eq!(errors, 1, "{arguments:?}: {said:?}");
    assert!(said.iter().any(|line| line.contains(error)), "{arguments:?}: {said:?}");
    output
}

/// Interrupts a command that has nothing to keep, which leaves no file and no report.
fn stopped(arguments: &[&str]) {
    let folder = tempfile::tempdir().unwrap();
    let report = folder.path().join("report.json");
    let arguments = [arguments, &["--json", report.to_str().unwrap()]].concat();
    let begun = ["running on", "runs on", "measuring"];
    let begins = |line: &str| begun.iter().any(|begun| line.contains(begun));
    let output = interrupted(&arguments, begins, "interrupted during ");
    assert!(output.stdout.is_empty(), "{arguments:?}");
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0, "{arguments:?}");
}

/// The embedded executor, and an adapter where there is one.
fn adapters() -> &'static [&'static str] {
    if common::gpu().is_some() { &["embedded", "auto"] } else { &["embedded"] }
}

const ENDLESS: &str = "
    @group(0) @binding(0) var<storage, read_write> x: array<f32, 64>;
    @compute @workgroup_size(64)
    fn main(@builtin(local_invocation_index) i: u32) {
        loop { x[i] = sqrt(x[i] + 1.0); if (x[i] < 0.0) { break; } }
    }";

#[test]
fn a_kernel_that_does_not_end_is_stopped() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("endless.wgsl");
    fs::write(&file, ENDLESS).unwrap();
    for adapter in adapters() {
        let file = file.to_str().unwrap();
        stopped(&["shader", file, "--dispatch=65535,65535", "--repeat=0", "--adapter", adapter]);
    }
}

/// A step whose passes take seconds each.
const LONG: [&str; 8] =
    ["--batch", "50000", "--seq", "8", "--set", "d_model=32", "--set", "vocab_size=64"];

#[test]
fn a_pass_that_takes_long_is_stopped() {
    for adapter in adapters() {
        stopped(&[&["profile", "--adapter", adapter], &LONG[..]].concat());
    }
    stopped(&[&["check", "--adapter", "embedded"], &LONG[..]].concat());
    let compare = ["compare", "resnet-bk", "resnet-bk", "--measure", "--adapter-a", "embedded"];
    stopped(&[&compare[..], &LONG].concat());
}

/// What is known of a suite before a driver aborts is reported, and so is which kernel it was.
#[test]
fn an_abort_is_told_with_what_was_under_way() {
    let folder = tempfile::tempdir().unwrap();
    let [suite, report] = ["suite", "report.json"].map(|name| folder.path().join(name));
    fs::write(folder.path().join("endless.wgsl"), ENDLESS).unwrap();
    fs::write(folder.path().join("ends.wgsl"), ENDLESS.replace("< 0.0", ">= 0.0")).unwrap();
    let lines = ["ends.wgsl", "endless.wgsl", "ends.wgsl"].map(|it| format!("{it} --dispatch 1\n"));
    fs::write(&suite, lines.concat()).unwrap();
    let check = ["check", "--adapter", "embedded"];
    let of_suite = ["--suite", text(&suite), "--json", text(&report)];
    let mut child = Command::new(PROGRAM)
        .args([&check[..], &of_suite, &["-v"]].concat())
        .current_dir(folder.path())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut log = BufReader::new(child.stderr.take().unwrap()).lines();
    assert!(log.by_ref().any(|line| line.unwrap().contains("checking endless.wgsl")));
    assert!(log.by_ref().any(|line| line.unwrap().contains("running on")));
    thread::sleep(Duration::from_millis(500));
    send("-ABRT", child.id());
    assert_eq!(child.wait().unwrap().code(), Some(2));
    let report: Value = serde_json::from_slice(&fs::read(&report).unwrap()).unwrap();
    let kernels = report["kernels"].as_array().unwrap();
    assert!(kernels[0]["outcome"]["checked"].is_object(), "{report}");
    for (kernel, why) in kernels[1..].iter().zip(["embedded", "was not run"]) {
        let why_not = kernel["outcome"]["not_run"].to_string();
        assert!(why_not.contains(why) && why_not.contains("abort"), "{kernel}");
    }

    // Nobody waits for the passes of a step: the process is ended where it is.
    let profile = [&["profile", "--adapter", "embedded"], &LONG[..]].concat();
    signalled("-ABRT", &profile, |line| line.contains("running on"), "the process was aborted");
}

/// A kernel that a driver aborts at is run on the embedded executor all the same, and so are those behind it.
#[cfg(target_os = "linux")]
#[test]
fn a_check_goes_on_without_the_driver_that_aborted() {
    let is_here = common::gpu().is_some_and(|gpu| gpu.adapter().name.contains("LLVM 15"));
    if !is_here {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let [suite, report] = ["suite", "report.json"].map(|name| folder.path().join(name));
    // LLVM 15 has no instruction for this where a vector has eight lanes.
    let source = "enable subgroups;
        @group(0) @binding(0) var<storage, read_write> x: array<f32>;
        @compute @workgroup_size(64)
        fn main(@builtin(global_invocation_id) id: vec3<u32>) {
            var v = x[id.x];
            if v < 2.0 { v = subgroupBroadcastFirst(v * 2.0 + 1.0); }
            x[id.x] = v;
        }";
    fs::write(folder.path().join("wide.wgsl"), source).unwrap();
    fs::write(&suite, "wide.wgsl --dispatch 1 --bind 0.0=zeros:64\n".repeat(2)).unwrap();
    let ran = Command::new(PROGRAM)
        .args(["check", "--suite", text(&suite), "--json", text(&report)])
        .current_dir(folder.path())
        .output()
        .unwrap();
    if !String::from_utf8_lossy(&ran.stderr).contains("LLVM ERROR") {
        println!("SKIPPED: this driver compiles the kernel");
        return;
    }
    assert_eq!(ran.status.code(), Some(1));
    let report: Value = serde_json::from_slice(&fs::read(&report).unwrap()).unwrap();
    for (kernel, why) in report["kernels"].as_array().unwrap().iter().zip(["aborted", "before it"])
    {
        let checked = &kernel["outcome"]["checked"];
        assert_eq!(checked["executors"], serde_json::json!(["embedded"]), "{kernel}");
        let findings = checked["checks"].as_array().unwrap().iter();
        let findings: Vec<&Value> =
            findings.flat_map(|check| check["findings"].as_array().unwrap()).collect();
        assert_eq!(findings.len(), 1, "{findings:?}");
        assert_eq!(findings[0]["kind"], "missing");
        assert!(findings[0]["text"].as_str().unwrap().contains(why), "{findings:?}");
    }
    // What came by standard input is not read again.
    let kernel = fs::File::open(folder.path().join("wide.wgsl")).unwrap();
    let ran = Command::new(PROGRAM)
        .args(["check", "-", "--dispatch", "1", "--bind", "0.0=zeros:64", "--allow", "missing"])
        .stdin(kernel)
        .output()
        .unwrap();
    assert_eq!(ran.status.code(), Some(0), "{}", String::from_utf8_lossy(&ran.stderr));
}

/// Of several entry points the one that a driver aborts at is told, in the file that has it.
#[cfg(target_os = "linux")]
#[test]
fn an_abort_is_told_where_its_entry_point_begins() {
    let is_here = common::gpu().is_some_and(|gpu| gpu.adapter().name.contains("LLVM 15"));
    if !is_here {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).display().to_string();
    let fine = "enable subgroups;
@group(0) @binding(0) var<storage, read_write> x: array<f32>;
@compute @workgroup_size(64)
fn fine(@builtin(global_invocation_id) id: vec3<u32>) { x[id.x] += 1.0; }
";
    let wide = "
@compute @workgroup_size(64)
fn wide(@builtin(global_invocation_id) id: vec3<u32>) {
    var v = x[id.x];
    if v < 2.0 { v = subgroupBroadcastFirst(v * 2.0 + 1.0); }
    x[id.x] = v;
}
";
    fs::write(path("both.wgsl"), [fine, wide].concat()).unwrap();
    fs::write(path("includes.wgsl"), [fine, "#include \"wide.wgsl\"\n"].concat()).unwrap();
    fs::write(path("wide.wgsl"), wide).unwrap();
    for (file, place, line) in [("both.wgsl", "both.wgsl", 7), ("includes.wgsl", "wide.wgsl", 3)] {
        let on = ["--entry", "all", "--dispatch", "1", "--bind", "0.0=zeros:64"];
        let kernel = path(file);
        let shader = [&["shader", &*kernel], &on[..]].concat();
        let said = Command::new(PROGRAM).args(shader).output().unwrap().stderr;
        let said = String::from_utf8_lossy(&said).into_owned();
        if !said.contains("LLVM ERROR") {
            println!("SKIPPED: this driver compiles the kernel");
            return;
        }
        assert!(
            said.contains(&format!("error: {}:{line}: the process was", path(place))),
            "{said}"
        );
        let check = [&["check", &*kernel], &on[..], &["--github", "-"]].concat();
        let told = Command::new(PROGRAM).args(check).output().unwrap().stdout;
        let told = String::from_utf8_lossy(&told).into_owned();
        let annotated = format!("::error file={},line={line},title=flopmeter::", path(place));
        assert!(told.contains(&annotated), "{told}");
    }
}

/// Somebody who sends an abort wants the process to end as by that, at once.
#[test]
fn an_abort_that_is_sent_ends_the_process() {
    use std::os::unix::process::ExitStatusExt as _;

    let mut child = Command::new(PROGRAM)
        .args(["profile", "--adapter", "embedded", "-v"])
        .args(LONG)
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut log = BufReader::new(child.stderr.take().unwrap()).lines();
    assert!(log.by_ref().any(|line| line.unwrap().contains("running on")));
    let pid = child.id().to_string();
    let sent = Instant::now();
    assert!(Command::new("kill").args(["-ABRT", &pid]).status().unwrap().success());
    assert_eq!(child.wait().unwrap().signal(), Some(libc::SIGABRT));
    assert!(sent.elapsed() < Duration::from_secs(5), "{:?}", sent.elapsed());
    let rest: Vec<String> = log.map(Result::unwrap).collect();
    assert!(!rest.iter().any(|line| line.contains("driver")), "{rest:?}");
}

/// A sweep has what it measured to keep: it reports that, at once, while a pass of the next point is under way.
#[test]
fn a_sweep_that_is_stopped_reports_what_it_measured() {
    for adapter in adapters() {
        let folder = tempfile::tempdir().unwrap();
        let report = folder.path().join("report.json");
        let axis = ["scale", "--measure", "--axis", "batch=2,50000,3", "--adapter", adapter];
        let long = ["--json", report.to_str().unwrap()];
        let arguments = [&axis[..], &long, &LONG[2..]].concat();
        let begins = |line: &str| line.contains("batch-50000: measuring");
        let error = "error: the sweep is not complete: interrupted ";
        interrupted(&arguments, begins, error);
        let report: Value = serde_json::from_slice(&fs::read(&report).unwrap()).unwrap();
        let measured: Vec<_> = report["points"]
            .as_array()
            .unwrap()
            .iter()
            .filter(|point| point["items"][0]["measured"].is_u64())
            .map(|point| point["at"]["batch"].as_u64().unwrap())
            .collect();
        assert_eq!(measured, [2], "{report}");
        assert_eq!(report["skipped"].as_array().unwrap().len(), 2, "{report}");
    }
}

/// What a user stopped is one point; those behind it did not begin.
#[test]
fn points_that_did_not_begin_are_not_told_as_interrupted() {
    let folder = tempfile::tempdir().unwrap();
    let report = folder.path().join("report.json");
    let points = "batch=500,501,502,503";
    let axis = ["scale", "--measure", "--axis", points, "--adapter", "embedded"];
    let long = ["--json", report.to_str().unwrap()];
    let arguments = [&axis[..], &long, &LONG[2..]].concat();
    let begins = |line: &str| line.contains("batch-500: measuring");
    interrupted(&arguments, begins, "error: the sweep is not complete: interrupted during ");
    let report: Value = serde_json::from_slice(&fs::read(&report).unwrap()).unwrap();
    let skipped = report["skipped"].as_array().unwrap();
    let why: Vec<&str> = skipped.iter().map(|point| point["why"].as_str().unwrap()).collect();
    assert!(why[0].starts_with("interrupted during ") && why.len() == 4, "{why:?}");
    assert!(why[1..].iter().all(|why| *why == "interrupted before it was measured"), "{why:?}");
}

#[test]
fn a_measurement_of_ceilings_is_stopped() {
    for adapter in adapters() {
        stopped(&["roofline", "--repeat", "1000000", "--adapter", adapter]);
    }
}

#[test]
fn ctrl_c_stops_a_run_and_leaves_nothing() {
    if !adapter() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let report = folder.path().join("report.json");
    let outputs = ["--repeat", "1000000", "-v", "--json", text(&report)];
    let mut child = Command::new(PROGRAM)
        .args([&["profile"][..], &SMALL, &outputs].concat())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut log = BufReader::new(child.stderr.take().unwrap());
    let mut line = String::new();
    log.read_line(&mut line).unwrap();
    assert!(line.contains("running on"), "{line}");
    let pid = child.id().to_string();
    assert!(Command::new("kill").args(["-INT", &pid]).status().unwrap().success());
    let output = child.wait_with_output().unwrap();
    log.read_to_string(&mut line).unwrap();
    assert_eq!(output.status.code(), Some(2), "{line}");
    assert!(line.contains("error: interrupted"), "{line}");
    assert!(output.stdout.is_empty());
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
}
