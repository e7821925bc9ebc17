//! Files of a model's folder that belong to others which are missing: they are not passed over.

use std::{
    fs,
    path::{Path, PathBuf},
};

use flopmeter::{Error, model::Model};
use tempfile::TempDir;

fn golden(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/qwen2_lora").join(name)
}

/// A folder with these of the golden one's files, each under a name.
fn folder(files: &[(&str, &str)]) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (file, name) in files {
        fs::copy(golden(file), folder.path().join(name)).unwrap();
    }
    folder
}

fn model(folder: &TempDir) -> Result<Model, Error> {
    Model::resolve::<&str>(folder.path().to_str().unwrap(), [])
}

fn assert_misses(error: &Error, missing: &str, beside: &str) {
    let Error::File { path, problem } = error else { panic!("{error:?}") };
    assert_eq!(path.file_name().unwrap(), missing);
    assert!(problem.contains("is missing") && problem.contains(beside), "{problem}");
}

#[test]
fn adapters_without_their_configuration_are_an_error() {
    for values in ["adapter_model.safetensors", "adapter_model.bin"] {
        let alone = folder(&[
            ("config.json", "config.json"),
            ("model.safetensors", "model.safetensors"),
            ("adapter_model.safetensors", values),
        ]);
        assert_misses(&model(&alone).unwrap_err(), "adapter_config.json", values);
        let (config, values) = ("adapter_config.json", alone.path().join(values));
        fs::remove_file(values).unwrap();
        assert!(!model(&alone).unwrap().config.has_adapters());
        fs::copy(golden(config), alone.path().join(config)).unwrap();
        assert!(model(&alone).unwrap().config.has_adapters());
    }
}

#[test]
fn shards_without_their_index_are_an_error() {
    let shard = "model-00002-of-00003.safetensors";
    let alone = folder(&[("config.json", "config.json"), ("model.safetensors", shard)]);
    let found = model(&alone).unwrap();
    assert_misses(&found.weights(0).unwrap_err(), "model.safetensors.index.json", shard);
    // Another file is no shard.
    fs::rename(alone.path().join(shard), alone.path().join("model-00002.safetensors")).unwrap();
    assert!(model(&alone).unwrap().weights(0).is_ok());
}
