//! Several dispatches of `flopmeter shader`: one after the other on the same buffers, each counted, and their sums.

use std::fs;

use predicates::{prelude::*, str::contains};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::command::{self, flopmeter, refused};

/// The second counts by what the first leaves: without it, it does nothing.
const SOURCE: &str = "
@group(0) @binding(0) var<storage, read_write> n: array<u32>;
@group(0) @binding(1) var<storage, read_write> x: array<f32>;
@compute @workgroup_size(8) fn prepare(@builtin(global_invocation_id) id: vec3<u32>) {
    n[id.x] = n[id.x] + id.x;
    x[id.x] = f32(id.x) * 0.5;
}
@compute @workgroup_size(4) fn sum(@builtin(global_invocation_id) id: vec3<u32>) {
    for (var i = 0u; i < n[id.x]; i++) {
        x[id.x] += 1.0;
    }
}
@compute @workgroup_size(1) fn fixed() {
    x[0] = sqrt(x[0]);
}
";

const BUFFERS: [&str; 4] = ["--bind", "0.0=zeros:16", "--bind", "0.1=zeros:16"];

fn written() -> (TempDir, String) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("steps.wgsl");
    fs::write(&path, SOURCE).unwrap();
    let path = path.to_str().unwrap().to_owned();
    (folder, path)
}

fn report(file: &str, arguments: &[&str]) -> Value {
    command::json(&[&["shader", file], &BUFFERS[..], arguments, &["--json", "-"]].concat())
}

/// The adapters to run on.
fn adapters() -> &'static [&'static str] {
    if common::gpu().is_some() { &["embedded", "auto"] } else { &["embedded"] }
}

#[test]
fn a_dispatch_sees_what_the_one_before_it_left() {
    let (folder, file) = written();
    let left = folder.path().join("x");
    let dump = format!("--dump=0.1={}", left.display());
    let both = ["--entry=prepare", "--dispatch=2", "--entry=sum", "--dispatch=4", &dump];
    let additions: u64 = (0..16).sum();
    for adapter in adapters() {
        for repeat in ["--repeat=0", "--repeat=2"] {
            let report = report(&file, &[&both[..], &["--adapter", adapter, repeat]].concat());
            let [prepare, sum] = &report["dispatches"].as_array().unwrap()[..] else {
                panic!("{report}")
            };
            assert_eq!(prepare["ops"]["f32.mul"], 16);
            assert_eq!(sum["ops"]["f32.add"], additions, "{adapter} {repeat}");
            assert_eq!((&prepare["grid"], &sum["grid"]), (&json!([2, 1, 1]), &json!([4, 1, 1])));
            assert_eq!((&prepare["flops"], &sum["flops"]), (&json!(16), &json!(additions)));
            assert_eq!(report["flops"], 16 + additions);
            assert_eq!(report["ops"]["f32.add"], additions);
            for bytes in ["storage.load_bytes", "storage.store_bytes"] {
                let each = [prepare, sum].map(|one| one["traffic"][bytes].as_u64().unwrap());
                assert_eq!(report["traffic"][bytes], each[0] + each[1], "{bytes}");
            }
            assert_eq!(report["entry"], "prepare, sum");
            let lines = |of: &Value| -> Vec<u64> {
                let lines = of["lines"].as_array().unwrap().iter();
                lines.map(|line| line["line"].as_u64().unwrap()).collect()
            };
            assert_eq!([lines(prepare), lines(sum)].concat(), lines(&report));
            let timed = repeat == "--repeat=2";
            assert_eq!(report["spread"].is_object() && sum["spread"].is_object(), timed);
            if timed {
                let seconds = [prepare, sum].map(|one| one["seconds"].as_f64().unwrap());
                assert_eq!(report["seconds"].as_f64(), Some(seconds[0] + seconds[1]));
            }
            let x: Vec<f32> = bytemuck::pod_collect_to_vec(&fs::read(&left).unwrap());
            let wanted = (0_u8..16).map(|i| f32::from(i) * 0.5 + f32::from(i));
            assert_eq!(x, wanted.collect::<Vec<_>>(), "each run begins with the same contents");
        }
    }
}

