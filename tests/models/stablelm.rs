//! StableLM as its files have it: layer norms around an MLP with a gate, and heads that are turned in part.

use flopmeter::{family::decoder::DecoderConfig, model::Model};
use serde_json::{Value, json};

use crate::{decoder_config::assert_says, decoder_step::each_runs_as_stated, golden};

const GOLDEN: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/golden/stablelm");

/// What reading makes of the golden one's file with fields changed; null removes one.
fn changed(changes: &[(&str, Value)]) -> Result<DecoderConfig, String> {
    DecoderConfig::from_json(&golden::fields("stablelm", changes))
}

#[test]
fn the_published_files_are_the_presets() {
    for (name, [width, inner, layers, vocabulary], bias) in [
        ("stablelm-3b-4e1t", [2560, 6912, 32, 50_304], false),
        ("stablelm-2-1.6b", [2048, 5632, 24, 100_352], true),
    ] {
        let published = json!({
            "architectures": ["StableLmForCausalLM"],
            "bos_token_id": 0,
            "eos_token_id": 0,
            "hidden_act": "silu",
            "hidden_size": width,
            "initializer_range": 0.02,
            "intermediate_size": inner,
            "layer_norm_eps": 1e-5,
            "max_position_embeddings": 4096,
            "model_type": "stablelm",
            "num_attention_heads": 32,
            "num_heads": 32,
            "num_hidden_layers": layers,
            "num_key_value_heads": 32,
            "partial_rotary_factor": 0.25,
            "rope_theta": 10_000,
            "rotary_scaling_factor": 1.0,
            "tie_word_embeddings": false,
            "torch_dtype": "bfloat16",
            "transformers_version": "4.38.0",
            "use_cache": true,
            "use_qkv_bias": bias,
            "vocab_size": vocabulary
        });
        let preset = Model::resolve::<&str>(name, []).unwrap();
        let read = DecoderConfig::from_json(published.as_object().unwrap());
        assert_eq!(read.as_ref(), Ok(preset.decoder().unwrap()), "{name}");
    }
}

#[test]
fn what_a_stablelm_has_not_is_refused_by_name() {
    let refused: [(&str, Value, &[&str]); 9] = [
        ("use_parallel_residual", json!(true), &["use_parallel_residual is true", "only false"]),
        ("qk_layernorm", json!(true), &["qk_layernorm is true", "only false"]),
        ("hidden_act", json!("gelu"), &["hidden_act is \"gelu\"", "\"silu\""]),
        ("head_dim", json!(8), &["'head_dim' (8)", "stablelm"]),
        ("sliding_window", json!(8), &["'sliding_window' (8)", "stablelm"]),
        ("attention_bias", json!(true), &["'attention_bias' (true)", "stablelm"]),
        ("rms_norm_eps", json!(1e-5), &["'rms_norm_eps'", "is not known for stablelm"]),
        ("hidden_size", json!(50), &["hidden_size = 50", "num_attention_heads = 4"]),
        ("partial_rotary_factor", json!(0.25), &["is 0.25, but rope_parameters", "is 0.5"]),
    ];
    for (field, value, parts) in refused {
        assert_says(&changed(&[(field, value)]).expect_err(field), parts);
    }
}

/// Of a head of 12, the first half is turned; a quarter where a file says nothing, and all where that is asked for.
#[test]
fn a_part_of_each_head_is_turned() {
    let turned = |changes: &[(&str, Value)]| {
        let config = changed(changes).unwrap();
        assert_eq!(DecoderConfig::from_json(&config.to_json()).as_ref(), Ok(&config));
        config.rotary_width()
    };
    assert_eq!(turned(&[]), 6);
    let unsaid = ("rope_parameters", Value::Null);
    let wide = ("num_attention_heads", json!(2));
    assert_eq!(turned(&[unsaid.clone(), wide]), 6);
    assert_eq!(turned(&[unsaid, ("partial_rotary_factor", json!(1))]), 12);
}

#[test]
fn queries_keys_and_values_have_biases_or_have_none() {
    let biases = |stated: Value| {
        let parameters = changed(&[("use_qkv_bias", stated)]).unwrap().parameters();
        parameters.iter().filter(|it| it.name.ends_with("proj.bias")).count()
    };
    assert_eq!([json!(true), json!(false), Value::Null].map(biases), [2 * 3, 0, 0]);
}

/// Forms hold with and without adapters and biases, and with heads of one width and another.
#[test]
fn steps_run_as_stated() {
    each_runs_as_stated(
        GOLDEN,
        &[
            &[],
            &["use_qkv_bias=false", "num_key_value_heads=4", "tie_word_embeddings=true"],
            &["lora_rank=2", "lora_targets=all-linear"],
            &["partial_rotary_factor=1", "num_attention_heads=6"],
        ],
    );
}

#[test]
fn a_step_in_pieces_is_the_step() {
    golden::a_step_in_pieces_is_the_step("stablelm", 8_000);
}

#[test]
fn another_field_makes_other_logits() {
    let fields = ["layer_norm_eps=0.1", "rope_theta=200", "partial_rotary_factor=1"];
    golden::each_makes_other_logits("stablelm", &fields);
}
