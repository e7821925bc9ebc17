//! What `flopmeter shader` makes of WESL: modules that are imported, features that are switched, on which lines of which
//! files operations are counted, and which mistakes are named.

use std::fs;

use serde_json::{Value, json};

use super::{refused, report, shader, written};
use crate::command;

const MAIN: &str = "// Scales numbers.
import package::lib::scale::{scaled, FACTOR};
import super::lib::shift::scaled as shifted;
import maths::half;

struct Data {
    x: array<f32>,
}
@group(0) @binding(0) var<storage, read_write> data: Data;
@group(0) @binding(1) var<storage, read_write> unused: array<u32>;
override WIDTH: u32 = 4;

@compute
@workgroup_size(WIDTH)
fn main(
    @builtin(global_invocation_id) id: vec3<u32>,
) {
    let half = half(data.x[id.x]);
    var y = scaled(half) /
        - -FACTOR;
    @if(SHIFT && !PLAIN) {
        y = shifted(y);
    }
    @else y += 0x1p-1 *
        2f;
    for (var i = 0u; i < 2; i++) { y *= y; }
    data.x[id.x] = select(y, 1.0, y < 0.0);
}
";
const SCALE: &str = "override FACTOR: f32 = 2.0;
const_assert 1 < 2;
fn scaled(y: f32) -> f32 {
    if (y > 1e30) {
        return 0;
    } else {
        return y * FACTOR;
    }
}
fn never(y: f32) -> f32 { return y * y; }
";
const SHIFT: &str = "

@if(SHIFT) fn scaled(y: f32) -> f32 { return inner(y) - 1.0; }
fn inner(y: f32) -> f32 { switch u32(y) { case 1, 2: { return 3.0; } default: {} } loop { continuing { break if true; } } return y; }
";

/// The shader and its modules in a folder, and the options that it takes.
fn project(folder: &tempfile::TempDir) -> Vec<String> {
    fs::create_dir(folder.path().join("lib")).unwrap();
    fs::create_dir_all(folder.path().join("more/maths")).unwrap();
    written(folder, "lib/scale.wesl", SCALE);
    written(folder, "lib/shift.wgsl", SHIFT);
    written(
        folder,
        "more/maths.wesl",
        "\n\n\nfn half(x: f32) -> f32 { return x * package::two::INVERSE; }\n",
    );
    written(folder, "more/maths/two.wesl", "const INVERSE = 0.5;\n");
    let more = folder.path().join("more").to_str().unwrap().to_owned();
    [written(folder, "main.wesl", MAIN), "-I".to_owned(), more].into()
}

/// Where each of the operations was counted, and how often.
fn places(report: &Value, op: &str) -> Vec<(Value, u64, u64)> {
    let rows = report["lines"].as_array().unwrap().iter();
    let rows = rows.filter_map(|row| {
        Some((row["file"].clone(), row["line"].as_u64()?, row["ops"].get(op)?.as_u64()?))
    });
    rows.collect()
}

#[test]
fn counts_are_on_the_lines_of_the_modules() {
    let folder = tempfile::tempdir().unwrap();
    let project = project(&folder);
    let project: Vec<&str> = project.iter().map(String::as_str).collect();
    let run = ["--dispatch=2", "--bind=0.0=iota:64", "--repeat=0"];
    for adapter in ["embedded", "auto"] {
        if adapter == "auto" && common::gpu().is_none() {
            continue;
        }
        let adapter = format!("--adapter={adapter}");
        let run = [&project[..], &run, &[&adapter]].concat();
        let plain = report(&run);
        let of = |file: &str| json!(file);
        assert_eq!(
            places(&plain, "f32.mul"),
            [(Value::Null, 26, 16), (of("lib/scale.wesl"), 7, 8), (of("more/maths.wesl"), 4, 8)]
        );
        // A product of constants is none.
        assert_eq!(places(&plain, "f32.add"), [(Value::Null, 24, 8)]);
        assert_eq!(places(&plain, "f32.div"), [(Value::Null, 19, 8)]);

        let shifted = [
            &run[..],
            &["-DSHIFT", "-D", "PLAIN=false", "--override=FACTOR=4", "--override=WIDTH=8"],
        ]
        .concat();
        let shifted = report(&shifted);
        assert_eq!(places(&shifted, "f32.add"), [(of("lib/shift.wgsl"), 3, 16)]);
        assert_eq!(shifted["defines"], json!({"SHIFT": "1", "PLAIN": "false"}));
        let off = report(&[&run[..], &["-DSHIFT=0", "-DPLAIN=true"]].concat());
        assert_eq!(off["lines"], plain["lines"]);
    }
    // Each line as the user wrote it, those of all modules.
    let mut text = shader(&[&project[..], &run, &["--adapter=embedded"]].concat());
    let text = text.assert().success().get_output().stdout.clone();
    let text = String::from_utf8(text).unwrap();
    let line = |says: &str| text.lines().find(|line| line.contains(says)).unwrap().to_owned();
    assert!(line("// Scales numbers.").trim_start().starts_with("1 "), "{text}");
    assert!(line("return y * FACTOR;").contains("lib/scale.wesl"), "{text}");
    assert!(text.contains("fn never"), "{text}");
}

