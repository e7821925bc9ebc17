//! Models and batches as users have them, on disk: the golden folders as they are, and spoilt in
//! every way that should be noticed.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

use flopmeter::{
    Error,
    model::{AskedShape, Batch, Model, ModelConfig, ResNetBkConfig},
    tensors::{Dtype, TensorFile},
};
use safetensors::tensor::TensorView;
use tempfile::TempDir;

const UNASKED: AskedShape = AskedShape { batch: None, seq: None, accumulate: None, longest: None };
const NO_OVERRIDES: [&str; 0] = [];

fn golden(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden").join(name)
}

/// A copy of a golden folder that a test may spoil.
struct Folder(TempDir);

impl Folder {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        for entry in fs::read_dir(golden("resnet_bk_top1")).unwrap() {
            let entry = entry.unwrap();
            fs::copy(entry.path(), folder.path().join(entry.file_name())).unwrap();
        }
        Self(folder)
    }

    fn path(&self, file: &str) -> PathBuf {
        self.0.path().join(file)
    }

    fn model(&self) -> Result<Model, Error> {
        self.model_with(&NO_OVERRIDES)
    }

    fn model_with(&self, overrides: &[&str]) -> Result<Model, Error> {
        Model::resolve(self.0.path().to_str().unwrap(), overrides)
    }

    /// Rewrites a safetensors file with its tensors changed.
    fn spoil(&self, file: &str, change: impl FnOnce(&mut Tensors)) {
        let path = self.path(file);
        let mut tensors = {
            let file = TensorFile::open(&path).unwrap();
            let read = |name: String| {
                let tensor = file.get(&name).unwrap();
                (name, (tensor.dtype, tensor.shape.to_vec(), tensor.bytes.to_vec()))
            };
            file.names().into_iter().map(read).collect::<Tensors>()
        };
        change(&mut tensors);
        let views = tensors.iter().map(|(name, (dtype, shape, bytes))| {
            (name, TensorView::new(*dtype, shape.clone(), bytes).unwrap())
        });
        // The tests own the file, and nothing maps it any more.
        fs::write(&path, safetensors::serialize(views, None).unwrap()).unwrap();
    }
}

type Tensors = BTreeMap<String, (Dtype, Vec<usize>, Vec<u8>)>;

fn assert_says(error: &Error, said: &[&str]) {
    for words in said {
        assert!(error.to_string().contains(words), "{words:?} is not in: {error}");
    }
}

fn bytes(ids: &[i32]) -> Vec<u8> {
    ids.iter().flat_map(|id| id.to_le_bytes()).collect()
}

#[test]
fn golden_folders_resolve_with_their_weights_and_batches() {
    for (name, batch, seq) in [("resnet_bk_dense", 1, 33), ("resnet_bk_top1", 2, 24)] {
        let folder = golden(name);
        let model = Model::resolve(folder.to_str().unwrap(), NO_OVERRIDES).unwrap();
        let weights = model.weights(0).unwrap();
        for parameter in model.config.parameters() {
            let values = weights.values(&parameter.name).unwrap();
            assert_eq!(values.len() as u64, parameter.elements(), "{}", parameter.name);
        }
        assert_eq!(weights.values("blocks.0.bk_layer.bk_scale").unwrap().len(), 1);
        assert_eq!(weights.values("no.such.tensor"), None);

        let input = folder.join("batch.safetensors");
        let loaded = Batch::load(Some(&input), UNASKED, &model.config, 0).unwrap();
        assert_eq!((loaded.shape.batch(), loaded.shape.seq()), (batch, seq));
        let tensors = TensorFile::open(&input).unwrap();
        for (name, ids) in [("tokens", &loaded.tokens), ("targets", &loaded.targets)] {
            let stored: Vec<u8> = ids.iter().flat_map(|id| id.to_le_bytes()).collect();
            assert_eq!(tensors.get(name).unwrap().bytes, stored, "{name}");
        }
    }
}

#[test]
fn a_configuration_survives_being_written_and_read() {
    let config = ModelConfig::from(ResNetBkConfig {
        d_model: 16,
        n_layers: 2,
        n_seq: 24,
        vocab_size: 50,
        num_experts: 4,
        top_k: 1,
    });
    let folder = Folder::new();
    assert_eq!(folder.model().unwrap().config, config);
    fs::write(folder.path("config.json"), serde_json::to_vec(&config).unwrap()).unwrap();
    assert_eq!(folder.model().unwrap().config, config);
}

