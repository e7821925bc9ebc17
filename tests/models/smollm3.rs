//! SmolLM3 as its files have it: layers whose heads positions do not turn, by a list or by a rule, and what they cost.

use std::collections::BTreeMap;

use flopmeter::{
    execute::Limits,
    family::decoder::{DecoderConfig, Part, Recipe, Tokens, WorkPass},
    model::{
        AskedShape, BatchShape, Model, Optimizer,
        lower::{Recompute, Training, lower},
    },
    op::Convention,
};
use serde_json::{Value, json};

use crate::{golden, reference};

const GOLDEN: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/golden/smollm3");

/// What reading makes of the golden one's file with fields changed; null removes one.
fn changed(changes: &[(&str, Value)]) -> Result<DecoderConfig, String> {
    DecoderConfig::from_json(&golden::fields("smollm3", changes))
}

fn rotary(config: &DecoderConfig) -> Vec<bool> {
    config.layers.iter().map(|layer| layer.rotary).collect()
}

#[test]
fn the_published_file_is_the_preset() {
    let turned: Vec<u8> = (1..=36).map(|number| u8::from(number % 4 != 0)).collect();
    let published = json!({
        "architectures": ["SmolLM3ForCausalLM"],
        "attention_bias": false,
        "attention_dropout": 0.0,
        "bos_token_id": null,
        "eos_token_id": 128_012,
        "hidden_act": "silu",
        "hidden_size": 2048,
        "initializer_range": 0.02,
        "intermediate_size": 11_008,
        "layer_types": vec!["full_attention"; 36],
        "max_position_embeddings": 65_536,
        "max_window_layers": 28,
        "mlp_bias": false,
        "model_type": "smollm3",
        "no_rope_layer_interval": 4,
        "no_rope_layers": turned,
        "num_attention_heads": 16,
        "num_hidden_layers": 36,
        "num_key_value_heads": 4,
        "pad_token_id": 128_004,
        "pretraining_tp": 2,
        "rms_norm_eps": 1e-6,
        "rope_scaling": null,
        "rope_theta": 5_000_000.0,
        "sliding_window": null,
        "torch_dtype": "bfloat16",
        "transformers_version": "4.54.0.dev0",
        "use_cache": false,
        "use_sliding_window": false,
        "vocab_size": 128_256
    });
    let preset = Model::resolve::<&str>("smollm3-3b", []).unwrap();
    let preset = preset.decoder().unwrap();
    assert_eq!(DecoderConfig::from_json(published.as_object().unwrap()).as_ref(), Ok(preset));
    assert_eq!(rotary(preset).iter().filter(|turned| !**turned).count(), 9);
    assert!(preset.tie_word_embeddings && !preset.layers[3].rotary);
}

#[test]
fn layers_are_listed_or_follow_a_rule() {
    let golden = changed(&[]).unwrap();
    assert_eq!(rotary(&golden), [true, false, true]);
    let windows: Vec<_> = golden.layers.iter().map(|layer| layer.window).collect();
    assert_eq!(windows, [None, Some(5), None]);
    let by_rule = |interval: Value| {
        let fields = [("no_rope_layers", Value::Null), ("no_rope_layer_interval", interval)];
        changed(&[&fields[..], &[("layer_types", Value::Null)]].concat()).unwrap()
    };
    assert_eq!(by_rule(json!(2)), golden, "layers that slide are those that nothing turns");
    assert_eq!(rotary(&by_rule(Value::Null)), [true; 3], "the fourth would be the first");
    assert_eq!(rotary(&by_rule(json!(1))), [false; 3]);
    let longer = changed(&[("no_rope_layers", json!([1, 0, 1, 0, 0]))]);
    assert_eq!(longer.as_ref(), Ok(&golden), "what is beyond the last layer");
    for list in [json!([0, 1, 1]), json!([0, 0, 1]), json!([1, 1, 0]), json!([0, 0, 0])] {
        let config = changed(&[("no_rope_layers", list)]).unwrap();
        assert_eq!(DecoderConfig::from_json(&config.to_json()), Ok(config));
    }
    // A number that is set goes before a list, of which fewer layers have the first.
    let set = |field: &str| Model::resolve(GOLDEN, [field]).unwrap().decoder().unwrap().clone();
    assert_eq!(rotary(&set("no_rope_layer_interval=3")), [true, true, false]);
    assert_eq!(rotary(&set("num_hidden_layers=2")), [true, false]);
}

