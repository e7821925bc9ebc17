//! Fields of a model's configuration that are set: to no effect, twice, and where a folder says otherwise.

use std::{fs, path::Path};

use flopmeter::model::Model;
use tempfile::TempDir;

use crate::decoder_config::assert_says;

fn problem(model: &str, set: &[&str]) -> String {
    Model::resolve(model, set).unwrap_err().to_string()
}

/// What a file may hold switched off cannot be asked for where the model has no such field.
#[test]
fn what_a_model_does_not_read_cannot_be_set() {
    for (model, set, kind, field) in [
        ("gpt2", "use_bias=false", "gpt2", "use_bias"),
        ("gpt2", "attention_dropout=0", "gpt2", "attention_dropout"),
        ("gpt2", "layer_types=[]", "gpt2", "layer_types"),
        ("gpt2", "dtype=float16", "gpt2", "dtype"),
        ("opt-125m", "use_bias=false", "opt", "use_bias"),
        ("llama-3.2-1b", "qkv_bias=false", "llama", "qkv_bias"),
        ("qwen2.5-0.5b", "num_experts=0", "qwen2", "num_experts"),
        ("gpt2", "predict_special_tokens=true", "", "predict_special_tokens"),
    ] {
        let problem = problem(model, &[set]);
        match kind {
            "" => assert_says(&problem, &["unknown field"]),
            kind => assert_says(
                &problem,
                &[&format!("setting {set}: "), &format!("{kind} passes {field} over")],
            ),
        }
    }
    for (model, set) in [
        ("gpt2", "tie_word_embeddings=false"),
        ("gpt2", "resid_pdrop=0"),
        ("gpt2", "quantization_config=null"),
        ("llama-3.2-1b", "attention_bias=false"),
        ("starcoder2-3b", "use_bias=false"),
        ("gemma-2b", "dtype=float32"),
        ("phi-3-mini", "partial_rotary_factor=0.5"),
    ] {
        assert!(Model::resolve(model, [set]).is_ok(), "{model} {set}");
    }
}

#[test]
fn a_field_is_set_by_one_of_its_names() {
    let both = problem("gpt2", &["n_layer=2", "num_hidden_layers=3"]);
    assert_says(&both, &["n_layer=2", "num_hidden_layers=3", "the same field"]);
    let both = problem("qwen2.5-0.5b", &["d_ff=64", "n_layers=1", "intermediate_size=64"]);
    assert_says(&both, &["d_ff=64", "intermediate_size=64", "the same field"]);
    // By the same name the later one goes before the earlier.
    let config = |set: &[&str]| Model::resolve("gpt2", set).unwrap().config;
    assert_eq!(config(&["n_layer=2", "n_layer=3"]), config(&["n_layer=3"]));
}

/// A folder with the configuration alone of a golden model.
fn without_weights(golden: &str) -> TempDir {
    let golden = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden").join(golden);
    let folder = tempfile::tempdir().unwrap();
    fs::copy(golden.join("config.json"), folder.path().join("config.json")).unwrap();
    folder
}

/// A preset takes as many learned positions as sequences ask for. What somebody's own file says is their model.
#[test]
fn positions_of_a_folder_do_not_grow() {
    let positions = |name: &str, set: &[&str], seq| {
        let set = set.iter().map(|&set| set.to_owned()).collect();
        let model = Model::resolve_for(name, set, Some(seq)).unwrap();
        (model.config.positions().count, model.name.set)
    };
    for (golden, preset, count) in [("gpt2", "gpt2", 24), ("resnet_bk_top1", "resnet-bk", 24)] {
        let folder = without_weights(golden);
        let own = folder.path().to_str().unwrap();
        let stated = Model::resolve::<&str>(own, []).unwrap().config.positions();
        assert_eq!(positions(own, &[], 2000), (stated.count, vec![]));
        assert_eq!(stated.count, count);
        let set = format!("{}=1500", stated.field);
        assert_eq!(positions(own, &[&set], 2000), (1500, vec![set.clone()]));
        assert_eq!(positions(preset, &[&set], 2000), (1500, vec![set]));
        let grown = format!("{}=2000", stated.field);
        assert_eq!(positions(preset, &[], 2000), (2000, vec![grown]));
    }
}