#[test]
fn overrides_apply_in_order_to_presets_and_folders() {
    let model = Model::resolve("resnet-bk", ["n_layers=9", "n_layers=2", "top_k=4"]).unwrap();
    let config = model.config.get::<ResNetBkConfig>().unwrap();
    assert_eq!((config.n_layers, config.top_k, config.d_model), (2, 4, 64));

    // An override may also say what a folder's file leaves out.
    let folder = Folder::new();
    let text = fs::read_to_string(folder.path("config.json")).unwrap();
    fs::write(folder.path("config.json"), text.replace(",\n  \"top_k\": 1", "")).unwrap();
    assert!(folder.model().is_err());
    let name = folder.0.path().to_str().unwrap();
    assert!(Model::resolve(name, ["top_k=1"]).is_ok());

    let cases: &[(&str, &[&str])] = &[
        ("d_modle=5", &["d_modle=5", "did you mean 'd_model'", "num_experts"]),
        ("colour=red", &["unknown field 'colour'", "fields: d_model, n_layers"]),
        ("model_type=qwen2", &["unknown field 'model_type'"]),
        ("d_model", &["d_model", "KEY=VALUE"]),
        ("d_model=many", &["d_model is \"many\"", "whole number"]),
        ("d_model=-1", &["d_model is -1"]),
        ("d_model=1.5", &["d_model is 1.5"]),
        ("d_model=", &["d_model is \"\""]),
    ];
    for (assignment, said) in cases {
        for name in ["resnet-bk", name] {
            let error = Model::resolve(name, [*assignment]).unwrap_err();
            assert!(matches!(error, Error::Config(_)), "{error:?}");
            assert_says(&error, said);
        }
    }
}

#[test]
fn models_that_do_not_exist_are_told_apart() {
    let folder = tempfile::tempdir().unwrap();
    let name = folder.path().to_str().unwrap();
    let error = Model::resolve(name, NO_OVERRIDES).unwrap_err();
    assert_says(&error, &[name, "config.json", "as transformers saves it"]);

    // The file that makes a folder a model stands for the folder; another file does not.
    let of = |name: &str| Model::resolve(golden(name).to_str().unwrap(), NO_OVERRIDES);
    let [file, folder] =
        ["resnet_bk_top1/config.json", "resnet_bk_top1"].map(|name| of(name).unwrap().config);
    assert_eq!(file.to_json(), folder.to_json());
    let error = of("resnet_bk_top1/model.safetensors").unwrap_err();
    assert_says(&error, &["model.safetensors: is a file", "folder"]);

    let error = Model::resolve("resnet-bkk", NO_OVERRIDES).unwrap_err();
    assert_says(&error, &["no model 'resnet-bkk'", "preset (resnet-bk, ", "Did you mean"]);
}

#[test]
fn a_spoilt_config_names_the_file_and_the_field() {
    let folder = Folder::new();
    let whole = fs::read_to_string(folder.path("config.json")).unwrap();
    let cases: &[(&str, &str, &[&str])] = &[
        ("\"top_k\"", "\"topk\"", &["unknown field 'topk'", "did you mean 'top_k'"]),
        ("  \"d_model\": 16,\n", "", &["field 'd_model' is missing"]),
        ("\"d_model\": 16", "\"d_model\": \"16\"", &["d_model is \"16\"", "whole number"]),
        ("\"d_model\": 16", "\"d_model\": 0", &["d_model is 0"]),
        ("\"top_k\": 1", "\"top_k\": 5", &["top_k = 5", "num_experts = 4"]),
        ("resnet_bk", "bloom", &["model_type \"bloom\"", "resnet_bk"]),
        ("model_type", "modeltype", &["'model_type' is missing"]),
        ("{", "[", &["is not a JSON object"]),
    ];
    for (from, to, said) in cases {
        assert!(whole.contains(from), "{from}");
        fs::write(folder.path("config.json"), whole.replacen(from, to, 1)).unwrap();
        let error = folder.model().unwrap_err();
        assert!(matches!(error, Error::File { .. }), "{error:?}");
        assert_says(&error, &["config.json: "]);
        assert_says(&error, said);
    }
    // An override that has nothing to do with it is not blamed.
    let narrow = whole.replacen("\"d_model\": 16", "\"d_model\": 0", 1);
    fs::write(folder.path("config.json"), narrow).unwrap();
    let error = folder.model_with(&["top_k=2"]).unwrap_err();
    assert_says(&error, &["config.json: ", "d_model is 0"]);
    assert_says(&folder.model_with(&["d_model=-1"]).unwrap_err(), &["with d_model=-1: ", "is -1"]);
}

