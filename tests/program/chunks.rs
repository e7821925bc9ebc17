//! `--kernels chunks`: what it executes, what that costs, and of which models it is refused.

use crate::command::{SMALL, golden, json, refused, text};
use serde_json::Value;

#[test]
fn chunks_cost_more_of_the_same_algebra() {
    let profile = |kernels: &str| {
        let long = ["--seq", "100", "--set", "n_seq=100"];
        let small =
            ["--batch", "2", "--set", "d_model=6", "--set", "n_layers=1", "--set", "vocab_size=23"];
        let run = ["--adapter", "embedded", "--repeat", "0", "--json", "-", "--kernels", kernels];
        json(&[&["profile"][..], &small, &long, &run].concat())
    };
    let [auto, chunks] = ["auto", "chunks"].map(profile);
    assert_eq!(chunks["verdict"]["mismatch"], 0);
    let total = |report: &Value, which: &str| report["totals"][which]["forward"].as_u64().unwrap();
    assert_eq!(total(&auto, "algebraic"), total(&chunks, "algebraic"));
    assert!(total(&auto, "measured") < total(&chunks, "measured"));
    assert!(
        chunks["schedule_costs"].as_array().unwrap().iter().any(|cost| cost["reason"] == "chunks"),
        "{}",
        chunks["schedule_costs"]
    );
    let by_chunks = |report: &Value| {
        let passes = report["passes"].as_array().unwrap().clone();
        let passes =
            passes.into_iter().filter_map(|pass| Some(pass["kernel"].as_str()?.to_owned()));
        passes.filter(|kernel| kernel.contains("bk_core_chunks.")).count()
    };
    assert_eq!((by_chunks(&auto), by_chunks(&chunks)), (0, 2));
}

#[test]
fn a_model_without_recursions_refuses_chunks() {
    let model = golden("qwen2_full");
    for command in ["profile", "check"] {
        let asked = [command, text(&model), "--kernels", "chunks", "--adapter", "embedded"];
        refused(&asked, &["'chunks'", "BK-Core", "has none", "--kernels auto"]);
    }
    // Nothing to share there, but nothing amiss.
    json(
        &[
            &["profile"][..],
            &SMALL,
            &["--kernels", "chunks", "--repeat", "0", "--adapter", "embedded", "--json", "-"],
        ]
        .concat(),
    );
}
