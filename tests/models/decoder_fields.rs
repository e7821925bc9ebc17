//! Values that fields of a decoder's file may not have, whatever its architecture.

use flopmeter::{
    family::decoder::{Architecture, DecoderConfig},
    model::Model,
};
use serde_json::{Map, Value, json};

use crate::decoder_config::{golden, object};

/// The file of a preset of each architecture.
fn files() -> Vec<(Architecture, Map<String, Value>)> {
    let mut files: Vec<(Architecture, Map<String, Value>)> = Vec::new();
    for (name, _) in flopmeter::family::decoder::FAMILY.presets {
        let model = Model::resolve::<&str>(name, []).unwrap();
        let config = model.decoder().unwrap();
        if files.iter().all(|(known, _)| *known != config.architecture) {
            files.push((config.architecture, config.to_json()));
        }
    }
    // There is no preset of this one.
    let moe = object(golden("qwen2_moe", "config.json")).unwrap();
    files.push((Architecture::Qwen2Moe, DecoderConfig::from_json(&moe).unwrap().to_json()));
    assert!(Architecture::ALL.iter().all(|one| files.iter().any(|(known, _)| known == one)));
    files
}

fn with(file: &Map<String, Value>, field: &str, value: Value) -> Result<DecoderConfig, String> {
    let mut file = file.clone();
    file.insert(field.to_owned(), value);
    DecoderConfig::from_json(&file)
}

/// As torch has it: a probability.
#[test]
fn dropout_is_a_part_between_nothing_and_all() {
    for (architecture, file) in files() {
        let fields: &[&str] = match architecture {
            Architecture::Gpt2 => &["attn_pdrop", "resid_pdrop", "embd_pdrop"],
            Architecture::Phi3 | Architecture::Phi => {
                &["attention_dropout", "resid_pdrop", "embd_pdrop"]
            }
            Architecture::Opt => &["dropout", "attention_dropout"],
            Architecture::StableLm | Architecture::GptNeoX => {
                &["hidden_dropout", "attention_dropout"]
            }
            Architecture::Starcoder2 => {
                &["attention_dropout", "residual_dropout", "embedding_dropout"]
            }
            _ => &["attention_dropout"],
        };
        for field in fields {
            for part in [json!(0), json!(0.1), json!(1)] {
                assert!(with(&file, field, part).is_ok(), "{architecture:?} {field}");
            }
            for part in [json!(2), json!(-1), json!(1.001)] {
                let problem = with(&file, field, part.clone()).unwrap_err();
                let said = format!("{field} is {part}; it must be a number from 0 to 1");
                assert!(problem.contains(&said), "{architecture:?}: {problem}");
            }
        }
    }
}

/// transformers leaves fields out for their defaults, and takes no null of those that are a number, a name, or true or false.
#[test]
fn a_null_is_no_default() {
    for (architecture, file) in files() {
        let eps = ["rms_norm_eps", "norm_epsilon", "layer_norm_epsilon", "layer_norm_eps"];
        // OPT's files choose none.
        let eps = eps.into_iter().find(|eps| file.contains_key(*eps));
        assert_eq!(eps.is_none(), architecture == Architecture::Opt);
        let all = ["vocab_size", "max_position_embeddings", "tie_word_embeddings"];
        for field in all.into_iter().chain(eps) {
            let problem = with(&file, field, Value::Null).unwrap_err();
            let said = format!("{field} is null");
            assert!(problem.contains(&said), "{architecture:?}: {problem}");
        }
        let dropout = match architecture {
            Architecture::Gpt2 => "attn_pdrop",
            _ => "attention_dropout",
        };
        let may = matches!(
            architecture,
            Architecture::Llama | Architecture::Gemma2 | Architecture::Gemma3 | Architecture::Phi
        );
        assert_eq!(with(&file, dropout, Value::Null).is_ok(), may, "{architecture:?}");
        // What it does take.
        let own = match architecture {
            Architecture::Gpt2 => "n_inner",
            Architecture::Opt => "word_embed_proj_dim",
            _ => "rope_scaling",
        };
        for field in [own, "bos_token_id", "quantization_config"] {
            assert!(with(&file, field, Value::Null).is_ok(), "{architecture:?} {field}");
        }
    }
    let gpt2 = Model::resolve::<&str>("gpt2", []).unwrap().decoder().unwrap().to_json();
    for (field, said) in [
        ("n_positions", "n_positions is null"),
        ("n_head", "n_head is null"),
        ("activation_function", "activation_function is null"),
        ("scale_attn_weights", "scale_attn_weights is null"),
    ] {
        let mut file = gpt2.clone();
        for shared in ["max_position_embeddings", "num_attention_heads"] {
            file.remove(shared);
        }
        file.insert("n_positions".to_owned(), json!(1024));
        file.insert("n_head".to_owned(), json!(12));
        let problem = with(&file, field, Value::Null).unwrap_err();
        assert!(problem.contains(said), "{problem}");
    }
}

/// What is left of one number by a layer norm is the bias, and what differs between executors is rounding alone.
#[test]
fn a_layer_norm_is_over_two_numbers_at_least() {
    let one = ["n_embd=1", "n_head=1"];
    let problem = Model::resolve("gpt2", one).unwrap_err().to_string();
    for part in ["n_embd=1", "is 1", "layer norm", "at least 2"] {
        assert!(problem.contains(part), "{problem}\nlacks: {part}");
    }
    let one = ["hidden_size=1", "head_dim=2"];
    assert!(Model::resolve("starcoder2-3b", one).is_err());
    assert!(Model::resolve("gpt2", ["n_embd=2", "n_head=1"]).is_ok());
    assert!(Model::resolve("llama-3.2-1b", ["hidden_size=1", "head_dim=2"]).is_ok());
}

/// transformers writes a window of 0 where a Qwen2-MoE does not slide, beside what it says of layers that would.
#[test]
fn a_window_of_a_model_that_does_not_slide_may_be_nothing() {
    let mut saved = object(golden("qwen2_moe", "config.json")).unwrap();
    let layers = saved["num_hidden_layers"].as_u64().unwrap() as usize;
    for (field, value) in [
        ("sliding_window", json!(0)),
        ("use_sliding_window", json!(false)),
        ("max_window_layers", json!(28)),
        ("layer_types", json!(vec!["full_attention"; layers])),
    ] {
        saved.insert(field.to_owned(), value);
    }
    let read = DecoderConfig::from_json(&saved).unwrap();
    assert!(read.layers.iter().all(|layer| layer.window.is_none()));
    let slides = with(&saved, "use_sliding_window", json!(true)).unwrap_err();
    assert!(slides.contains("sliding_window is 0"), "{slides}");
}
