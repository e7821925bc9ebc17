//! How cost grows, as the program says it: estimated, measured, fitted, and the published claims judged.

use std::{
    fs,
    io::{BufRead as _, BufReader},
    process::Stdio,
};

use crate::command::{PROGRAM, flopmeter, json, refused};
use flopmeter::execute::Executor as _;
use predicates::{prelude::*, str::contains};
use serde_json::Value;

/// A model that the embedded executor runs in no time, and where it runs.
const SMALL: [&str; 14] = [
    "--batch",
    "2",
    "--set",
    "d_model=6",
    "--set",
    "n_layers=1",
    "--set",
    "vocab_size=23",
    "--set",
    "top_k=2",
    "--adapter",
    "embedded",
    "--repeat",
    "0",
];

const SMALL_QWEN: [&str; 18] = [
    "qwen2.5-0.5b",
    "--batch",
    "1",
    "--set",
    "hidden_size=8",
    "--set",
    "num_attention_heads=2",
    "--set",
    "num_key_value_heads=1",
    "--set",
    "intermediate_size=16",
    "--set",
    "vocab_size=24",
    "--adapter",
    "embedded",
    "--repeat",
    "0",
    "--measure",
];

pub fn scale(arguments: &[&[&str]]) -> Value {
    json(&[&["scale"][..], &arguments.concat(), &["--json", "-"]].concat())
}

fn law<'a>(report: &'a Value, component: Option<&str>, phase: Option<&str>, of: &str) -> &'a Value {
    let wanted = |law: &&Value| {
        law["component"].as_str() == component && law["phase"].as_str() == phase && law["of"] == of
    };
    let laws = report["laws"].as_array().unwrap();
    laws.iter().find(wanted).unwrap_or_else(|| panic!("no law of {component:?} {phase:?} {of}"))
}

fn exponent(law: &Value, axis: &str) -> f64 {
    law["exponents"][axis]["value"].as_f64().unwrap()
}

/// Logarithms of numbers up to 10^12 and their sums round in the last places.
fn assert_near(is: f64, expected: f64) {
    assert!((is - expected).abs() < 1e-9, "{is} for {expected}");
}

pub fn ruling<'a>(report: &'a Value, claim: &str, by: &str) -> &'a Value {
    let claims = report["claims"].as_array().unwrap();
    let of = |claim: &&Value, text: &str| claim["claim"].as_str().unwrap().contains(text);
    let claim = claims.iter().find(|c| of(c, claim)).unwrap_or_else(|| panic!("no claim {claim}"));
    let judged = claim["judged"].as_array().unwrap();
    judged.iter().find(|judged| judged["by"] == by).unwrap_or_else(|| panic!("{claim} by {by}"))
}

#[test]
fn estimated_terms_grow_as_their_formulas_do() {
    let report = scale(&[&["--axis", "seq=32,64,128", "--axis", "n_layers=1,2,8"]]);
    assert_eq!(report["points"].as_array().unwrap().len(), 9);
    // Every layer's experts together: T for each token, L for each layer.
    let experts = law(&report, Some("layer_*.moe.experts"), Some("forward"), "estimate");
    assert_near(exponent(experts, "seq"), 1.0);
    assert_near(exponent(experts, "n_layers"), 1.0);
    assert_near(experts["residual"].as_f64().unwrap(), 0.0);
    assert_eq!(experts["points"], 9);
    let head = law(&report, Some("lm_head"), Some("backward"), "estimate");
    assert_near(exponent(head, "seq"), 1.0);
    assert_near(exponent(head, "n_layers"), 0.0);

    let report = scale(&[&["--axis", "d_model=16,32,64", "--set", "vocab_size=8"]]);
    let linear = law(&report, Some("layer_*.layer_norm"), Some("forward"), "estimate");
    assert_near(exponent(linear, "d_model"), 1.0);
    // 8 D^2 + 2 D is not quite a square.
    let experts =
        exponent(law(&report, Some("layer_*.moe.experts"), Some("forward"), "estimate"), "d_model");
    assert!(experts > 1.98 && experts < 2.0, "{experts}");
    assert_eq!(ruling(&report, "a step costs O(N)", "estimate")["ruling"], "not_judged");
}

