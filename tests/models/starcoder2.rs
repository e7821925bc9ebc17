//! StarCoder2 as its files have it: layer norms, biases or none, an MLP of two matrices, and a window of all layers or
//! of none.

use flopmeter::{
    family::decoder::{DecoderConfig, Exact, Phases, Recipe, Tokens},
    model::Model,
    op::Convention,
};
use serde_json::{Value, json};

use crate::{decoder_step::each_runs_as_stated, golden};

const GOLDEN: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/golden/starcoder2");

/// What reading makes of the golden one's file with fields changed; null removes one.
fn changed(changes: &[(&str, Value)]) -> Result<DecoderConfig, String> {
    DecoderConfig::from_json(&golden::fields("starcoder2", changes))
}

fn windows(config: &DecoderConfig) -> Vec<Option<u32>> {
    config.layers.iter().map(|layer| layer.window).collect()
}

#[test]
fn the_published_files_are_the_presets() {
    let small = json!({
        "architectures": ["Starcoder2ForCausalLM"],
        "attention_dropout": 0.1,
        "residual_dropout": 0.1,
        "embedding_dropout": 0.1,
        "bos_token_id": 0,
        "eos_token_id": 0,
        "hidden_act": "gelu_pytorch_tanh",
        "hidden_size": 3072,
        "initializer_range": 0.018_042,
        "intermediate_size": 12_288,
        "max_position_embeddings": 16_384,
        "mlp_type": "default",
        "model_type": "starcoder2",
        "norm_epsilon": 1e-5,
        "norm_type": "layer_norm",
        "num_attention_heads": 24,
        "num_hidden_layers": 30,
        "num_key_value_heads": 2,
        "rope_theta": 999_999.442_035_881_3,
        "sliding_window": 4096,
        "transformers_version": "4.37.0.dev0",
        "use_bias": true,
        "use_cache": true,
        "vocab_size": 49_152
    });
    // It holds a number for norms of another kind, which it has not.
    let large = json!({
        "_name_or_path": "15b/config.json",
        "architectures": ["Starcoder2ForCausalLM"],
        "attention_dropout": 0.0,
        "bos_token_id": 0,
        "eos_token_id": 0,
        "hidden_act": "gelu_pytorch_tanh",
        "hidden_size": 6144,
        "initializer_range": 0.012_75,
        "intermediate_size": 24_576,
        "max_position_embeddings": 16_384,
        "mlp_type": "default",
        "model_type": "starcoder2",
        "norm_epsilon": 1e-5,
        "norm_type": "layer_norm",
        "num_attention_heads": 48,
        "num_hidden_layers": 40,
        "num_key_value_heads": 4,
        "rms_norm_eps": 1e-5,
        "rope_theta": 100_000,
        "sliding_window": 4096,
        "tie_word_embeddings": false,
        "torch_dtype": "float32",
        "transformers_version": "4.37.0.dev0",
        "use_bias": true,
        "use_cache": true,
        "vocab_size": 49_152
    });
    for (name, published) in [("starcoder2-3b", small), ("starcoder2-15b", large)] {
        let preset = Model::resolve::<&str>(name, []).unwrap();
        let preset = preset.decoder().unwrap();
        let read = DecoderConfig::from_json(published.as_object().unwrap());
        assert_eq!(read.as_ref(), Ok(preset), "{name}");
        assert!(windows(preset).iter().all(|window| *window == Some(4096)));
        assert_eq!(preset.tie_word_embeddings, name == "starcoder2-3b");
    }
}

#[test]
fn a_file_says_what_it_has_or_has_the_usual() {
    let golden = changed(&[]).unwrap();
    assert_eq!(windows(&golden), [Some(5); 2]);
    assert_eq!(windows(&changed(&[("sliding_window", Value::Null)]).unwrap()), [None; 2]);
    for (field, usual) in [
        ("use_bias", json!(true)),
        ("num_key_value_heads", json!(2)),
        ("tie_word_embeddings", json!(true)),
        ("hidden_act", json!("gelu_pytorch_tanh")),
    ] {
        assert_eq!(golden::fields("starcoder2", &[])[field], usual);
        assert_eq!(changed(&[(field, Value::Null)]).as_ref(), Ok(&golden), "{field}");
    }
    let usual = changed(&[("norm_epsilon", Value::Null)]);
    assert_eq!(changed(&[("norm_epsilon", json!(1e-5))]), usual);
    assert_ne!(usual, Ok(golden.clone()));
    // transformers knows no other norms and MLPs, and takes no number for those.
    let more = [("rms_norm_eps", json!(0.1)), ("norm_type", json!("layer_norm"))];
    assert_eq!(changed(&more).as_ref(), Ok(&golden));
    for config in [golden, usual.unwrap(), changed(&[("head_dim", json!(10))]).unwrap()] {
        assert_eq!(DecoderConfig::from_json(&config.to_json()), Ok(config));
    }
}

