//! `flopmeter shader` as a user meets it: what it counts, what it writes, and how it refuses.

use std::{collections::BTreeMap, fs, path::Path};

use assert_cmd::Command;
use flopmeter::execute::Executor as _;
use predicates::{prelude::*, str::contains};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::command::{PROGRAM, flopmeter};

const PRODUCT: &str = "tests/fixtures/scaled_product.wgsl";
const COLLATZ: &str = "tests/fixtures/collatz.wgsl";

/// Buffers for [`PRODUCT`] with N = 16.
const BUFFERS: [&str; 8] = [
    "--bind",
    "0.0=values:0.5,0",
    "--bind",
    "0.1=iota:256",
    "--bind",
    "0.2=random:256:7",
    "--bind",
    "1.0=zeros:256",
];

fn shader(arguments: &[&str]) -> Command {
    flopmeter(&[&["shader"], arguments].concat())
}

/// Asserts exit code 2, nothing on standard output, and one message that says all of `says`.
fn refused(arguments: &[&str], says: &[&str]) {
    let assert = shader(arguments).assert().code(2).stdout("");
    let message = String::from_utf8(assert.get_output().stderr.clone()).unwrap();
    for says in says {
        assert!(message.contains(says), "{arguments:?} says {message:?}, not {says:?}");
    }
}

/// The JSON report of a run.
fn report(arguments: &[&str]) -> Value {
    let arguments = [arguments, &["--json", "-"]].concat();
    let assert = shader(&arguments).assert().success();
    serde_json::from_slice(&assert.get_output().stdout).unwrap()
}

fn floats(path: &Path) -> Vec<f32> {
    bytemuck::pod_collect_to_vec(&fs::read(path).unwrap())
}

fn written(folder: &TempDir, name: &str, source: &str) -> String {
    let path = folder.path().join(name);
    fs::write(&path, source).unwrap();
    path.to_str().unwrap().to_owned()
}

#[test]
fn a_product_is_counted_by_operation_and_by_line() {
    if common::gpu().is_none() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let [a, b, c] = ["a", "b", "c"].map(|name| folder.path().join(name));
    let dump = |at: &str, path: &Path| format!("--dump={at}={}", path.display());
    let dumps = [dump("0.1", &a), dump("0.2", &b), dump("1.0", &c)];
    let dumps: Vec<&str> = dumps.iter().map(String::as_str).collect();
    let report = report(&[&[PRODUCT, "--dispatch", "5,4"], &BUFFERS[..], &dumps].concat());

    // 20 x 16 invocations, of which 16 x 16 have an element.
    let n: u64 = 16;
    assert_eq!(report["schema"], "flopmeter.shader/1");
    assert_eq!(report["entry"], "product");
    assert_eq!(report["grid"], json!([5, 4, 1]));
    assert_eq!(report["ops"]["f32.fma"], n * n * n);
    assert_eq!(report["ops"]["f32.mul"], n * n);
    assert_eq!(report["flops"], 2 * n * n * n + n * n);
    assert_eq!(report["traffic"]["storage.load_bytes"], 8 * n * n * n);
    assert_eq!(report["traffic"]["storage.store_bytes"], 4 * n * n);
    assert_eq!(report["traffic"]["uniform.load_bytes"], 4 * n * n);
    assert!(report["seconds"].as_f64().unwrap() > 0.0);
    assert_eq!(report["timing"]["repeats"], 3);

    let lines: BTreeMap<u64, &Value> = report["lines"]
        .as_array()
        .unwrap()
        .iter()
        .map(|line| (line["line"].as_u64().unwrap(), line))
        .collect();
    let (head, sum, store) = (lines[&21], lines[&22], lines[&26]);
    assert_eq!(lines[&17]["executions"], 20 * 16);
    assert_eq!(head["executions"], n * n * (n + 1), "the condition, once more than the body");
    // The statement spans three lines; its own operation counts where it begins.
    assert_eq!((&sum["executions"], &sum["flops"]), (&json!(n * n * n), &json!(2 * n * n * n)));
    assert_eq!(sum["hot"], true);
    assert_eq!((&store["flops"], &store["hot"]), (&json!(n * n), &json!(false)));
    let total: u64 = lines.values().map(|line| line["flops"].as_u64().unwrap()).sum();
    assert_eq!(report["flops"], total);

    let (a, b, c) = (floats(&a), floats(&b), floats(&c));
    assert_eq!(a[..3], [0.0, 1.0, 2.0]);
    assert!(b.iter().all(|x| (-1.0..1.0).contains(x)) && b[0] != b[1]);
    for (i, &value) in c.iter().enumerate() {
        let (row, column) = (i / 16, i % 16);
        // In f64: whether fma rounds once is the driver's business.
        let term = |k: usize| f64::from(a[16 * row + k]) * f64::from(b[16 * k + column]);
        let terms: Vec<f64> = (0..16).map(term).collect();
        let scale: f64 = terms.iter().map(|x| x.abs()).sum();
        let error = (f64::from(value) - 0.5 * terms.iter().sum::<f64>()).abs();
        assert!(error < 1e-6 * scale, "element {i}, after several runs from the same contents");
    }
}

