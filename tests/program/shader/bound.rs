//! What `flopmeter shader` binds: how buffers are filled, what is listed of it, and which fills are refused.

use std::fs;

use flopmeter::execute::Executor as _;

use super::{PRODUCT, floats, refused, report, shader, written};
use crate::command::flopmeter;

#[test]
fn buffers_hold_what_was_said_in_the_types_of_the_shader() {
    if common::gpu().is_none() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let source = "
        struct Particle { at: vec3<f32>, kind: u32 }
        struct All { n: i32, all: array<Particle> }
        @group(0) @binding(0) var<storage, read_write> all: All;
        @group(0) @binding(1) var<storage, read_write> fixed: array<u32, 3>;
        @compute @workgroup_size(1) fn main() { all.n += 1; fixed[2] = 9u; }";
    let file = written(&folder, "types.wgsl", source);
    let raw: Vec<u8> = (0..12).collect();
    let input = folder.path().join("in");
    fs::write(&input, &raw).unwrap();
    let [all, fixed] = ["all", "fixed"].map(|name| folder.path().join(name));
    report(&[
        &file,
        "--dispatch=1",
        "--bind=0.0=values:-2,1.5,-0.25,3,7",
        &format!("--bind=0.1=file:{}", input.display()),
        &format!("--dump=0.0={}", all.display()),
        &format!("--dump=0.1={}", fixed.display()),
    ]);
    let words: Vec<u32> = bytemuck::pod_collect_to_vec(&fs::read(&all).unwrap());
    let f = f32::to_bits;
    assert_eq!(words, [-1_i32 as u32, 0, 0, 0, f(1.5), f(-0.25), f(3.0), 7]);
    assert_eq!(fs::read(&fixed).unwrap(), [&raw[..8], &[9, 0, 0, 0]].concat());
}

#[test]
fn random_whole_numbers_stay_in_their_range() {
    let folder = tempfile::tempdir().unwrap();
    let source = "
        @group(0) @binding(0) var<storage, read_write> n: array<u32>;
        @group(0) @binding(1) var<storage, read_write> x: array<f32>;
        @compute @workgroup_size(1) fn main() { n[0] += 0u; x[0] += 0.0; }";
    let file = written(&folder, "random.wgsl", source);
    let [n, x] = ["n", "x"].map(|name| folder.path().join(name));
    let run = |seed: &str| {
        let report = report(&[
            &file,
            "--dispatch=1",
            "--adapter=embedded",
            &format!("--bind=0.0=random:256:{seed}:3..7"),
            &format!("--bind=0.1=random:256:{seed}:-2..1"),
            &format!("--dump=0.0={}", n.display()),
            &format!("--dump=0.1={}", x.display()),
        ]);
        assert_eq!(report["bind"]["0.1"], format!("random:256:{seed}:-2..1"));
        let n: Vec<u32> = bytemuck::pod_collect_to_vec(&fs::read(&n).unwrap());
        (n, floats(&x))
    };
    let (n, x) = run("5");
    for whole in 3..7 {
        assert!(n.contains(&whole), "{whole}");
    }
    assert!(n.iter().all(|n| (3..7).contains(n)), "{n:?}");
    assert!(x.iter().all(|x| [-2.0, -1.0, 0.0].contains(x)) && x.contains(&-2.0), "{x:?}");
    assert_eq!(run("5"), (n.clone(), x));
    assert_ne!(run("6").0, n);
}

