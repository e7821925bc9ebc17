//! Two runs of a kernel side by side: `flopmeter compare` of reports of `shader`, and the gate that it can be.

use std::{fs, path::Path};

use predicates::{prelude::*, str::contains};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::command::{self, flopmeter, refused};

const BEFORE: &str = "
@group(0) @binding(0) var<storage, read_write> x: array<f32>;
@compute @workgroup_size(8) fn main(@builtin(global_invocation_id) id: vec3<u32>) {
    let a = x[id.x];
    var sum = 0.0;
    for (var i = 0u; i < 10u; i++) {
        sum += a * 2.0;
    }
    x[id.x] = sum;
}
";

/// The loop is longer, what does not change in it stands before it, and it loads twice.
fn after() -> String {
    BEFORE
        .replace("    var sum", "    let twice = a * 2.0 + x[id.x] * 0.0;\n    var sum")
        .replace("a * 2.0;\n    }", "twice;\n    }")
        .replace("i < 10u", "i < 20u")
}

struct Reports {
    folder: TempDir,
    file: String,
}

impl Reports {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("loop.wgsl").to_str().unwrap().to_owned();
        Self { folder, file }
    }

    /// Saves a report of a source under a name.
    fn save(&self, name: &str, source: &str, more: &[&str]) -> String {
        fs::write(&self.file, source).unwrap();
        let path = self.folder.path().join(name).to_str().unwrap().to_owned();
        let run = [
            "shader",
            &self.file,
            "--dispatch=2",
            "--bind=0.0=iota:16",
            "--adapter=embedded",
            "-q",
        ];
        flopmeter(&[&run[..], &["--json", &path], more].concat()).assert().success();
        path
    }
}

/// FLOPs are as many, and what fails is on the line that has others now.
#[test]
fn what_moves_from_one_kind_to_another_is_on_its_line() {
    let reports = Reports::new();
    let before = BEFORE.replace("sum += a * 2.0", "sum = sum + a * a");
    let base = reports.save("before.json", &before, &[]);
    fs::write(&reports.file, before.replace("sum + a * a", "fma(a, a, sum)")).unwrap();
    let gate = ["--bind=0.0=iota:16", "--adapter=embedded", "--baseline", &*base, "--github=-"];
    let check = flopmeter(&[&["check", &reports.file, "--dispatch=2"], &gate[..]].concat());
    let annotation = format!("::error file={},line=7,", reports.file);
    { check }.assert().code(1).stdout(contains(annotation).and(contains("moved from")));
}

fn pair<'a>(report: &'a Value, list: &str, name: &str) -> Option<&'a Value> {
    report[list].as_array().unwrap().iter().find(|pair| pair["name"] == name)
}

#[test]
fn what_moved_is_said_by_kernel_by_count_and_by_line() {
    let reports = Reports::new();
    let a = reports.save("a.json", BEFORE, &[]);
    let b = reports.save("b.json", &after(), &[]);
    let report = command::json(&["compare", &a, &b, "--json", "-"]);
    assert_eq!(report["schema"], "flopmeter.change/1");
    let invocations = 16;
    assert_eq!(report["total"]["a"]["flops"], invocations * 20);
    assert_eq!(report["total"]["b"]["flops"], invocations * (20 + 3));
    assert_eq!(report["total"]["b"]["bytes"], invocations * 12);
    assert!(report["total"]["b"]["spread"]["max"].as_f64().unwrap() > 0.0);
    assert_eq!(report["kernels"][0]["name"], "main");
    let mul = pair(&report, "ops", "f32.mul").unwrap();
    assert_eq!(mul, &json!({"name": "f32.mul", "a": invocations * 10, "b": invocations * 2}));
    let load = pair(&report, "traffic", "storage.load_bytes").unwrap();
    assert_eq!((&load["a"], &load["b"]), (&json!(invocations * 4), &json!(invocations * 8)));
    let store = pair(&report, "traffic", "storage.store_bytes").unwrap();
    assert_eq!(store["a"], store["b"]);

    let lines: Vec<(Value, Value)> = report["lines"]
        .as_array()
        .unwrap()
        .iter()
        .map(|pair| (pair["a"]["line"].clone(), pair["b"]["line"].clone()))
        .collect();
    let (none, line) = (Value::Null, |n: u32| json!(n));
    let wanted = [
        (none.clone(), line(5)),
        (line(6), none.clone()),
        (line(7), none.clone()),
        (none.clone(), line(7)),
        (none, line(8)),
    ];
    assert_eq!(lines, wanted, "{report}");

    let text = predicate::str::is_match(r"f32\.mul +160 +32 +-128 +-80\.00 %")
        .unwrap()
        .and(predicate::str::is_match(r"\n +16 +48 +[0-9]+ B +5 +\+ +let twice = a").unwrap())
        .and(contains("FLOPs 320 to 368 (+15.00 %); storage bytes 128 to 192 (+50.00 %); time "))
        .and(contains("PASS").not());
    flopmeter(&["compare", &a, &b]).assert().success().stdout(text);
    let same = contains("FLOPs 320 as before; storage bytes 128 as before")
        .and(contains("no kind of operation or traffic moved"))
        .and(contains("Lines").not());
    flopmeter(&["compare", &a, &a]).assert().success().stdout(same);
}