#[test]
fn a_loop_that_depends_on_data_is_counted_as_it_ran() {
    if common::gpu().is_none() {
        return;
    }
    let (mut even, mut odd) = (0_u64, 0_u64);
    for n in 0..100_u64 {
        let mut x = n;
        while x > 1 {
            if x % 2 == 0 {
                (x, even) = (x / 2, even + 1);
            } else {
                (x, odd) = (3 * x + 1, odd + 1);
            }
        }
    }
    let report = report(&[COLLATZ, "--dispatch", "4", "--bind", "0.0=iota:100"]);
    let steps = even + odd;
    let expected = json!({
        "f32.add": steps, "f32.mul": steps, "f32.fma": odd, "f32.round": steps,
        "f32.compare": 2 * steps + 100,
    });
    for (op, count) in expected.as_object().unwrap() {
        assert_eq!(&report["ops"][op], count, "{op}");
    }
    let floating = report["ops"].as_object().unwrap().keys().filter(|op| op.starts_with('f'));
    assert_eq!(floating.count(), 5);
    assert_eq!(report["flops"], 2 * steps + 2 * odd);
}

#[test]
fn overrides_and_conventions_change_what_is_said() {
    if common::gpu().is_none() {
        return;
    }
    let buffers = BUFFERS.map(|b| if b == "0.1=iota:256" { "0.1=values:1,2,3,4" } else { b });
    let small = ["--dispatch", "1", "--override", "N=2", "--convention", "primitive"];
    let report = report(&[&[PRODUCT], &small[..], &buffers, &["--repeat", "0"]].concat());
    assert_eq!(report["ops"]["f32.fma"], 8);
    assert_eq!(report["overrides"], json!({ "N": 2.0 }));
    assert_eq!(report["convention"], "primitive");
    assert_eq!(report["seconds"], Value::Null);
    assert_eq!(report["timing"]["source"], "none");
}

