//! Models and batches as files: what is wrong with one, or too large in it, is one message that names the file.

use std::{fs, io::Write as _, path::Path};

use crate::command::{SMALL, flopmeter, golden, refused, text};
use flopmeter::model::Model;
use predicates::{prelude::*, str::contains};
use serde_json::Value;

/// What the adapter takes and the host's memory does not: a large batch, and a large checkpoint, which is
/// mapped and so no trouble by itself.
#[test]
fn what_exceeds_the_memory_is_refused_in_bytes() {
    let says = ["the buffers take", "bytes of memory to spare", "--batch"];
    let batch = ["profile", "--batch", "2048", "--set", "vocab_size=300000"];
    refused(&[&batch[..], &["--adapter", "embedded"]].concat(), &says);

    // A thousand layers of 64 MiB matrices, all holes.
    let folder = tempfile::tempdir().unwrap();
    let set = [
        "hidden_size=4096",
        "intermediate_size=4096",
        "vocab_size=8",
        "num_hidden_layers=1000",
        "num_attention_heads=32",
        "num_key_value_heads=8",
    ];
    let model = Model::resolve("qwen2.5-0.5b", set).unwrap();
    let config = serde_json::to_string(&model.config).unwrap();
    fs::write(folder.path().join("config.json"), config).unwrap();
    let mut end = 0;
    let tensors = model.config.parameters().into_iter().map(|parameter| {
        let start = end;
        end += 4 * parameter.elements();
        let info = serde_json::json!({"dtype": "F32", "shape": parameter.shape, "data_offsets": [start, end]});
        (parameter.name, info)
    });
    let header = Value::Object(tensors.collect()).to_string();
    let mut file = fs::File::create(folder.path().join("model.safetensors")).unwrap();
    file.write_all(&(header.len() as u64).to_le_bytes()).unwrap();
    file.write_all(header.as_bytes()).unwrap();
    file.set_len(8 + header.len() as u64 + end).unwrap();
    let large = ["profile", text(folder.path()), "--seq", "4", "--phase", "forward"];
    refused(&[&large[..], &["--adapter", "embedded"]].concat(), &says);
}

/// A copy of a golden folder, which a test may spoil.
fn copied(name: &str) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    for entry in fs::read_dir(golden(name)).unwrap() {
        let entry = entry.unwrap();
        fs::copy(entry.path(), folder.path().join(entry.file_name())).unwrap();
    }
    folder
}

/// Sets fields in a JSON file.
fn set(path: &Path, fields: &Value) {
    let mut object: Value = serde_json::from_slice(&fs::read(path).unwrap()).unwrap();
    let fields = fields.as_object().unwrap().clone();
    object.as_object_mut().unwrap().extend(fields);
    fs::write(path, object.to_string()).unwrap();
}

