//! Ceilings as a user meets them.

use std::fs;

use predicates::str::contains;
use serde_json::Value;

use crate::command::flopmeter;

#[test]
fn ceilings_are_a_table_a_document_and_a_drawing() {
    if common::gpu().is_none() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let [json, svg] = ["ceilings.json", "ceilings.svg"].map(|name| folder.path().join(name));
    let (json_path, svg_path) = (json.to_str().unwrap(), svg.to_str().unwrap());
    flopmeter(&["roofline", "--repeat", "1", "--json", json_path, "--svg", svg_path])
        .assert()
        .success()
        .stderr("")
        .stdout(contains("multiply-add f32 vec4"))
        .stdout(contains("storage triad"))
        .stdout(contains("402.7 MB"))
        .stdout(contains("Traffic is what kernels ask for"))
        .stdout(contains("dispatch  an empty one takes"));
    let report: Value = serde_json::from_slice(&fs::read(&json).unwrap()).unwrap();
    assert_eq!(report["schema"], "flopmeter.roofline/1");
    assert_eq!(report["ceilings"][0]["resource"], "f32");
    assert_eq!(report["ceilings"][0]["kernel"], "roofline.fma_f32_vec4");
    assert!(report["ceilings"][0]["rate"]["median"].as_f64().unwrap() > 0.0);
    let drawing = fs::read_to_string(&svg).unwrap();
    assert!(drawing.starts_with("<svg") && drawing.ends_with("</svg>\n"), "whole");
    assert!(drawing.contains("storage triad:"));
}

#[test]
fn a_kernel_is_placed_under_the_ceilings_of_its_run() {
    if common::gpu().is_none() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let svg = folder.path().join("placed.svg");
    let assert = flopmeter(&["shader", "shaders/roofline.wgsl", "--entry", "triad"])
        .args(["--override", "LANES=256", "--dispatch", "4096", "--bind", "0.0=values:0.5,1,2"])
        .args(["--bind", "0.2=random:4194304", "--bind", "0.3=random:4194304"])
        .args(["--bind", "0.4=zeros:4194304", "--roofline", "--json", "-"])
        .args(["--svg", svg.to_str().unwrap()])
        .assert()
        .success();
    let report: Value = serde_json::from_slice(&assert.get_output().stdout).unwrap();
    let place = &report["roofline"];
    // The bandwidth is the best of all runs of copy and triad; two FLOPs for each twelve bytes.
    let storage = report["ceilings"]["ceilings"].as_array().unwrap().iter();
    let storage = storage.filter(|ceiling| ceiling["resource"] == "storage");
    let best = storage.map(|c| c["rate"]["max"].as_f64().unwrap()).fold(0.0, f64::max);
    let attainable = place["attainable_flops_per_second"].as_f64().unwrap();
    assert!((attainable / (best / 6.0) - 1.0).abs() < 1e-9, "rounding of a few operations");
    let reached = report["flops"].as_f64().unwrap() / report["seconds"].as_f64().unwrap();
    let share = place["share"].as_f64().unwrap();
    assert!((share / (reached / attainable) - 1.0).abs() < 1e-9, "rounding of a few operations");
    // Something else that runs here may keep it from half of that.
    assert_eq!(place["bound"], if share < 0.5 { "none" } else { "memory" });
    assert!(fs::read_to_string(&svg).unwrap().contains(">triad: "));
}

#[test]
fn a_training_step_is_placed_pass_by_pass() {
    if common::gpu().is_none() {
        return;
    }
    let small = ["--batch", "1", "--seq", "8", "--set", "vocab_size=64", "--set", "n_layers=1"];
    let assert = flopmeter(&["profile", "--repeat", "1", "--roofline", "--json", "-"])
        .args(small)
        .assert()
        .success();
    let report: Value = serde_json::from_slice(&assert.get_output().stdout).unwrap();
    assert_eq!(report["ceilings"]["repeats"], 7);
    for pass in report["passes"].as_array().unwrap() {
        let traffic =
            ["storage.load_bytes", "storage.store_bytes"].map(|key| &pass["traffic"][key]);
        let touched = pass["flops"] != 0 || traffic.iter().any(|bytes| bytes.is_u64());
        assert_eq!(pass["roofline"]["share"].as_f64().is_some_and(|s| s > 0.0), touched, "{pass}");
    }
}

#[test]
fn a_drawing_needs_ceilings_and_a_place_of_its_own() {
    flopmeter(&["profile", "--svg", "x.svg"]).assert().code(2).stderr(contains("--roofline"));
    flopmeter(&["roofline", "--svg", "-", "--json", "-"])
        .assert()
        .code(2)
        .stdout("")
        .stderr(contains("--svg and --json name the same place"));
    flopmeter(&["roofline", "--svg", "/nowhere/x.svg"])
        .assert()
        .code(2)
        .stderr(contains("/nowhere/x.svg"));
}
