//! Members by their names: of structures in buffers, and of immediate data.

use std::{path::Path, process::Command};

use serde_json::{Value, json};
use tempfile::TempDir;

use super::{floats, refused, report, shader, written};

const STRUCTURE: &str = "
    struct Inner { at: vec3<f32>, kind: u32 }
    struct All { n: u32, scale: f32, inner: Inner, items: array<f32> }
    @group(0) @binding(0) var<storage, read_write> all: All;
    @group(0) @binding(1) var<storage, read_write> out: array<f32, 8>;
    struct Fixed { a: u32, b: array<f32, 3> }
    @group(0) @binding(2) var<storage, read> fixed: Fixed;
    @compute @workgroup_size(1) fn main() {
        out[0] = f32(all.n);
        out[1] = all.scale;
        out[2] = all.inner.at.y;
        out[3] = f32(all.inner.kind);
        out[4] = f32(arrayLength(&all.items));
        out[5] = all.items[2];
        out[6] = f32(fixed.a);
        out[7] = fixed.b[2];
    }";

/// The same in GLSL, with what naga does not read where `line` is it.
fn structure_in_glsl(line: &str) -> String {
    format!(
        "#version 450
        layout(local_size_x = 1) in;
        struct Inner {{ vec3 at; uint kind; }};
        layout(set = 0, binding = 0) buffer All {{ uint n; float scale; Inner inner; float items[]; }} all;
        layout(set = 0, binding = 1) buffer Out {{ float x[8]; }} left;
        layout(set = 0, binding = 2) readonly buffer Fixed {{ uint a; float b[3]; }} fixed_;
        void main() {{
            left.x = float[8](float(all.n), all.scale, all.inner.at.y, float(all.inner.kind),
                float(all.items.length()), all.items[2], float(fixed_.a), fixed_.b[2]);
            {line}
        }}"
    )
}

/// What naga's reader of GLSL does not take.
const BARRIER: &str = "memoryBarrier();";

/// GLSL as SPIR-V; `None`, and says so, where glslangValidator is not here.
pub(super) fn compiled(folder: &TempDir, name: &str, glsl: &str) -> Option<String> {
    let from = written(folder, &format!("{name}.comp"), glsl);
    let to = folder.path().join(format!("{name}.spv"));
    let mut command = Command::new("glslangValidator");
    command.args(["-V", "--quiet", "-o"]).args([&to, Path::new(&from)]);
    let Ok(output) = command.output() else {
        common::skipped("GLSLANG", "glslangValidator cannot be started");
        return None;
    };
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
    Some(to.to_str().unwrap().to_owned())
}

