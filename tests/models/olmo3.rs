//! OLMo 3 as its files have it: OLMo 2 with layers that slide, by a list or a rule, whose wavelengths no file stretches in
//! passing.

use flopmeter::{
    family::decoder::{Architecture, DecoderConfig, Rope, Scaling},
    model::{
        Model, Optimizer,
        lower::{Recompute, Training},
    },
};
use serde_json::{Value, json};

use crate::{golden, reference};

const GOLDEN: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/golden/olmo3");

/// What reading makes of the golden one's file with fields changed; null removes one.
fn changed(changes: &[(&str, Value)]) -> Result<DecoderConfig, String> {
    DecoderConfig::from_json(&golden::fields("olmo3", changes))
}

fn windows(config: &DecoderConfig) -> Vec<Option<u32>> {
    config.layers.iter().map(|layer| layer.window).collect()
}

#[test]
fn the_published_file_is_the_preset() {
    let kinds = (1..=32).map(|number| match number % 4 {
        0 => "full_attention",
        _ => "sliding_attention",
    });
    let published = json!({
        "architectures": ["Olmo3ForCausalLM"],
        "attention_bias": false,
        "attention_dropout": 0.0,
        "eos_token_id": 100_257,
        "hidden_act": "silu",
        "hidden_size": 4096,
        "initializer_range": 0.02,
        "intermediate_size": 11_008,
        "layer_types": kinds.collect::<Vec<_>>(),
        "max_position_embeddings": 65_536,
        "model_type": "olmo3",
        "num_attention_heads": 32,
        "num_hidden_layers": 32,
        "num_key_value_heads": 32,
        "pad_token_id": 100_277,
        "rms_norm_eps": 1e-6,
        "rope_scaling": {
            "attention_factor": 1.207_944_154_167_983_6,
            "beta_fast": 32.0,
            "beta_slow": 1.0,
            "factor": 8.0,
            "original_max_position_embeddings": 8192,
            "rope_type": "yarn"
        },
        "rope_theta": 500_000,
        "sliding_window": 4096,
        "tie_word_embeddings": false,
        "torch_dtype": "bfloat16",
        "transformers_version": "4.57.0",
        "use_cache": false,
        "vocab_size": 100_278
    });
    let preset = Model::resolve::<&str>("olmo-3-7b", []).unwrap();
    let preset = preset.decoder().unwrap();
    assert_eq!(DecoderConfig::from_json(published.as_object().unwrap()).as_ref(), Ok(preset));
    assert_eq!(preset.query_key_norms(), Some([4096; 2]));
    assert_eq!(Architecture::Olmo3.norms(), Architecture::Olmo2.norms());
    let plain = Rope { theta: 5e5, scaling: Scaling::Default };
    assert_eq!(preset.sliding_rope, Some(plain), "yarn stretches full layers alone");
    let [full, sliding] = [3, 0].map(|layer| preset.rope_of(preset.layers[layer]).scaling.clone());
    assert!(matches!(full, Scaling::Yarn { .. }) && sliding == Scaling::Default);
}

#[test]
fn layers_slide_by_a_list_or_a_rule() {
    let golden = changed(&[]).unwrap();
    assert_eq!(windows(&golden), [Some(4), Some(4), Some(4), None]);
    assert_eq!(changed(&[("layer_types", Value::Null)]), Ok(golden));
    let [s, f] = ["sliding_attention", "full_attention"];
    for kinds in [[s, f, f, s], [f; 4], [s; 4]] {
        let config = changed(&[("layer_types", json!(kinds))]).unwrap();
        let slides: Vec<_> = windows(&config).iter().map(Option::is_some).collect();
        assert_eq!(slides, kinds.map(|kind| kind == s));
        assert_eq!(DecoderConfig::from_json(&config.to_json()), Ok(config));
    }
    let unsaid = changed(&[("sliding_window", Value::Null)]).unwrap();
    assert_eq!(windows(&unsaid)[0], Some(4096));
    // A number of layers that is set goes before the list.
    let set = Model::resolve(GOLDEN, ["num_hidden_layers=5"]).unwrap();
    assert_eq!(windows(set.decoder().unwrap()), [Some(4), Some(4), Some(4), None, Some(4)]);
}

