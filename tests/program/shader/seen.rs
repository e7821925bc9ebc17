//! What the embedded executor sees beside the counts: accesses out of bounds, races, barriers that lanes miss.

use predicates::{prelude::*, str::contains};
use serde_json::{Value, json};

use super::{refused, report, shader, written};

#[test]
fn the_embedded_executor_says_what_it_saw() {
    let folder = tempfile::tempdir().unwrap();
    let source = "@group(0) @binding(0) var<storage, read_write> x: array<u32>;
@compute @workgroup_size(8) fn main(@builtin(local_invocation_index) i: u32) {
    if i < 4u { x[i + 3u] = i * 2u; }
}";
    let file = written(&folder, "far.wgsl", source);
    let run = [&file, "--dispatch", "2", "--adapter", "embedded", "--bind", "0.0=zeros:5"];
    shader(&run)
        .assert()
        .code(1)
        .stdout(contains("far.wgsl:3: 4 accesses out of bounds").and(contains("FAIL")));
    let run = [&run[..], &["--allow", "bounds"]].concat();
    for repeat in ["0", "2"] {
        let report = report(&[&run[..], &["--repeat", repeat]].concat());
        // Indices 5 and 6 of five, by each of two workgroups.
        let first = json!({"access": "store", "variable": "x", "byte": 20, "bytes": 20,
            "invocation": [2, 0, 0]});
        let outside = json!([{"kernel": file, "line": 3, "accesses": 4, "first": first}]);
        assert_eq!(report["out_of_bounds"], outside);
        // Eight compare; four add and multiply.
        assert_eq!(report["lane_use"], json!((8.0 + 4.0 + 4.0) / 24.0));
    }
    let text = contains("66.7 % of the lanes issued were active")
        .and(contains("4 accesses out of bounds"))
        .and(contains(", line 3: 4"))
        .and(contains("this machine's CPU, not a GPU's"));
    shader(&run).assert().success().stdout(text);
}

#[test]
fn races_are_looked_for_where_that_is_asked() {
    let folder = tempfile::tempdir().unwrap();
    let kernel = |index: &str| {
        format!(
            "@group(0) @binding(0) var<storage, read_write> x: array<u32>;
@compute @workgroup_size(8) fn main(@builtin(local_invocation_index) i: u32) {{
    x[{index}] = i;
}}"
        )
    };
    let [one, all] =
        [("one.wgsl", "i"), ("all.wgsl", "0")].map(|(n, i)| written(&folder, n, &kernel(i)));
    let run = ["--dispatch", "1", "--bind", "0.0=zeros:8", "--detect-races", "--adapter"];
    shader(&[&[&*one][..], &run, &["embedded"]].concat())
        .assert()
        .success()
        .stdout(contains("no races").and(contains("nothing was timed")));
    let racy = [&[&*all][..], &run, &["embedded"]].concat();
    shader(&racy).assert().code(1).stdout(contains("line 3 stores what line 3 stores"));
    let assert = shader(&[&racy[..], &["--json", "-"]].concat()).assert().code(1);
    let report: Value = serde_json::from_slice(&assert.get_output().stdout).unwrap();
    let race = json!([{
        "kernel": all, "lines": [3, 3], "accesses": ["store", "store"], "between": "lanes",
        "count": 7, "variable": "x", "byte": 0,
    }]);
    assert_eq!(report["races"], race);
    if common::gpu().is_some() {
        refused(&[&[&*all][..], &run, &["auto"]].concat(), &["--adapter embedded"]);
    }
}

#[test]
fn a_divergent_barrier_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let source = "@compute @workgroup_size(8) fn main(@builtin(local_invocation_index) i: u32) {
    var here = i < 4u;
    if here { workgroupBarrier(); }
}";
    let file = written(&folder, "divergent.wgsl", source);
    refused(&[&file, "--dispatch", "1", "--adapter", "embedded"], &["divergent.wgsl", "line 3"]);
}

/// Devices run on where some invocations of a workgroup do not come to a barrier, and how often the others waited is no
/// whole number then.
#[test]
fn a_barrier_that_some_invocations_miss_on_a_device_is_a_finding() {
    if common::gpu().is_none() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let kernel = |condition: &str| {
        let source = format!(
            "#version 450
layout(local_size_x = 8) in;
layout(binding = 0) buffer X {{ uint x[]; }};
void main() {{
    uint i = gl_GlobalInvocationID.x;
    if ({condition}) {{
        barrier();
    }}
    x[i] += 1u;
}}"
        );
        written(&folder, "barrier.comp", &source)
    };
    let run = |file: &str, more: &[&str]| {
        let run = [file, "--dispatch=2", "--bind=0.0=iota:16", "--repeat=0"];
        shader(&[&run[..], more].concat()).assert()
    };
    let all = kernel("x.length() > 4");
    run(&all, &[]).success().stdout(contains("1 barriers").not().and(contains("2 barriers")));
    // 12 of 16.
    let some = kernel("x[i] > 3u");
    let says =
        "barrier.comp:7: 12 invocations in all came to a barrier, no whole number of workgroups";
    run(&some, &[]).code(1).stdout(contains("FAIL").and(contains(says)));
    run(&some, &["--allow=barriers"]).success();
}