#[test]
fn structures_are_filled_member_by_member() {
    let folder = tempfile::tempdir().unwrap();
    let file = written(&folder, "structure.wgsl", STRUCTURE);
    let out = folder.path().join("out");
    let dump = format!("--dump=0.1={}", out.display());
    let mut runs = vec![("embedded", file.clone())];
    if let Some(spirv) = compiled(&folder, "structure", &structure_in_glsl("")) {
        runs.push(("embedded", spirv.clone()));
        if common::gpu().is_some() {
            let barrier = written(&folder, "barrier.comp", &structure_in_glsl(BARRIER));
            runs.extend([("auto", file.clone()), ("auto", spirv), ("auto", barrier)]);
        }
    }
    for (adapter, file) in &runs {
        let run = [&**file, "--dispatch=1", "--repeat=0", &dump];
        let adapter = format!("--adapter={adapter}");
        let with = |bind: &[&str]| {
            let found = report(&[&run[..], &[&adapter], bind].concat());
            (floats(&out), found)
        };
        let spec = "n:8,inner.at:1,2.5,3,items:iota:5,scale:0.5";
        let (left, found) = with(&[&format!("--bind=0.0={spec}"), "--bind=0.2=b:iota"]);
        assert_eq!(left, [8.0, 0.5, 2.5, 0.0, 5.0, 2.0, 0.0, 2.0], "{file} {adapter}");
        assert_eq!(found["bind"], json!({"0.0": spec, "0.2": "b:iota"}));
        assert_eq!(found["bindings"][0].get("zeros"), None, "each member was named");
        assert_eq!(found["bindings"][2]["zeros"], json!(["a"]));
        let (left, _) =
            with(&["--bind=0.0=inner:4,5,6,7,items:values:9,9,3.5,9", "--bind=0.2=a:3"]);
        assert_eq!(left, [0.0, 0.0, 5.0, 7.0, 4.0, 3.5, 3.0, 0.0]);
        let (left, _) = with(&["--bind=0.0=n:1,items:random:4:7:4..5"]);
        assert_eq!(left[5], 4.0);
    }
    let text = [&file, "--dispatch=1", "--repeat=0", "--adapter=embedded"];
    let text = shader(&[&text[..], &["--bind=0.0=n:1,items:zeros:4"]].concat())
        .assert()
        .success()
        .get_output()
        .stdout
        .clone();
    let text = String::from_utf8(text).unwrap();
    assert!(text.contains("n:1,items:zeros:4; zeros in scale, inner"), "{text}");

    let refused = |bind: &str, says: &[&str]| {
        let bind = format!("--bind=0.0={bind}");
        refused(&[&file, "--dispatch=1", "--adapter=embedded", &bind], says);
    };
    refused("n:1", &["'items' has no fixed size", "items:zeros:COUNT"]);
    refused("n:1,items:random", &["'items'", "no fixed size", "items:random:COUNT"]);
    refused("m:1,items:zeros:4", &["no member 'm'", "n, scale, inner, items"]);
    refused("n:1,n:2,items:zeros:4", &["'n' is given twice"]);
    refused("n:-1,items:zeros:4", &["'n'", "'-1' is not a number of type u32"]);
    refused("n:1,2,items:zeros:4", &["'n'", "1 scalars, not 2"]);
    refused("items:zeros:3", &["'items'", "takes 48 bytes at least, not 44"]);
    refused("n:,items:zeros:4", &["'n' has no value"]);
    refused("inner.no:1,items:zeros:4", &["no member 'inner.no'"]);
    refused("n:file:/nowhere,items:zeros:4", &["'n'", "/nowhere", "cannot be read"]);
    refused("items:zeros:99999999999999", &["'items'", "that the adapter binds"]);
    let indexed = "n:1,items[1].x:7,items:zeros:4";
    refused(indexed, &["'items[1].x:7'", "no member's name", "fill an array whole"]);
    let scalars = ["--bind=0.0=items:zeros:4", "--bind=0.1=n:4"];
    super::refused(
        &[&[&*file, "--dispatch=1", "--adapter=embedded"][..], &scalars].concat(),
        &["'n' is neither a fill nor a member", "zeros:COUNT"],
    );
}

const IMMEDIATE: &str = "
    struct Push { scale: f32, at: vec3<u32> }
    var<immediate> push: Push;
    @group(0) @binding(0) var<storage, read_write> x: array<f32, 4>;
    @compute @workgroup_size(4) fn main(@builtin(local_invocation_index) i: u32) {
        x[i] = f32(i) * push.scale + f32(push.at.y);
    }
    @compute @workgroup_size(1) fn other() { x[0] += f32(push.at.z); }
    @compute @workgroup_size(1) fn none() { x[1] += 1.0; }";

/// The same in GLSL, with what naga does not read where `line` is it.
fn pushed(line: &str) -> String {
    format!(
        "#version 450
        layout(local_size_x = 4) in;
        layout(push_constant) uniform Push {{ float scale; uvec3 at; }} push;
        layout(set = 0, binding = 0) buffer Data {{ float x[4]; }};
        void main() {{
            uint i = gl_LocalInvocationIndex;
            x[i] = float(i) * push.scale + float(push.at.y);
            {line}
        }}"
    )
}

/// Whether the adapter that is asked first has immediate data.
fn has_immediates(file: &str) -> bool {
    let run = ["shader", file, "--dispatch=1", "--entry=main", "--adapter=auto"];
    common::gpu().is_some() && crate::command::flopmeter(&run).ok().is_ok()
}

