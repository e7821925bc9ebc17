//! Ctrl-C, in every command that runs something and on every kind of executor, while a dispatch is under way
//! that does not end by itself: one message, exit code 2, no file, and all of it at once.
#![cfg(unix)]

use std::{
    fs,
    io::{BufRead as _, BufReader},
    process::{Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use crate::command::PROGRAM;

/// A second, and one more for a machine that has other things to do.
const AT_ONCE: Duration = Duration::from_secs(2);

/// Starts the program, sends it a ctrl-C a while after it said that it is about to run, and holds how it ends
/// against what every command promises.
fn stopped(arguments: &[&str]) {
    let folder = tempfile::tempdir().unwrap();
    let report = folder.path().join("report.json");
    let mut child = Command::new(PROGRAM)
        .args(arguments)
        .args(["-v", "--json", report.to_str().unwrap()])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut log = BufReader::new(child.stderr.take().unwrap()).lines();
    let begun = ["running on", "runs on", "measuring"];
    let begins = |line: String| begun.iter().any(|begun| line.contains(begun));
    assert!(log.by_ref().any(|line| begins(line.unwrap())), "{arguments:?} did not begin");
    thread::sleep(Duration::from_millis(500));
    assert_eq!(child.try_wait().unwrap(), None, "{arguments:?} ended by itself");
    let asked = Instant::now();
    let pid = child.id().to_string();
    assert!(Command::new("kill").args(["-INT", &pid]).status().unwrap().success());
    let output = child.wait_with_output().unwrap();
    let took = asked.elapsed();
    let said: Vec<String> = log.map(Result::unwrap).collect();
    assert_eq!(output.status.code(), Some(2), "{arguments:?}: {said:?}");
    let is_error =
        |line: &&String| line.starts_with("error: ") && line.contains("interrupted during ");
    let errors = said.iter().filter(is_error).count();
    assert_eq!(errors, 1, "{arguments:?}: {said:?}");
    assert!(took < AT_ONCE, "{arguments:?} took {took:?}");
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

#[test]
fn a_measurement_of_ceilings_is_stopped() {
    for adapter in adapters() {
        stopped(&["roofline", "--repeat", "1000000", "--adapter", adapter]);
    }
}
