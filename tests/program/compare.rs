//! Two steps side by side, as the program says it.

use std::{fs, path::Path};

use crate::command::{SMALL, flopmeter, json, refused, text};
use predicates::{prelude::*, str::contains};
use serde_json::Value;

/// Saves a profile of such a step.
fn profile(path: &Path, more: &[&str]) -> Value {
    let arguments =
        ["profile", "--adapter", "embedded", "--repeat", "1", "-q", "--json", text(path)];
    flopmeter(&[&arguments[..], &SMALL, more].concat()).assert().success();
    serde_json::from_slice(&fs::read(path).unwrap()).unwrap()
}

fn compare(arguments: &[&str]) -> Value {
    json(&[&["compare"], arguments, &["--json", "-"]].concat())
}

fn pair<'a>(report: &'a Value, name: &str, phase: &str) -> &'a Value {
    let pairs = report["components"].as_array().unwrap();
    let is = |pair: &&Value| pair["name"] == name && pair["phase"] == phase;
    pairs.iter().find(is).unwrap_or_else(|| panic!("no {phase} {name}"))
}

/// Twice the layers and half the vocabulary: 139,386,880 a layer, 15,728,640,000 for the head.
#[test]
fn estimates_are_compared_component_by_component() {
    let report = compare(&[
        "resnet-bk",
        "resnet-bk",
        "--set-a",
        "n_layers=8",
        "--set-b",
        "vocab_size=15000",
    ]);
    assert_eq!(report["schema"], "flopmeter.compare/1");
    let head = pair(&report, "lm_head", "forward");
    assert_eq!(head["a"]["estimate"], 15_728_640_000_u64);
    assert_eq!(head["b"]["estimate"], 7_864_320_000_u64);
    assert_eq!(head["speedup"]["estimate"], 2.0);
    let experts = pair(&report, "layer_*.moe.experts", "backward");
    assert_eq!(experts["speedup"]["estimate"], 2.0);
    assert!(experts["speedup"]["measured"].is_null());
    let forward = &report["phases"][0];
    let layers = 139_386_880_u64;
    assert_eq!(forward["a"]["estimate"], 16_287_760_384_u64 + 4 * layers);
    assert_eq!(forward["b"]["estimate"], 16_287_760_384_u64 - 7_864_320_000);
    let sum = |side: &str| -> u64 {
        let rows = report["components"].as_array().unwrap().iter();
        rows.map(|row| row[side]["estimate"].as_u64().unwrap()).sum()
    };
    for side in ["a", "b"] {
        assert_eq!(report["total"][side]["estimate"], sum(side));
    }
    assert!(report["convention"].is_null() && report["a"]["adapter"].is_null());
    let said = contains("of FLOPs by the estimate: forward").and(contains("estimated only"));
    flopmeter(&["compare", "resnet-bk", "resnet-bk", "--batch", "1"])
        .assert()
        .success()
        .stdout(said);
}

/// However many times the one is the other, there are digits.
#[test]
fn a_small_ratio_is_not_0() {
    let model = ["compare", "qwen2.5-0.5b", "llama-3.2-1b", "--batch", "1", "--seq", "64"];
    let small = ["num_hidden_layers=1", "hidden_size=28", "vocab_size=16", "intermediate_size=8"];
    let small: Vec<&str> = small.iter().flat_map(|set| ["--set-a", set]).collect();
    let said = contains("0.000 ").or(contains("0.000,")).or(contains("0.000\n")).not();
    let digits = predicate::str::is_match(r" 0\.000[0-9]*[1-9]").unwrap();
    flopmeter(&[&model[..], &small].concat()).assert().success().stdout(said.and(digits));
}

#[test]
fn models_of_different_families_share_what_they_share() {
    let report = compare(&["resnet-bk", "qwen2.5-0.5b", "--batch", "1", "--seq", "64"]);
    assert!(pair(&report, "layer_*.bk_core", "forward")["b"].is_null());
    assert!(pair(&report, "layer_*.attention.core", "forward")["a"].is_null());
    // Two estimators are not divided by each other.
    assert!(pair(&report, "lm_head", "forward")["speedup"]["estimate"].is_null());
}