#[test]
fn bindings_that_do_not_fit_are_named() {
    if common::gpu().is_none() {
        return;
    }
    let refused = |bindings: &[&str], says: &[&str]| {
        let options: Vec<String> = bindings.iter().map(|b| format!("--bind={b}")).collect();
        let options: Vec<&str> = options.iter().map(String::as_str).collect();
        refused(&[&[PRODUCT, "--dispatch", "1"], &options[..]].concat(), says);
    };
    refused(&[], &["'a'", "no fixed size", "--bind 0.1=zeros:COUNT"]);
    refused(&["0.1=zeros:4"], &["'b'", "--bind 0.2=zeros:COUNT"]);
    refused(&["0.9=zeros:4"], &["no binding 0.9", "0.1 ('a')", "1.0 ('c')"]);
    refused(&["0.0=zeros:1"], &["'scale'", "2 scalars, not 1"]);
    refused(&["0.0=values:1,-1"], &["'-1' is not a number of type u32"]);
    refused(&["0.0=values:x,1"], &["'x' is not a number of type f32"]);
    refused(&["0.0=values:-1e39,1"], &["'-1e39' is not a number of type f32"]);
    refused(&["0.1=zeros:0"], &["at least 1"]);
    refused(&["0.1=zeros:99999999999999"], &["that the adapter binds"]);
    if common::gpu().is_some_and(|gpu| gpu.adapter().limits.binding_bytes < 1 << 29) {
        let says = ["that the adapter binds; the embedded executor binds up to 1073741824"];
        refused(&["0.1=zeros:134217728"], &says);
    }
    refused(&["0.1=random:99999999999999"], &["0.1=random:99999999999999: "]);
    refused(&["0.1=random:99999999999999:3"], &["0.1=random:99999999999999:3: "]);
    refused(&["0.1=values:"], &["'values:' has no numbers", "values:1,2,3"]);
    refused(&["0.1=file:/nowhere"], &["/nowhere", "cannot be read"]);
    refused(&["0.1=file:Cargo.toml", "0.0=file:Cargo.toml"], &["it takes 8 bytes"]);
    refused(&["0.1=ones:4"], &["'ones'", "zeros:COUNT"]);
    refused(&["0.1=zeros:many"], &["'many'"]);
    refused(&["0.1=random:4:often"], &["'often' is no seed"]);
    refused(&["0.1=random:4:5..5"], &["'5..5' is no LOW..HIGH"]);
    refused(&["0.1=random:4:1:0..x"], &["'0..x' is no LOW..HIGH"]);
    refused(&["0.0=random:2:-9..-8"], &["is no range of numbers of type u32"]);
    refused(&["0.1=zeros"], &["zeros:COUNT"]);
    refused(&["01=zeros:4"], &["GROUP.BINDING=SPEC"]);
    refused(&["0.1=zeros:4", "0.1=zeros:5"], &["--bind 0.1", "twice"]);
}

#[test]
fn each_binding_is_listed_with_what_filled_it() {
    let arguments =
        ["tests/cases/long_loop.wgsl", "--dispatch=1", "--bind=0.0=values:1", "--adapter=embedded"];
    let found = report(&arguments);
    assert_eq!(found["bind"], serde_json::json!({"0.0": "values:1"}));
    assert_eq!(found["bindings"][0]["fill"], "values:1");
    let unbound =
        serde_json::json!({"group": 0, "binding": 1, "name": "more", "bytes": 4, "fill": null});
    assert_eq!(found["bindings"][1], unbound);
    assert_eq!(found["tally"]["match"], 1);
    let text = shader(&arguments).assert().success().get_output().stdout.clone();
    let text = String::from_utf8(text).unwrap();
    assert!(text.contains("zeros (nothing was bound)"), "{text}");
}

