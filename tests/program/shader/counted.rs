//! What `flopmeter shader` counts: by operation and by line, in every language and on every executor.

use std::{collections::BTreeMap, fs, path::Path};

use flopmeter::execute::Executor as _;
use predicates::{prelude::*, str::contains};
use serde_json::{Value, json};
use tempfile::TempDir;

use super::{BUFFERS, COLLATZ, PRODUCT, floats, refused, report, shader, written};

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

/// What else lines touch has a column where any does.
#[test]
fn the_listing_has_atomics_and_bytes_of_a_workgroup_by_line() {
    let folder = tempfile::tempdir().unwrap();
    let source = "var<workgroup> sum: atomic<u32>;
@group(0) @binding(0) var<storage, read_write> x: array<atomic<u32>, 2>;
@compute @workgroup_size(8) fn main(@builtin(local_invocation_index) i: u32) {
    atomicAdd(&sum, i);
    workgroupBarrier();
    if i < 2u { atomicStore(&x[i], atomicLoad(&sum)); }
}";
    let file = written(&folder, "sum.wgsl", source);
    let csv = folder.path().join("lines.csv");
    let option = format!("--csv={}", csv.display());
    shader(&[&file, "--dispatch=3", "--adapter=embedded", &option]).assert().success();
    let csv = fs::read_to_string(&csv).unwrap();
    let mut rows = csv.lines().map(|row| row.split(',').collect::<Vec<_>>());
    let head = rows.find(|row| row.contains(&"atomics")).unwrap();
    let of = |name: &str| head.iter().position(|column| *column == name).unwrap();
    let atomics = rows.map(|row| (row[of("line")].to_owned(), row[of("atomics")].to_owned()));
    let atomics: BTreeMap<_, _> = atomics.collect();
    assert_eq!((&*atomics["4"], &*atomics["5"], &*atomics["6"]), ("24", "", "12"));
    assert!(!head.contains(&"workgroup_bytes"), "{head:?}");
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
    // A binary has the lines of its listing where a driver is given it as it is, and none where naga reads it.
    let lines = from_spirv["lines"].as_array().unwrap();
    let sum: u64 = lines.iter().map(|line| line["flops"].as_u64().unwrap()).sum();
    assert!(lines.is_empty() || json!(sum) == from_spirv["flops"], "{lines:?}");
    assert!(from_spirv["source"].as_str().unwrap().starts_with("OpCapability Shader\n"));
    shader(&[spirv.to_str().unwrap(), "--dispatch=4", "--bind=0.0=iota:100"]).assert().success();
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