#[test]
fn a_measured_sweep_fits_and_judges_what_ran() {
    let report = scale(&[&["--axis", "seq=8,16,32", "--measure", "--both-gradients"], &SMALL]);
    assert_eq!(report["adapter"]["backend"], "embedded");
    let points = report["points"].as_array().unwrap();
    assert_eq!(points.len(), 6);
    for point in points {
        assert_eq!(point["verdict"]["mismatch"], 0, "{point}");
        assert!(point["verdict"]["match"].as_u64().unwrap() > 0);
        let sum = |of: &str| {
            let items = point["items"].as_array().unwrap();
            items.iter().map(|item| item[of].as_u64().unwrap()).sum::<u64>()
        };
        for of in ["estimate", "measured", "bytes"] {
            assert_eq!(point["total"][of], sum(of), "{of}");
        }
        assert!(point["total"]["seconds"].is_null());
    }
    // 2 B N D V of the head's product and B N V of its bias.
    let head = law(&report, Some("lm_head"), Some("forward"), "measured");
    assert_near(exponent(head, "seq"), 1.0);
    assert_eq!(head["points"], 3);
    let gradients = ruling(&report, "hybrid", "measured");
    let numbers = gradients["numbers"].as_object().unwrap();
    assert_eq!(numbers.len(), 6);
    for seq in [8, 16, 32] {
        let [hybrid, exact] =
            ["hybrid", "exact"].map(|g| numbers[&format!("{g} at seq {seq}")].as_f64().unwrap());
        assert_eq!(gradients["ruling"] == "holds", hybrid < exact, "{gradients}");
    }
    assert_eq!(ruling(&report, "BK-Core", "measured")["ruling"], "holds");
    // 23 tokens are no vocabulary in which a head dominates, and so few tokens no step.
    assert_eq!(ruling(&report, "negligible", "measured")["ruling"], "does_not_hold");
    assert_eq!(ruling(&report, "96.6 %", "measured")["ruling"], "not_judged");
}

#[test]
fn attention_grows_with_the_square_and_its_model_does_not() {
    let report = scale(&[&["--axis", "seq=16,32,64", "--set", "num_hidden_layers=1"], &SMALL_QWEN]);
    for by in ["estimate", "measured"] {
        let core = law(&report, Some("layer_*.attention.core"), Some("forward"), by);
        let forward = exponent(core, "seq");
        // The square, and beside it what is done once a query: at 16 tokens that still shows.
        assert!((1.8..2.05).contains(&forward), "{core}");
        let backward = law(&report, Some("layer_*.attention.core"), Some("backward"), by);
        let square = forward.min(exponent(backward, "seq")) >= 1.95;
        let expected = if square { "holds" } else { "does_not_hold" };
        assert_eq!(ruling(&report, "attention grows with N^2", by)["ruling"], expected);
        assert_eq!(ruling(&report, "Transformer's step", by)["ruling"], "does_not_hold");
    }
    assert_eq!(ruling(&report, "attention grows with N^2", "estimate")["ruling"], "holds");
    assert_eq!(ruling(&report, "2 x forward", "estimate")["ruling"], "holds");
    assert_eq!(ruling(&report, "negligible", "estimate")["ruling"], "not_judged");
}

#[test]
fn a_point_that_exceeds_a_limit_is_skipped_and_the_others_kept() {
    let arguments = ["--axis", "seq=8,16,32", "--set", "n_seq=16"];
    let report = scale(&[&arguments]);
    assert_eq!(report["points"].as_array().unwrap().len(), 2);
    let skipped = &report["skipped"][0];
    assert_eq!((&skipped["at"]["seq"], &skipped["reason"]), (&32.into(), &"refused".into()));
    assert!(skipped["why"].as_str().unwrap().contains("n_seq = 16"), "{skipped}");
    assert_near(exponent(law(&report, Some("lm_head"), Some("forward"), "estimate"), "seq"), 1.0);

    let measured = [&["scale", "--measure"], &arguments[..], &SMALL].concat();
    let said = contains("seq-32: seq = 32 is more than n_seq = 16");
    flopmeter(&measured)
        .assert()
        .success()
        .stderr(said.clone())
        .stdout(said.and(contains("2 x seq").not()));
    // The two are measured, whatever became of the third.
    let report = json(&[&measured[..], &["--json", "-", "-q"]].concat());
    let ran = |point: &&Value| point["total"]["measured"].is_u64();
    assert_eq!(report["points"].as_array().unwrap().iter().filter(ran).count(), 2);

    refused(&["scale", "--axis", "seq=32,64", "--set", "n_seq=16"], &["no point", "n_seq = 16"]);
    refused(
        &[
            "scale",
            "--axis",
            "batch=4294967295,4294967294",
            "--measure",
            "--adapter",
            "embedded",
            "-q",
        ],
        &["no point", "batch"],
    );
}

