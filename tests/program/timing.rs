//! `--min-time`: how long something is timed, as a user asks for it.

use serde_json::Value;

use crate::command::{json, refused};

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
fn times_that_make_no_sense_are_named() {
    for time in ["-1", "0", "inf", "nan", "long", "1e9"] {
        for command in ["profile", "roofline"] {
            refused(&[command, "--min-time", time], &["--min-time", time, "number of seconds"]);
        }
        refused(&[&KERNEL[..], &["--min-time", time]].concat(), &["--min-time", time]);
    }
    refused(&["profile", "--min-time=1", "--repeat=0"], &["--min-time", "--repeat 0"]);
}