#[test]
fn spoilt_weights_name_the_file_and_the_tensor() {
    const NAME: &str = "blocks.1.bk_layer.v_proj.weight";
    type Change = fn(&mut Tensors);
    let cases: &[(Change, &[&str])] = &[
        (|t| drop(t.remove(NAME)), &["is missing", "F32, shape [1, 16]"]),
        (
            |t| {
                let tensor = t.remove(NAME).unwrap();
                t.insert("blocks.1.bk_layer.v_prog.weight".to_owned(), tensor);
            },
            &["is missing", "has 'blocks.1.bk_layer.v_prog.weight' instead"],
        ),
        (|t| t.get_mut(NAME).unwrap().1 = vec![16], &["has shape [16]", "makes it [1, 16]"]),
        (
            |t| *t.get_mut(NAME).unwrap() = (Dtype::I16, vec![1, 16], vec![0; 32]),
            &["is I16", "F32, BF16 or F16 is expected"],
        ),
    ];
    for (change, said) in cases {
        let folder = Folder::new();
        folder.spoil("model.safetensors", change);
        let error = folder.model().unwrap().weights(0).unwrap_err();
        assert!(matches!(error, Error::File { .. }), "{error:?}");
        assert_says(&error, &["model.safetensors: ", NAME]);
        assert_says(&error, said);
    }

    let folder = Folder::new();
    folder.spoil("model.safetensors", |t| {
        t.insert("rotary.inv_freq".to_owned(), (Dtype::F32, vec![], vec![0; 4]));
    });
    let error = folder.model().unwrap().weights(0).unwrap_err();
    assert_says(&error, &["'rotary.inv_freq' is no parameter of this model"]);

    let whole = fs::read(folder.path("model.safetensors")).unwrap();
    fs::write(folder.path("model.safetensors"), &whole[..whole.len() / 2]).unwrap();
    let error = folder.model().unwrap().weights(0).unwrap_err();
    assert_says(&error, &["model.safetensors: ", "cut short"]);
}

#[cfg(unix)]
#[test]
fn a_checkpoint_linked_to_nowhere_is_not_replaced_by_seeded_weights() {
    let folder = Folder::new();
    let path = folder.path("model.safetensors");
    fs::remove_file(&path).unwrap();
    std::os::unix::fs::symlink("nowhere", &path).unwrap();
    let error = folder.model().unwrap().weights(0).unwrap_err();
    assert_says(&error, &["model.safetensors: cannot be read"]);
}

#[test]
fn nan_in_the_weights_is_a_value() {
    let folder = Folder::new();
    folder.spoil("model.safetensors", |t| {
        t.get_mut("lm_head.bias").unwrap().2[..4].copy_from_slice(&f32::NAN.to_le_bytes());
    });
    let weights = folder.model().unwrap().weights(0).unwrap();
    assert!(weights.values("lm_head.bias").unwrap()[0].is_nan());
}

#[test]
fn weights_are_seeded_where_there_is_no_checkpoint() {
    let folder = Folder::new();
    fs::remove_file(folder.path("model.safetensors")).unwrap();
    let model = folder.model().unwrap();
    let [one, same, other] = [1, 1, 2].map(|seed| model.weights(seed).unwrap());
    for parameter in model.config.parameters() {
        let values = one.values(&parameter.name).unwrap();
        assert_eq!(values.len() as u64, parameter.elements());
        assert!(values.iter().all(|value| value.is_finite()));
        assert_eq!(Some(values), same.values(&parameter.name));
    }
    assert_ne!(one.values("lm_head.weight"), other.values("lm_head.weight"));
    assert_eq!(one.values("blocks.0.bk_layer.bk_scale"), Some(vec![1.0]));
    assert_eq!(one.values("layer_norm_final.bias"), Some(vec![0.0; 16]));
    let bound = 1.0 / 16_f32.sqrt();
    let weight = one.values("blocks.0.bk_layer.v_proj.weight").unwrap();
    assert!(weight.iter().all(|value| value.abs() <= bound));
}

#[test]
fn seeded_batches_follow_the_seed_and_predict_the_next_token() {
    let model = Model::resolve("resnet-bk", NO_OVERRIDES).unwrap();
    let load = |seed| Batch::load(None, UNASKED, &model.config, seed).unwrap();
    let batch = load(3);
    assert_eq!((batch.shape.batch(), batch.shape.seq()), (32, 128));
    assert_eq!((batch.tokens.len(), batch.targets.len()), (4096, 4096));
    assert_eq!(batch.tokens[1..], batch.targets[..4095]);
    assert!(batch.tokens.iter().chain(&batch.targets).all(|&token| token < 30_000));
    assert_eq!(batch, load(3));
    assert_ne!(batch, load(4));
}