#[test]
fn the_listing_shows_the_source_and_marks_what_is_hot() {
    if common::gpu().is_none() {
        return;
    }
    shader(&[&[PRODUCT, "--dispatch", "4,4"], &BUFFERS[..]].concat())
        .assert()
        .success()
        .stderr("")
        .stdout(contains("entry point 'product'"))
        .stdout(contains("4 x 4 x 1 workgroups of 4 x 4 x 1 = 256 invocations"))
        .stdout(predicate::str::is_match(r"f32\.fma +4,096 +8,192 +96\.97 %").unwrap())
        .stdout(contains("intensity 0.250 FLOP for each byte"))
        .stdout(predicate::str::is_match(r"GFLOP/s, [0-9.]+ GB/s").unwrap())
        .stdout(
            predicate::str::is_match(
                r" 4,096 +8,192 +96\.97 %.* > +22 +sum = fma\(a\[id\.y \* N \+ k\],\n",
            )
            .unwrap(),
        )
        .stdout(
            predicate::str::is_match(r"\n {30,}15 +@compute @workgroup_size\(4, 4\)\n").unwrap(),
        );
}

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
fn glsl_and_spirv_count_the_same_as_wgsl() {
    if common::gpu().is_none() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let glsl = "#version 450
        layout(local_size_x = 32) in;
        layout(set = 0, binding = 0) buffer Data { float n[]; };
        void main() {
            if (gl_GlobalInvocationID.x >= n.length()) { return; }
            n[gl_GlobalInvocationID.x] = fma(n[gl_GlobalInvocationID.x], 2.0, 1.0) * 0.5;
        }";
    let glsl = written(&folder, "half.comp", glsl);
    let run = |file: &str| report(&[file, "--dispatch=4", "--bind=0.0=iota:100"]);
    let from_glsl = run(&glsl);
    assert_eq!((&from_glsl["ops"]["f32.fma"], &from_glsl["flops"]), (&json!(100), &json!(300)));
    assert!(!from_glsl["lines"].as_array().unwrap().is_empty());

    let module = naga::front::wgsl::parse_str(&fs::read_to_string(COLLATZ).unwrap()).unwrap();
    let flags = naga::valid::ValidationFlags::all();
    let info = naga::valid::Validator::new(flags, naga::valid::Capabilities::all());
    let info = { info }.validate(&module).unwrap();
    let options = naga::back::spv::Options::default();
    let words = naga::back::spv::write_vec(&module, &info, &options, None).unwrap();
    let spirv = folder.path().join("collatz.spv");
    fs::write(&spirv, bytemuck::cast_slice(&words)).unwrap();
    let from_spirv = run(spirv.to_str().unwrap());
    let from_wgsl = run(COLLATZ);
    assert_eq!(from_spirv["flops"], from_wgsl["flops"]);
    for op in ["f32.add", "f32.mul", "f32.fma"] {
        assert_eq!(from_spirv["ops"][op], from_wgsl["ops"][op], "{op}");
    }
    assert_eq!(from_spirv["lines"], json!([]), "a binary has no lines");
    shader(&[spirv.to_str().unwrap(), "--dispatch=4", "--bind=0.0=iota:100"]).assert().success();
}

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
    refused(&[&glsl, "--dispatch", "1"], &["bad.comp:2:15", "x = 1"]);
    let spirv = written(&folder, "bad.spv", "not words");
    refused(&[&spirv, "--dispatch", "1"], &["bad.spv", "is not valid"]);
    fs::write(folder.path().join("bin.wgsl"), [0xff, 0xfe]).unwrap();
    let binary = folder.path().join("bin.wgsl");
    refused(&[binary.to_str().unwrap(), "--dispatch", "1"], &["is neither text nor SPIR-V"]);
    refused(&["/nowhere.wgsl", "--dispatch", "1"], &["/nowhere.wgsl", "cannot be read"]);
    let cuda = written(&folder, "saxpy.cu", "__global__ void saxpy() {}");
    refused(&[&cuda, "--dispatch", "1"], &["saxpy.cu", "is CUDA", "WGSL, GLSL or SPIR-V"]);
}

#[test]
fn overrides_that_do_not_fit_are_named() {
    let folder = tempfile::tempdir().unwrap();
    let source = "
        override K: u32;
        @id(7) override F: f32 = 1.0;
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
    refused(&["--override", "K=x"], &["'x' is no number"]);
    refused(&["--override", "K"], &["NAME=VALUE"]);
    refused(&["--override", "K=1", "--override", "K=2"], &["--override K", "twice"]);
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
    refused(&["0.1=zeros:0"], &["at least 1"]);
    refused(&["0.1=zeros:99999999999999"], &["that the adapter binds"]);
    refused(&["0.1=file:/nowhere"], &["/nowhere", "cannot be read"]);
    refused(&["0.1=file:Cargo.toml", "0.0=file:Cargo.toml"], &["it takes 8 bytes"]);
    refused(&["0.1=ones:4"], &["'ones'", "zeros:COUNT"]);
    refused(&["0.1=zeros:many"], &["'many'"]);
    refused(&["0.1=random:4:often"], &["'often' is no seed"]);
    refused(&["0.1=random:4:5..5"], &["'5..5' is no LOW..HIGH"]);
    refused(&["0.1=random:4:1:0..x"], &["'0..x' is no LOW..HIGH"]);
    refused(&["0.0=random:2:-9..-8"], &["is no number of type u32"]);
    refused(&["0.1=zeros"], &["zeros:COUNT"]);
    refused(&["01=zeros:4"], &["GROUP.BINDING=SPEC"]);
    refused(&["0.1=zeros:4", "0.1=zeros:5"], &["--bind 0.1", "twice"]);
    let texture = "
        @group(0) @binding(0) var image: texture_2d<f32>;
        @group(0) @binding(1) var<storage, read_write> x: f32;
        @compute @workgroup_size(1) fn main() { x = textureLoad(image, vec2(0, 0), 0).x; }";
    let folder = tempfile::tempdir().unwrap();
    let texture = written(&folder, "texture.wgsl", texture);
    crate::shader::refused(&[&texture, "--dispatch", "1"], &["'image' at 0.0", "no buffer"]);
}