#[test]
fn immediate_data_are_given_by_the_names_of_their_members() {
    let folder = tempfile::tempdir().unwrap();
    let wgsl = written(&folder, "immediate.wgsl", IMMEDIATE);
    let glsl = written(&folder, "pushed.comp", &pushed(""));
    let spirv = compiled(&folder, "pushed", &pushed(""));
    let out = folder.path().join("out");
    let dump = format!("--dump=0.0={}", out.display());
    let files: Vec<String> = [wgsl.clone(), glsl].into_iter().chain(spirv.clone()).collect();
    let mut runs: Vec<_> = files.iter().map(|file| ("embedded", file.clone())).collect();
    if has_immediates(&wgsl) {
        let barrier = spirv.map(|_| written(&folder, "pushed_barrier.comp", &pushed(BARRIER)));
        runs.extend(files.into_iter().chain(barrier).map(|file| ("auto", file)));
    } else {
        common::skipped("ADAPTER", "the first adapter has no immediate data");
    }
    for (adapter, file) in &runs {
        let adapter = format!("--adapter={adapter}");
        let run = [&**file, "--dispatch=1", "--entry=main", "--repeat=1", &dump, &adapter];
        let found =
            report(&[&run[..], &["--immediate=push.scale=1.5", "--immediate=at=1,20,3"]].concat());
        assert_eq!(floats(&out), [20.0, 21.5, 23.0, 24.5], "{file} {adapter}");
        assert_eq!(found["ops"]["f32.mul"], 4);
        assert_eq!(found["traffic"], json!({"storage.store_bytes": 16}), "they are no memory");
        let members = json!([
            {"name": "push.scale", "offset": 0, "bytes": 4, "value": "1.5"},
            {"name": "push.at", "offset": 16, "bytes": 12, "value": "1,20,3"},
        ]);
        assert_eq!(found["immediates"], members);
        let half = report(&[&run[..], &["--immediate=scale=2"]].concat());
        assert_eq!(floats(&out), [0.0, 2.0, 4.0, 6.0]);
        assert_eq!(half["immediates"][1]["value"], Value::Null);
    }
    let text = shader(&[&wgsl, "--dispatch=1", "--entry=main", "--adapter=embedded"]);
    let text = { text }.assert().success().get_output().stdout.clone();
    let text = String::from_utf8(text).unwrap();
    assert!(text.contains("push.at") && text.contains("zeros (nothing was given)"), "{text}");
    // Each launch of a sequence has them, also one that uses but a part; one that uses none is none of theirs.
    let all = ["--entry=all", "--dispatch=1", "--adapter=embedded", "--immediate=at=0,0,5", &dump];
    let found = report(&[&[&*wgsl], &all[..]].concat());
    assert_eq!(floats(&out), [5.0, 1.0, 0.0, 0.0]);
    assert_eq!(found["immediates"].as_array().unwrap().len(), 2);
}

#[test]
fn immediates_that_do_not_fit_are_named() {
    let folder = tempfile::tempdir().unwrap();
    let file = written(&folder, "immediate.wgsl", IMMEDIATE);
    let check = |entry: &str, immediates: &[&str], says: &[&str]| {
        let entry = format!("--entry={entry}");
        let run = [&*file, "--dispatch=1", "--adapter=embedded", &entry];
        refused(&[&run[..], immediates].concat(), says);
    };
    check("main", &["--immediate=sale=1"], &["no immediate 'sale'", "push.scale, push.at"]);
    check("none", &["--immediate=scale=1"], &["no immediate 'scale'", "has none"]);
    check("main", &["--immediate=at=1"], &["'push.at'", "3 scalars, not 1"]);
    check("main", &["--immediate=at=1,x,3"], &["'x' is not a number of type u32"]);
    check("main", &["--immediate=at=1,-2,3"], &["'-2' is not a number of type u32"]);
    check("main", &["--immediate=scale"], &["NAME=VALUE"]);
    check("main", &["--immediate=scale="], &["NAME=VALUE"]);
    check("main", &["--immediate=scale=1", "--immediate=scale=2"], &["--immediate scale", "twice"]);
    refused(&[&file, "--immediate=scale=1"], &["--dispatch"]);
}
