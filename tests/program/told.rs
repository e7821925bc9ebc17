//! What the gate for kernels says of what it found: where a finding is, what else differs, and what may hide a difference.

use std::{fs, path::Path};

use assert_cmd::assert::Assert;
use predicates::{prelude::*, str::contains};
use serde_json::Value;
use tempfile::TempDir;

use crate::command::PROGRAM;

/// What it computes depends on no other invocation.
const PLAIN: &str = "
@group(0) @binding(0) var<storage, read_write> x: array<f32>;
@compute @workgroup_size(8) fn main(@builtin(global_invocation_id) id: vec3<u32>) {
    x[id.x] = x[id.x] / x[id.x] + 1.0;
}
";

/// What it computes depends on how many invocations its subgroup has.
const LANES: &str = "
@group(0) @binding(0) var<storage, read_write> x: array<f32>;
@compute @workgroup_size(8) fn main(
    @builtin(global_invocation_id) id: vec3<u32>,
    @builtin(subgroup_size) lanes: u32,
) {
    for (var i = 0u; i < lanes; i++) { x[id.x] = x[id.x] + 1.0; }
}
";

fn folder() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("plain.wgsl"), PLAIN).unwrap();
    fs::write(folder.path().join("lanes.wgsl"), LANES).unwrap();
    folder
}

fn check(folder: &Path, arguments: &[&str]) -> Assert {
    let mut program = assert_cmd::Command::new(PROGRAM);
    program.current_dir(folder).args(["check", "--adapter=embedded", "-q"]).args(arguments).assert()
}

#[test]
fn another_width_of_subgroups_is_named_where_counts_moved() {
    let folder = folder();
    let run = ["lanes.wgsl", "--dispatch=1", "--bind=0.0=zeros:8"];
    let with = |more: &[&str]| check(folder.path(), &[&run[..], more].concat());
    with(&["--subgroup-size=8", "--json=base.json"]).success();
    let widths = "its subgroups had 8 invocations, and now have 16";
    with(&["--subgroup-size=16", "--baseline=base.json"]).code(1).stdout(contains(widths));
    with(&["--subgroup-size=8", "--baseline=base.json"]).success();
}

#[test]
fn what_a_buffer_should_hold_is_of_no_line() {
    let folder = folder();
    fs::write(folder.path().join("want"), [0; 32]).unwrap();
    let expect = ["plain.wgsl", "--dispatch=1", "--bind=0.0=iota:8", "--expect=0.0=want"];
    let annotation = contains("::error file=plain.wgsl,title=flopmeter::");
    check(folder.path(), &[&expect[..], &["--github=-"]].concat()).code(1).stdout(annotation);
}

#[test]
fn a_suite_names_its_convention_and_what_is_not_finite() {
    let folder = folder();
    let suite = "\u{feff}plain.wgsl --dispatch 1 --bind 0.0=iota:8\n";
    fs::write(folder.path().join("suite"), suite).unwrap();
    let named = contains("convention ieee").and(contains("plain.wgsl: 1 numbers of 'x'"));
    check(folder.path(), &["--suite=suite"]).success().stdout(named);
    let csv = check(folder.path(), &["--suite=suite", "--csv=-"]).success();
    let csv = String::from_utf8(csv.get_output().stdout.clone()).unwrap();
    let lines: Vec<&str> = csv.lines().collect();
    assert_eq!(
        lines,
        ["kernel,line,verdict,checks,findings,flops,storage_bytes", "plain.wgsl,1,holds,3,0,16,96",]
    );
}

#[test]
fn a_report_may_begin_with_a_byte_order_mark() {
    let folder = folder();
    let run = ["plain.wgsl", "--dispatch=1", "--bind=0.0=iota:8"];
    check(folder.path(), &[&run[..], &["--json=base.json"]].concat()).success();
    let base = folder.path().join("base.json");
    let text = fs::read_to_string(&base).unwrap();
    fs::write(&base, format!("\u{feff}{text}")).unwrap();
    check(folder.path(), &[&run[..], &["--baseline=base.json"]].concat()).success();
}

#[test]
fn a_kernel_check_counts_what_is_not_finite() {
    let folder = folder();
    let run = ["plain.wgsl", "--dispatch=1", "--bind=0.0=iota:8", "--json=-"];
    let output = check(folder.path(), &run).success().get_output().stdout.clone();
    let report: Value = serde_json::from_slice(&output).unwrap();
    assert_eq!(report["not_finite"], serde_json::json!({ "x": 1 }));
}