#[test]
fn what_cannot_be_right_is_refused_by_name() {
    let refused: [(&str, Value, &[&str]); 9] = [
        ("no_rope_layers", json!([1, 0]), &["length 2", "num_hidden_layers is 3", "interval = 4"]),
        (
            "no_rope_layers",
            json!([1, 0, 2]),
            &["has 2 for layer 2", "state 1", "0 where they do not"],
        ),
        ("no_rope_layers", json!([1, true, 0]), &["has true for layer 1"]),
        ("no_rope_layers", json!(4), &["no_rope_layers is 4, not a list"]),
        ("no_rope_layer_interval", json!(0), &["no_rope_layer_interval is 0", "from 1"]),
        (
            "use_sliding_window",
            json!(false),
            &["no window is in use", "set use_sliding_window to true"],
        ),
        ("sliding_window", json!(0), &["sliding_window is 0", "null"]),
        (
            "rope_parameters",
            json!({ "rope_type": "dynamic", "factor": 2.0 }),
            &["\"dynamic\" is not supported", "llama3"],
        ),
        ("partial_rotary_factor", json!(0.5), &["of smollm3 only heads"]),
    ];
    for (field, value, parts) in refused {
        let problem = changed(&[(field, value)]).expect_err(field);
        for part in parts {
            assert!(problem.contains(part), "{field}: {problem}\nlacks: {part}");
        }
    }
    let llama = Model::resolve("llama-3.2-1b", ["no_rope_layers=[1,0]"]).unwrap_err();
    assert!(llama.to_string().contains("'no_rope_layers'"), "{llama}");
}

/// Nothing is turned in such a layer, forth or back, and nothing is charged for it.
#[test]
fn layers_that_nothing_turns_have_no_rotary_positions() {
    let model = Model::resolve::<&str>(GOLDEN, []).unwrap();
    let asked = AskedShape { batch: Some(2), seq: Some(10), ..AskedShape::default() };
    let shape = BatchShape::resolve(asked, &model.config).unwrap();
    let limits = Limits { buffer_bytes: 1 << 31, storage_bindings: 10, ..Limits::WEBGPU };
    let again = Training { recompute: Recompute::Layers, ..Optimizer::AdamW.into() };
    let plan = lower(&model.config, shape, again, limits).unwrap();
    let mut turned = BTreeMap::new();
    for pass in plan.passes.iter().filter(|pass| pass.component.to_string().ends_with("rope")) {
        *turned.entry(pass.component.layer).or_insert(0) += 1;
    }
    // Queries and keys: forth, forth again and back.
    assert_eq!(turned, [(Some(0), 6), (Some(2), 6)].into());

    let flops = |config: &DecoderConfig| -> u128 {
        let recipe = Recipe { recompute: true, ..Recipe::default() };
        let work = config.step(&Tokens::new(2, 10), recipe);
        assert!(work.iter().any(|work| work.pass == WorkPass::Again));
        let rope = work.iter().filter(|work| work.part == Part::Rope);
        rope.map(|work| work.flops(Convention::Ieee)).sum()
    };
    let every = changed(&[("no_rope_layers", json!([1, 1, 1]))]).unwrap();
    let none = changed(&[("no_rope_layers", json!([0, 0, 0]))]).unwrap();
    let golden = changed(&[]).unwrap();
    assert_eq!(3 * flops(&golden), 2 * flops(&every));
    assert_eq!(flops(&none), 0);
}

/// The same numbers where layers run again.
#[test]
fn layers_that_run_again_are_the_layers() {
    let again = Training { recompute: Recompute::Layers, ..Optimizer::AdamW.into() };
    golden::step("smollm3", again, |plan, session, file| {
        reference::compare(plan, session, file, "grad", Some("after"));
    });
}

/// The reference notices each field that sets SmolLM3 apart.
#[test]
fn another_field_makes_other_logits() {
    golden::each_makes_other_logits(
        "smollm3",
        &["sliding_window=6", "rope_theta=200", "no_rope_layer_interval=4"],
    );
}
