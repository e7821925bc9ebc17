//! Ctrl-C, in every command that runs something and on every kind of executor, while a dispatch is under way
//! that does not end by itself, or not for long: one message, exit code 2, no file. A command that waited for an
//! endless dispatch would end by its own timeout, with another message.
#![cfg(unix)]

use std::{
    fs,
    io::{BufRead as _, BufReader, Read as _},
    process::{Command, Output, Stdio},
    thread,
    time::Duration,
};

use serde_json::Value;

use crate::command::{PROGRAM, SMALL, adapter, text};

/// Starts the program, sends it a ctrl-C a while after a line of its log that `begins`, and holds what every
/// command promises of its end: exit code 2, and one message, which has `error` in it.
fn interrupted(arguments: &[&str], begins: impl Fn(&str) -> bool, error: &str) -> Output {
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
    let pid = child.id().to_string();
    assert!(Command::new("kill").args(["-INT", &pid]).status().unwrap().success());
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

#[test]
fn a_kernel_that_does_not_end_is_stopped() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("endless.wgsl");
    let source = "
        @group(0) @binding(0) var<storage, read_write> x: array<f32, 64>;
        @compute @workgroup_size(64)
        fn main(@builtin(local_invocation_index) i: u32) {
            loop { x[i] = sqrt(x[i] + 1.0); if (x[i] < 0.0) { break; } }
        }";
    fs::write(&file, source).unwrap();
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