#[test]
fn a_line_that_is_the_same_and_costs_more_is_beside_itself() {
    let reports = Reports::new();
    let a = reports.save("a.json", BEFORE, &[]);
    let longer = format!("// More.\n{}", BEFORE);
    let b = reports.save("b.json", &longer, &[]);
    let report = command::json(&["compare", &a, &b, "--json", "-"]);
    assert_eq!(report["lines"], json!([]), "a comment moves lines and nothing else");

    fs::write(&reports.file, BEFORE).unwrap();
    let more = reports.folder.path().join("more.json").to_str().unwrap().to_owned();
    let run = ["shader", &reports.file, "--dispatch=4", "--bind=0.0=iota:32"];
    flopmeter(&[&run[..], &["--adapter=embedded", "--json", &more]].concat()).assert().success();
    let report = command::json(&["compare", &a, &more, "--json", "-"]);
    let sum = report["lines"].as_array().unwrap().iter().find(|pair| pair["a"]["line"] == 7);
    let sum = sum.unwrap();
    assert_eq!(sum["text"], "        sum += a * 2.0;");
    assert_eq!((&sum["a"]["flops"], &sum["b"]["flops"]), (&json!(320), &json!(640)));
    assert_eq!(sum["b"]["line"], 7);
}

#[test]
fn a_figure_that_grew_too_much_fails() {
    let reports = Reports::new();
    let a = reports.save("a.json", BEFORE, &[]);
    let b = reports.save("b.json", &after(), &[]);
    let gate = |limits: &[&str]| {
        let limits: Vec<&str> = limits.iter().flat_map(|limit| ["--fail-on", limit]).collect();
        flopmeter(&[&["compare", &a, &b], &limits[..]].concat()).assert()
    };
    gate(&["more:flops:15", "more:bytes:50"]).success().stdout(contains("PASS"));
    gate(&["more:flops:14.9"]).code(1).stdout(
        contains("FAIL").and(contains("loop.wgsl:8: flops went from 320 to 368, +15.00 %")),
    );
    gate(&["more:flops:20", "more:bytes"])
        .code(1)
        .stdout(contains("bytes of storage and texture traffic went from 128 to 192, +50.00 %"));
    // Nobody took a time.
    let untimed = reports.save("c.json", BEFORE, &["--repeat=0"]);
    flopmeter(&["compare", &untimed, &a, "--fail-on", "more:time"])
        .assert()
        .code(1)
        .stdout(contains("times cannot be compared: A was not timed"));
    refused(&["compare", &a, &b, "--fail-on", "less:flops"], &["less:flops", "more:flops"]);
    let report = flopmeter(&["compare", &a, &b, "--fail-on", "more:flops", "--json", "-"]);
    let output = { report }.assert().code(1).get_output().stdout.clone();
    let report: Value = serde_json::from_slice(&output).unwrap();
    assert_eq!(report["checks"][0]["findings"][0]["kind"], "more");
    assert_eq!(report["checks"][0]["findings"][0]["line"], 8);
}

#[test]
fn models_have_limits_too() {
    let grown = ["compare", "resnet-bk", "resnet-bk", "--set-b", "n_layers=8", "--fail-on"];
    let gate = |limit: &str| flopmeter(&[&grown[..], &[limit]].concat()).assert();
    gate("more:flops").code(1).stdout(contains("FAIL      flops went from"));
    gate("more:flops:10").success().stdout(contains("PASS      no more flops than before"));
    gate("more:bytes").code(1).stdout(contains("bytes cannot be compared"));
}

/// What nothing measured is limited by the exact count, recomputation included, where the model has one.
#[test]
fn models_that_did_not_run_are_limited_by_their_exact_count() {
    let small = ["--set", "num_hidden_layers=2", "--set", "vocab_size=64", "--seq", "16"];
    let model = ["compare", "qwen2.5-0.5b", "qwen2.5-0.5b", "--fail-on", "more:flops:5"];
    let gate = |b: &[&str]| flopmeter(&[&model[..], &small, b].concat()).assert();
    gate(&[]).success().stdout(contains("(by the exact count)"));
    gate(&["--set-b", "num_hidden_layers=3"]).code(1).stdout(contains("(by the exact count)"));
    let folder = tempfile::tempdir().unwrap();
    let [plain, again] = ["plain", "again"].map(|name| folder.path().join(name));
    for (path, more) in [(&plain, &[][..]), (&again, &["--recompute", "layers"])] {
        let mut estimate =
            flopmeter(&[&["estimate", "qwen2.5-0.5b", "-q"], &small[..], more].concat());
        estimate.arg("--json").arg(path).assert().success();
    }
    let mut compare = flopmeter(&["compare", "--fail-on", "more:flops:5"]);
    compare.args([plain, again]).assert().code(1).stdout(contains("recomputed"));
}

