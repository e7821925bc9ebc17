//! `flopmeter formulas` as a user types it: what it prints, and what it refuses and how.

use assert_cmd::Command;
use predicates::{prelude::*, str::contains};
use serde_json::Value;

use crate::command::{flopmeter, json};

fn command(arguments: &[&str]) -> Command {
    flopmeter(&[&["formulas"], arguments].concat())
}

fn report(arguments: &[&str]) -> Value {
    program(&[&["formulas"], arguments].concat())
}

#[test]
fn the_exact_count_stands_beside_what_is_published() {
    let report = report(&["qwen2.5-0.5b", "--batch", "1", "--seq", "512"]);
    assert_eq!(report["schema"], "flopmeter.formulas/1");
    assert_eq!(report["exact"]["products"]["forward"], 528_364_863_488_u64);
    let formulas = report["formulas"].as_array().unwrap();
    let trainer = formulas.iter().find(|row| row["id"] == "hf-trainer").unwrap();
    assert_eq!(trainer["value"], 1_099_463_000_064_u64);
    let exact = report["exact"]["algebraic"]["total"].as_i64().unwrap();
    let causes = trainer["causes"].as_array().unwrap();
    let sum: i64 = causes.iter().map(|cause| cause["flops"].as_i64().unwrap()).sum();
    assert_eq!(sum, 1_099_463_000_064 - exact);
    let table = command(&["mixtral-8x7b", "--seq", "128"]).assert().success();
    table.stdout(contains("no kernel was executed").and(contains("NVIDIA/Megatron-LM")));
}

/// Positions that are learned are as many as a sequence takes, and the longest of those that are packed.
#[test]
fn learned_positions_are_parameters_of_n() {
    let parameters = |arguments: &[&str]| {
        report(&[&["gpt2"], arguments].concat())["training"]["parameters"].as_u64().unwrap()
    };
    assert_eq!(parameters(&["--seq", "1024"]), 124_439_808);
    assert_eq!(parameters(&["--pack", "1000,1024"]), 124_439_808);
    assert_eq!(parameters(&["--seq", "1025"]), 124_439_808 + 768);
    // Without a length, no more than there are.
    let few = report(&["gpt2", "--set", "n_positions=64"]);
    assert_eq!(few["training"]["parameters"], 124_439_808 - (1024 - 64) * 768);
    command(&["gpt2", "--seq", "9", "--set", "n_positions=8"])
        .assert()
        .code(2)
        .stderr(contains("seq = 9 is more than max_position_embeddings = 8"));
}

#[test]
fn adapters_cost_less_than_full_training_and_recomputation_stands_beside() {
    let total = |arguments: &[&str]| {
        let report = report(&[&["llama-3.2-1b"], arguments].concat());
        let exact = report["exact"].clone();
        (exact["algebraic"]["total"].as_u64().unwrap(), exact["recomputed"].as_u64().unwrap())
    };
    let (full, none) = total(&[]);
    let (adapters, _) = total(&["--lora-rank", "8", "--lora-targets", "all-linear"]);
    let (same, again) = total(&["--recompute", "layers"]);
    assert!(adapters < full && none == 0 && same == full && again > 0);
}

#[test]
fn a_few_formulas_are_shown_whole() {
    let few = report(&["--formula", "palm,6nt"]);
    let ids: Vec<&str> =
        few["formulas"].as_array().unwrap().iter().map(|row| row["id"].as_str().unwrap()).collect();
    assert_eq!(ids, ["6nt", "palm"]);
    let table = command(&["--formula", "6nt"]).assert().success();
    let its = contains("6 N T").and(contains("charged beyond the exact count"));
    table.stdout(its.and(contains("kaplan").not()).and(contains(" to products ")));
    // With adapters, the products that a formula for full training is held against are not those of the step.
    let table = command(&["--formula", "6nt", "--lora-rank", "8"]).assert().success();
    table.stdout(
        contains("to products if all trains").and(contains(
            "the ratio to the matrix products of a step that trains every parameter",
        )),
    );
}

#[test]
fn what_makes_no_sense_is_refused_with_the_way_out() {
    let refused = |arguments: &[&str], parts: &[&str]| {
        let run = command(arguments).assert().code(2).stdout("");
        for part in parts {
            command(arguments).assert().stderr(contains(*part));
        }
        drop(run);
    };
    refused(&["nothing"], &["no model 'nothing'", "llama-3.1-8b"]);
    refused(&["resnet-bk"], &["ResNet-BK is no decoder"]);
    refused(&["--formula", "6nt,plam"], &["no formula 'plam'", "did you mean 'palm'?"]);
    refused(&["--formula", "chinch"], &["'chinchilla'", "'chinchilla-gqa'"]);
    refused(&["--pack", "10,20", "--seq", "31"], &["add up to 30", "31"]);
    refused(&["--pack", "10,0"], &["0"]);
    refused(&["--batch", "4000000000", "--seq", "4000"], &["tokens", "lower"]);
    refused(
        &["mixtral-8x7b", "--set", "num_experts_per_tok=9"],
        &["num_experts_per_tok is 9", "= 8"],
    );
    refused(&["mistral-7b", "--set", "sliding_window=0"], &["sliding_window is 0"]);
    refused(&["--lora-rank", "8", "--lora-targets", "w1"], &["'w1'", "q_proj"]);
    refused(&["--set", "hidden_siez=3"], &["'hidden_siez'"]);
    refused(&["mixtral-8x7b", "--set", "model_type=qwen2"], &["num_local_experts", "mixtral"]);
}

/// Nothing is allocated, whatever the model's size: its weights would not fit the memory of this machine.
#[test]
fn the_largest_preset_needs_no_weights() {
    command(&["llama-3.1-70b", "--seq", "8192", "--lora-rank", "8"]).assert().success();
}