#[test]
fn a_feature_that_the_adapter_lacks_is_named() {
    if common::gpu().is_none() {
        return;
    }
    // Immediate data have no binding that could be filled, so no adapter is asked for them.
    let source = "
        var<immediate> c: f32;
        @group(0) @binding(0) var<storage, read_write> x: f32;
        @compute @workgroup_size(1) fn main() { x = c; }";
    let folder = tempfile::tempdir().unwrap();
    let file = written(&folder, "immediate.wgsl", source);
    refused(&[&file, "--dispatch", "1"], &["immediate.wgsl", "IMMEDIATES", "not supported"]);
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
fn executors_say_the_same() {
    if common::gpu().is_none() {
        return;
    }
    let product = [&[PRODUCT, "--dispatch", "5,4"], &BUFFERS[..]].concat();
    let collatz = vec![COLLATZ, "--dispatch", "4", "--bind", "0.0=iota:100"];
    for arguments in [product, collatz] {
        let on = |adapter: &str| report(&[&arguments[..], &["--adapter", adapter]].concat());
        let (embedded, other) = (on("embedded"), on("auto"));
        assert_eq!(embedded["adapter"]["device_type"], "embedded");
        assert_ne!(other["adapter"]["device_type"], "embedded");
        for field in ["ops", "flops", "traffic", "intensity", "lines"] {
            assert_eq!(embedded[field], other[field], "{field}");
        }
    }
}

/// A right answer is what `auto` is for; an adapter that was named is kept to, and fails.
#[test]
fn what_an_adapter_cuts_off_is_run_again_or_fails() {
    let Some(gpu) = common::gpu() else { return };
    let cuts = gpu.adapter().limits.loop_rounds.is_some_and(|rounds| rounds < 100_000);
    let arguments = ["tests/cases/long_loop.wgsl", "--dispatch=1", "--bind=0.0=values:1"];
    let found = report(&arguments);
    assert_eq!(
        (&found["ops"]["f32.mul"], &found["ops"]["f32.add"]),
        (&100_000.into(), &100_001.into())
    );
    assert_eq!(found["moved"].is_object(), cuts);
    let named = [&arguments[..], &["--adapter", &gpu.adapter().name]].concat();
    if cuts {
        let why = found["moved"]["why"].as_str().unwrap();
        assert!(why.contains("long_loop.wgsl") && why.contains("line 7"), "{why}");
        assert_eq!(found["adapter"]["device_type"], "embedded");
        let output = shader(&named).assert().code(1).stdout("").get_output().stderr.clone();
        let message = String::from_utf8(output).unwrap();
        for says in ["long_loop.wgsl", "line 7", "--adapter auto"] {
            assert!(message.contains(says), "{message}");
        }
    } else {
        assert_eq!(report(&named)["ops"], found["ops"]);
    }
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
        refused(&arguments, &["endless.wgsl", "did not end within 1 s", "--timeout"]);
        assert!(!json.exists());
    }
}

