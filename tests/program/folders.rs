//! What a model's folder holds and a run does not take: reports say it.

use std::{fs, path::Path};

use crate::command::{flopmeter, golden, json, text};
use predicates::{prelude::*, str::contains};
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
    // What a trainer notes beside its weights holds none.
    fs::write(folder.path().join("training_args.bin"), "").unwrap();
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

#[test]
fn dropout_is_said_not_to_run() {
    let files =
        ["config.json", "model.safetensors", "adapter_config.json", "adapter_model.safetensors"];
    let folder = copied("qwen2_lora", &files);
    let model = text(folder.path());
    let asked = [
        [&["profile", model][..], &RUN[..5]].concat(),
        vec!["estimate", model, "--seq=3"],
        vec!["formulas", model, "--seq=3"],
    ];
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
        let report = json(&[&arguments[..], &["--json=-", "-q"]].concat());
        assert_eq!(report["dropout"]["lora_dropout"], 0.05, "{report}");
        assert_eq!(report["dropout"]["attention_dropout"], 0.1);
    }
}
