//! Phi as its files have it: halves of layers beside each other behind one norm, and a head with a bias.

use flopmeter::{
    blocks::Activation,
    family::decoder::{DecoderConfig, Part, Recipe, Tokens, WorkPass},
    model::Model,
    op::Convention,
};
use serde_json::{Value, json};

use crate::{decoder_config::assert_says, decoder_step::each_runs_as_stated, golden};

const GOLDEN: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/golden/phi");

/// What reading makes of the golden one's file with fields changed; null removes one.
fn changed(changes: &[(&str, Value)]) -> Result<DecoderConfig, String> {
    DecoderConfig::from_json(&golden::fields("phi", changes))
}

#[test]
fn the_published_files_are_the_presets() {
    for (name, [width, layers], turned) in
        [("phi-1", [2048, 24], 0.5), ("phi-1.5", [2048, 24], 0.5), ("phi-2", [2560, 32], 0.4)]
    {
        let published = json!({
            "architectures": ["PhiForCausalLM"],
            "attention_dropout": 0.0,
            "bos_token_id": null,
            "embd_pdrop": 0.0,
            "eos_token_id": null,
            "hidden_act": "gelu_new",
            "hidden_size": width,
            "initializer_range": 0.02,
            "intermediate_size": 4 * width,
            "layer_norm_eps": 1e-5,
            "max_position_embeddings": 2048,
            "model_type": "phi",
            "num_attention_heads": 32,
            "num_hidden_layers": layers,
            "num_key_value_heads": null,
            "partial_rotary_factor": turned,
            "qk_layernorm": false,
            "resid_pdrop": if name == "phi-2" { 0.1 } else { 0.0 },
            "rope_scaling": null,
            "rope_theta": 10_000.0,
            "tie_word_embeddings": false,
            "torch_dtype": "float16",
            "transformers_version": "4.37.0",
            "use_cache": true,
            "vocab_size": 51_200
        });
        let preset = Model::resolve::<&str>(name, []).unwrap();
        let read = DecoderConfig::from_json(published.as_object().unwrap());
        assert_eq!(read.as_ref(), Ok(preset.decoder().unwrap()), "{name}");
    }
}

#[test]
fn what_a_phi_has_not_is_refused_by_name() {
    let refused: [(&str, Value, &[&str]); 8] = [
        ("hidden_act", json!("silu"), &["hidden_act is \"silu\"", "\"gelu_new\""]),
        ("qk_layernorm", json!(true), &["qk_layernorm is true", "only false"]),
        ("tie_word_embeddings", json!(true), &["tie_word_embeddings is true", "only false"]),
        ("sliding_window", json!(8), &["'sliding_window' (8)", "phi"]),
        ("attention_bias", json!(true), &["'attention_bias' (true)", "phi"]),
        ("rms_norm_eps", json!(1e-5), &["'rms_norm_eps'", "is not known for phi"]),
        ("use_parallel_residual", json!(true), &["'use_parallel_residual' (true)", "phi"]),
        ("partial_rotary_factor", json!(0.25), &["is 0.25, but rope_parameters", "is 0.5"]),
    ];
    for (field, value, parts) in refused {
        assert_says(&changed(&[(field, value)]).expect_err(field), parts);
    }
}

#[test]
fn a_file_chooses_the_function_of_its_mlp() {
    for (name, built) in [
        (json!("gelu"), Activation::ErfGelu),
        (Value::Null, Activation::TanhGelu),
        (json!("gelu_fast"), Activation::TanhGelu),
        (json!("relu"), Activation::Relu),
    ] {
        let config = changed(&[("hidden_act", name)]).unwrap();
        assert_eq!(config.activation, built);
        assert_eq!(DecoderConfig::from_json(&config.to_json()), Ok(config));
    }
}

/// One norm a layer, and the last one: a bias is the last of all parameters, as long as the vocabulary.
#[test]
fn a_layer_has_one_norm_and_the_head_a_bias() {
    let config = changed(&[]).unwrap();
    let names: Vec<String> = config.parameters().into_iter().map(|it| it.name).collect();
    assert_eq!(names.iter().filter(|name| name.ends_with("layernorm.weight")).count(), 2 + 1);
    assert_eq!(names.last().map(String::as_str), Some("lm_head.bias"));
    assert_eq!(config.parameters().last().unwrap().shape, [97]);
    // A norm's gradient by what it is given is one for both halves, and is added to the residual's once.
    let work = config.step(&Tokens::new(2, 9), Recipe::default()).into_iter();
    let joined = work.filter(|it| it.part == Part::Residual && it.pass == WorkPass::Input);
    let joined: u128 = joined.map(|work| work.flops(Convention::Ieee)).sum();
    assert_eq!(joined, 2 * (2 * 9 * 48));
}

/// Forms hold with and without adapters, in either half and in the head.
#[test]
fn steps_run_as_stated() {
    each_runs_as_stated(
        GOLDEN,
        &[
            &[],
            &["num_key_value_heads=4", "hidden_act=gelu"],
            &["lora_rank=2", "lora_targets=all-linear"],
            &["lora_rank=2", "lora_targets=fc1"],
            &["lora_rank=2", "lora_targets=.*[.](dense|k_proj)|lm_head"],
            &["partial_rotary_factor=1", "num_attention_heads=6", "head_dim=10"],
        ],
    );
}

#[test]
fn a_step_in_pieces_is_the_step() {
    golden::a_step_in_pieces_is_the_step("phi", 8_000);
}

#[test]
fn another_field_makes_other_logits() {
    let fields =
        ["layer_norm_eps=0.1", "rope_theta=2", "partial_rotary_factor=1", "hidden_act=relu"];
    golden::each_makes_other_logits("phi", &fields);
}
