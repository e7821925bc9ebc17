//! What `flopmeter shader` refuses, and that it names the way out.

use std::fs;

use flopmeter::execute::Executor as _;
use serde_json::json;

use super::{BUFFERS, PRODUCT, members::compiled, refused, report, shader, written};
use crate::command::PROGRAM;

#[test]
fn entry_points_are_chosen_by_name() {
    let folder = tempfile::tempdir().unwrap();
    let source = "
        @group(0) @binding(0) var<storage, read_write> x: f32;
        @compute @workgroup_size(1) fn one() { x = x + 1.0; }
        @compute @workgroup_size(1) fn two() { x = x * 2.0; }
        @compute @workgroup_size(64, 64, 64) fn huge() { x = 1.0; }";
    let file = written(&folder, "two.wgsl", source);
    refused(&[&file, "--dispatch", "1"], &["several entry points", "--entry", "one, two, huge"]);
    refused(&[&file, "--dispatch", "1", "--entry", "six"], &["'six'", "one, two, huge"]);
    let none = written(
        &folder,
        "none.wgsl",
        "@vertex fn v() -> @builtin(position) vec4<f32> { return vec4(0.0); }",
    );
    refused(&[&none, "--dispatch", "1"], &["no compute entry point"]);
    if common::gpu().is_some() {
        let report = report(&[&file, "--dispatch", "3", "--entry", "two"]);
        assert_eq!(report["ops"], json!({ "f32.mul": 3 }));
        refused(&[&file, "--dispatch", "1", "--entry", "huge"], &["262144 invocations", "beyond"]);
    }
}

#[test]
fn sources_that_are_not_shaders_are_shown_with_their_line() {
    let folder = tempfile::tempdir().unwrap();
    let bad = written(&folder, "bad.wgsl", "fn one() {}\nfn f() -> u32 { return 1.5; }\n");
    refused(&[&bad, "--dispatch", "1"], &["bad.wgsl:2:24", "return 1.5", "cannot convert"]);
    let invalid = "@compute @workgroup_size(1) fn main() { return 1u; }";
    let invalid = written(&folder, "invalid.wgsl", invalid);
    refused(&[&invalid, "--dispatch", "1"], &["is not valid", "return 1u"]);
    let glsl = written(&folder, "bad.comp", "#version 450\nvoid main() { x = 1; }\n");
    refused(&[&glsl, "--dispatch", "1"], &["bad.comp:2", "x = 1"]);
    let spirv = written(&folder, "bad.spv", "not words");
    refused(&[&spirv, "--dispatch", "1"], &["bad.spv", "words of four bytes"]);
    fs::write(folder.path().join("bin.wgsl"), [0xff, 0xfe]).unwrap();
    let binary = folder.path().join("bin.wgsl");
    refused(&[binary.to_str().unwrap(), "--dispatch", "1"], &["is neither text nor SPIR-V"]);
    refused(&["/nowhere.wgsl", "--dispatch", "1"], &["/nowhere.wgsl", "cannot be read"]);
    let marked = "\u{feff}fn one() {}\nfn f() -> u32 { return 1.5; }\n";
    let marked = written(&folder, "marked.wgsl", marked);
    refused(&[&marked, "--dispatch", "1"], &["marked.wgsl:2:24", "cannot convert"]);
    let fragment = written(&folder, "shade.frag", "#version 450\nvoid main() {}");
    refused(&[&fragment, "--dispatch", "1"], &["is a fragment shader by its ending", ".comp"]);
    let cuda = written(&folder, "saxpy.cu", "__global__ void saxpy() {}");
    refused(&[&cuda, "--dispatch", "1"], &["saxpy.cu", "is CUDA", "WGSL, WESL, GLSL or SPIR-V"]);
}

