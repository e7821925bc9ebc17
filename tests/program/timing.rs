//! `--min-time`: how long something is timed, as a user asks for it.

use std::fs;

use predicates::{prelude::*, str::contains};
use serde_json::Value;

use crate::command::{SMALL, flopmeter, json, refused, text};

const KERNEL: [&str; 6] = [
    "shader",
    "tests/fixtures/collatz.wgsl",
    "--dispatch=4",
    "--bind=0.0=iota:256",
    "--adapter=embedded",
    "--json=-",
];

#[test]
fn runs_go_on_for_as_long_as_was_asked() {
    let timing = |more: &[&str]| -> Value { json(&[&KERNEL[..], more].concat())["timing"].clone() };
    let once = timing(&["--repeat=1"]);
    assert_eq!(once["repeats"], 1);
    let longer = timing(&["--repeat=1", "--min-time=0.2"]);
    let of = |field: &str| longer["spread"][field].as_f64().unwrap();
    assert!(0.0 < of("min") && of("min") <= of("median") && of("median") <= of("max"));
    assert_eq!(longer["plain_seconds"], longer["spread"]["median"]);
    let repeats = longer["repeats"].as_f64().unwrap();
    assert!(repeats >= 4.0 && repeats * of("max") >= 0.2, "{longer}");
}

#[test]
fn points_of_a_sweep_are_timed_as_long_as_was_asked() {
    let folder = tempfile::tempdir().unwrap();
    let out = text(folder.path());
    let model: Vec<&str> =
        SMALL.into_iter().filter(|word| !["--seq", "5"].contains(word)).collect();
    let sweep = ["scale", "--axis=seq=4,8", "--measure", "--adapter=embedded", "--repeat=1"];
    let run = [&sweep[..], &model, &["--min-time=0.05", "--out", out]].concat();
    let report = json(&[&run[..], &["--json=-"]].concat());
    for point in report["points"].as_array().unwrap() {
        let timing = &point["timing"];
        let of = |field: &str| timing["spread"][field].as_f64().unwrap();
        assert_eq!(timing["min_seconds"], 0.05);
        let repeats = timing["repeats"].as_f64().unwrap();
        assert!(repeats >= 4.0 && repeats * of("max") >= 0.05, "{timing}");
        assert!(of("min") <= of("median") && of("median") <= of("max"), "{timing}");
    }
    // What is there was measured alike, whatever number of runs that took.
    let file = folder.path().join("seq-4.json");
    let kept = fs::read(&file).unwrap();
    let shown = contains("shortest run").and(contains("longest run"));
    flopmeter(&run).assert().success().stdout(shown);
    assert_eq!(fs::read(&file).unwrap(), kept);
    let longer =
        run.iter().map(|word| if *word == "--min-time=0.05" { "--min-time=0.1" } else { word });
    refused(&longer.collect::<Vec<_>>(), &["seq-4.json", "seconds of timed runs 0.05, not 0.1"]);
    // One run has no spread.
    let once = [&sweep[..], &model].concat();
    flopmeter(&once).assert().success().stdout(contains("shortest run").not());
}

#[test]
fn times_that_make_no_sense_are_named() {
    for time in ["-1", "0", "inf", "nan", "long", "1e9"] {
        for command in ["profile", "roofline"] {
            refused(&[command, "--min-time", time], &["--min-time", time, "number of seconds"]);
        }
        refused(&[&KERNEL[..], &["--min-time", time]].concat(), &["--min-time", time]);
    }
    let scale = ["scale", "--axis=seq=4", "--measure", "--adapter=embedded"];
    for command in [&["profile"][..], &scale] {
        let none = [command, &["--min-time=1", "--repeat=0"]].concat();
        refused(&none, &["--min-time", "--repeat 0"]);
    }
}
