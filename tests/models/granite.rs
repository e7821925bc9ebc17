//! Granite as its files have it: what the embedding, scores, halves of layers and logits are multiplied by, and what that
//! costs.

use flopmeter::{
    execute::Limits,
    family::decoder::{DecoderConfig, Exact, Part, Phases, Recipe, Tokens, Work},
    model::{AskedShape, BatchShape, Model, Optimizer, lower::lower},
    op::Convention,
};
use serde_json::{Value, json};

use crate::golden;

const GOLDEN: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/golden/granite");

const FACTORS: [&str; 4] =
    ["embedding_multiplier", "attention_multiplier", "residual_multiplier", "logits_scaling"];

/// What reading makes of the golden one's file with fields changed; null removes one.
fn changed(changes: &[(&str, Value)]) -> Result<DecoderConfig, String> {
    DecoderConfig::from_json(&golden::fields("granite", changes))
}

#[test]
fn the_published_file_is_the_preset() {
    let published = json!({
        "architectures": ["GraniteForCausalLM"],
        "attention_bias": false,
        "attention_dropout": 0.0,
        "attention_multiplier": 0.007_812_5,
        "bos_token_id": 0,
        "embedding_multiplier": 12.0,
        "eos_token_id": 0,
        "hidden_act": "silu",
        "hidden_size": 4096,
        "initializer_range": 0.02,
        "intermediate_size": 12_800,
        "logits_scaling": 16.0,
        "max_position_embeddings": 131_072,
        "mlp_bias": false,
        "model_type": "granite",
        "num_attention_heads": 32,
        "num_hidden_layers": 40,
        "num_key_value_heads": 8,
        "pad_token_id": 0,
        "residual_multiplier": 0.22,
        "rms_norm_eps": 1e-5,
        "rope_scaling": null,
        "rope_theta": 10_000_000.0,
        "tie_word_embeddings": true,
        "torch_dtype": "bfloat16",
        "transformers_version": "4.49.0",
        "use_cache": true,
        "vocab_size": 49_159
    });
    let preset = Model::resolve::<&str>("granite-3.3-8b", []).unwrap();
    let read = DecoderConfig::from_json(published.as_object().unwrap());
    assert_eq!(read.as_ref(), Ok(preset.decoder().unwrap()));
}

#[test]
fn a_file_states_each_factor_or_it_is_one() {
    let golden = changed(&[]).unwrap();
    assert_eq!(golden.embedding_scale(), Some(3.0));
    assert_eq!(golden.residual_scale(), Some(0.4));
    assert_eq!(golden.logit_scale(), Some(1.0 / 1.6));
    assert_eq!(golden.attention_scale().to_bits(), 0.2_f64.to_bits());
    let plain = changed(&FACTORS.map(|factor| (factor, Value::Null))).unwrap();
    assert_eq!([plain.embedding_scale(), plain.residual_scale(), plain.logit_scale()], [None; 3]);
    assert_eq!(plain.attention_scale().to_bits(), 1_f64.to_bits(), "not by the width of a head");
    assert_eq!(changed(&FACTORS.map(|factor| (factor, json!(1)))), Ok(plain));
}

#[test]
fn what_cannot_be_right_is_refused_by_name() {
    let refused: [(&str, Value, &[&str]); 6] = [
        ("embedding_multiplier", json!(0), &["embedding_multiplier is 0", "a positive number"]),
        ("residual_multiplier", json!(-0.5), &["residual_multiplier is -0.5", "positive"]),
        ("attention_multiplier", json!("1/64"), &["attention_multiplier is \"1/64\"", "positive"]),
        ("logits_scaling", json!([8]), &["logits_scaling is [8]", "positive"]),
        ("sliding_window", json!(8), &["sliding_window is 8", "granite has none: remove it"]),
        ("hidden_act", json!("gelu"), &["hidden_act is \"gelu\"", "silu"]),
    ];
    for (field, value, parts) in refused {
        let problem = changed(&[(field, value)]).expect_err(field);
        for part in parts {
            assert!(problem.contains(part), "{field}: {problem}\nlacks: {part}");
        }
    }
    // What single precision has as infinite or as zero, or what one divided by it would be.
    for field in FACTORS {
        for (value, told) in [(1e39, "1e39"), (1e38, "1e38"), (1e-38, "1e-38"), (1e-50, "1e-50")] {
            let problem = changed(&[(field, json!(value))]).expect_err(field);
            let says = format!("{field} is {told}; it must be from 1.1754944e-38 to 8.507059e37, ");
            assert!(problem.starts_with(&says), "{problem}");
        }
        for value in [1.2e-38, 8.5e37] {
            changed(&[(field, json!(value))]).expect(field);
        }
    }
    let llama = Model::resolve("llama-3.2-1b", ["logits_scaling=8"]).unwrap_err();
    assert!(llama.to_string().contains("'logits_scaling' (8) is not known for llama"), "{llama}");
}

