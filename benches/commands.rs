//! What a user waits for: `estimate` from process start, and the default `profile`, on the adapter that is here
//! and on the embedded executor, with its peak memory (Linux). `cargo bench --bench commands`

#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a bench prints what it found and stops where it cannot go on"
)]

use std::{
    process::{Child, Command, Stdio},
    thread,
    time::{Duration, Instant},
};

fn main() {
    let mut times: Vec<f64> = (0..21).map(|_| run(&["estimate"]).0).collect();
    times.sort_by(f64::total_cmp);
    println!("estimate: median {:.1} ms of {} runs", times[times.len() / 2] * 1e3, times.len());

    profile(&["profile"]);
    profile(&["profile", "--adapter", "embedded", "--repeat", "1"]);
}

fn profile(arguments: &[&str]) {
    let (seconds, peak) = run(&[arguments, &["--no-progress"]].concat());
    let peak = peak
        .map_or("unknown".to_owned(), |kib| format!("{:.2} GiB", kib as f64 / (1 << 20) as f64));
    println!("{}: {seconds:.1} s, peak memory {peak}", arguments.join(" "));
}

/// Seconds from start to end of one run, and its peak resident memory in KiB.
fn run(arguments: &[&str]) -> (f64, Option<u64>) {
    let start = Instant::now();
    let mut child = Command::new(env!("CARGO_BIN_EXE_flopmeter"))
        .args(arguments)
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    let mut peak = None;
    while child.try_wait().unwrap().is_none() {
        peak = resident(&child).max(peak);
        thread::sleep(Duration::from_micros(500));
    }
    let seconds = start.elapsed().as_secs_f64();
    assert!(child.wait().unwrap().success(), "{arguments:?}");
    (seconds, peak)
}

/// The high-water mark that the kernel keeps, which only a living process shows.
fn resident(child: &Child) -> Option<u64> {
    let status = std::fs::read_to_string(format!("/proc/{}/status", child.id())).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    line.split_whitespace().next()?.parse().ok()
}
