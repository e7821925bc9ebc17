//! Reports that did not hold when they were saved: what `compare` says of them, and that no gate lets one pass.

use predicates::{prelude::*, str::contains};
use serde_json::Value;

use crate::suite::{Repository, SUM};

/// Each invocation writes what its neighbour reads.
fn racing() -> String {
    SUM.replace("x[id.x] = sum;", "x[id.x] = sum + x[(id.x + 1u) % 16u];")
}

const RUN: [&str; 5] =
    ["sum.wgsl", "--dispatch=2", "--bind=0.0=iota:16", "--adapter=embedded", "-q"];

/// The report of each command that runs a kernel fails as the second of two, and is told as either.
#[test]
fn a_gate_fails_where_the_second_report_did_not_hold() {
    let repository = Repository::new();
    let save = |command: &str, name: &str, more: &[&str]| {
        let file = format!("--json={name}.json");
        repository.run(&[&[command], &RUN[..], &[&file], more].concat())
    };
    save("shader", "sound", &[]).success();
    repository.write("sum.wgsl", &racing());
    save("check", "racing", &[]).code(1);
    save("check", "allowed", &["--allow=races"]).success();
    repository.write("sum.wgsl", &SUM.replace("x[id.x] = sum;", "x[id.x + 4u] = sum;"));
    save("shader", "outside", &[]).code(1);
    let compare = |a: &str, b: &str, more: &[&str]| {
        let files = [a, b].map(|name| format!("{name}.json"));
        repository.run(&[&["compare", &files[0], &files[1]], more].concat())
    };
    // One FLOP of 16 invocations more than before is tolerated, and the race is not.
    let limit = "--fail-on=more:flops:20";
    let told = || contains("B does not hold by its own checks");
    for (b, why) in [("racing", "a race: line 8"), ("outside", "out of bounds")] {
        compare("sound", b, &[]).success().stdout(told().and(contains(why)));
        let gated = compare("sound", b, &[limit, "--github=-"]).code(1);
        let place = contains("::error").and(contains("file=sum.wgsl,line=8"));
        gated.stdout(place.and(contains("by its own checks, B does not hold")));
    }
    compare("sound", "allowed", &[limit]).success().stdout(told().not());
    // What is mended is better, whatever it was.
    let mended = compare("racing", "sound", &[limit]).success();
    mended.stdout(contains("A does not hold by its own checks"));
    let json = compare("racing", "sound", &["--json=-"]).success();
    let json: Value = serde_json::from_slice(&json.get_output().stdout).unwrap();
    assert_eq!(json["a"]["findings"][0]["kind"], "race");
    assert_eq!(json["b"]["findings"], Value::Null);
}

/// A kernel of a suite fails the whole; what an earlier report of it said is no part of what the two are.
#[test]
fn a_suite_is_held_to_its_own_checks_and_to_no_other_baseline() {
    let repository = Repository::new();
    repository.check(&["--json=before.json"]).success();
    repository.write("sum.wgsl", &SUM.replace("10u", "11u"));
    repository.check(&["--json=moved.json", "--baseline=before.json"]).code(1);
    let gate = |name: &str| {
        repository.run(&["compare", "before.json", name, "--fail-on=more:flops:20", "--github=-"])
    };
    gate("moved.json").success();
    repository.write("sum.wgsl", &racing());
    repository.check(&["--json=racing.json"]).code(1);
    let told = contains("by its own checks, B does not hold").and(contains("file=sum.wgsl,line=8"));
    gate("racing.json").code(1).stdout(told);
}

/// What executors differ on is in no line of a kernel, and no line is said of it, wherever it is told.
#[test]
fn a_finding_in_no_line_is_told_without_one() {
    let repository = Repository::new();
    repository.check(&["--json=before.json"]).success();
    repository.write("sum.wgsl", &racing());
    repository.check(&["--json=racing.json"]).code(1);
    let mut report: Value = serde_json::from_str(&repository.read("racing.json")).unwrap();
    let kernels = report["kernels"].as_array_mut().unwrap().iter_mut();
    let checks = kernels.flat_map(|kernel| {
        kernel["outcome"]["checked"]["checks"].as_array_mut().unwrap().iter_mut()
    });
    let findings = checks.flat_map(|check| check["findings"].as_array_mut().unwrap().iter_mut());
    let mut placeless = 0;
    for finding in findings {
        *finding = serde_json::json!({ "kind": "counts", "text": "two executors differ" });
        placeless += 1;
    }
    assert_ne!(placeless, 0);
    repository.write("racing.json", &report.to_string());
    let gate = ["compare", "before.json", "racing.json", "--fail-on=more:flops:20"];
    let told = "sum.wgsl: by its own checks, B does not hold: two executors differ";
    let warned = "sum.wgsl: two executors differ\n";
    let gated = repository.run(&gate).code(1);
    gated.stdout(contains(told).and(contains(warned)).and(contains("sum.wgsl:1:").not()));
    let annotated = repository.run(&[&gate[..], &["--github=-"]].concat()).code(1);
    annotated.stdout(contains("::error file=sum.wgsl,title=flopmeter::"));
}