#[test]
fn what_is_wrong_with_a_qwen_is_one_message() {
    let config = "config.json";
    let adapter = "adapter_config.json";
    for (file, fields, says) in [
        (config, serde_json::json!({"hidden_size": 50}), "hidden_size = 50 is not divisible"),
        (
            config,
            serde_json::json!({"num_key_value_heads": 4}),
            "not divisible by num_key_value_heads = 4",
        ),
        (config, serde_json::json!({"num_attention_heads": 16, "head_dim": 3}), "must be even"),
        (config, serde_json::json!({"hidden_act": "gelu"}), "hidden_act is \"gelu\""),
        (config, serde_json::json!({"intermediate_size": 97}), "model.safetensors: tensor"),
        (adapter, serde_json::json!({"r": 0}), "r is 0"),
        (adapter, serde_json::json!({"r": 3}), "adapter_model.safetensors: tensor"),
        (adapter, serde_json::json!({"target_modules": ["q_proj", "z_proj"]}), "'z_proj'"),
    ] {
        let folder = copied("qwen2_lora");
        set(&folder.path().join(file), &fields);
        let asked = ["profile", text(folder.path()), "--seq", "4", "--adapter", "embedded"];
        refused(&asked, &[text(folder.path()), says]);
    }
    type Spoil<'a> = &'a dyn Fn(&Path);
    let bytes = |path: &Path| fs::read(path).unwrap();
    let index = "model.safetensors.index.json";
    let spoilt: [(&str, Spoil<'_>, &str); 4] = [
        (
            "model.safetensors",
            &|path| fs::write(path, &bytes(path)[..bytes(path).len() / 2]).unwrap(),
            "cut short",
        ),
        (
            "model.safetensors",
            &|path| {
                fs::write(path, [&[60, 0, 0, 0, 0, 0, 0, 0], &[b'x'; 90][..]].concat()).unwrap()
            },
            "not a safetensors file",
        ),
        (
            index,
            &|path| {
                fs::remove_file(path.with_file_name("model.safetensors")).unwrap();
                let map = serde_json::json!({"weight_map": {"model.norm.weight": "model-00001-of-00001.safetensors"}});
                fs::write(path, map.to_string()).unwrap();
            },
            "model-00001-of-00001.safetensors",
        ),
        ("adapter_model.safetensors", &|path| fs::remove_file(path).unwrap(), "cannot be read"),
    ];
    for (file, spoil, says) in spoilt {
        let folder = copied("qwen2_lora");
        spoil(&folder.path().join(file));
        let asked = ["profile", text(folder.path()), "--seq", "4", "--adapter", "embedded"];
        refused(&asked, &[file, says]);
    }
}

#[test]
fn a_sequence_longer_than_trained_for_is_a_warning() {
    let folder = copied("qwen2_lora");
    set(&folder.path().join("config.json"), &serde_json::json!({"max_position_embeddings": 4}));
    let asked = ["profile", text(folder.path()), "--seq", "5", "--repeat", "0"];
    let mut command = flopmeter(&[&asked[..], &["--adapter", "embedded"]].concat());
    let warning = contains("warning: seq = 5").and(contains("max_position_embeddings = 4"));
    command.assert().success().stderr(warning);
}

#[test]
fn a_folder_that_is_no_model_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let config = folder.path().join("config.json");
    refused(&["estimate", text(folder.path())], &["config.json", "as transformers saves it"]);
    fs::write(&config, r#"{"model_type": "resnet_bk", "d_model": 8}"#).unwrap();
    refused(&["estimate", text(folder.path())], &["config.json", "'n_layers' is missing"]);
    fs::write(&config, r#"{"model_type": "gpt"}"#).unwrap();
    refused(&["estimate", text(folder.path())], &["gpt", "resnet_bk"]);
}

#[test]
fn inputs_that_are_no_batch_are_named() {
    let folder = tempfile::tempdir().unwrap();
    let input = folder.path().join("input.txt");
    let refused = |says: &[&str]| {
        refused(&[&["profile", "--input", text(&input)][..], &SMALL].concat(), says);
    };
    refused(&["input.txt", "cannot be read"]);
    fs::write(&input, "").unwrap();
    refused(&["input.txt", "is empty", "needs 11"]);
    fs::write(&input, "too short").unwrap();
    refused(&["holds 9 bytes", "needs 11"]);
}

#[test]
fn tokens_outside_the_vocabulary_are_named() {
    let batch = golden("resnet_bk_top1/batch.safetensors");
    let set = ["--set", "vocab_size=2", "--set", "n_seq=4096"];
    refused(
        &[&["profile", "--input", text(&batch)][..], &set].concat(),
        &["outside the vocabulary"],
    );
}

/// A limit on the size of files comes with a signal that ends whoever does not expect it.
#[cfg(unix)]
#[test]
fn a_file_that_may_not_grow_is_an_error_and_leaves_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let report = folder.path().join("report.json");
    let program = env!("CARGO_BIN_EXE_flopmeter");
    let limited = ["-c", "ulimit -f 1; exec \"$@\"", "sh", program, "estimate", "--json"];
    let ended = std::process::Command::new("sh").args(limited).arg(&report).output().unwrap();
    assert_eq!(ended.status.code(), Some(2), "{ended:?}");
    let said = String::from_utf8(ended.stderr).unwrap();
    assert!(said.contains("report.json: cannot be written: file too large"), "{said}");
    assert!(!said.contains(".flopmeter-"), "{said}");
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
}