#[test]
fn names_are_those_of_the_user() {
    let folder = tempfile::tempdir().unwrap();
    let project = project(&folder);
    let project: Vec<&str> = project.iter().map(String::as_str).collect();
    let listed = |options: &[&str]| {
        command::json(&[&["shader"], &project[..], options, &["--json", "-"]].concat())
    };
    let listing = listed(&[]);
    assert_eq!(
        listing["entries"],
        json!([{"name": "main", "workgroup_size": [4, 1, 1],
                "stated_workgroup_size": ["WIDTH", "1", "1"], "bindings": ["0.0"]}])
    );
    let names = |of: &str| -> Vec<String> {
        let rows = listing[of].as_array().unwrap().iter();
        rows.map(|row| row["name"].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(names("bindings"), ["data"]);
    assert_eq!(names("overrides"), ["WIDTH", "FACTOR"]);
    // What two modules call the same is told apart by the modules' names, and so is what is a local's name.
    let main = "import package::a::N as A; import package::b::N as B; import package::a::take;
@group(0) @binding(0) var<storage, read_write> x: array<u32>;
@compute @workgroup_size(1) fn main() { let took = take(); { let take = x[0]; x[0] = A + B + took + take; } }";
    let file = written(&folder, "two.wesl", main);
    written(&folder, "a.wesl", "override N = 1u; fn take() -> u32 { return N; }");
    written(&folder, "b.wesl", "override N = 2u;");
    let listing = command::json(&["shader", &file, "--json", "-"]);
    let both: Vec<_> =
        listing["overrides"].as_array().unwrap().iter().map(|o| &o["name"]).collect();
    assert_eq!(both, ["package_a_N", "package_b_N"]);
    let left = folder.path().join("x");
    let dump = format!("--dump=0.0={}", left.display());
    report(&[
        &file,
        "--dispatch=1",
        "--bind=0.0=values:10",
        "--adapter=embedded",
        "--override=package_b_N=5",
        &dump,
    ]);
    assert_eq!(fs::read(&left).unwrap(), 17_u32.to_le_bytes());
}

#[test]
fn what_is_wrong_is_named_with_file_and_line() {
    let folder = tempfile::tempdir().unwrap();
    let check = |text: &str, options: &[&str], says: &[&str]| {
        let file = written(&folder, "wrong.wesl", text);
        refused(&[&[&*file, "--dispatch=1"], options].concat(), says);
    };
    const RUN: &str = "@compute @workgroup_size(1) fn main() { _ = f(); }\n";
    let with = |first: &str| format!("{first}\n{RUN}");
    written(&folder, "good.wesl", "fn g() -> u32 { return 1; }");
    written(&folder, "bad.wesl", "\nfn f() -> u32 {\n  return 1.5;\n}");
    written(&folder, "open.wesl", "fn f() -> u32 {\n  return 1");
    written(
        &folder,
        "lacks.wesl",
        "\nimport package::nowhere::at::all;\nfn f() -> u32 { return all(); }",
    );
    written(&folder, "ring.wesl", "import package::bell::g;\nfn f() -> u32 { return g(); }");
    written(&folder, "bell.wesl", "import package::ring::f;\nfn g() -> u32 { return f(); }");
    written(&folder, "here.wesl", "@publish import package::there::f;");
    written(&folder, "there.wesl", "@publish import package::here::f;");

    check(
        &with("import package::none::f;"),
        &[],
        &["wrong.wesl: line 1", "package::none", "none.wesl or .wgsl", "-I DIR"],
    );
    check(
        &with("import package::lacks::f;"),
        &[],
        &["lacks.wesl: line 2", "nowhere/at.wesl", "-I DIR"],
    );
    check(
        &with("\nimport other::f;"),
        &[],
        &["wrong.wesl: line 2", "package 'other'", "package::other", "-I DIR"],
    );
    check(&with("import package::good::f;"), &[], &["wrong.wesl:1", "package::good", "`f`"]);
    check(&with("import package::bad::f;"), &[], &["bad.wesl:3", "1.5"]);
    check(&with("import package::open::f;"), &[], &["open.wesl:2", "end of file"]);
    check(&with("import package::ring::f;"), &[], &["ring.wesl:2", "`f`"]);
    check(&with("import package::here::f;"), &[], &["passes 'f' of package::here on in a circle"]);
    check(&with("fn f() -> u32 {\n  let x 1; return 1; }"), &[], &["wrong.wesl:2", "let x 1"]);
    check(&with("fn f() -> u32 {\n  return g; }"), &[], &["wrong.wesl:2", "return g"]);
    check(
        &with("@if(A + B) const X = 1;\nfn f() -> u32 { return 1; }"),
        &[],
        &["wrong.wesl:1", "@if"],
    );
    check(&with("#ifdef X\n#endif"), &[], &["wrong.wesl:1", "#ifdef", "@if(NAME)"]);

    let good = with("@if(A) const X = 1;\nfn f() -> u32 { return 1; }");
    check(&good, &["-DB"], &["wrong.wesl", "'B' is defined for it", "no line of it"]);
    check(&good, &["-DA=3"], &["wrong.wesl", "'A' is defined as '3'", "on or off"]);
    // A file that is named otherwise is WGSL, and so is standard input.
    let import = with("import package::good::g;");
    let file = written(&folder, "named.wgsl", &import);
    refused(&[&file], &["named.wgsl", "import", ".wesl"]);
    let piped = shader(&["-"]).write_stdin(import).assert().code(2).get_output().stderr.clone();
    let said = String::from_utf8(piped).unwrap();
    assert!(said.contains("standard input") && said.contains(".wesl"), "{said}");
}

/// One name for two things is refused with both places: the crate would take one of them.
#[test]
fn a_name_that_stands_for_two_things_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    for (name, text) in [
        ("one.wesl", "fn f() -> u32 { return 1; }\nfn g() -> u32 { return f(); }"),
        ("two.wesl", "fn f() -> u32 { return 2; }"),
        (
            "both.wesl",
            "import package::one::f;\nimport package::two::f;\nfn h() -> u32 { return f(); }",
        ),
    ] {
        written(&folder, name, text);
    }
    let run = |first: &str, value: &str| {
        let text = format!("{first}\n@compute @workgroup_size(1) fn main() {{ _ = {value}; }}");
        written(&folder, "names.wesl", &text)
    };
    let own = "import package::one::{\n  f,\n  g };\n\n@must_use\nfn f() -> u32 { return 3; }";
    refused(
        &[&run(own, "f()")],
        &[
            "names.wesl:2",
            "`f`",
            "line 2 imports",
            "line 6 declares",
            "import package::one::f as NAME;",
        ],
    );
    let twice = "import package::one::f;\nimport package::two::f;";
    refused(
        &[&run(twice, "f()")],
        &["names.wesl:2", "package::one::f in line 1", "package::two::f in line 2", "as NAME"],
    );
    refused(&[&run("import package::both::h;", "h()")], &["both.wesl:2", "`f` is imported twice"]);
    // A name that is made of the module's.
    let made = "import package::one::f;\n\n@must_use\nfn package_one_f() -> u32 { return 3; }";
    refused(
        &[&run(made, "f() + package_one_f()")],
        &["names.wesl:4", "`package_one_f` is what line 4 declares", "`f` of package::one"],
    );
    for (first, value) in [
        ("import package::one::f;\nfn package_one_f() -> u32 { return 3; }", "package_one_f()"),
        ("import package::one::f;\nimport package::one::f;", "f()"),
        ("import package::one::f as other;\nfn f() -> u32 { return other(); }", "f()"),
        ("import package::one::f;", "f() + package::two::f()"),
        ("@if(A) import package::one::f;\n@else import package::two::f;", "f()"),
        ("@if(A) import package::one::f;\n@if(!A) fn f() -> u32 { return 4; }", "f()"),
    ] {
        shader(&[&run(first, value)]).assert().success();
    }
}

/// What a module asks another for is told on the line that asks, with advice that helps; so is what nothing uses.
#[test]
fn what_is_not_there_is_told_where_it_is_asked_for() {
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir(folder.path().join("lib")).unwrap();
    written(
        &folder,
        "lib/scale.wesl",
        "fn scaled() -> u32 { return 1; }\nfn f() -> u32 { return 2; }",
    );
    let told = |text: &str, options: &[&str], says: &[&str], not: &str| {
        let file = written(&folder, "asks.wesl", text);
        let output = shader(&[&[&*file], options].concat()).assert().code(2).get_output().clone();
        let said = String::from_utf8(output.stderr).unwrap();
        for part in says {
            assert!(said.contains(part), "{text} lacks {part}: {said}");
        }
        assert!(!said.contains(not), "{text} has {not}: {said}");
    };
    let run =
        |value: &str| format!("\n@compute @workgroup_size(1)\nfn main() {{\n  _ = {value};\n}}\n");
    let inline = ["import package::lib::scale::scaled;", &run("scale::f() + scaled()")].concat();
    let says = [
        "asks.wesl: line 4: it names scale::f",
        "say package::lib::scale::f",
        "import package::lib::scale",
    ];
    told(&inline, &[], &says, "-I DIR");
    told(
        &run("other::f()"),
        &[],
        &["asks.wesl: line 4: it names other::f", "-I DIR"],
        "it imports",
    );
    // Another name of a module, or of what is none.
    for (import, value, says) in [
        (
            "scale as s",
            "scale::f()",
            "line 4: it names scale::f, and package::lib::scale is imported as 's': say s::f",
        ),
        (
            "scale as s",
            "s()",
            "line 1: it imports the module package::lib::scale, and 's' is used as what a",
        ),
        (
            "scale::f as s",
            "s::f()",
            "line 4: it names s::f, and 's' is package::lib::scale::f, which is no module",
        ),
    ] {
        told(
            &[&format!("import package::lib::{import};"), &*run(value)].concat(),
            &[],
            &[says],
            "-I DIR",
        );
    }
    for (first, value) in
        [("import package::lib::scale;", "scale::f()"), ("", "package::lib::scale::f()")]
    {
        let file = written(&folder, "asks.wesl", &[first, &*run(value)].concat());
        shader(&[&file]).assert().success();
    }
    // An import that nothing uses, among others and in a module.
    let unused = |import: &str| [import, &*run("scaled()")].concat();
    let nothing =
        "/* import */ import package::lib::{\n  scale::scaled,\n  scale::{nothing as n},\n};";
    let not = "before everything else";
    told(&unused(nothing), &[], &["asks.wesl:3", "package::lib::scale", "`nothing`"], not);
    let scaled = "import package::lib::scale::scaled;\n";
    let and = |more: &str| unused(&[scaled, more].concat());
    told(&and("import package::none::f;"), &[], &["line 2", "package::none", "-I DIR"], not);
    told(&and("import super::nowhere;"), &[], &["line 2", "nowhere"], not);
    told(&and("const X = 1;\nimport package::none::f;"), &[], &["asks.wesl:3", not], "-I DIR");
    written(
        &folder,
        "lib/more.wesl",
        "import super::scale::none;\nfn scaled() -> u32 { return 1; }",
    );
    told(&unused("import package::lib::more::scaled;"), &[], &["more.wesl:1", "`none`"], not);
    // What a feature switches off need not be there; what is passed on is.
    written(&folder, "lib/passes.wesl", "@publish import super::scale::scaled as passed;");
    let passed = "import package::lib::passes::passed;\nimport package::lib::scale;\n@if(A) import package::none::f;";
    shader(&[&written(&folder, "asks.wesl", &and(passed))]).assert().success();
    let used = ["import package::lib::passes::passed;", &*run("passed()")].concat();
    shader(&[&written(&folder, "asks.wesl", &used)]).assert().success();
    // Where a name is used, and imported from where it is not.
    let missing = ["import package::lib::scale::{\n  missing\n};", &*run("missing()")].concat();
    told(&missing, &[], &["asks.wesl:2", "`missing`"], not);
}

#[test]
fn text_that_is_deep_or_long_is_read_or_refused() {
    let folder = tempfile::tempdir().unwrap();
    let check = |value: &str| {
        let main = format!(
            "@group(0) @binding(0) var<storage, read_write> x: array<f32>;
@compute @workgroup_size(1) fn main() {{ x[0] = {value}; }}"
        );
        shader(&[&written(&folder, "deep.wesl", &main)])
    };
    let nested = |n: usize| format!("{}x[0]{}", "(".repeat(n), ")".repeat(n));
    check(&nested(100)).assert().success();
    check(&nested(30_000)).assert().code(2);
    check(&format!("x[0]{}", " + x[0]".repeat(2000))).assert().success();
    let module = format!("fn f(x: f32) -> f32 {{ return {}; }}", nested(6000).replace("x[0]", "x"));
    written(&folder, "module.wesl", &module);
    check("package::module::f(1.0)").assert().code(2);
}
