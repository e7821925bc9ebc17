//! The first Gemma as its files have it: an activation under an older name, and no bounds or windows of later ones.

use flopmeter::{
    family::decoder::{DecoderConfig, WeightType},
    model::Model,
};
use serde_json::{Value, json};

use crate::golden;

/// What reading makes of the golden one's file with fields changed; null removes one.
fn changed(changes: &[(&str, Value)]) -> Result<DecoderConfig, String> {
    DecoderConfig::from_json(&golden::fields("gemma", changes))
}

#[test]
fn the_published_file_is_the_preset() {
    let published = json!({
        "architectures": ["GemmaForCausalLM"],
        "attention_bias": false,
        "attention_dropout": 0.0,
        "bos_token_id": 2,
        "eos_token_id": 1,
        "head_dim": 256,
        "hidden_act": "gelu",
        "hidden_activation": null,
        "hidden_size": 2048,
        "initializer_range": 0.02,
        "intermediate_size": 16_384,
        "max_position_embeddings": 8192,
        "model_type": "gemma",
        "num_attention_heads": 8,
        "num_hidden_layers": 18,
        "num_key_value_heads": 1,
        "pad_token_id": 0,
        "rms_norm_eps": 1e-6,
        "rope_scaling": null,
        "rope_theta": 10_000.0,
        "torch_dtype": "bfloat16",
        "transformers_version": "4.38.0.dev0",
        "use_cache": true,
        "vocab_size": 256_000
    });
    let preset = Model::resolve("gemma-2b", ["dtype=bfloat16"]).unwrap();
    let preset = preset.decoder().unwrap();
    assert_eq!(DecoderConfig::from_json(published.as_object().unwrap()).as_ref(), Ok(preset));
    assert!(preset.tie_word_embeddings);
    assert_eq!(preset.attention_scale(), 1.0 / 16.0);
    // The square root of 2,048, rounded to the weights' type.
    assert_eq!(preset.embedding_scale(), Some(45.25));
    let norms: Vec<_> = preset.norms().into_iter().map(|(name, _)| name).collect();
    assert_eq!(norms, ["input_layernorm", "post_attention_layernorm"]);
}

#[test]
fn the_activation_has_an_older_name() {
    let golden = changed(&[]).unwrap();
    for (field, name) in [
        ("hidden_act", "gelu"),
        ("hidden_act", "gelu_pytorch_tanh"),
        ("hidden_activation", "gelu_pytorch_tanh"),
    ] {
        assert_eq!(changed(&[(field, json!(name))]).as_ref(), Ok(&golden), "{field} = {name}");
    }
    assert_eq!(golden.gemma.unwrap().weights, WeightType::F32);
}

#[test]
fn what_a_gemma_has_not_is_refused_by_name() {
    let refused: [(&str, Value, &[&str]); 7] = [
        ("hidden_act", json!("silu"), &["hidden_act is \"silu\"", "gelu_pytorch_tanh", "gemma"]),
        ("hidden_activation", json!("gelu"), &["hidden_activation is \"gelu\""]),
        ("attn_logit_softcapping", json!(50), &["'attn_logit_softcapping' (50)", "for gemma"]),
        ("query_pre_attn_scalar", json!(8), &["'query_pre_attn_scalar' (8)"]),
        ("sliding_window", json!(4), &["sliding_window is 4", "gemma has none", "gemma2"]),
        ("use_bidirectional_attention", json!(true), &["use_bidirectional_attention is true"]),
        ("mlp_bias", json!(true), &["mlp_bias is true", "a gemma has no such choice"]),
    ];
    for (field, value, parts) in refused {
        let problem = changed(&[(field, value)]).expect_err(field);
        for part in parts {
            assert!(problem.contains(part), "{field}: {problem}\nlacks: {part}");
        }
    }
    let gemma2 = Model::resolve("gemma-2-2b", ["hidden_act=gelu"]).unwrap_err();
    assert!(gemma2.to_string().contains("hidden_act is \"gelu\""), "{gemma2}");
}

/// The reference notices what a Gemma is made of.
#[test]
fn another_field_makes_other_logits() {
    golden::each_makes_other_logits("gemma", &["rope_theta=200", "rms_norm_eps=0.1"]);
}