/// A program that was not counted whole has no fewer FLOPs than another.
#[test]
fn a_program_that_was_not_counted_is_not_less() {
    let folder = tempfile::tempdir().unwrap();
    let [a, b] = ["a", "b"].map(|name| folder.path().join(name));
    for path in [&a, &b] {
        flopmeter(&["run", "-q", "--json"]).arg(path).args(["--", "true"]).assert().success();
    }
    let mut compare = flopmeter(&["compare", "--fail-on", "more:flops"]);
    let said = "not all of B was counted: the program: it used no Vulkan";
    compare.args([&a, &b]).assert().code(1).stdout(contains(said));
    let mut compare = flopmeter(&["compare", "--fail-on", "more:time"]);
    let said = "neither A nor B was timed; save reports of run without --count-only";
    compare.args([a, b]).assert().code(1).stdout(contains(said));
}

/// A program that failed executed less, and is no better for it.
#[cfg(unix)]
#[test]
fn a_program_that_failed_is_not_less() {
    let folder = tempfile::tempdir().unwrap();
    // A program that uses no Vulkan has nothing counted, which fails by itself.
    let save = |name: &str, script: &str| {
        let path = folder.path().join(name);
        let mut run = flopmeter(&["run", "-q", "--json"]);
        run.arg(&path).args(["--", "sh", "-c", script]).output().unwrap();
        let mut report: Value = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
        report["not_counted"] = json!([]);
        fs::write(&path, report.to_string()).unwrap();
        path.to_str().unwrap().to_owned()
    };
    let (sound, failed, killed) =
        (save("sound", "exit 0"), save("failed", "exit 3"), save("killed", "kill -9 $$"));
    let compare =
        |a: &str, b: &str, more: &[&str]| flopmeter(&[&["compare", a, b], more].concat()).assert();
    let gate = ["--fail-on", "more:flops"];
    let warned = |said: &str| {
        contains(format!("warning   the program of {said}: it may have executed less"))
    };
    let fails = |said: &str| contains("FAIL").and(contains(format!("the program of {said}, and")));
    compare(&sound, &sound, &gate).success().stdout(contains("warning").not());
    let said = "B ended with exit code 3";
    compare(&sound, &failed, &[]).success().stdout(warned(said).and(contains("FAIL").not()));
    compare(&sound, &failed, &gate).code(1).stdout(warned(said).and(fails(said)));
    compare(&killed, &sound, &gate).code(1).stdout(fails("A ended by signal 9"));
    compare(&failed, &killed, &gate).code(1).stdout(fails("A ended with exit code 3"));
    let alike = warned("A ended with exit code 3").and(warned(said)).and(contains("PASS"));
    compare(&failed, &failed, &gate).success().stdout(alike);
}

#[test]
fn reports_that_do_not_go_together_are_refused() {
    let reports = Reports::new();
    let a = reports.save("a.json", BEFORE, &[]);
    let other = reports.folder.path().join("other.json").to_str().unwrap().to_owned();
    refused(
        &["compare", &a, "resnet-bk"],
        &["a.json is a report of kernels, and resnet-bk is none"],
    );
    refused(&["compare", "-", &a], &["compare reads no standard input"]);
    refused(&["compare", &a, "nothing.json"], &["nothing.json", "cannot be read"]);
    let estimate = reports.folder.path().join("e.json");
    let path = estimate.to_str().unwrap();
    flopmeter(&["run", "-q", "--json", path, "--", "true"]).assert().success();
    let says =
        ["a report of a program", "of a shader", "have two of a kind", "different languages"];
    refused(&["compare", path, &a], &says);
    flopmeter(&["estimate", "-q", "--json", path]).assert().success();
    refused(&["compare", path, &a], &["a report of kernels"]);
    let whole = fs::read(&a).unwrap();
    fs::write(Path::new(&other), &whole[..whole.len() / 2]).unwrap();
    refused(&["compare", &a, &other], &["other.json", "cut short"]);
}