#[test]
fn overrides_that_do_not_fit_are_named() {
    let folder = tempfile::tempdir().unwrap();
    let source = "
        override K: u32;
        @id(7) override F: f32 = 1.0;
        override B: bool = false;
        @group(0) @binding(0) var<storage, read_write> x: f32;
        @compute @workgroup_size(K) fn main() { x = F; }";
    let file = written(&folder, "overrides.wgsl", source);
    let refused = |overrides: &[&str], says: &[&str]| {
        refused(&[&[file.as_str(), "--dispatch", "1"], overrides].concat(), says);
    };
    refused(&[], &["'K' has no default", "--override K=VALUE"]);
    refused(&["--override", "L=1"], &["no override 'L'", "K, F"]);
    refused(&["--override", "K=1.5"], &["'K' is a whole number"]);
    refused(&["--override", "K=-1"], &["overrides do not fit"]);
    refused(&["--override", "K=1", "--override", "B=2"], &["'B' is true or false, not 2"]);
    refused(&["--override", "K=x"], &["'x' is no number"]);
    refused(&["--override", "K=9007199254740993"], &["more exact", "9007199254740992"]);
    refused(&["--override", "K"], &["NAME=VALUE"]);
    refused(&["--override", "K=1", "--override", "K=2"], &["--override K", "twice"]);
    let both = ["--override", "K=1", "--override", "F=2", "--override", "7=2"];
    refused(&both, &["'F' is given twice", "'7'"]);
}

#[test]
fn a_feature_that_the_adapter_lacks_is_named() {
    let Some(gpu) = common::gpu() else { return };
    let source = "enable f16;
        @group(0) @binding(0) var<storage, read_write> x: array<f16, 2>;
        @compute @workgroup_size(1) fn main() { x[0] += 1.0h; }";
    let folder = tempfile::tempdir().unwrap();
    let file = written(&folder, "half.wgsl", source);
    let run = [&*file, "--dispatch", "1", "--adapter", &gpu.adapter().name];
    let ran = shader(&run).output().unwrap();
    if ran.status.success() {
        println!("SKIPPED: {} has f16", gpu.adapter().name);
        return;
    }
    refused(&run, &["half.wgsl", "SHADER_F16", "not supported"]);
}

#[test]
fn dispatches_and_results_that_cannot_be_are_named() {
    refused(&[PRODUCT, "--bind", "0.1=zeros:4"], &["--dispatch"]);
    refused(&[PRODUCT, "--dispatch", "0"], &["no workgroups"]);
    refused(&[PRODUCT, "--dispatch", "4,0"], &["no workgroups"]);
    refused(&[PRODUCT, "--dispatch", "1,1,1,1"], &["three extents"]);
    refused(&[PRODUCT, "--dispatch", "-1"], &["-1"]);
    refused(&[PRODUCT, "--dispatch", "1", "--timeout", "0"], &["--timeout"]);
    refused(&[PRODUCT, "--dispatch", "1", "--json", "/nowhere/x"], &["/nowhere/x"]);
    refused(&[PRODUCT, "--dispatch", "1", "--dump", "1.0=/nowhere/x"], &["/nowhere/x"]);
    refused(&[PRODUCT, "--dispatch", "1", "--json", "-", "--dump", "1.0=-"], &["--dump", "--json"]);
    if common::gpu().is_some() {
        let run = |rest: &[&str], says: &[&str]| {
            refused(&[&[PRODUCT], &BUFFERS[..], rest].concat(), says);
        };
        run(&["--dispatch", "1,4294967295"], &["beyond the adapter's"]);
        run(&["--dispatch", "1", "--dump", "3.0=/dev/null"], &["no binding 3.0"]);
        run(&["--dispatch", "1", "--adapter", "Voodoo 2"], &["Voodoo 2"]);
    }
}

#[test]
fn lanes_of_a_subgroup_are_the_embedded_executors() {
    let arguments = ["tests/cases/long_loop.wgsl", "--dispatch=1", "--subgroup-size=8"];
    for adapter in ["auto", "software"] {
        let arguments = [&arguments[..], &["--adapter", adapter]].concat();
        refused(&arguments, &["--subgroup-size 8", "--adapter embedded"]);
    }
    refused(
        &["tests/cases/long_loop.wgsl", "--dispatch=1", "--subgroup-size=3", "--adapter=embedded"],
        &["a subgroup of 3 lanes"],
    );
}

