//! What a model's folder holds and a run does not take: reports say it.

use std::{fs, path::Path};

use crate::command::{flopmeter, golden, json, refused, text};
use predicates::{prelude::*, str::contains};
use serde_json::Value;
use tempfile::TempDir;

/// The files of a golden folder.
fn copied(name: &str, files: &[&str]) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    for file in files {
        fs::copy(golden(name).join(file), folder.path().join(file)).unwrap();
    }
    folder
}

fn edit(path: &Path, from: &str, to: &str) {
    let before = fs::read_to_string(path).unwrap();
    assert!(before.contains(from), "{before}");
    fs::write(path, before.replace(from, to)).unwrap();
}

const RUN: [&str; 6] =
    ["--batch=1", "--seq=3", "--adapter=embedded", "--repeat=0", "--phase=forward", "-v"];

#[test]
fn weights_in_another_format_are_said_not_to_be_read() {
    let folder = copied("qwen2_full", &["config.json"]);
    let run = |folder: &TempDir| flopmeter(&[&["profile", text(folder.path())], &RUN[..]].concat());
    let said =
        contains("is not read, so that the weights are random: convert it to model.safetensors");
    // What trainers and tokenizers note beside weights holds none, and neither does a folder.
    for name in ["training_args.bin", "optimizer.bin"] {
        fs::write(folder.path().join(name), "").unwrap();
    }
    fs::create_dir(folder.path().join("pytorch_model.bin.bin")).unwrap();
    run(&folder).assert().success().stdout(said.not());
    for name in ["pytorch_model.bin", "model-Q4_K_M.gguf"] {
        let path = folder.path().join(name);
        fs::write(&path, "").unwrap();
        let said = format!("{} is not read, so that the weights are random", path.display());
        run(&folder)
            .assert()
            .success()
            .stdout(contains("weights and tokens from seed 0, ").and(contains(said)));
        fs::remove_file(path).unwrap();
    }
    fs::write(folder.path().join("pytorch_model.bin"), "").unwrap();
    fs::copy(
        golden("qwen2_full").join("model.safetensors"),
        folder.path().join("model.safetensors"),
    )
    .unwrap();
    run(&folder).assert().success().stdout(contains("is not read").not());
}

/// A model of a folder has the positions that its file states, with weights and without: figures of one with more would be
/// another model's.
#[test]
fn a_folder_without_weights_has_the_positions_of_its_file() {
    let folder = copied("gpt2", &["config.json"]);
    let model = text(folder.path());
    for command in ["estimate", "formulas", "profile"] {
        let says = ["seq = 30", "= 24, the positions that the model has", "_embeddings=30"];
        refused(&[command, model, "--seq", "30"], &says);
        let asked = [command, model, "--seq", "24", "--json", "-"];
        let asked = match command {
            "profile" => [&asked[..], &["--adapter=embedded", "--repeat=0", "-q"]].concat(),
            _ => asked.to_vec(),
        };
        flopmeter(&asked).assert().success();
    }
    let more = ["estimate", model, "--seq", "30", "--set", "n_positions=30", "--json", "-"];
    assert_eq!(json(&more)["model_config"]["max_position_embeddings"], 30);
    let sweep = flopmeter(&["scale", model, "--axis", "seq=8,16,32"]).assert().success();
    sweep.stdout(contains("seq = 32 is more than max_position_embeddings = 24"));
    refused(&["compare", model, "gpt2", "--seq", "30"], &["seq = 30"]);
    // A preset is nobody's own.
    let grown = json(&["estimate", "gpt2", "--seq", "1025", "--json", "-"]);
    assert_eq!(grown["set"], serde_json::json!(["max_position_embeddings=1025"]));
}

/// Where the report does not say where weights are from, a warning does.
#[test]
fn every_command_that_runs_a_model_says_that_weights_are_not_read() {
    let folder = copied("qwen2_full", &["config.json"]);
    fs::write(folder.path().join("pytorch_model.bin"), "").unwrap();
    let name = text(folder.path());
    let said = || contains("pytorch_model.bin is not read, so that the weights are random");
    let own = ["--batch=1", "--phase=forward"];
    for (command, is_run) in [
        (vec!["check", name, "--seq=3", "--adapter=embedded"], true),
        (
            vec![
                "compare",
                name,
                name,
                "--seq=3",
                "--measure",
                "--adapter-a=embedded",
                "--adapter-b=embedded",
            ],
            true,
        ),
        (vec!["compare", name, name, "--seq=3"], false),
        (vec!["scale", name, "--axis=seq=3", "--measure", "--adapter=embedded"], true),
        (vec!["scale", name, "--axis=seq=3"], false),
    ] {
        let ran = flopmeter(&[&command[..], &own[..]].concat()).assert().success();
        match is_run {
            true => ran.stderr(said()),
            false => ran.stderr(said().not()),
        };
    }
}