/// q_proj of Qwen2.5-0.5B is 896 x 896, k_proj 896 x 128; of Llama-3.2-1B 2048 x 2048 and 2048 x 512.
#[test]
fn decoders_with_different_estimators_are_compared_by_the_exact_count() {
    let arguments = ["qwen2.5-0.5b", "llama-3.2-1b", "--batch", "1", "--seq", "64"];
    let report = compare(&arguments);
    let forward = |side: &str, name: &str| {
        let items = report[side]["exact_items"].as_array().unwrap().iter();
        let mut found = items.filter(|item| item["name"] == name && item["phase"] == "forward");
        found.next().unwrap()["flops"].as_u64().unwrap()
    };
    for (side, layers, h, kv) in [("a", 24, 896, 128), ("b", 16, 2048, 512)] {
        assert_eq!(forward(side, "layer_*.attention.q_proj"), layers * 2 * 64 * h * h);
        assert_eq!(forward(side, "layer_*.attention.k_proj"), layers * 2 * 64 * h * kv);
        let items = report[side]["exact_items"].as_array().unwrap().iter();
        let sum: u64 = items.map(|item| item["flops"].as_u64().unwrap()).sum();
        assert_eq!(sum, report[side]["exact"]["algebraic"]["total"].as_u64().unwrap());
    }
    let said = contains("different estimators")
        .and(contains("exact A"))
        .and(contains("estimate A").not())
        .and(contains("speedup").not());
    flopmeter(&[&["compare"], &arguments[..]].concat()).assert().success().stdout(said);
}

#[test]
fn measured_steps_and_saved_reports_say_the_same() {
    let folder = tempfile::tempdir().unwrap();
    let [one, other] = ["a.json", "b.json"].map(|name| folder.path().join(name));
    let hybrid = profile(&one, &[]);
    let exact = profile(&other, &["--bk-gradient", "exact"]);
    let report = compare(&[text(&one), text(&other)]);
    let total = |report: &Value| report["totals"]["measured"]["total"].clone();
    assert_eq!(report["total"]["a"]["measured"], total(&hybrid));
    assert_eq!(report["total"]["b"]["measured"], total(&exact));
    assert!(report["total"]["speedup"]["seconds"].as_f64().unwrap() > 0.0);
    assert_eq!(report["a"]["file"], text(&one));
    let core = pair(&report, "layer_*.bk_core", "backward");
    assert_ne!(core["a"]["measured"], core["b"]["measured"]);
    // Nothing else differs.
    for pair in report["components"].as_array().unwrap() {
        let same = pair["a"]["measured"] == pair["b"]["measured"];
        assert!(same || pair["name"] == "layer_*.bk_core" && pair["phase"] == "backward", "{pair}");
    }

    // A saved report beside a run of the same: counts are the same, to the bit.
    let run = ["--measure", "--adapter-b", "embedded", "--repeat", "0"];
    let report = compare(&[&[text(&one), "resnet-bk"], &SMALL[..], &run].concat());
    assert_eq!(report["total"]["speedup"]["measured"], 1.0);
    assert!(report["total"]["speedup"]["seconds"].is_null());
    assert_eq!(report["total"]["a"]["bytes"], report["total"]["b"]["bytes"]);
    // And beside what is only estimated.
    let report = compare(&[&[text(&one), "resnet-bk"], &SMALL[..]].concat());
    assert_eq!(report["total"]["speedup"]["estimate"], 1.0);
    assert!(report["total"]["b"]["measured"].is_null());
    let estimate = folder.path().join("e.json");
    let arguments = [&["estimate", "--json", text(&estimate), "-q"], &SMALL[..]].concat();
    flopmeter(&arguments).assert().success();
    let report = compare(&[text(&estimate), text(&one)]);
    assert_eq!(report["total"]["speedup"]["estimate"], 1.0);
}

