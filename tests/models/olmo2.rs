//! OLMo 2 as its files have it: norms behind the halves of a layer and none before, and one for all heads together.

use std::collections::BTreeSet;

use flopmeter::{
    execute::Limits,
    family::decoder::{Architecture, DecoderConfig, HalfNorms},
    model::{
        AskedShape, BatchShape, Model, Optimizer,
        lower::{Recompute, Training, lower},
    },
    plan::Plan,
};
use serde_json::{Value, json};

use crate::{golden, reference};

const GOLDEN: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/golden/olmo2");

/// What reading makes of the golden one's file with fields changed; null removes one.
fn changed(changes: &[(&str, Value)]) -> Result<DecoderConfig, String> {
    DecoderConfig::from_json(&golden::fields("olmo2", changes))
}

#[test]
fn the_published_file_is_the_preset() {
    let published = json!({
        "architectures": ["Olmo2ForCausalLM"],
        "attention_bias": false,
        "attention_dropout": 0.0,
        "eos_token_id": 100_257,
        "hidden_act": "silu",
        "hidden_size": 4096,
        "initializer_range": 0.02,
        "intermediate_size": 11_008,
        "max_position_embeddings": 4096,
        "model_type": "olmo2",
        "num_attention_heads": 32,
        "num_hidden_layers": 32,
        "num_key_value_heads": 32,
        "pad_token_id": 100_277,
        "rms_norm_eps": 1e-6,
        "rope_scaling": null,
        "rope_theta": 500_000,
        "tie_word_embeddings": false,
        "torch_dtype": "float32",
        "transformers_version": "4.47.0.dev0",
        "use_cache": false,
        "vocab_size": 100_352
    });
    let preset = Model::resolve::<&str>("olmo-2-7b", []).unwrap();
    let read = DecoderConfig::from_json(published.as_object().unwrap());
    assert_eq!(read.as_ref(), Ok(preset.decoder().unwrap()));
}

#[test]
fn norms_stand_behind_and_over_all_heads() {
    let [attention, mlp] = Architecture::Olmo2.norms();
    let after = |module| HalfNorms { before: None, after: Some(module) };
    assert_eq!(attention, after("post_attention_layernorm"));
    assert_eq!(mlp, after("post_feedforward_layernorm"));
    let config = changed(&[]).unwrap();
    // Four heads of queries and two of keys, 8 wide.
    assert_eq!(config.query_key_norms(), Some([32, 16]));
    let norms = [
        ("self_attn.q_norm", 32),
        ("self_attn.k_norm", 16),
        ("post_attention_layernorm", 32),
        ("post_feedforward_layernorm", 32),
    ];
    assert_eq!(config.norms(), norms);
    let qwen = Model::resolve::<&str>("qwen3-0.6b", []).unwrap();
    assert_eq!(qwen.decoder().unwrap().query_key_norms(), Some([128; 2]));
}

#[test]
fn what_an_olmo2_has_not_is_refused_by_name() {
    let refused: [(&str, Value, &[&str]); 5] = [
        ("sliding_window", json!(8), &["sliding_window is 8", "olmo2 has none: remove it"]),
        ("mlp_bias", json!(true), &["mlp_bias is true", "olmo2"]),
        ("clip_qkv", json!(8), &["'clip_qkv' (8)", "olmo2"]),
        ("hidden_act", json!("gelu"), &["hidden_act is \"gelu\"", "silu"]),
        ("num_key_value_heads", json!(3), &["= 4", "num_key_value_heads = 3"]),
    ];
    for (field, value, parts) in refused {
        let problem = changed(&[(field, value)]).expect_err(field);
        for part in parts {
            assert!(problem.contains(part), "{field}: {problem}\nlacks: {part}");
        }
    }
}

fn plan(training: Training) -> Plan {
    let model = Model::resolve::<&str>(GOLDEN, []).unwrap();
    let asked = AskedShape { batch: Some(2), seq: Some(10), ..AskedShape::default() };
    let shape = BatchShape::resolve(asked, &model.config).unwrap();
    let limits = Limits { buffer_bytes: 1 << 31, storage_bindings: 10, ..Limits::WEBGPU };
    lower(&model.config, shape, training, limits).unwrap()
}

/// A row of all heads of a token is one row of the norm; the gradient by what a half was given goes straight onto that
/// of the hidden state, which no norm stands between.
#[test]
fn a_layer_has_four_norms_of_a_row_for_each_token() {
    let plan = plan(Optimizer::AdamW.into());
    let norms = plan.passes.iter().filter(|pass| {
        pass.component.layer == Some(0) && pass.component.to_string().ends_with("norm")
    });
    let shapes: BTreeSet<(u32, u32)> = norms
        .filter(|pass| pass.kernel.to_string().starts_with("rms_norm"))
        .map(|pass| (pass.dims()["M"], pass.dims()["D"]))
        .collect();
    assert_eq!(shapes, [(20, 16), (20, 32)].into());
    assert!(plan.passes.iter().all(|pass| !pass.label.contains("before")));
}

/// The same numbers where layers run again, and where no binding holds all queries' rows.
#[test]
fn a_step_in_pieces_is_the_step() {
    let again = Training { recompute: Recompute::Layers, ..Optimizer::AdamW.into() };
    for (model, training, bytes) in [
        ("olmo2_lora", again, u64::MAX),
        ("olmo2", again, u64::MAX),
        ("olmo2", Optimizer::AdamW.into(), 2_600),
    ] {
        let cut =
            |limits: Limits| Limits { binding_bytes: bytes.min(limits.binding_bytes), ..limits };
        golden::step_within(model, training, cut, |plan, session, file| {
            reference::compare(plan, session, file, "grad", Some("after"));
        });
    }
}

/// The reference notices what an OLMo 2 is made of.
#[test]
fn another_field_makes_other_logits() {
    golden::each_makes_other_logits("olmo2", &["rope_theta=200", "rms_norm_eps=0.1"]);
}
