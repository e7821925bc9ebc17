//! Ceilings: measured on every executor in work that was counted, and as a user meets them.

use std::{fs, ops::ControlFlow};

use flopmeter::{
    Error,
    roofline::{PROBES, Resource, measure},
};
use predicates::str::contains;
use serde_json::Value;

use crate::command::flopmeter;

#[test]
fn every_executor_has_ceilings_in_counted_work() {
    // These buffers are larger than the race detector can watch.
    common::on_every_executor_with_races(|executor| {
        let mut told = 0;
        let mut count = |_: &str| {
            told += 1;
            ControlFlow::Continue(())
        };
        let ceilings = measure(executor, 2, &mut count).unwrap();
        assert_eq!(told, PROBES * ceilings.rounds as usize, "what a bar shows comes to its end");
        for ceiling in &ceilings.ceilings {
            let (rate, seconds) = (ceiling.rate, ceiling.seconds);
            assert!(0.0 < rate.min && rate.min <= rate.median && rate.median <= rate.max);
            assert_eq!(rate.max, ceiling.work as f64 / seconds.min, "{}", ceiling.name);
        }
        let of = |entry: &str| {
            ceilings.ceilings.iter().find(|ceiling| ceiling.kernel.entry == entry).unwrap()
        };
        // 8 vectors of 4, 8 multiply-adds in each of 128 rounds. Before them, sums of vectors of 4: two and
        // one for each accumulator but the first; after them, 7 and 3 of the rest.
        let an_invocation = 2 * 8 * 4 * 8 * 128 + 4 * (2 + 7) + 4 * 7 + 3;
        let peak = of("fma_f32_vec4");
        assert_eq!(peak.work % (256 * an_invocation), 0, "whole workgroups of 256");
        assert!(peak.work > 0);
        // All of one buffer to another, all of two to a third.
        assert_eq!(of("copy").work, of("copy").buffer_bytes);
        let triad = of("triad");
        assert_eq!(triad.work, triad.buffer_bytes - 16, "but for the uniform");
        assert_eq!(of("copy").buffer_bytes / 2, 128 << 20);

        assert!(ceilings.best(Resource::Workgroup).unwrap() > 0.0);
        assert!(ceilings.submit_and_wait.min >= ceilings.empty_dispatch.min);
        assert!(ceilings.drift.first > 0.0 && ceilings.drift.last > 0.0);
        let formats = ceilings.ceilings.iter().filter(|c| c.resource.is_compute()).count();
        assert_eq!(formats + ceilings.missing.len(), 4, "measured or named as missing");
    });
}

#[test]
fn a_measurement_can_be_broken_off() {
    let mut cpu = common::embedded();
    let error = measure(&mut cpu, 1, &mut |_| ControlFlow::Break(())).unwrap_err();
    assert!(matches!(error, Error::Interrupted(_)), "{error}");
}

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
