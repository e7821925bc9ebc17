//! Saved reports that somebody edited: one that contradicts itself is refused, whoever takes it.

use std::fs;

use predicates::{prelude::PredicateBooleanExt as _, str::contains};
use serde_json::json;
use tempfile::TempDir;

use crate::command::flopmeter;

const KERNEL: &str = "@group(0) @binding(0) var<storage, read_write> x: array<f32>;
@compute @workgroup_size(8) fn main(@builtin(global_invocation_id) id: vec3<u32>) {
    x[id.x] = x[id.x] * 3.0 + 1.0;
}
";

#[test]
fn a_report_that_contradicts_itself_is_refused() {
    let folder = TempDir::new().unwrap();
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let (kernel, base, edited) = (path("kernel.wgsl"), path("base.json"), path("edited.json"));
    fs::write(&kernel, KERNEL).unwrap();
    let run = ["--dispatch=1", "--dispatch=1", "--bind=0.0=iota:8", "--adapter=embedded", "-q"];
    let run = |more: &[&str]| flopmeter(&[&["check", &*kernel], &run[..], more].concat()).assert();
    let list = path("list.txt");
    fs::write(&list, format!("{kernel} --dispatch 1 --bind 0.0=iota:8\n")).unwrap();
    let suite = |more: &[&str]| {
        let suite = ["check", "--suite", &list, "--adapter=embedded", "-q"];
        flopmeter(&[&suite[..], more].concat()).assert()
    };

    run(&["--json", &base]).success();
    run(&["--baseline", &base]).success();
    let saved = fs::read_to_string(&base).unwrap();
    let flops = "\"flops\": 32,";
    let product = "\"f32.mul\": 16";
    for (from, to, says) in [
        (flops, "\"flops\": 31,", ["'flops' is 31", "are 32 FLOPs under 'ieee'"]),
        // What was edited last counts, in the sum or in its parts.
        (product, "\"f32.mul\": 15", ["'flops' is 32", "are 31 FLOPs under 'ieee'"]),
        ("\"flops\": 16,", "\"flops\": 17,", ["].flops' is 17", "are 16 FLOPs"]),
        (
            "\"storage.load_bytes\": 64",
            "\"storage.load_bytes\": 60",
            ["60 of 'storage.load_bytes'", "come to 64"],
        ),
        (
            "\"storage.load_bytes\": 32",
            "\"storage.load_bytes\": 18446744073709551615",
            ["dispatches[0].traffic' comes to 18446744073709551647 bytes", "more than"],
        ),
        (product, "\"f32.mul\": 99, \"f32.mul\": 16", ["'f32.mul' stands twice", "line "]),
        ("\"pass\": true", "\"pass\": true, \"pass\": true", ["'pass' stands twice", "line "]),
    ] {
        assert!(saved.contains(from), "{from} is not in {saved}");
        fs::write(&edited, saved.replacen(from, to, 1)).unwrap();
        let refused = |assert: assert_cmd::assert::Assert| {
            let says = contains("edited.json").and(contains(says[0])).and(contains(says[1]));
            assert.code(2).stdout("").stderr(says.and(contains("save the report again")));
        };
        refused(run(&["--baseline", &edited]));
        refused(flopmeter(&["compare", &base, &edited]).assert());
    }

    // Each dispatch is there, and each line has what it has in all of them.
    let whole: serde_json::Value = serde_json::from_str(&saved).unwrap();
    for (place, value, says) in [
        ("/report/dispatches", json!([]), "'entry' names 2 dispatches, 'main, main'"),
        (
            "/report/dispatches",
            json!([whole["report"]["dispatches"][0]]),
            "'dispatches' ran 'main'",
        ),
        ("/report/lines/0/executions", json!(7), "'lines[0].executions' is 7, and those of"),
        ("/report/lines", json!([]), "of 'f32.add', and those of 'lines' come to 0"),
        ("/report/flops", json!(-32), "'report.flops': invalid value: integer `-32`"),
    ] {
        let mut value_of = whole.clone();
        *value_of.pointer_mut(place).unwrap() = value;
        fs::write(&edited, value_of.to_string()).unwrap();
        let says = contains("edited.json").and(contains(says));
        run(&["--baseline", &edited]).code(2).stderr(says);
    }

    suite(&["--json", &base]).success();
    suite(&["--baseline", &base]).success();
    let saved = fs::read_to_string(&base).unwrap();
    let flops = "\"flops\": 16,";
    assert!(saved.contains(flops), "{saved}");
    fs::write(&edited, saved.replacen(flops, "\"flops\": 15,", 1)).unwrap();
    let says = contains("edited.json").and(contains("kernel.wgsl")).and(contains("is 15"));
    suite(&["--baseline", &edited]).code(2).stderr(says);
}

/// A point of a sweep that was edited is not joined with others, nor compared.
#[test]
fn a_profile_that_contradicts_itself_is_refused() {
    let folder = TempDir::new().unwrap();
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let (points, edited) = (path("points"), path("edited.json"));
    let model = ["resnet-bk", "--set=d_model=6", "--set=n_layers=1", "--set=vocab_size=23"];
    let sweep =
        ["scale", "--measure", "--batch=1", "--axis=seq=4,8", "--repeat=0", "--adapter=embedded"];
    flopmeter(&[&sweep[..], &model, &["-q", "--out", &points]].concat()).assert().success();
    flopmeter(&["merge", &points]).assert().success();
    let point = fs::read_dir(&points).unwrap().next().unwrap().unwrap().path();
    let mut report: serde_json::Value = serde_json::from_slice(&fs::read(&point).unwrap()).unwrap();
    fs::write(&edited, report.to_string()).unwrap();
    flopmeter(&["compare", &edited, &edited]).assert().success();
    report["totals"]["measured"]["backward"] = json!(1);
    report["totals"]["measured"]["total"] = json!(
        report["totals"]["measured"]["forward"].as_u64().unwrap()
            + report["totals"]["measured"]["optimizer"].as_u64().unwrap()
            + 1
    );
    fs::write(&edited, report.to_string()).unwrap();
    fs::write(&point, report.to_string()).unwrap();
    let says = "'totals.measured.backward' is 1, and those of 'passes' come to ";
    for arguments in [&["compare", &*edited, &*edited][..], &["merge", &points]] {
        flopmeter(arguments).assert().code(2).stderr(contains(says));
    }
}