#[test]
fn the_order_is_that_of_the_command_line() {
    let (_folder, file) = written();
    let run = |arguments: &[&str]| {
        report(&file, &[arguments, &["--adapter=embedded", "--repeat=1"]].concat())
    };
    let entries = |report: &Value| -> Vec<String> {
        let rows = report["dispatches"].as_array().unwrap().iter();
        rows.map(|row| row["entry"].as_str().unwrap().to_owned()).collect()
    };
    let turned = run(&["--entry=sum", "--entry=prepare", "--dispatch=4", "--dispatch=2"]);
    assert_eq!(entries(&turned), ["sum", "prepare"]);
    assert_eq!(turned["ops"]["f32.add"], Value::Null, "nothing was prepared");
    let all = run(&["--entry=all", "--dispatch=2"]);
    assert_eq!(entries(&all), ["prepare", "sum", "fixed"]);
    assert_eq!(all["ops"]["f32.sqrt"], 2);
    // One entry point, as often as there are dispatches: n grows each time.
    let twice = run(&["--entry=prepare", "--dispatch=2", "--dispatch=1"]);
    assert_eq!(entries(&twice), ["prepare", "prepare"]);
    assert_eq!(twice["ops"]["f32.mul"], 16 + 8);
    let one = run(&["--entry=prepare", "--dispatch=2"]);
    assert!(one["dispatches"].is_null() && one["entry"] == "prepare", "{one}");
}

#[test]
fn every_format_has_each_dispatch() {
    let (folder, file) = written();
    let [csv, markdown, html] =
        ["csv", "markdown", "html"].map(|name| (name, folder.path().join(name)));
    let exports = [&csv, &markdown, &html].map(|(name, at)| format!("--{name}={}", at.display()));
    let arguments = [
        &["shader", &file, "--entry=all", "--dispatch=2", "--adapter=embedded"],
        &BUFFERS[..],
        &exports.each_ref().map(String::as_str),
    ];
    let row = |name: &str, rest: &str| {
        predicate::str::is_match(format!(r"\n {name} +2 x 1 x 1 +{rest}")).unwrap()
    };
    flopmeter(&arguments.concat())
        .assert()
        .success()
        .stdout(contains("3 of them, in this order on the same buffers"))
        .stdout(row("prepare", "8 x 1 x 1 +16 "))
        .stdout(row("sum", "4 x 1 x 1 +28 "))
        .stdout(row("fixed", "1 x 1 x 1 +2 "))
        .stdout(contains("the embedded executor's own count equals the counters, 3 times"));
    let read = |at: &std::path::Path| fs::read_to_string(at).unwrap();
    assert!(read(&csv.1).contains("x[id.x] += 1.0;"), "the main table is the listing");
    for (name, at) in [&markdown, &html] {
        for entry in ["prepare", "sum", "fixed"] {
            assert!(read(at).contains(entry), "{name}: {entry}");
        }
        assert!(read(at).contains("Dispatches"), "{name}");
    }
}

#[test]
fn what_does_not_go_together_is_named() {
    let (folder, file) = written();
    let refused = |arguments: &[&str], says: &[&str]| {
        refused(&[&["shader", &file, "--adapter=embedded"], arguments].concat(), says);
    };
    let two = ["--entry=prepare", "--entry=sum"];
    let three = ["--dispatch=1", "--dispatch=1", "--dispatch=1"];
    refused(&[&two[..], &three].concat(), &["2 entry points and 3 dispatches"]);
    refused(&three, &["several entry points", "--entry"]);
    refused(&[&two[..], &["--entry=add", "--dispatch=1"]].concat(), &["'add'", "prepare, sum"]);
    refused(&["--entry=sum", "--entry=fixed", "--dispatch=1"], &["'n' has no fixed size", "0.0"]);
    let bind = ["--dispatch=1", "--bind=0.0=zeros:4", "--bind=0.1=zeros:4", "--bind=7.0=zeros:4"];
    refused(&[&two[..], &bind].concat(), &["no binding 7.0", "'prepare', 'sum'"]);

    let apart = "
        @group(0) @binding(0) var<storage, read_write> a: array<u32>;
        @group(0) @binding(0) var<storage, read_write> b: array<vec4<u32>, 2>;
        @compute @workgroup_size(1) fn one() { a[0] = 1u; }
        @compute @workgroup_size(1) fn two() { b[0].x += a_half(); }
        fn a_half() -> u32 { return 2u; }";
    let path = folder.path().join("apart.wgsl");
    fs::write(&path, apart).unwrap();
    let path = path.to_str().unwrap();
    let run = ["shader", path, "--entry=all", "--dispatch=1", "--adapter=embedded"];
    command::refused(
        &[&run[..], &["--bind=0.0=iota:9"]].concat(),
        &["'b' of 'two'", "it takes 32 bytes, not 36"],
    );
    let report = command::json(&[&run[..], &["--bind=0.0=iota:8", "--json=-"]].concat());
    assert_eq!(report["ops"]["int.add"], 1);
}
