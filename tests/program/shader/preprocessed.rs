//! What `flopmeter shader` makes of macros, conditions and included files: what is counted, on which lines of which
//! files, and which mistakes are named.

use std::fs;

use serde_json::{Value, json};

use super::{refused, report, shader, written};

const WGSL: &str = r#"#include "lib/scale.wgsl"
@group(0) @binding(0) var<storage, read_write> x: array<f32>;
#ifndef WIDTH
#define WIDTH 4
#endif
@compute @workgroup_size(WIDTH) fn main(@builtin(global_invocation_id) id: vec3<u32>) {
#if WIDTH > 4
    x[id.x] = scaled(x[id.x]) + 1.0;
#else
    x[id.x] = scaled(x[id.x]);
#endif
}
"#;
const SCALE: &str =
    "#pragma once\n#include <two.wgsl>\nfn scaled(y: f32) -> f32 {\n    return y * TWO;\n}\n";

/// Where each of the operations was counted, and how often.
fn places(report: &Value, op: &str) -> Vec<(Value, u64, u64)> {
    let rows = report["lines"].as_array().unwrap().iter();
    let rows = rows.filter_map(|row| {
        Some((row["file"].clone(), row["line"].as_u64()?, row["ops"].get(op)?.as_u64()?))
    });
    rows.collect()
}

#[test]
fn lines_stay_those_of_the_file_that_has_them() {
    let folder = tempfile::tempdir().unwrap();
    let file = written(&folder, "main.wgsl", WGSL);
    fs::create_dir(folder.path().join("lib")).unwrap();
    fs::create_dir(folder.path().join("more")).unwrap();
    fs::write(folder.path().join("lib/scale.wgsl"), SCALE).unwrap();
    fs::write(folder.path().join("more/two.wgsl"), "#define TWO 2.0").unwrap();
    let more = folder.path().join("more");
    let more = more.to_str().unwrap();
    let run = [&file, "--dispatch=2", "--bind=0.0=iota:64", "--repeat=0", "-I", more];
    for adapter in ["embedded", "auto"] {
        if adapter == "auto" && common::gpu().is_none() {
            continue;
        }
        let adapter = format!("--adapter={adapter}");
        let plain = report(&[&run[..], &[&adapter]].concat());
        let scaled = json!("lib/scale.wgsl");
        assert_eq!(places(&plain, "f32.mul"), [(scaled.clone(), 4, 8)]);
        assert_eq!(places(&plain, "f32.add"), []);
        assert!(plain.get("defines").is_none());

        let wide = report(&[&run[..], &[&adapter, "-DWIDTH=8"]].concat());
        assert_eq!(places(&wide, "f32.mul"), [(scaled, 4, 16)]);
        assert_eq!(places(&wide, "f32.add"), [(Value::Null, 8, 16)]);
        assert_eq!(wide["defines"], json!({"WIDTH": "8"}));
        assert_eq!(wide["workgroup_size"], json!([8, 1, 1]));
        let parts = wide["continued_in"].as_array().unwrap();
        assert_eq!(parts.last().unwrap(), &json!({"file": null, "before": 7, "skipped": 1}));
    }
    // The listing shows the lines as the user wrote them, each beside what it cost.
    let embedded = [&run[..], &["--adapter=embedded", "-D", "WIDTH=8"]].concat();
    let text = shader(&embedded).assert().success().get_output().stdout.clone();
    let text = String::from_utf8(text).unwrap();
    assert!(text.contains("WIDTH defined as 8"), "{text}");
    let line = |says: &str| text.lines().find(|line| line.contains(says)).unwrap().to_owned();
    assert!(line("return y * TWO;").contains("16"), "{text}");
    assert!(line("#if WIDTH > 4").contains("7"), "{text}");

    // Without a dispatch, what it takes to run it.
    let arguments = [file.as_str(), "-I", more, "-DWIDTH=32", "--json", "-"];
    let listed = shader(&arguments).assert().success().get_output().stdout.clone();
    let listed: Value = serde_json::from_slice(&listed).unwrap();
    assert_eq!(listed["entries"][0]["workgroup_size"], json!([32, 1, 1]));
}