#[test]
fn the_embedded_executor_says_what_it_saw() {
    let folder = tempfile::tempdir().unwrap();
    let source = "@group(0) @binding(0) var<storage, read_write> x: array<u32>;
@compute @workgroup_size(8) fn main(@builtin(local_invocation_index) i: u32) {
    if i < 4u { x[i + 3u] = i * 2u; }
}";
    let file = written(&folder, "far.wgsl", source);
    let run = [&file, "--dispatch", "2", "--adapter", "embedded", "--bind", "0.0=zeros:5"];
    shader(&run).assert().code(1).stdout(contains("FAIL      4 accesses out of bounds"));
    let run = [&run[..], &["--allow", "bounds"]].concat();
    for repeat in ["0", "2"] {
        let report = report(&[&run[..], &["--repeat", repeat]].concat());
        // Indices 5 and 6 of five, by each of two workgroups.
        let outside = json!([{"kernel": file, "line": 3, "accesses": 4}]);
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

#[test]
fn a_shader_is_read_from_standard_input() {
    let text = fs::read_to_string(COLLATZ).unwrap();
    let arguments =
        ["--dispatch", "1", "--adapter", "embedded", "--bind", "0.0=iota:64", "--json", "-"];
    let count = |file: &str| -> Value {
        let mut command = shader(&[&[file], &arguments[..]].concat());
        let assert = command.write_stdin(text.clone()).assert().success();
        serde_json::from_slice(&assert.get_output().stdout).unwrap()
    };
    assert_eq!(count("-")["ops"], count(COLLATZ)["ops"]);
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
    let assert = shader(&[file, "--dispatch", "1"]).assert().code(2).stdout("");
    let message = String::from_utf8(assert.get_output().stderr.clone()).unwrap();
    assert!(
        message.contains(file) && message.contains("reading it ended with a panic"),
        "{message}"
    );
    assert!(!message.contains("panicked at"), "{message}");
}

/// A file as `numpy.save` writes it: its magic, a version, a header padded to 64 bytes, the elements.
fn npy(version: [u8; 2], header: &str, elements: &[u8]) -> Vec<u8> {
    let wide = if version[0] == 1 { 2 } else { 4 };
    let mut header = header.to_owned();
    while !(8 + wide + header.len() + 1).is_multiple_of(64) {
        header.push(' ');
    }
    header.push('\n');
    let length = (header.len() as u32).to_le_bytes();
    [b"\x93NUMPY", &version[..], &length[..wide], header.as_bytes(), elements].concat()
}

#[test]
fn an_array_of_numpy_is_bound_as_what_it_is() {
    let folder = tempfile::tempdir().unwrap();
    let source = "
        @group(0) @binding(0) var<storage, read_write> x: array<f32>;
        @group(0) @binding(1) var<storage, read_write> y: array<vec3<u32>, 2>;
        @compute @workgroup_size(64)
        fn main(@builtin(global_invocation_id) id: vec3u) {
            if (id.x < arrayLength(&x)) { x[id.x] *= 2.0; }
            if (id.x == 0u) { y[1].z += 1u; }
        }";
    let file = written(&folder, "twice.wgsl", source);
    let path = folder.path().join("x.npy");
    let other = folder.path().join("y.npy");
    let bind = format!("--bind=0.0=file:{}", path.display());
    let bind_other = format!("--bind=0.1=file:{}", other.display());
    let [x, y] = ["x", "y"].map(|name| folder.path().join(name));
    let floats: Vec<u8> = (0_u8..64).flat_map(|i| f32::from(i).to_le_bytes()).collect();
    let header = |descr: &str, shape: &str| {
        format!("{{'descr': '{descr}', 'fortran_order': False, 'shape': {shape}, }}")
    };
    let integers: Vec<u8> = (1_u32..7).flat_map(u32::to_le_bytes).collect();
    fs::write(&other, npy([3, 0], &header("<u4", "(2, 3)"), &integers)).unwrap();
    for (version, shape) in [([1, 0], "(64,)"), ([2, 0], "(8, 8)"), ([3, 0], "(2, 4, 8)")] {
        fs::write(&path, npy(version, &header("<f4", shape), &floats)).unwrap();
        let dumps = [format!("--dump=0.0={}", x.display()), format!("--dump=0.1={}", y.display())];
        let report = report(&[
            &file,
            "--dispatch=2",
            "--adapter=embedded",
            &bind,
            &bind_other,
            &dumps[0],
            &dumps[1],
        ]);
        assert_eq!(report["ops"]["f32.mul"], 64, "the header is not counted among the numbers");
        let doubled: Vec<f32> = bytemuck::pod_collect_to_vec(&fs::read(&x).unwrap());
        assert_eq!(doubled, (0_u8..64).map(|i| 2.0 * f32::from(i)).collect::<Vec<f32>>());
        let rows: Vec<u32> = bytemuck::pod_collect_to_vec(&fs::read(&y).unwrap());
        assert_eq!(rows, [1, 2, 3, 0, 4, 5, 7, 0], "each row has the padding of the shader");
    }

    let refused = |bytes: &[u8], says: &str| {
        fs::write(&path, bytes).unwrap();
        crate::shader::refused(&[&file, "--dispatch=2", "--adapter=embedded", &bind], &[says]);
    };
    let whole = npy([1, 0], &header("<f4", "(64,)"), &floats);
    refused(
        &npy([1, 0], &header("<f8", "(32,)"), &floats),
        "an array of f64, and the buffer is of f32",
    );
    refused(&npy([1, 0], &header(">f4", "(64,)"), &floats), "big-endian");
    refused(&npy([1, 0], &header("<c8", "(32,)"), &floats), "complex");
    let columns = "{'descr': '<f4', 'fortran_order': True, 'shape': (8, 8), }";
    refused(&npy([1, 0], columns, &floats), "Fortran order");
    refused(&npy([4, 0], &header("<f4", "(64,)"), &floats), "format is 4.0");
    refused(
        &npy([1, 0], &header("<f4", "(65,)"), &floats),
        "256 bytes behind its header, not 65 x 4",
    );
    refused(&whole[..whole.len() - 1], "255 bytes behind its header");
    refused(&whole[..40], "header is cut short");
    refused(&floats, "does not begin as an .npy file does");
    fs::write(&path, &whole).unwrap();
    fs::write(&other, npy([1, 0], &header("<u4", "(5,)"), &integers[..20])).unwrap();
    let arguments = [&file, "--dispatch=2", "--adapter=embedded", &bind, &bind_other];
    crate::shader::refused(&arguments, &["it holds 6 scalars, not 5"]);
}

#[test]
fn a_file_that_is_continued_in_another_is_read_with_it() {
    let folder = TempDir::new().unwrap();
    let first = "// Continued in half.wgsl.
@group(0) @binding(0) var<storage, read_write> x: array<f32>;
@compute @workgroup_size(4) fn main(@builtin(global_invocation_id) id: vec3<u32>) {
    x[id.x] = half(x[id.x]) + 1.0;
}";
    let file = written(&folder, "first.wgsl", first);
    let run = [file.as_str(), "--dispatch", "2", "--bind", "0.0=zeros:8", "--adapter", "embedded"];
    refused(&run, &["is continued in", "half.wgsl"]);

    written(&folder, "half.wgsl", "\nfn half(x: f32) -> f32 {\n    return 0.5 * x;\n}\n");
    let report = report(&run);
    let lines = report["lines"].as_array().unwrap();
    let priced = |op: &str| {
        let has = |line: &&Value| line["ops"].get(op).is_some_and(|count| count == 8);
        lines.iter().find(has).map(|line| (line["file"].clone(), line["line"].clone()))
    };
    assert_eq!(priced("f32.add"), Some((Value::Null, json!(4))));
    assert_eq!(priced("f32.mul"), Some((json!("half.wgsl"), json!(3))));
    assert_eq!(report["continued_in"], json!([{"file": "half.wgsl", "before": 5}]));

    // The crate's own files are read by the same rule, and each by itself.
    let own = ["shaders/linear.wgsl", "--entry", "forward_vec4", "--dispatch", "1"];
    shader(&own).assert().code(2).stderr(contains("override"));
    written(&folder, "half.wgsl", "\nfn half(x: f32) -> f32 {\n    return x y;\n}\n");
    refused(&run, &["half.wgsl:3", "return x y;"]);
}
