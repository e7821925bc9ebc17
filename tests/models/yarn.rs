//! Wavelengths that YaRN stretches, beside those of transformers 5.24: pairs that turn often stay, pairs that turn seldom
//! are stretched, and what is turned is multiplied.

use flopmeter::family::decoder::{DecoderConfig, Rope};
use serde_json::{Value, json};

use crate::golden;

const GOLDEN: &str = "qwen2_yarn";

/// What is read of the golden model with this object of rotary positions in the place of its own.
fn with(rope: Value) -> Result<DecoderConfig, String> {
    let own = ["rope_scaling", "rope_theta"].map(|name| (name, Value::Null));
    let changes = [&own[..], &[("rope_parameters", rope)]].concat();
    DecoderConfig::from_json(&golden::fields(GOLDEN, &changes))
}

/// What `ROPE_INIT_FUNCTIONS["yarn"]` of transformers 5.24 returns for heads of 16 elements in a model for 131,072 tokens.
#[test]
fn wavelengths_and_the_factor_are_those_of_transformers() {
    let cases = [
        (
            json!({ "rope_theta": 1e6, "factor": 4.0, "original_max_position_embeddings": 32768 }),
            [
                1.0,
                0.177_827_94,
                0.031_622_78,
                0.004_217_56,
                0.000_5,
                4.445_698_5e-5,
                7.905_693_6e-6,
                1.405_853_4e-6,
            ],
            1.138_629_436_111_989,
        ),
        (
            json!({
                "rope_theta": 1e4, "factor": null, "original_max_position_embeddings": 4096, "truncate": false
            }),
            [
                1.0,
                0.316_227_76,
                0.1,
                0.027_735_936,
                0.005_552_754_3,
                0.000_738_276_87,
                3.125e-5,
                9.882_118e-6,
            ],
            1.346_573_590_279_972_7,
        ),
        (
            json!({
                "rope_theta": 1e4, "factor": 2.0, "original_max_position_embeddings": 4, "attention_factor": 0.8
            }),
            [
                1.0,
                0.158_113_88,
                0.05,
                0.015_811_389,
                0.005,
                0.001_581_138_9,
                0.000_5,
                0.000_158_113_89,
            ],
            0.8,
        ),
        (
            json!({ "rope_theta": 1e4, "factor": 8.0, "original_max_position_embeddings": 4096, "mscale": 1.0 }),
            [
                1.0,
                0.316_227_76,
                0.1,
                0.024_705_295,
                0.005_625,
                0.001_087_033,
                0.000_125,
                3.952_847_3e-5,
            ],
            1.207_944_154_167_983_6,
        ),
    ];
    for (mut rope, angles, magnitude) in cases {
        rope["rope_type"] = json!("yarn");
        let config = with(rope.clone()).unwrap();
        let found = config.rope.angles(16, [7, 131_072]);
        assert_eq!(found.len(), angles.len());
        for (found, wanted) in found.iter().zip(angles) {
            // Theirs are computed in single precision.
            assert!((found / wanted - 1.0).abs() < 1e-6, "{rope}: {found}, not {wanted}");
        }
        assert!((config.rope.magnitude(131_072) - magnitude).abs() < 1e-12, "{rope}");
        assert_eq!(DecoderConfig::from_json(&config.to_json()), Ok(config), "{rope}");
    }
}

/// Where a file does not say for which length a model was trained first, it is the longest that it takes, as transformers 5.24
/// has it of `yarn` and of `llama3`.
#[test]
fn what_a_model_takes_is_what_it_was_trained_for() {
    let kinds = [
        json!({ "rope_type": "yarn", "factor": 4.0 }),
        json!({ "rope_type": "llama3", "factor": 8.0, "low_freq_factor": 1.0, "high_freq_factor": 4.0 }),
    ];
    for unsaid in kinds {
        let stated = |original: u32| {
            let mut rope = unsaid.clone();
            rope["original_max_position_embeddings"] = json!(original);
            with(rope).unwrap().rope
        };
        // The golden model takes 64 tokens.
        assert_eq!(with(unsaid.clone()).unwrap().rope, stated(64));
        assert_ne!(stated(64), stated(16));
    }
}