fn work(config: &DecoderConfig, recompute: bool) -> Vec<Work> {
    config.step(&Tokens::new(2, 9), Recipe { recompute, ..Recipe::default() })
}

fn exact(config: &DecoderConfig) -> Phases {
    Exact::of(&work(config, false), Convention::Ieee).algebraic
}

/// A factor of 1 is no multiplication: such a Granite is a Llama, pass by pass.
#[test]
fn factors_of_one_cost_nothing() {
    let ones = FACTORS.map(|factor| (factor, json!(1)));
    let granite = changed(&ones).unwrap();
    let none = FACTORS.map(|factor| (factor, Value::Null));
    let llama = changed(&[&none[..], &[("model_type", json!("llama"))]].concat()).unwrap();
    assert_eq!(work(&granite, true), work(&llama, true));
    let limits = Limits { buffer_bytes: 1 << 31, storage_bindings: 10, ..Limits::WEBGPU };
    let passes = |set: &[String]| {
        let model = Model::resolve(GOLDEN, set).unwrap();
        let asked = AskedShape { batch: Some(2), seq: Some(9), ..AskedShape::default() };
        let shape = BatchShape::resolve(asked, &model.config).unwrap();
        let plan = lower(&model.config, shape, Optimizer::AdamW.into(), limits).unwrap();
        plan.passes.len()
    };
    let ones = FACTORS.map(|factor| format!("{factor}=1"));
    // The embedding and the logits, forth and back, and the gradient by each half of two layers.
    assert_eq!(passes(&[]) - passes(&ones), 2 + 2 + 4);
}

/// Each is a multiplication of an element, forth and back, but for that of a half, which goes into the sum's.
#[test]
fn factors_cost_a_multiplication_each() {
    let one = |factor: &str| {
        let others = FACTORS.into_iter().filter(|other| *other != factor);
        let ones: Vec<_> = others.map(|other| (other, json!(1))).collect();
        changed(&ones).unwrap()
    };
    let plain = one("attention_multiplier");
    let (tokens, hidden, vocab, layers) = (18, 24, 37, 2);
    for (factor, part, elements) in [
        ("embedding_multiplier", Part::Embedding, tokens * hidden),
        ("residual_multiplier", Part::Residual, 2 * layers * tokens * hidden),
        ("logits_scaling", Part::Loss, tokens * vocab),
    ] {
        let config = one(factor);
        for [with, without] in [
            [exact(&config).forward, exact(&plain).forward],
            [exact(&config).backward, exact(&plain).backward],
        ] {
            assert_eq!(with - without, elements, "{factor}");
        }
        let of = |config| -> u128 {
            let work = work(config, false);
            let part = work.iter().filter(|work| work.part == part);
            part.map(|work| work.flops(Convention::Ieee)).sum()
        };
        assert_eq!(of(&config) - of(&plain), 2 * elements, "{factor}");
    }
    assert_eq!(
        exact(&changed(&[("attention_multiplier", json!(1))]).unwrap()),
        exact(&changed(&[]).unwrap())
    );
}

/// The same numbers where layers run again, and where no binding holds all logits.
#[test]
fn a_step_in_pieces_is_the_step() {
    golden::a_step_in_pieces_is_the_step("granite", 2_000);
}

/// The reference notices each field that sets Granite apart.
#[test]
fn another_field_makes_other_logits() {
    golden::each_makes_other_logits(
        "granite",
        &[
            "embedding_multiplier=4",
            "attention_multiplier=0.35355",
            "residual_multiplier=0.5",
            "logits_scaling=1.7",
            "rope_theta=200",
        ],
    );
}