#[test]
fn axes_that_make_no_sense_are_named() {
    let refused =
        |arguments: &[&str], says: &[&str]| refused(&[&["scale"], arguments].concat(), says);
    refused(&[], &["--axis"]);
    refused(&["--axis", "seq"], &["--axis", "KEY=LIST"]);
    refused(&["--axis", "seq="], &["''", "whole number"]);
    refused(&["--axis", "seq=128,long"], &["'long'", "whole number"]);
    refused(&["--axis", "seq=128,128"], &["128 is given twice"]);
    refused(&["--axis", "heads=1,2"], &["axis heads", "unknown field", "or batch, seq"]);
    refused(&["qwen2.5-0.5b", "--axis", "num_experts=1,2"], &["num_experts is 1", "qwen2_moe"]);
    refused(&["--axis", "seq=1,2", "--axis", "seq=3,4"], &["again"]);
    refused(&["--axis", "seq=1,2", "--seq", "4"], &["seq 4 fixes"]);
    refused(&["--axis", "d_model=1,2", "--set", "d_model=4"], &["d_model=4 fixes"]);
    refused(&["nothing", "--axis", "seq=1,2"], &["no model 'nothing'"]);
    refused(&["--axis", "seq=1,2", "--shard", "0/2"], &["--out"]);
    refused(&["--axis", "seq=1,2", "--out", "points"], &["--measure"]);
    let shard = ["--axis", "seq=1,2", "--measure", "--out", "points", "--shard"];
    refused(&[&shard[..], &["2/2"]].concat(), &["counted from 0", "1/2"]);
    refused(&[&shard[..], &["one"]].concat(), &["I/N"]);
    refused(
        &[
            "qwen2.5-0.5b",
            "--axis",
            "seq=1,2",
            "--measure",
            "--both-gradients",
            "--adapter",
            "embedded",
        ],
        &["BK-Core"],
    );
}

/// A machine that measured its part of a sweep has done all that was asked of it.
#[test]
fn a_shard_passes_where_its_own_points_do() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().to_str().unwrap();
    let sweep = ["scale", "--axis", "seq=4,8", "--measure", "--out", out, "--shard", "0/2"];
    let part = flopmeter(&[&sweep[..], &SMALL[2..]].concat());
    let said = contains("PASS").and(contains("FAIL").not()).and(contains("not in shard 0/2"));
    { part }.assert().success().stdout(said);
}

#[test]
fn points_that_are_there_are_kept_and_others_are_not_overwritten() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().to_str().unwrap();
    let sweep = [&["scale", "--axis", "seq=4,8", "--measure", "--out", out][..], &SMALL].concat();
    let first = json(&[&sweep[..], &["--json", "-"]].concat());
    let file = folder.path().join("seq-4.json");
    let written = fs::read(&file).unwrap();
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 2);

    fs::remove_file(folder.path().join("seq-8.json")).unwrap();
    let log = flopmeter(&[&sweep[..], &["-v"]].concat()).assert().success();
    log.stderr(contains("seq-4: kept").and(contains("seq-8: measuring")));
    assert_eq!(fs::read(&file).unwrap(), written);
    let again = json(&[&sweep[..], &["--json", "-"]].concat());
    assert_eq!(again["laws"], first["laws"]);

    let otherwise = [&sweep[..], &["--convention", "ncu"]].concat();
    refused(&otherwise, &["seq-4.json", "convention ieee, not ncu", "another folder"]);
    let otherwise = [&["scale", "--axis", "seq=4,16"], &sweep[3..]].concat();
    refused(&otherwise, &["seq-4.json", "axes"]);
    fs::write(&file, &written[..written.len() / 2]).unwrap();
    refused(&sweep, &["seq-4.json", "cut short"]);
    assert!(folder.path().join("seq-8.json").exists());
}