/// What moved may be due to how the steps were run, which the report says.
#[test]
fn steps_that_were_not_run_alike_are_told() {
    let folder = tempfile::tempdir().unwrap();
    let [step, forward, sgd] = ["a.json", "b.json", "c.json"].map(|name| folder.path().join(name));
    profile(&step, &[]);
    profile(&forward, &["--phase", "forward", "--kernels", "portable"]);
    profile(&sgd, &["--optimizer", "sgd", "--accumulate", "2", "--bk-gradient", "exact"]);
    let say =
        |a: &str, b: &str| contains(format!("A and B were not run alike: A with {a}; B with {b}"));
    let compare = |a: &Path, b: &Path, more: &[&str]| {
        flopmeter(&[&["compare", text(a), text(b)], more].concat()).assert()
    };
    let said = say("a whole step", "a forward pass alone")
        .and(say("kernels auto", "kernels portable"))
        .and(contains("with optimizer").not());
    compare(&step, &forward, &[]).success().stdout(said);
    let gate = ["--fail-on", "more:flops"];
    let passes = contains("no more flops than before, and A and B were not run alike");
    compare(&step, &forward, &gate).success().stdout(contains("PASS").and(passes));
    let fails =
        predicate::str::is_match("FAIL +flops went from .*, and A and B were not run alike");
    compare(&forward, &step, &gate).code(1).stdout(fails.unwrap());
    let said = say("batch 2", "batch 4")
        .and(say("accumulate 1", "accumulate 2"))
        .and(say("optimizer adamw", "optimizer sgd"))
        .and(say("bk_gradient hybrid", "bk_gradient exact"));
    compare(&step, &sgd, &[]).success().stdout(said);
    compare(&step, &step, &gate).success().stdout(contains("run alike").not());
}

/// A forward pass is no training step, and half precision no single one.
#[test]
fn decoders_that_were_not_run_alike_are_told() {
    let folder = tempfile::tempdir().unwrap();
    let estimate = |name: &str, more: &[&str]| {
        let path = folder.path().join(name);
        let model = ["estimate", "qwen2.5-0.5b", "-q", "--json", text(&path)];
        flopmeter(&[&model[..], more].concat()).assert().success();
        path
    };
    let (step, forward) =
        (estimate("a.json", &["--seq=16"]), estimate("b.json", &["--seq=16", "--phase=forward"]));
    let said = contains("of FLOPs by the exact count: a training step over a forward pass ")
        .and(contains("A with a whole step; B with a forward pass alone"));
    flopmeter(&["compare", text(&step), text(&forward)]).assert().success().stdout(said);
    let longer = estimate("c.json", &["--seq=17", "--recompute=layers"]);
    let said = contains("A and B are not of the same step: A with seq 16; B with seq 17")
        .and(contains("A with nothing recomputed; B with layers recomputed"));
    flopmeter(&["compare", text(&step), text(&longer)]).assert().success().stdout(said);

    let model = crate::command::golden("qwen2_full");
    let [single, half] = ["f32", "f16"].map(|precision| {
        let path = folder.path().join(precision);
        let run = ["profile", text(&model), "--batch=1", "--seq=3", "--adapter=embedded", "-q"];
        let run = [&run[..], &["--repeat=0", "--precision", precision, "--json", text(&path)]];
        flopmeter(&run.concat()).assert().success();
        path
    });
    let said = contains("A with precision f32; B with precision f16");
    flopmeter(&["compare", text(&single), text(&half)]).assert().success().stdout(said);
}

