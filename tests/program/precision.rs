//! `--precision`: which models and commands take it, and what reports say of it.

use crate::command::{flopmeter, golden, json, refused, text};
use flopmeter::execute::Executor as _;
use predicates::{prelude::*, str::contains};
use serde_json::Value;

const EMBEDDED: [&str; 6] = ["--adapter", "embedded", "--repeat", "0", "--json", "-"];

fn profile(more: &[&str]) -> Value {
    let model = golden("qwen2_lora");
    json(&[&["profile", text(&model)], more, &EMBEDDED].concat())
}

#[test]
fn a_model_without_narrow_products_refuses_them_by_name() {
    for command in ["profile", "check", "compare"] {
        let model: &[&str] = if command == "compare" { &["resnet-bk", "resnet-bk"] } else { &[] };
        let arguments = [&[command], model, &["--precision", "f16"]].concat();
        refused(&arguments, &["--precision", "resnet-bk has no products in half precision"]);
    }
    refused(&["profile", "qwen2.5-0.5b", "--precision", "bf16"], &["bf16", "f32, f16"]);
    refused(&["estimate", "qwen2.5-0.5b", "--precision", "f16"], &["--precision", "profile"]);
}

#[test]
fn reports_name_the_precision_and_count_in_it() {
    let [wide, narrow] = [profile(&[]), profile(&["--precision", "f16"])];
    assert_eq!([&wide["precision"], &narrow["precision"]], ["f32", "f16"]);
    let ops = |report: &Value, op: &str| -> u64 {
        let passes = report["passes"].as_array().unwrap();
        passes.iter().filter_map(|pass| pass["ops"][op].as_u64()).sum()
    };
    assert_eq!(ops(&wide, "f16.mul"), 0);
    let products = ops(&narrow, "f16.mul");
    assert!(products > 0 && ops(&wide, "f32.fma") > products, "attention has multiply-adds, too");
    assert_eq!(ops(&wide, "f32.fma") - ops(&narrow, "f32.fma"), products);
    assert_eq!(narrow["verdict"]["mismatch"], 0);
    let forward = |report: &Value| report["totals"]["measured"]["forward"].as_u64().unwrap();
    assert_eq!(forward(&wide), forward(&narrow), "FLOPs are the same");
    let causes = narrow["causes"].as_array().unwrap();
    assert!(causes.iter().any(|cause| cause["subject"] == "loss scale"), "{causes:?}");
}

#[test]
fn kernels_of_matrices_are_for_half_precision() {
    let model = golden("qwen2_full");
    let matrix = ["profile", text(&model), "--kernels", "matrix"];
    let embedded = [&matrix[..], &EMBEDDED].concat();
    let said =
        ["'matrix'", "half precision", "other sets need none (--precision f16, or --kernels auto)"];
    refused(&embedded, &said);
    let bk = ["profile", "--kernels", "matrix", "--adapter", "embedded", "--batch", "1"];
    refused(&bk, &["resnet-bk", "half precision"]);
    let half = ["--precision", "f16", "--subgroup-size", "16"];
    let odd = ["--batch", "1", "--seq", "5"];
    let said = ["'matrix'", "whole matrices of 16 x 16", "(--kernels auto)"];
    refused(&[&embedded[..], &half, &odd].concat(), &said);
    let report = json(&[&embedded[..], &half].concat());
    assert_eq!(report["verdict"]["mismatch"], 0);
    let passes = report["passes"].as_array().unwrap();
    let by_matrices = |pass: &&Value| pass["kernel"].as_str().unwrap().contains("linear_matrix.");
    let op = |pass: &Value, op: &str| pass["ops"][op].as_u64();
    for pass in passes.iter().filter(by_matrices) {
        assert_eq!(op(pass, "f32.convert"), None, "{pass}");
        assert!(op(pass, "f16.mul") > Some(0) && op(pass, "f32.add") >= op(pass, "f16.mul"));
    }
    assert!(passes.iter().filter(by_matrices).count() > 4, "whole matrices are multiplied");
    // An adapter that has none says so.
    let limits = common::gpu().map(|gpu| gpu.adapter().limits);
    if limits.is_some_and(|limits| limits.matrix_side.is_none()) {
        let asked = [&matrix[..], &["--precision", "f16"]].concat();
        refused(&asked, &["cooperative matrices", "--kernels auto, or --adapter embedded"]);
    }
}

#[test]
fn what_compares_says_what_it_compares() {
    let folder = tempfile::tempdir().unwrap();
    let model = golden("qwen2_lora");
    let [a, b] = ["f32", "f16"].map(|precision| {
        let path = folder.path().join(format!("{precision}.json"));
        let arguments = ["profile", text(&model), "--precision", precision, "--repeat", "0"];
        let arguments = [&arguments[..], &["--adapter", "embedded", "--json", text(&path)]];
        flopmeter(&arguments.concat()).assert().success();
        path
    });
    flopmeter(&["compare", text(&a), text(&b)])
        .assert()
        .success()
        .stdout(contains("f32 products").and(contains("f16 products")));
    let arguments = ["check", text(&model), "--precision", "f16", "--adapter", "embedded"];
    flopmeter(&arguments).assert().success().stdout(contains("f16 products"));
    let report = json(&[&arguments[..], &["--json", "-"]].concat());
    assert_eq!(
        (&report["precision"], &report["tolerance"]),
        (&"f16".into(), &(1.0 / 128.0).into())
    );
    let scale = ["scale", text(&model), "--axis", "seq=4,8", "--precision", "f16"];
    flopmeter(&scale).assert().success().stdout(contains("f16 products"));
    let forward = ["profile", text(&model), "--phase", "forward", "--precision", "f16"];
    let forward = [&forward[..], &["--adapter", "embedded", "--repeat", "0"]].concat();
    flopmeter(&forward).assert().success().stdout(contains("forward pass only, f16 products"));
}