#[test]
fn a_factor_of_no_more_than_one_multiplies_nothing() {
    let rope = |factor: f64| -> Rope {
        let rope = json!({
            "rope_type": "yarn", "factor": factor, "original_max_position_embeddings": 16, "mscale": 2.0,
            "mscale_all_dim": 1.0
        });
        with(rope).unwrap().rope
    };
    assert_eq!(rope(1.0).magnitude(64), 1.0);
    let [twice, once] = [2.0, 1.0].map(|by| 0.1 * by * 4.0_f64.ln() + 1.0);
    assert_eq!(rope(4.0).magnitude(64), twice / once);
}

/// Null is not absence: transformers takes the default of a field that is not there alone.
#[test]
fn pairs_are_whole_numbers_unless_a_file_says_otherwise() {
    let angles = |truncate: Option<Value>| {
        let mut rope = json!({ "rope_type": "yarn", "rope_theta": 1e4, "factor": 4.0, "original_max_position_embeddings": 4096 });
        if let Some(truncate) = truncate {
            rope["truncate"] = truncate;
        }
        with(rope).unwrap().rope.angles(16, [7, 64])
    };
    let [whole, fractions] = [true, false].map(|truncate| angles(Some(json!(truncate))));
    assert_ne!(whole, fractions);
    assert_eq!((angles(None), angles(Some(Value::Null))), (whole, fractions));
    // A Gemma 3 has objects for its kinds of layers, in which transformers does not look for it.
    let gemma = |truncate: bool| {
        let yarn = json!({
            "rope_type": "yarn", "factor": 4.0, "original_max_position_embeddings": 64, "truncate": truncate
        });
        let rope = json!({ "full_attention": yarn });
        DecoderConfig::from_json(&golden::fields("gemma3", &[("rope_parameters", rope)]))
    };
    assert!(gemma(true).is_ok());
    let problem = gemma(false).unwrap_err();
    assert!(problem.contains("truncate") && problem.contains("remove it"), "{problem}");
}

#[test]
fn what_cannot_be_right_is_refused_by_name() {
    let own = json!({ "rope_type": "yarn", "factor": 4.0, "original_max_position_embeddings": 16 });
    let refused: [(&str, Value, &[&str]); 6] = [
        ("factor", Value::Null, &["rope_parameters.factor is missing"]),
        ("original_max_position_embeddings", json!(0), &["embeddings is 0", "from 1"]),
        ("beta_fast", json!(-1), &["beta_fast is -1", "positive"]),
        ("truncate", json!(1), &["truncate is 1", "true or false"]),
        ("rope_theta", json!(1.0), &["rope_parameters.rope_theta is 1", "logarithm"]),
        ("short_factor", json!([1.0]), &["short_factor is [1.0]", "\"yarn\" does not have"]),
    ];
    for (field, value, parts) in refused {
        let mut rope = own.clone();
        match &value {
            Value::Null => drop(rope.as_object_mut().unwrap().remove(field)),
            value => rope[field] = value.clone(),
        }
        let problem = with(rope).expect_err(field);
        for part in parts {
            assert!(problem.contains(part), "{field}: {problem}\nlacks: {part}");
        }
    }
}

/// The reference notices each number of its stretching.
#[test]
fn another_stretching_makes_other_logits() {
    let changed = |field: &str, value: &str| {
        let mut rope = golden::fields(GOLDEN, &[])["rope_scaling"].clone();
        rope[field] = serde_json::from_str(value).unwrap();
        format!("rope_scaling={rope}")
    };
    let fields = [
        changed("factor", "8.0"),
        changed("original_max_position_embeddings", "64"),
        changed("beta_fast", "0.5"),
        changed("beta_slow", "1.0"),
        changed("mscale", "4.0"),
        changed("attention_factor", "0.5"),
        "rope_theta=200".to_owned(),
    ];
    golden::each_makes_other_logits(GOLDEN, &fields.each_ref().map(String::as_str));
}
