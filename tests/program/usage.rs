//! The command line: help, and what is refused before anything runs, each in one message that names it.

use std::collections::BTreeSet;

use flopmeter::family::Family;

use crate::command::{flopmeter, refused};
use predicates::{prelude::*, str::contains};

#[test]
fn help_names_every_command_and_the_exit_codes() {
    let said = contains("profile").and(contains("check")).and(contains("estimate"));
    let said = said.and(contains("adapters")).and(contains("Exit codes"));
    flopmeter(&["--help"]).assert().success().stdout(said).stderr("");
    flopmeter(&["--version"]).assert().success().stdout(contains(env!("CARGO_PKG_VERSION")));
}

/// The list is nowhere else.
#[test]
fn help_and_manual_of_what_takes_a_model_list_every_preset() {
    let words = |arguments: &[&str]| {
        let text = flopmeter(arguments).assert().success().get_output().stdout.clone();
        let text = String::from_utf8(text).unwrap().replace("\\-", "-");
        text.split([',', ' ', '\n']).map(str::to_owned).collect::<BTreeSet<_>>()
    };
    for command in ["profile", "check", "estimate", "formulas", "compare", "scale"] {
        for listed in [words(&[command, "--help"]), words(&["man", command])] {
            let mut presets = Family::presets();
            let lost = presets.find(|(preset, _)| !listed.contains(*preset));
            assert_eq!(lost, None, "{command}");
        }
    }
    for command in ["shader", "run"] {
        assert!(!words(&[command, "--help"]).contains("Presets:"), "{command}");
        assert!(!words(&["man", command]).contains("PRESETS"), "{command}");
    }
}

#[test]
fn slips_of_the_keyboard_are_usage_errors() {
    flopmeter(&[]).assert().code(2).stdout("").stderr(contains("Usage: flopmeter"));
    refused(&["profle"], &["profle", "profile"]);
    refused(&["profile", "--optimizer", "adamm"], &["adamm", "adamw, adam, sgd"]);
    refused(&["profile", "--convention", "nvidia"], &["ieee, primitive, ncu"]);
    refused(&["profile", "--batch", "-1"], &["-1"]);
    refused(&["profile", "qwen2.5-0.5b", "--lora-rank", "0"], &["--lora-rank", "0"]);
    refused(&["profile", "--lora-rank", "8"], &["lora_rank"]);
    refused(&["profile", "qwen2.5-0.5b", "--bk-gradient", "exact"], &["--bk-gradient", "BK-Core"]);
    refused(&["estimate", "--ffn-ratio", "4"], &["ratio"]);
    refused(&["estimate", "qwen2.5-0.5b", "--ffn-ratio", "0"], &["intermediate_size"]);
    for budget in ["0.5", "1e39", "much", "inf"] {
        refused(&["estimate", "--budget", budget], &["--budget"]);
    }
    refused(&["profile", "--batch", "4294967296"], &["4294967296"]);
}

#[test]
fn questions_about_many_steps_that_make_no_sense_are_answered_before_anything_runs() {
    for command in ["estimate", "profile"] {
        let refused = |arguments: &[&str], says: &[&str]| {
            refused(&[&[command], arguments].concat(), says);
        };
        refused(&["--steps", "0"], &["steps is 0"]);
        refused(&["--tokens", "0"], &["tokens is 0"]);
        refused(&["--steps", "2", "--tokens", "2"], &["--steps", "--tokens"]);
        refused(&["--steps", "1.5"], &["--steps", "whole number"]);
        refused(&["--tokens", "1e30"], &["--tokens", "whole number"]);
        refused(&["--steps", "1e18"], &["overflow", "lower steps"]);
        refused(&["--mfu", "0.4"], &["--peak"]);
        for (peak, mfu, says) in [
            ("0", "0.4", "peak of 0"),
            ("inf", "0.4", "peak of inf"),
            ("1e12", "40", "(MFU) of 40"),
        ] {
            refused(&["--peak", peak, "--mfu", mfu], &[says]);
        }
        refused(&["--peak", "fast"], &["--peak", "fast"]);
    }
}

#[test]
fn models_and_shapes_that_make_no_sense_are_named() {
    for command in ["profile", "check", "estimate"] {
        let refused = |arguments: &[&str], says: &[&str]| {
            refused(&[&[command], arguments].concat(), says);
        };
        refused(&["resnet-bq"], &["no model 'resnet-bq'", "resnet-bk"]);
        refused(&["--set", "d_model"], &["KEY=VALUE"]);
        refused(&["--set", "d_modl=3"], &["d_modl", "d_model"]);
        refused(&["--set", "top_k=5"], &["top_k = 5", "num_experts = 4"]);
        refused(&["--set", "d_model=0"], &["d_model"]);
        refused(&["--batch", "0"], &["batch is 0"]);
        refused(&["--seq", "129", "--set", "n_seq=128"], &["seq = 129", "n_seq = 128"]);
        refused(&["--batch", "4294967295"], &["batch"]);
    }
}

#[test]
fn what_is_scaled_up_keeps_no_tensors() {
    let asked = ["profile", "qwen2.5-0.5b", "--extrapolate", "--save-tensors", "-"];
    refused(&asked, &["--extrapolate", "--save-tensors"]);
    refused(&["profile", "--extrapolate", "--adapter", "embedded"], &["--extrapolate", "experts"]);
}

#[test]
fn results_that_cannot_be_written_are_found_before_the_run() {
    for option in ["--json", "--save-tensors"] {
        // The model is wrong too: had the run been begun, the message would be about that.
        refused(
            &["profile", "nothing", option, "/nonexistent/out"],
            &["/nonexistent/out", "written"],
        );
    }
    refused(&["profile", "--json", "-", "--save-tensors", "-"], &["--json", "--save-tensors"]);
}