#[test]
fn what_is_read_and_was_left_out_is_warned_of() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("k.wgsl");
    let source = "
        struct Size { n: u32 }
        @group(0) @binding(0) var<storage, read_write> x: array<f32, 4>;
        @group(0) @binding(1) var<uniform> size: Size;
        @compute @workgroup_size(4) fn main(@builtin(global_invocation_id) id: vec3u) {
            if (id.x < size.n) { x[id.x] += 1.0; }
        }";
    std::fs::write(&file, source).unwrap();
    let file = file.display().to_string();
    let warned = |command: &str, more: &[&str]| {
        let arguments = [&[command, &file, "--dispatch=1", "--adapter=embedded"], more].concat();
        let output = flopmeter(&arguments).output().unwrap();
        String::from_utf8(output.stderr).unwrap()
    };
    let zeros = folder.path().join("zeros.bin");
    std::fs::write(&zeros, [0; 16]).unwrap();
    let expected = format!("--expect=0.0={}", zeros.display());
    for (command, more) in [("shader", &[][..]), ("check", &[&*expected])] {
        let said = warned(command, more);
        assert_eq!(said, "warning: nothing was given for 'size' at 0.1 (--bind): zeros\n");
        assert_eq!(warned(command, &[more, &["--quiet"]].concat()), "");
        assert_eq!(warned(command, &[more, &["--bind=0.1=n:0"]].concat()), "");
    }
    // A gate by more or less would let pass whatever costs less than another kernel.
    let other = folder.path().join("other.wgsl");
    std::fs::copy(&file, &other).unwrap();
    let kept = folder.path().join("other.json").display().to_string();
    let run = ["--dispatch=1", "--adapter=embedded", "--bind=0.1=n:4"];
    let of_other = ["shader", other.to_str().unwrap(), "--json", &kept];
    assert!(flopmeter(&[&of_other[..], &run].concat()).output().unwrap().status.success());
    let said = warned("check", &["--bind=0.1=n:4", "--baseline", &kept]);
    assert_eq!(said, format!("warning: {kept} is a report on other.wgsl, and this is k.wgsl\n"));
}

/// SPIR-V of a kernel with an array of matrices' columns and one of floats, its strides changed to these.
fn strided(array: Option<u32>, matrix: Option<u32>) -> Vec<u32> {
    let source = "
        struct All { m: mat4x4<f32>, x: array<f32> }
        @group(0) @binding(3) var<storage, read_write> all: All;
        @compute @workgroup_size(1) fn main() { all.x[0] += all.m[1].y; }";
    let module = naga::front::wgsl::parse_str(source).unwrap();
    let flags = naga::valid::ValidationFlags::all();
    let info = naga::valid::Validator::new(flags, naga::valid::Capabilities::all());
    let info = { info }.validate(&module).unwrap();
    let options = naga::back::spv::Options::default();
    let mut words = naga::back::spv::write_vec(&module, &info, &options, None).unwrap();
    let mut at = 5;
    while let Some(&first) = words.get(at) {
        match (first & 0xffff, words.get(at + 2), words.get(at + 3)) {
            // OpDecorate ArrayStride and OpMemberDecorate MatrixStride.
            (71, Some(6), _) => words[at + 3] = array.unwrap_or(words[at + 3]),
            (72, _, Some(7)) => words[at + 4] = matrix.unwrap_or(words[at + 4]),
            _ => {}
        }
        at += (first >> 16) as usize;
    }
    words
}

#[test]
fn strides_that_let_elements_overlap_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("strided.spv");
    let run = |array, matrix| {
        fs::write(&file, bytemuck::cast_slice(&strided(array, matrix))).unwrap();
        let file = file.to_str().unwrap().to_owned();
        // What it declares can be looked at all the same.
        shader(&[&file]).assert().success();
        file
    };
    let options = ["--dispatch=1", "--adapter=embedded", "--bind"];
    for (array, matrix, says) in [
        (Some(0), None, "0 bytes apart and take 4"),
        (Some(1), None, "1 bytes apart and take 4"),
        (Some(3), None, "3 bytes apart and take 4"),
        (None, Some(0), "0 bytes apart and take 16"),
        (None, Some(4), "4 bytes apart and take 16"),
        (None, Some(7), "7 bytes apart and take 16"),
    ] {
        let file = run(array, matrix);
        for fill in ["0.3=iota:20", "0.3=zeros:20", "0.3=x:1,2", "0.3=file:Cargo.toml"] {
            let arguments = [&[&*file], &options[..], &[fill]].concat();
            refused(&arguments, &["0.3=", says, "Stride"]);
        }
        refused(&[&file, "--dispatch=1", "--adapter=embedded"], &["'", "0.3"]);
    }
    let file = run(None, None);
    report(&[&[&*file], &options[..], &["0.3=iota:20"]].concat());
}