#[test]
fn a_kernel_that_does_not_end_is_given_up() {
    let adapters = if common::gpu().is_some() { &["auto", "embedded"][..] } else { &["embedded"] };
    let folder = tempfile::tempdir().unwrap();
    let source = "
        @group(0) @binding(0) var<storage, read_write> x: array<f32, 64>;
        @compute @workgroup_size(64)
        fn main(@builtin(local_invocation_index) i: u32) {
            loop { x[i] = sqrt(x[i] + 1.0); if (x[i] < 0.0) { break; } }
        }";
    let file = written(&folder, "endless.wgsl", source);
    let json = folder.path().join("report.json");
    let json_option = format!("--json={}", json.display());
    for adapter in adapters {
        let arguments =
            [&file, "--dispatch=65535,65535", "--timeout=1", "--repeat=0", &json_option];
        let arguments = [&arguments[..], &["--adapter", adapter]].concat();
        let way_out = ["--timeout", "waits for a workgroup behind its own"];
        refused(&arguments, &[&["endless.wgsl:4 did not end within 1 s"][..], &way_out].concat());
        assert!(!json.exists());
    }
    // The search for races, which takes time, is one of a check on every executor.
    let alone = "--adapter NAME and --expect or --baseline";
    for (more, is_told) in [(&[][..], true), (&["--adapter=embedded"], false)] {
        let run = ["check", &file, "--dispatch=65535,65535", "--timeout=1"];
        let mut check = crate::command::flopmeter(&[&run[..], more].concat());
        let said = check.assert().code(2).get_output().stderr.clone();
        let said = String::from_utf8(said).unwrap();
        assert_eq!(said.contains(alone), is_told, "{said}");
    }
}

#[test]
fn an_array_of_buffers_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let source = "#version 450
        layout(local_size_x = 1) in;
        layout(binding = 0) buffer X { float x[]; };
        layout(binding = 1) buffer B { float a[]; } b[4];
        void main() { x[0] = b[1].a[0]; }";
    let Some(spirv) = compiled(&folder, "array", source) else { return };
    let arguments = ["--dispatch", "1", "--bind", "0.0=zeros:4", "--bind", "0.1=zeros:4"];
    for adapter in ["auto", "embedded"] {
        let arguments = [&[&spirv[..]][..], &arguments[..], &["--adapter", adapter]].concat();
        refused(
            &arguments,
            &["'b' at 0.1", "an array of buffers or textures", "a binding of its own"],
        );
    }
}

/// Standard input that never ends is a file that is never read.
#[test]
fn reading_takes_of_the_time() {
    let mut child = std::process::Command::new(PROGRAM)
        .args(["shader", "-", "--dispatch", "1", "--timeout", "1"])
        .stdin(std::process::Stdio::piped())
        .stderr(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    let held = child.stdin.take();
    let output = child.wait_with_output().unwrap();
    drop(held);
    assert_eq!(output.status.code(), Some(2));
    let message = String::from_utf8(output.stderr).unwrap();
    assert!(message.contains("did not end within 1 s"), "{message}");
}

#[test]
fn a_panic_below_a_command_is_an_error_of_it() {
    let file = "tests/cases/glsl_two_shared_arrays.comp";
    // Where a compiler of GLSL is on the path, it reads what naga panics over.
    let assert = shader(&[file, "--dispatch", "1"]).env("PATH", "").assert().code(2).stdout("");
    let message = String::from_utf8(assert.get_output().stderr.clone()).unwrap();
    assert!(
        message.contains(file) && message.contains("reading it ended with a panic"),
        "{message}"
    );
    assert!(!message.contains("panicked at"), "{message}");
}