#[test]
fn glsl_includes_and_is_defined_alike() {
    let folder = tempfile::tempdir().unwrap();
    let source = "#version 450
#extension GL_GOOGLE_include_directive : require
#include \"scale.glsl\"
layout(local_size_x = WIDTH) in;
layout(set = 0, binding = 0) buffer Data { float x[]; };
void main() {
    x[gl_GlobalInvocationID.x] = SCALED(x[gl_GlobalInvocationID.x]) + scaled(
        SCALE);
}
";
    let file = written(&folder, "main.comp", source);
    written(
        &folder,
        "scale.glsl",
        "#define SCALED(x) ((x) * SCALE)\nfloat scaled(float y) {\n    return y / 4.0;\n}\n",
    );
    let run = [
        &file,
        "--dispatch=2",
        "--bind=0.0=iota:64",
        "--repeat=0",
        "--adapter=embedded",
        "-DWIDTH=4",
    ];
    let found = report(&[&run[..], &["-DSCALE=3.0"]].concat());
    assert_eq!(places(&found, "f32.mul"), [(Value::Null, 7, 8)]);
    assert_eq!(places(&found, "f32.div"), [(json!("scale.glsl"), 3, 8)]);
    refused(&[&run[..], &["-DSCALE=wrong"]].concat(), &["main.comp:7", "wrong"]);
    // Without anything to include, macros are still counted where they are used.
    let source = source.replace("#include \"scale.glsl\"\n", "").replace("SCALED", "SCALE * ");
    let alone = written(&folder, "alone.comp", &source.replace("scaled(", "abs("));
    let run = [&[&*alone], &run[1..], &["-DSCALE=3.0"]].concat();
    assert_eq!(places(&report(&run), "f32.mul"), [(Value::Null, 6, 8)]);
}

#[test]
fn what_is_wrong_is_named_with_file_and_line() {
    let folder = tempfile::tempdir().unwrap();
    let check = |text: &str, options: &[&str], says: &[&str]| {
        let file = written(&folder, "wrong.wgsl", text);
        refused(&[&[&*file, "--dispatch=1"], options].concat(), says);
    };
    written(&folder, "round.wgsl", "\n#include \"round.wgsl\"");
    written(&folder, "open.wgsl", "fn f() {}\n#ifdef X");
    written(&folder, "bad.wgsl", "fn f() -> u32 {\n  return 1.5;\n}");
    check("#if 1\n", &[], &["wrong.wgsl: line 1", "#if has no #endif"]);
    // A file without an end.
    #[cfg(unix)]
    check("#include \"/dev/zero\"", &[], &["wrong.wgsl: line 1", "/dev/zero", "more than 64 MiB"]);
    check("\n#include \"open.wgsl\"", &[], &["open.wgsl: line 2", "#ifdef has no #endif"]);
    check("\n#frob", &[], &["wrong.wgsl: line 2", "#frob", "#include \"FILE\""]);
    check("#import a::b", &[], &["naga_oil", "#include"]);
    check(
        "\n#include \"none.wgsl\"",
        &[],
        &["wrong.wgsl: line 2", "'none.wgsl'", "name the folder that has it", "-I DIR"],
    );
    check("#include <none.wgsl>", &[], &["in no folder", "-I DIR"]);
    let here = folder.path().to_str().unwrap();
    check("#include <none.wgsl>", &["-I", here], &["/none.wgsl", "-I DIR"]);
    check("#include \"round.wgsl\"", &[], &["round.wgsl: line 2", "no end", "#pragma once"]);
    check("#include \".\"", &[], &["cannot be read"]);
    // What naga says is of the file that has the line, and of the first file behind what it includes.
    check("#include \"bad.wgsl\"", &[], &["bad.wgsl:2", "return 1.5"]);
    check("#define A 1\n\n#include \"bad.wgsl\"\n", &[], &["bad.wgsl:2"]);
    written(&folder, "good.wgsl", "fn g() {}\n\n\n");
    check("#include \"good.wgsl\"\nfn f() -> u32 { return 1.5; }", &[], &["wrong.wgsl:2"]);

    check("fn f() {}", &["-DX"], &["wrong.wgsl", "'X' is defined for it", "no line of it"]);
    check("#ifdef X\n#endif", &["-DX", "-DX=2"], &["-D X", "twice"]);
    check("X", &["-D1=2"], &["'1' is no name of a macro"]);
    check("X", &["-D="], &["'' is no name of a macro"]);
    check("X", &["-I/nowhere"], &["-I /nowhere", "is no folder"]);
    let spirv = folder.path().join("x.spv");
    fs::write(&spirv, [3, 2, 0x23, 7]).unwrap();
    refused(&[spirv.to_str().unwrap(), "-DX"], &["is SPIR-V", "'X' cannot be defined"]);
}