#[test]
fn what_cannot_be_right_is_refused_by_name() {
    let refused: [(&str, Value, &[&str]); 10] = [
        ("hidden_act", json!("silu"), &["hidden_act is \"silu\"", "gelu_pytorch_tanh"]),
        ("norm_type", json!("rms_norm"), &["norm_type is \"rms_norm\"", "layer_norm"]),
        ("mlp_type", json!("gated"), &["mlp_type is \"gated\"", "default"]),
        ("norm_epsilon", json!(0), &["norm_epsilon is 0", "positive"]),
        ("use_bias", json!("yes"), &["use_bias is \"yes\"", "true or false"]),
        ("attention_bias", json!(true), &["'attention_bias' (true)", "starcoder2"]),
        ("sliding_window", json!(0), &["sliding_window is 0"]),
        ("num_key_value_heads", json!(3), &["= 4", "num_key_value_heads = 3"]),
        ("head_dim", json!(7), &["7 wide", "even"]),
        ("residual_dropout", json!("much"), &["residual_dropout is \"much\"", "number"]),
    ];
    for (field, value, parts) in refused {
        let problem = changed(&[(field, value)]).expect_err(field);
        for part in parts {
            assert!(problem.contains(part), "{field}: {problem}\nlacks: {part}");
        }
    }
    // What a file may hold and transformers passes over cannot be asked for.
    for set in ["rms_norm_eps=0.5", "layer_norm_epsilon=1", "activation_function=relu"] {
        let problem = Model::resolve("starcoder2-3b", [set]).unwrap_err().to_string();
        let field = set.split('=').next().unwrap();
        assert!(problem.contains(&format!("a starcoder2 passes {field} over")), "{problem}");
    }
    let llama = Model::resolve("llama-3.2-1b", ["use_bias=true"]).unwrap_err();
    assert!(llama.to_string().contains("'use_bias'"), "{llama}");
}

#[test]
fn dropout_is_told_of() {
    let folder = format!("{GOLDEN}_lora");
    let dropout = Model::resolve::<&str>(&folder, []).unwrap().not_run.dropout;
    let parts =
        ["attention_dropout", "embedding_dropout", "residual_dropout"].map(|name| (name, 0.1));
    assert!(dropout.iter().map(|(name, part)| (name.as_str(), *part)).eq(parts), "{dropout:?}");
}

fn exact(config: &DecoderConfig) -> Phases {
    Exact::of(&config.step(&Tokens::new(2, 14), Recipe::default()), Convention::Ieee).algebraic
}

/// An addition for each output of a token's six linear layers, and another for the gradient. Norms keep their biases.
#[test]
fn a_bias_is_an_addition_for_each_output() {
    let [with, without] =
        [true, false].map(|bias| exact(&changed(&[("use_bias", json!(bias))]).unwrap()));
    let outputs = 2 * (32 + 16 + 16 + 32 + 44 + 32);
    assert_eq!(with.forward - without.forward, 28 * outputs);
    assert_eq!(with.backward - without.backward, 28 * outputs);
    let bare = changed(&[("use_bias", json!(false))]).unwrap().parameters();
    let biases = bare.iter().filter(|parameter| parameter.name.ends_with(".bias"));
    let norms = biases.map(|parameter| parameter.elements()).collect::<Vec<_>>();
    assert_eq!(norms, [32; 5]);
}

/// Forms hold with and without adapters, biases and a window.
#[test]
fn steps_run_as_stated() {
    each_runs_as_stated(
        GOLDEN,
        &[
            &[],
            &["use_bias=false", "sliding_window=null"],
            &["lora_rank=2", "lora_targets=all-linear"],
            &["lora_rank=2", "lora_targets=c_fc", "use_bias=false"],
        ],
    );
}

/// The same numbers where layers run again, and where no binding holds all queries' rows.
#[test]
fn a_step_in_pieces_is_the_step() {
    golden::a_step_in_pieces_is_the_step("starcoder2", 6_000);
}

/// The reference notices each field that sets StarCoder2 apart.
#[test]
fn another_field_makes_other_logits() {
    golden::each_makes_other_logits(
        "starcoder2",
        &["sliding_window=6", "rope_theta=200", "norm_epsilon=0.1"],
    );
}