#[cfg(unix)]
#[test]
fn ctrl_c_loses_nothing_that_was_measured() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().to_str().unwrap();
    // The second point takes long enough to be stopped.
    let sweep = ["scale", "--axis", "batch=2,50000", "--seq", "4", "--measure", "--out", out, "-v"];
    let arguments = [&sweep[..], &SMALL[2..]].concat();
    let mut child = std::process::Command::new(PROGRAM)
        .args(&arguments)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut log = BufReader::new(child.stderr.take().unwrap()).lines();
    let begun =
        |line: &std::io::Result<String>| line.as_ref().unwrap().contains("batch-50000: measuring");
    assert!(log.by_ref().any(|line| begun(&line)));
    let pid = child.id().to_string();
    assert!(std::process::Command::new("kill").args(["-INT", &pid]).status().unwrap().success());
    let rest: Vec<String> = log.map(Result::unwrap).collect();
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(2), "{rest:?}");
    assert!(
        rest.iter().any(|line| line.contains("error: the sweep is not complete: interrupted")),
        "{rest:?}"
    );
    // What was measured is in its file and in the report.
    let report = String::from_utf8(output.stdout).unwrap();
    assert!(report.contains("stopped") && report.contains("batch-50000"), "{report}");
    let point: Value =
        serde_json::from_slice(&fs::read(folder.path().join("batch-2.json")).unwrap()).unwrap();
    assert_eq!(point["schema"], "flopmeter.profile/1");
    assert_eq!(point["sweep"]["at"]["batch"], 2);
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
}

/// An adapter that ends loops early is not blamed for a broken run: what it did is wrong, and the way out is said.
#[test]
fn a_point_that_an_adapter_cuts_off_is_a_failed_check() {
    let Some(gpu) = common::gpu() else { return };
    let adapter = gpu.adapter();
    if adapter.limits.loop_rounds.is_none() {
        println!("NOT COMPARABLE on {}: it lets loops end by themselves", adapter.name);
        return;
    }
    let long = ["scale", "--measure", "--axis", "vocab_size=70000", "--set", "d_model=6"];
    let small = ["--set", "n_layers=1", "--set", "top_k=2", "--batch", "1", "--seq", "4"];
    flopmeter(&long)
        .args(small)
        .args(["--repeat", "0", "--adapter", &adapter.name])
        .assert()
        .code(1)
        .stdout(contains("cut off").and(contains("after 65535 rounds")))
        .stderr(contains("--adapter auto"));
}

/// A step of a decoder by its exact count: what has no sequence in it grows with the batch alone, and attention's products
/// with the pairs of a causal square.
#[test]
fn the_exact_count_has_its_phases_its_exponents_and_its_rulings() {
    let axis = "batch=1,2,4";
    let report = scale(&[&["qwen2.5-0.5b", "--seq", "64", "--axis", axis]]);
    for (component, phase) in [
        (Some("layer_*.attention.q_proj"), Some("forward")),
        (Some("layer_*.attention.core"), Some("backward")),
        (None, Some("forward")),
    ] {
        assert_near(exponent(law(&report, component, phase, "exact"), "batch"), 1.0);
    }
    assert_near(
        exponent(law(&report, Some("optimizer"), Some("optimizer"), "exact"), "batch"),
        0.0,
    );
    let point = &report["points"][0];
    let sum = |phase: &str| -> u64 {
        let items = point["exact_items"].as_array().unwrap().iter();
        items
            .filter(|item| item["phase"] == phase)
            .map(|item| item["flops"].as_u64().unwrap())
            .sum()
    };
    for phase in ["forward", "backward", "optimizer"] {
        assert_eq!(point["exact"]["algebraic"][phase], sum(phase), "{phase}");
    }
    assert_eq!(ruling(&report, "backward costs 2 x forward", "exact")["ruling"], "holds");
    let arguments = ["scale", "qwen2.5-0.5b", "--seq", "64", "--axis", "batch=1,2"];
    // Two points lie on every law: what it leaves of them says nothing.
    let text = predicate::str::is_match(
        r"batch +exact forward +exact backward +exact optimizer +exact +estimate forward",
    )
    .unwrap()
    .and(predicate::str::is_match(r"\n total +[0-9.]+ +- +- +").unwrap());
    flopmeter(&arguments).assert().success().stdout(text);
}