/// How every report of a model is asked for.
fn reports_of(model: &str) -> [Vec<&str>; 6] {
    [
        [&["profile", model][..], &RUN[..5]].concat(),
        [&["check", model][..], &RUN[..3]].concat(),
        vec!["estimate", model, "--seq=3"],
        vec!["formulas", model, "--seq=3"],
        vec!["compare", model, "llama-3.2-1b", "--seq=3"],
        vec!["scale", model, "--axis=seq=3,4,5"],
    ]
}

/// A field that the report has of its model, wherever it has that.
fn of_model(arguments: &[&str], field: &str) -> Value {
    let report = json(&[arguments, &["--json=-", "-q"]].concat());
    let places = [&report, &report["a"], &report["points"][0]];
    places.into_iter().find_map(|place| place.get(field)).cloned().unwrap_or_default()
}

#[test]
fn dropout_is_said_not_to_run() {
    let files =
        ["config.json", "model.safetensors", "adapter_config.json", "adapter_model.safetensors"];
    let folder = copied("qwen2_lora", &files);
    let model = text(folder.path());
    let asked = reports_of(model);
    let said = |says: &dyn Fn(&str) -> bool| {
        for arguments in &asked {
            let output = flopmeter(arguments).assert().success().get_output().stdout.clone();
            let output = String::from_utf8(output).unwrap();
            assert!(says(&output), "{arguments:?}: {output}");
        }
    };
    said(&|output| !output.contains("dropout"));

    edit(
        &folder.path().join("config.json"),
        "\"attention_dropout\": 0.0",
        "\"attention_dropout\": 0.1",
    );
    edit(
        &folder.path().join("adapter_config.json"),
        "\"lora_dropout\": 0.0",
        "\"lora_dropout\": 0.05",
    );
    let line = "dropout: attention_dropout 0.1, lora_dropout 0.05; kernels compute without it";
    said(&|output| output.lines().any(|it| it.starts_with("not run") && it.ends_with(line)));
    for arguments in &asked {
        let dropout = of_model(arguments, "dropout");
        assert_eq!(
            (&dropout["lora_dropout"], &dropout["attention_dropout"]),
            (&0.05.into(), &0.1.into())
        );
    }
}

#[test]
fn what_a_model_is_held_beside_is_said_not_to_run() {
    let folder = copied("gemma3", &["config.json"]);
    let model = text(folder.path());
    let asked = reports_of(model);
    let line = "the vision tower and its projector, beside it in its files: no figure has them";
    for held in [false, true] {
        if held {
            let path = folder.path().join("config.json");
            let own = fs::read_to_string(&path).unwrap().replace("Gemma3ForCausalLM", "");
            let own = own.replace("[\n    \"\"\n  ]", "[]");
            fs::write(&path, format!("{{\"model_type\": \"gemma3\", \"text_config\": {own}}}"))
                .unwrap();
        }
        for arguments in &asked {
            let output = flopmeter(arguments).assert().success().get_output().stdout.clone();
            let output = String::from_utf8(output).unwrap();
            let told = output.lines().any(|it| it.starts_with("not run") && it.ends_with(line));
            assert_eq!(told, held, "{arguments:?}: {output}");
            assert_eq!(of_model(arguments, "left_out")[0] == "the vision tower", held);
        }
    }
}

#[test]
fn adapters_in_an_older_format_are_named() {
    let folder = copied("qwen2_lora", &["config.json", "model.safetensors", "adapter_config.json"]);
    fs::write(folder.path().join("adapter_model.bin"), "").unwrap();
    let says = ["adapter_model.bin", "convert it to adapter_model.safetensors"];
    refused(&[&["profile", text(folder.path())], &RUN[..]].concat(), &says);
}

/// A preset goes before a folder of its name, whatever that holds.
#[test]
fn a_preset_is_checked_beside_a_folder_of_shaders_of_its_name() {
    let folder = tempfile::tempdir().unwrap();
    let shaders = folder.path().join("resnet-bk");
    fs::create_dir(&shaders).unwrap();
    fs::copy("tests/fixtures/collatz.wgsl", shaders.join("collatz.wgsl")).unwrap();
    let small =
        ["--set=d_model=8", "--set=n_layers=1", "--set=vocab_size=11", "--batch=1", "--seq=4"];
    let check = [&["check", "--phase=forward", "--adapter=embedded"], &small[..]].concat();
    flopmeter(&check).current_dir(folder.path()).assert().success();
    let other = folder.path().join("other");
    fs::rename(&shaders, &other).unwrap();
    refused(&["check", text(&other)], &["is a folder of shaders", "collatz.wgsl"]);
}