#[test]
fn one_convention_prices_both_and_versions_are_not_mixed() {
    let folder = tempfile::tempdir().unwrap();
    let [one, other] = ["a.json", "b.json"].map(|name| folder.path().join(name));
    let mut report = profile(&one, &[]);
    profile(&other, &["--convention", "ncu"]);
    for (sides, asked, convention) in [
        ([&one, &other], None, "ieee"),
        ([&other, &one], None, "ncu"),
        ([&one, &other], Some("primitive"), "primitive"),
    ] {
        let asked = asked.map(|asked| ["--convention", asked]);
        let asked = asked.as_ref().map_or(&[][..], |asked| &asked[..]);
        let both = compare(&[&sides.map(|side| text(side))[..], asked].concat());
        assert_eq!(both["convention"], convention);
        assert_eq!(both["total"]["speedup"]["measured"], 1.0);
        let saved_under = [(&one, "ieee"), (&other, "ncu")];
        for (side, path) in ["a", "b"].into_iter().zip(sides) {
            let (_, own) = saved_under.iter().find(|(its, _)| *its == path).unwrap();
            let told = both[side]["saved_under"].as_str().unwrap_or(convention);
            assert_eq!(told, *own);
        }
        let count = |side: &str| both["total"][side]["measured"].as_u64().unwrap();
        let saved = report["totals"]["measured"]["total"].as_u64().unwrap();
        assert_eq!(count("a") == saved, convention == "ieee");
    }
    // A saved report is priced as what is measured beside it.
    let asked = ["--measure", "--adapter-b", "embedded", "--repeat", "0"];
    let asked = [&asked[..], &["--convention", "primitive"]].concat();
    let both = compare(&[&[text(&one), "resnet-bk"], &SMALL[..], &asked].concat());
    assert_eq!(both["convention"], "primitive");
    assert_eq!(both["total"]["speedup"]["measured"], 1.0);
    // Where nobody says otherwise, a run follows the saved report.
    let run = ["--measure", "--adapter-b", "embedded", "--repeat", "0"];
    let both = compare(&[&[text(&other), "resnet-bk"], &SMALL[..], &run].concat());
    assert_eq!(
        (&both["convention"], &both["total"]["speedup"]["measured"]),
        (&"ncu".into(), &1.0.into())
    );

    report["schema"] = "flopmeter.profile/2".into();
    fs::write(&other, report.to_string()).unwrap();
    refused(
        &["compare", text(&one), text(&other)],
        &["b.json", "flopmeter.profile/2", "flopmeter.profile/1", "again"],
    );
}

#[test]
fn what_cannot_be_compared_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("a.json");
    let name = text(&file);
    profile(&file, &[]);
    refused(&["compare", "resnet-bk"], &["<B>"]);
    refused(&["compare", "resnet-bk", "resnet-bq"], &["no model 'resnet-bq'"]);
    refused(&["compare", name, "nothing.json"], &["nothing.json", "cannot be read"]);
    refused(
        &["compare", name, "resnet-bk", "--set-a", "d_model=4"],
        &["a.json is a saved report", "--set-a"],
    );
    refused(&["compare", name, name, "--measure"], &["--measure is about models"]);
    refused(&["compare", name, "resnet-bk", "--adapter-b", "embedded"], &["--measure"]);
    refused(&["compare", "resnet-bk", "resnet-bk", "--set-b", "d_modl=4"], &["d_modl", "d_model"]);
    refused(
        &[
            "compare",
            "resnet-bk",
            "resnet-bk",
            "--measure",
            "--adapter-b",
            "Voodoo 2",
            "--adapter-a",
            "Voodoo 2",
        ],
        &["Voodoo 2"],
    );
    let whole = fs::read(&file).unwrap();
    for (contents, says) in [
        (&whole[..whole.len() / 3], "cut short"),
        (b"[]", "no report of flopmeter"),
        (b"{\"schema\": \"flopmeter.shader/1\"}", "flopmeter.shader/1"),
        (b"{\"schema\": \"flopmeter.roofline/1\"}", "flopmeter.roofline/1', and compare takes"),
    ] {
        fs::write(&file, contents).unwrap();
        refused(&["compare", name, "resnet-bk"], &["a.json", says]);
    }
}
