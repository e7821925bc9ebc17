//! `flopmeter estimate`: the published figures, as a table, as JSON and in a file.

use std::fs;

use crate::command::{flopmeter, json, refused, text, without_drivers};
use predicates::{prelude::*, str::contains};
use serde_json::{Value, json};

#[test]
fn an_estimate_is_the_published_one() {
    let estimate = json(&["estimate", "--steps", "1000", "--json", "-"]);
    assert_eq!(estimate["schema"], "flopmeter.estimate/1");
    let total = &estimate["total_flops"];
    assert_eq!(total["forward"], 16_287_760_384_u64);
    assert_eq!(total["backward"], 32_568_016_896_u64);
    assert_eq!(total["optimizer"], 62_191_800_u64);
    assert_eq!(total["total"], 48_917_969_080_u64);
    assert_eq!(estimate["component_breakdown"]["layer_3"]["forward"], 139_386_880_u64);
    assert_eq!(estimate["optimizer"], "adamw");
    assert_eq!(estimate["experiment"]["total"], 48_917_969_080_000_u64);

    let forward = json(&["estimate", "--steps", "10", "--phase", "forward", "--json", "-"]);
    assert_eq!(forward["experiment"]["total"], 162_877_603_840_u64);
    let alone = json!({"forward": 16_287_760_384_u64, "backward": 0, "optimizer": 0, "total": 16_287_760_384_u64});
    assert_eq!(forward["total_flops"], alone);
    assert_eq!(forward["component_breakdown"]["layer_3"]["total"], 139_386_880_u64);
    let printed = flopmeter(&["estimate", "--phase", "forward"]).assert().success();
    printed.stdout(contains("tokens; forward pass only\n").and(contains("adamw").not()));
    let decoder = ["estimate", "qwen2.5-0.5b", "--phase", "forward", "--json", "-"];
    let exact = &json(&decoder)["exact"];
    for count in ["algebraic", "schedule", "products"] {
        assert_eq!(exact[count]["total"], exact[count]["forward"], "{count}");
        assert_eq!(exact[count]["backward"], 0, "{count}");
    }
    assert_eq!(json(&["estimate", "--json", "-"])["experiment"], Value::Null);
    refused(&["estimate", "--steps", "0"], &["steps is 0"]);

    let table = contains("16,287,760,384").and(contains("48,917,969,080"));
    without_drivers(&mut flopmeter(&["estimate"])).assert().success().stdout(table).stderr("");
}

#[test]
fn qwens_estimate_is_the_published_one_function_by_function() {
    let arguments = ["estimate", "qwen2.5-0.5b", "--batch", "4", "--lora-rank", "8"];
    let estimate = json(&[&arguments[..], &["--steps", "1000", "--json", "-"]].concat());
    assert_eq!(estimate["per_function"]["model"], 1_832_011_464_704_u64);
    assert_eq!(estimate["total_flops"]["total"], 3 * 1_832_011_464_704_u64);
    assert_eq!(estimate["experiment"]["total"], 5_496_034_394_112_000_u64);
    assert_eq!(estimate["model_config"]["lora_rank"], 8);
    let more = ["--steps", "2", "--inference", "--budget", "1e17", "--json", "-"];
    let estimate = json(&[&arguments[..], &more].concat());
    assert_eq!(estimate["experiment"]["total"], 2 * 1_832_011_464_704_u64);
    assert_eq!(estimate["budget"]["steps"], 54_584);
    // The published ratio is that of the 0.5B's own width.
    let ratio = format!("{}", 4864.0 / 896.0);
    let again = json(&[&arguments[..], &["--ffn-ratio", &ratio, "--json", "-"]].concat());
    assert_eq!(again["per_function"], estimate["per_function"]);
}

#[test]
fn an_estimate_is_written_to_a_file_beside_its_table() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("estimate.json");
    flopmeter(&["estimate", "--json", text(&path)]).assert().success().stdout(contains("lm_head"));
    let written: Value = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
    assert_eq!(written["schema"], "flopmeter.estimate/1");
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    refused(&["estimate", "--json", "/nonexistent/e.json"], &["/nonexistent/e.json"]);
}

#[test]
fn an_estimate_names_its_model_and_what_was_changed_of_it() {
    let first = |arguments: &[&str]| {
        let output = without_drivers(&mut flopmeter(arguments)).assert().success();
        let output = String::from_utf8(output.get_output().stdout.clone()).unwrap();
        output.lines().next().unwrap().to_owned()
    };
    let plain = first(&["estimate", "qwen2.5-0.5b"]);
    assert!(plain.starts_with("model     qwen2.5-0.5b: model_type qwen2, "), "{plain}");
    let set = ["--set", "num_hidden_layers=2", "--lora-rank", "8", "--ffn-ratio", "4"];
    let changed = first(&[&["estimate", "qwen2.5-0.5b"][..], &set].concat());
    let said = "model     qwen2.5-0.5b with num_hidden_layers=2, lora_rank=8, ffn_ratio=4: model_type qwen2, ";
    assert!(changed.starts_with(said), "{changed}");
    let file = json(&[&["estimate", "qwen2.5-0.5b", "--json", "-"][..], &set].concat());
    assert_eq!(file["model"], "qwen2.5-0.5b");
    assert_eq!(
        file["set"],
        serde_json::json!(["num_hidden_layers=2", "lora_rank=8", "ffn_ratio=4"])
    );
}

/// The exact count by part is the exact count, and tells of what is in no matrix product.
#[test]
fn the_parts_of_the_exact_count_are_all_of_it() {
    let step = ["estimate", "pythia-70m", "--batch", "1", "--seq", "8", "--recompute", "layers"];
    let estimate = json(&[&step[..], &["--json", "-"]].concat());
    let items = estimate["exact_items"].as_array().unwrap();
    let flops = |item: &Value| item["flops"].as_u64().unwrap();
    let sum: u64 = items.iter().map(flops).sum();
    let exact = &estimate["exact"];
    let [algebraic, again] = [&exact["algebraic"]["total"], &exact["recomputed"]];
    assert_eq!(sum, algebraic.as_u64().unwrap() + again.as_u64().unwrap());
    // gelu by erf, of 8 tokens in 6 layers: 19 FLOPs a number forward, and again, 21 backward.
    let numbers = 6 * 8 * 2048;
    let activation = items.iter().filter(|item| item["name"] == "layer_*.activation");
    let activation: Vec<(&Value, u64)> =
        activation.map(|item| (&item["phase"], flops(item))).collect();
    let phases = [("forward".into(), 19), ("backward".into(), 21), (Value::Null, 19)];
    for (phase, each) in &phases {
        assert!(activation.contains(&(phase, each * numbers)), "{activation:?}");
    }
    let told = contains("exact of").and(contains("layer_*.activation, recomputed"));
    flopmeter(&step).assert().success().stdout(told);
    // A forward pass has no more than that.
    let forward = json(&[&step[..6], &["--phase", "forward", "--json", "-"]].concat());
    let items = forward["exact_items"].as_array().unwrap();
    assert!(items.iter().all(|item| item["phase"] == "forward"));
    assert_eq!(items.iter().map(flops).sum::<u64>(), forward["exact"]["algebraic"]["total"]);
}