/// FLOPs are the price of operations, and these are in both reports.
#[test]
fn reports_under_two_conventions_are_compared_under_one() {
    let reports = Reports::new();
    let divided = BEFORE.replace("sum += a * 2.0;", "sum += tanh(a) / 2.0;");
    let a = reports.save("a.json", &divided, &[]);
    let b = reports.save("b.json", &divided, &["--convention=primitive"]);
    let compared = |sides: [&str; 2], more: &[&str]| {
        command::json(&[&["compare", "-q", "--json", "-"], &sides[..], more].concat())
    };
    for (sides, more, convention, flops, saved_under) in [
        ([&*a, &*b], &[][..], "ieee", 480, [Value::Null, json!("primitive")]),
        ([&b, &a], &[], "primitive", 1920, [Value::Null, json!("ieee")]),
        ([&a, &b], &["--convention=ncu"], "ncu", 160, [json!("ieee"), json!("primitive")]),
        ([&a, &a], &["--convention=ncu"], "ncu", 160, [json!("ieee"), json!("ieee")]),
    ] {
        let report = compared(sides, more);
        assert_eq!(report["convention"], convention);
        for (side, saved_under) in ["a", "b"].into_iter().zip(saved_under) {
            assert_eq!(report["total"][side]["flops"], flops, "{convention}");
            assert_eq!(report["kernels"][0][side]["flops"], flops, "{convention}");
            assert_eq!(report[side]["saved_under"], saved_under);
        }
        assert_eq!(report["lines"], json!([]));
    }
    let says = "B was saved under primitive: its operations are priced by ieee here";
    let mut compare = flopmeter(&["compare", "--fail-on", "more:flops", &a, &b]);
    compare.assert().success().stdout(contains(says));
    // An edited line moves as much as it costs.
    let after = divided.replace("tanh(a)", "a");
    let b = reports.save("b.json", &after, &["--convention=primitive"]);
    let report = compared([&a, &b], &[]);
    let lines = report["lines"].as_array().unwrap();
    let flops = |side: &str| lines.iter().find_map(|pair| pair[side]["flops"].as_u64());
    assert_eq!((flops("a"), flops("b")), (Some(480), Some(320)));
}

/// FLOPs of kernels that have no operations beside them have the price that they were given, and no other.
#[test]
fn flops_without_operations_are_under_their_own_convention_alone() {
    let folder = tempfile::tempdir().unwrap();
    let [a, b] = ["a", "b"].map(|name| folder.path().join(name).to_str().unwrap().to_owned());
    for (path, convention, key) in [(&a, "ncu", "flops"), (&b, "ieee", "none")] {
        flopmeter(&["run", "-q", "--convention", convention, "--json", path, "--", "true"])
            .assert()
            .success();
        let mut report: Value = serde_json::from_slice(&fs::read(path).unwrap()).unwrap();
        report["totals"].as_object_mut().unwrap().remove("ops");
        report["totals"].as_object_mut().unwrap().remove("flops");
        report["totals"][key] = 7.into();
        fs::write(path, report.to_string()).unwrap();
    }
    refused(&["compare", &b, &a], &["B has FLOPs under the convention ncu", "(--convention ncu)"]);
    flopmeter(&["compare", &b, &a, "--convention", "ncu"]).assert().success();
}

/// What moved may be due to what was run, which the report says.
#[test]
fn runs_of_other_sizes_are_told_apart() {
    let reports = Reports::new();
    let a = reports.save("a.json", BEFORE, &[]);
    let again = reports.save("again.json", BEFORE, &[]);
    let b = reports.folder.path().join("b.json").to_str().unwrap().to_owned();
    let run = ["shader", &reports.file, "--dispatch=1", "--bind=0.0=iota:8", "--adapter=embedded"];
    flopmeter(&[&run[..], &["--json", &b]].concat()).assert().success();
    let said = "A and B were not run alike: A with 2 x 1 x 1 workgroups, 'x' of 64 bytes: iota:16; B with 1 x 1 x 1 \
                workgroups, 'x' of 32 bytes: iota:8";
    flopmeter(&["compare", &a, &b]).assert().success().stdout(contains(said));
    flopmeter(&["compare", &a, &again]).assert().success().stdout(contains("not run alike").not());
}

/// Which line moved is told last of all that there is no room for, and each label is whole.
#[test]
fn a_comparison_says_whose_each_number_is_and_keeps_lines() {
    let reports = Reports::new();
    let a = reports.save("a.json", BEFORE, &[]);
    let b = reports.save("b.json", &after(), &[]);
    let labels = ["executions A", "executions B", "storage A", "storage B", "line A", "line B"];
    let all = labels
        .iter()
        .fold(contains("FLOPs change").boxed(), |all, label| all.and(contains(*label)).boxed());
    flopmeter(&["compare", &a, &b]).assert().success().stdout(all);
    let html = reports.folder.path().join("c.html");
    flopmeter(&["compare", &a, &b, "--html", html.to_str().unwrap()]).assert().success();
    let html = fs::read_to_string(html).unwrap();
    assert!(html.contains("data-name=\"executions B\"") && !html.contains("data-name=\"B\""));
}