fn program(arguments: &[&str]) -> Value {
    json(&[arguments, &["--json", "-"]].concat())
}

#[test]
fn adapters_do_not_cost_more_than_full_training_in_a_comparison() {
    let compared = ["compare", "qwen2.5-0.5b", "qwen2.5-0.5b", "--set-b", "lora_rank=8"];
    let report = program(&compared);
    let total = |side: &str| report[side]["exact"]["algebraic"]["total"].as_u64().unwrap();
    assert!(total("b") < total("a"), "{} {}", total("a"), total("b"));
    let said = contains("by the exact count: a training step 1.4").and(contains("exact A"));
    flopmeter(&compared).assert().success().stdout(said);
}

#[test]
fn estimates_and_sweeps_have_the_exact_count_beside_them() {
    let estimate = program(&["estimate", "qwen2.5-0.5b", "--budget", "1e17"]);
    assert_eq!(estimate["exact"]["products"]["forward"], 528_364_863_488_u64);
    let exact = estimate["exact"]["algebraic"]["total"].as_u64().unwrap();
    let steps = estimate["exact_forecast"]["budget"]["steps"].as_u64().unwrap();
    assert_eq!(steps, 100_000_000_000_000_000 / exact);
    assert!(program(&["estimate"]).get("exact").is_none());
    let sweep = program(&["scale", "qwen2.5-0.5b", "--axis", "seq=128,256,512"]);
    assert_eq!(sweep["points"][2]["exact"], estimate["exact"]);
    // So has every other decoder, and the formulas are held against the same.
    let large = ["llama-3.1-70b", "--seq", "4096"];
    let estimate = program(&[&["estimate"], &large[..]].concat());
    let formulas = report(&large);
    for scope in ["forward", "backward", "optimizer", "total"] {
        let exact = |report: &Value| report["exact"]["algebraic"][scope].as_u64().unwrap();
        assert_eq!(exact(&estimate), exact(&formulas), "{scope}");
    }
}

/// A budget pays for what is computed again, a sweep has it in its exact count, and the HFU that an MFU comes to is said.
#[test]
fn what_is_computed_again_costs_what_it_costs() {
    let model = ["qwen2.5-0.5b", "--recompute", "layers"];
    let asked = ["--budget", "1e17", "--peak", "67e12", "--mfu", "0.4"];
    let estimate = program(&[&["estimate"], &model[..], &asked[..]].concat());
    let exact = |name: &str| estimate["exact"][name].as_u64().unwrap();
    let needed = estimate["exact"]["algebraic"]["total"].as_u64().unwrap();
    let (again, executed) = (exact("recomputed"), needed + exact("recomputed"));
    let forecast = &estimate["forecasts"][0];
    assert!(again > 0);
    assert_eq!(forecast["count"], "exact");
    assert_eq!(forecast["step"], executed);
    assert_eq!(forecast["budget"]["steps"], 100_000_000_000_000_000 / executed);
    assert_eq!(estimate["forecasts"][1]["counts_recomputed"], false);
    let hfu = format!("an HFU of {:.3}", 0.4 * executed as f64 / needed as f64);
    flopmeter(&[&["estimate"], &model[..], &asked[..]].concat())
        .assert()
        .success()
        .stdout(contains(hfu));
    let sweep = [&["scale"], &model[..], &["--axis", "seq=256,512", "--csv", "-"]].concat();
    flopmeter(&sweep).assert().success().stdout(contains(executed.to_string()));
}

/// A forward pass has no backward pass, neither where it is priced nor where two are compared.
#[test]
fn a_forward_pass_is_shown_by_itself() {
    let both = ["compare", "llama-3.2-1b", "qwen3-0.6b", "--phase", "forward"];
    for asked in [&["estimate", "llama-3.2-1b", "--inference"][..], &both] {
        let table = flopmeter(asked).assert().success();
        table.stdout(
            contains("forward").and(contains("backward").not()).and(contains("optimizer").not()),
        );
    }
}

/// 8 devices of 989.5 TFLOP/s at 40 %: worked out from the exact count that the same report states.
#[test]
fn budgets_are_by_the_exact_count_first_and_by_three_meanings_of_n() {
    let asked = ["--tokens", "1e9", "--peak", "h100-bf16", "--devices", "8", "--mfu", "0.4"];
    let report = report(&[&["llama-3.1-70b", "--seq", "4096"], &asked[..]].concat());
    let forecasts = report["forecasts"].as_array().unwrap();
    let names: Vec<&str> = forecasts.iter().map(|f| f["count"].as_str().unwrap()).collect();
    assert_eq!(names[0], "exact");
    assert_eq!(names.iter().filter(|name| name.starts_with("6 N T")).count(), 3);
    let step = report["exact"]["algebraic"]["total"].as_u64().unwrap();
    assert_eq!(forecasts[0]["step"], step);
    assert_eq!(forecasts[0]["peak"]["flops_per_second"], 8.0 * 989.5e12);
    let seconds = forecasts[0]["seconds"]["stated"].as_f64().unwrap();
    assert_eq!(seconds, step as f64 / (8.0 * 989.5e12 * 0.4));
    let table = command(&[&["llama-3.1-70b"], &asked[..]].concat()).assert().success();
    table.stdout(contains("tokens/s").and(contains("in the layers and the last norm")));
    let unknown = command(&["--peak", "h100"]).assert().code(2).stdout("");
    unknown.stderr(contains("known are h100-bf16, h100-fp8"));
    let unknown = command(&["--peak", "abacus"]).assert().code(2).stdout("");
    unknown.stderr(contains("h100-bf16").and(contains("67e12")));
}