#[test]
fn any_bytes_are_tokens_if_there_are_enough() {
    let folder = Folder::new();
    let config = folder.model().unwrap().config;
    let input = folder.path("input.bin");
    let asked = AskedShape { batch: Some(2), seq: Some(3), ..AskedShape::default() };
    fs::write(&input, [0, 49, 50, 255, 104, 10, 7, 99]).unwrap();
    let batch = Batch::load(Some(&input), asked, &config, 0).unwrap();
    assert_eq!(batch.tokens, [0, 49, 0, 5, 4, 10]);
    assert_eq!(batch.targets, [49, 0, 5, 4, 10, 7]);

    let cases: [(&[u8], &[&str]); 4] = [
        (b"", &["is empty", "needs 7"]),
        (b"\x93NUMPY\x01\0v\0", &["an array of NumPy", "no text", "'tokens' and 'targets'"]),
        (b"PK\x03\x04....", &["an archive", "no text"]),
        (b"sixsix", &["holds 6 bytes", "needs 7", "smaller batch"]),
    ];
    for (contents, said) in cases {
        fs::write(&input, contents).unwrap();
        let error = Batch::load(Some(&input), asked, &config, 0).unwrap_err();
        assert_says(&error, &["input.bin: "]);
        assert_says(&error, said);
    }
    let error = Batch::load(Some(&folder.path("none.txt")), asked, &config, 0).unwrap_err();
    assert_says(&error, &["none.txt: cannot be read"]);
    let error = Batch::load(Some(folder.0.path()), asked, &config, 0).unwrap_err();
    assert_says(&error, &["cannot be read"]);
}

#[test]
fn spoilt_batches_name_the_tensor_and_the_position() {
    type Change = fn(&mut Tensors);
    let cases: &[(Change, &[&str])] = &[
        (|t| drop(t.remove("targets")), &["'targets' is missing"]),
        (
            |t| drop(t.insert("mask".to_owned(), (Dtype::I32, vec![], bytes(&[1])))),
            &["holds 'mask'", "neither"],
        ),
        (|t| t.get_mut("tokens").unwrap().1 = vec![48], &["'tokens' has shape [48]", "(B, N)"]),
        (|t| t.get_mut("targets").unwrap().1 = vec![4, 12], &["'targets' has shape [4, 12]"]),
        (|t| t.get_mut("tokens").unwrap().0 = Dtype::F32, &["'tokens' is F32", "I64"]),
        (
            |t| t.get_mut("tokens").unwrap().2[25 * 4..26 * 4].copy_from_slice(&bytes(&[50])),
            &["'tokens' holds 50 at [1, 1]", "vocabulary 0..50"],
        ),
        (
            |t| t.get_mut("targets").unwrap().2[..4].copy_from_slice(&bytes(&[-100])),
            &["'targets' holds -100 at [0, 0]"],
        ),
        (
            |t| {
                for name in ["tokens", "targets"] {
                    t.get_mut(name).unwrap().1 = vec![1, 48];
                }
            },
            &["seq = 48", "n_seq = 24"],
        ),
        (
            |t| {
                for name in ["tokens", "targets"] {
                    *t.get_mut(name).unwrap() = (Dtype::I32, vec![0, 24], vec![]);
                }
            },
            &["batch is 0"],
        ),
    ];
    for (change, said) in cases {
        let folder = Folder::new();
        let config = folder.model().unwrap().config;
        folder.spoil("batch.safetensors", change);
        let input = folder.path("batch.safetensors");
        let error = Batch::load(Some(&input), UNASKED, &config, 0).unwrap_err();
        assert_says(&error, &["batch.safetensors: "]);
        assert_says(&error, said);
    }
}

#[test]
fn a_batch_file_has_the_last_word_on_its_shape() {
    let folder = Folder::new();
    let config = folder.model().unwrap().config;
    let input = folder.path("batch.safetensors");
    let load = |batch, seq| {
        Batch::load(Some(&input), AskedShape { batch, seq, ..AskedShape::default() }, &config, 0)
    };
    assert!(load(Some(2), Some(24)).is_ok());
    assert_says(&load(Some(4), None).unwrap_err(), &["batch is 2 in this file, not 4"]);
    assert_says(&load(None, Some(7)).unwrap_err(), &["seq is 24 in this file, not 7"]);

    let narrow = load(None, None).unwrap();
    folder.spoil("batch.safetensors", |t| {
        for (dtype, _, ids) in t.values_mut() {
            let (narrow, _) = ids.as_chunks();
            let wide =
                narrow.iter().flat_map(|&id| i64::from(i32::from_le_bytes(id)).to_le_bytes());
            (*dtype, *ids) = (Dtype::I64, wide.collect());
        }
    });
    assert_eq!(load(None, None).unwrap(), narrow);
}