/// transformers 5.24 takes what older files say as what full layers have, the base as well, and gives layers that slide
/// the base of its own.
#[test]
fn older_files_speak_of_full_layers() {
    let newer = changed(&[]).unwrap();
    assert_eq!(newer.rope.theta, 100.0);
    assert_eq!(newer.sliding_rope, Some(Rope { theta: 60.0, scaling: Scaling::Default }));
    let older = changed(&[("rope_parameters", Value::Null), ("rope_theta", json!(100))]).unwrap();
    assert_eq!([older.rope.theta, older.sliding_rope.clone().unwrap().theta], [100.0, 5e5]);
    assert_eq!(older.rope.scaling, Scaling::Default);
    let linear = json!({ "rope_type": "linear", "factor": 2.0 });
    let stretched = changed(&[("rope_parameters", Value::Null), ("rope_scaling", linear)]).unwrap();
    assert_eq!(stretched.rope, Rope { theta: 5e5, scaling: Scaling::Linear { factor: 2.0 } });
    assert_eq!(stretched.sliding_rope, older.sliding_rope);
    for config in [newer, older, stretched] {
        assert_eq!(DecoderConfig::from_json(&config.to_json()), Ok(config));
    }
    let set = Model::resolve(GOLDEN, ["rope_theta=7"]).unwrap();
    let set = set.decoder().unwrap();
    assert_eq!([set.rope.theta, set.sliding_rope.as_ref().unwrap().theta], [7.0, 60.0]);
}

#[test]
fn what_cannot_be_right_is_refused_by_name() {
    let yarn = |truncate: bool| {
        let kind = json!({
            "rope_type": "yarn", "factor": 4, "original_max_position_embeddings": 16, "truncate": truncate
        });
        json!({ "full_attention": kind })
    };
    assert!(changed(&[("rope_parameters", yarn(true))]).is_ok());
    let refused: [(&str, Value, &[&str]); 6] = [
        ("sliding_window", json!(0), &["sliding_window is 0", "list full_attention alone"]),
        ("rope_local_base_freq", json!(9), &["'rope_local_base_freq' (9)", "for olmo3"]),
        (
            "rope_parameters",
            json!({ "rope_type": "default" }),
            &["rope_parameters.rope_type", "full_attention", "sliding_attention"],
        ),
        ("rope_parameters", yarn(false), &["truncate of yarn is false", "olmo3: remove it"]),
        ("rope_theta", json!(9), &["rope_theta is 9", "full_attention.rope_theta is 100"]),
        ("mlp_bias", json!(true), &["mlp_bias is true", "olmo3"]),
    ];
    for (field, value, parts) in refused {
        let problem = changed(&[(field, value)]).expect_err(field);
        for part in parts {
            assert!(problem.contains(part), "{field}: {problem}\nlacks: {part}");
        }
    }
    let mut endless = golden::fields("olmo3", &[]);
    endless.insert("sliding_window".to_owned(), Value::Null);
    let problem = DecoderConfig::from_json(&endless).unwrap_err();
    let way = "look back on, or list full_attention alone";
    assert!(problem.contains("sliding_window is null") && problem.contains(way), "{problem}");
    endless.insert("layer_types".to_owned(), json!(vec!["full_attention"; 4]));
    assert_eq!(windows(&DecoderConfig::from_json(&endless).unwrap()), [None; 4]);
}

/// The same numbers where layers run again.
#[test]
fn layers_that_run_again_are_the_layers() {
    let again = Training { recompute: Recompute::Layers, ..Optimizer::AdamW.into() };
    for model in ["olmo3", "olmo3_lora"] {
        golden::step(model, again, |plan, session, file| {
            reference::compare(plan, session, file, "grad", Some("after"));
        });
    }
}

/// The reference notices each field that sets OLMo 3 apart.
#[test]
fn another_field_makes_other_logits() {
    let full = r#"layer_types=["full_attention","sliding_attention","sliding_attention","sliding_attention"]"#;
    golden::each_makes_other_logits("olmo3", &["sliding_window=5", "rope_theta=200", full]);
}
