//! OPT as its files have it: relu, names of its own, and two rows in front of its positions.

use flopmeter::{
    family::decoder::{DecoderConfig, Part, Recipe, Tokens, WorkPass},
    model::Model,
    op::{Convention, Op, OpCounts},
};
use serde_json::{Value, json};

use crate::{
    decoder_config::assert_says,
    decoder_step::{each_runs_as_stated, sequences_of_a_row_do_not_meet},
    golden,
};

const GOLDEN: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/golden/opt");

/// What reading makes of the golden one's file with fields changed; null removes one.
fn changed(changes: &[(&str, Value)]) -> Result<DecoderConfig, String> {
    DecoderConfig::from_json(&golden::fields("opt", changes))
}

#[test]
fn the_published_files_are_the_presets() {
    let published = |width: u32, layers: u32, heads: u32, inner: u32| {
        json!({
            "_remove_final_layer_norm": false,
            "activation_dropout": 0.0,
            "activation_function": "relu",
            "architectures": ["OPTForCausalLM"],
            "attention_dropout": 0.0,
            "bos_token_id": 2,
            "do_layer_norm_before": true,
            "dropout": 0.1,
            "eos_token_id": 2,
            "ffn_dim": inner,
            "hidden_size": width,
            "init_std": 0.02,
            "layerdrop": 0.0,
            "max_position_embeddings": 2048,
            "model_type": "opt",
            "num_attention_heads": heads,
            "num_hidden_layers": layers,
            "pad_token_id": 1,
            "prefix": "</s>",
            "torch_dtype": "float16",
            "transformers_version": "4.21.0.dev0",
            "use_cache": true,
            "vocab_size": 50_272,
            "word_embed_proj_dim": width
        })
    };
    for (name, [width, layers, heads, inner]) in [
        ("opt-125m", [768, 12, 12, 3072]),
        ("opt-1.3b", [2048, 24, 32, 8192]),
        ("opt-13b", [5120, 40, 40, 20_480]),
        ("opt-66b", [9216, 64, 72, 36_864]),
    ] {
        let preset = Model::resolve::<&str>(name, []).unwrap();
        let preset = preset.decoder().unwrap();
        let mut published = published(width, layers, heads, inner);
        if name == "opt-13b" {
            published["output_projection"] = json!(true);
        }
        let read = DecoderConfig::from_json(published.as_object().unwrap());
        assert_eq!(read.as_ref(), Ok(preset), "{name}");
        assert!(preset.tie_word_embeddings);
    }
}

#[test]
fn what_an_opt_has_not_is_refused_by_name() {
    let refused: [(&str, Value, &[&str]); 12] = [
        ("activation_function", json!("gelu"), &["activation_function is \"gelu\"", "\"relu\""]),
        ("do_layer_norm_before", json!(false), &["do_layer_norm_before is false", "only true"]),
        ("_remove_final_layer_norm", json!(true), &["_remove_final_layer_norm is true"]),
        ("layer_norm_elementwise_affine", json!(false), &["only true is supported"]),
        ("layerdrop", json!(0.1), &["layerdrop is 0.1", "only 0"]),
        ("word_embed_proj_dim", json!(24), &["word_embed_proj_dim is 24", "hidden_size is 36"]),
        ("num_key_value_heads", json!(2), &["'num_key_value_heads' (2)", "opt"]),
        ("head_dim", json!(8), &["'head_dim' (8)", "opt"]),
        ("rope_theta", json!(1e4), &["'rope_theta' (10000.0)", "opt"]),
        ("layer_norm_epsilon", json!(1e-5), &["'layer_norm_epsilon'", "is not known for opt"]),
        ("num_attention_heads", json!(5), &["hidden_size = 36", "num_attention_heads = 5"]),
        ("ffn_dim", json!(0), &["ffn_dim is 0"]),
    ];
    for (field, value, parts) in refused {
        assert_says(&changed(&[(field, value)]).expect_err(field), parts);
    }
    for field in ["ffn_dim", "enable_bias", "layerdrop", "activation_function"] {
        let mut fields = golden::fields("opt", &[]);
        fields.insert(field.to_owned(), Value::Null);
        let problem = DecoderConfig::from_json(&fields).unwrap_err();
        assert_says(&problem, &[&format!("{field} is null, which transformers refuses")]);
    }
    assert_eq!(changed(&[("word_embed_proj_dim", Value::Null)]), changed(&[]));
}

/// transformers knows the width of an OPT's MLP by one name alone, and passes the other over in a file.
#[test]
fn the_width_of_an_mlp_has_one_name_in_a_file_and_either_where_it_is_set() {
    let golden = changed(&[]).unwrap();
    assert_eq!(changed(&[("intermediate_size", json!(7))]).as_ref(), Ok(&golden));
    assert_eq!(changed(&[("ffn_dim", Value::Null)]).unwrap().intermediate_size, 3072);
    let set = |field: &str| Model::resolve(GOLDEN, [field]).unwrap().config;
    assert_eq!(set("intermediate_size=7"), set("ffn_dim=7"));
    assert_ne!(set("ffn_dim=7"), set("ffn_dim=30"));
    assert_eq!(DecoderConfig::from_json(&golden.to_json()), Ok(golden));
}

#[test]
fn biases_are_all_there_or_none_is() {
    let biases = |config: &DecoderConfig| {
        let parameters = config.parameters().into_iter();
        parameters.filter(|it| it.name.contains("proj.bias") || it.name.contains("fc")).count()
    };
    assert_eq!(biases(&changed(&[]).unwrap()), 2 * (4 + 4));
    let none = changed(&[("enable_bias", json!(false))]).unwrap();
    assert_eq!(biases(&none), 2 * 2);
    assert_eq!(DecoderConfig::from_json(&none.to_json()), Ok(none));
}

/// Two rows of the table of positions are there and no token takes them.
#[test]
fn the_table_of_positions_has_two_rows_more_than_positions() {
    let parameters = changed(&[]).unwrap().parameters();
    let table = parameters.iter().find(|it| it.name.ends_with("embed_positions.weight")).unwrap();
    assert_eq!(table.shape, [24 + 2, 36]);
    let most = changed(&[("max_position_embeddings", json!(u32::MAX))]).unwrap_err();
    assert_says(&most, &["max_position_embeddings = 4294967295 and 2 rows in front", "lower it"]);
}

/// Relu compares and selects, and costs no FLOPs by a price for what computes.
#[test]
fn relu_is_a_choice_and_no_flops() {
    let work = changed(&[]).unwrap().step(&Tokens::new(2, 9), Recipe::default());
    let of_activation = work.iter().filter(|work| work.part == Part::Activation);
    let passes: Vec<WorkPass> = of_activation
        .map(|work| {
            assert_eq!(work.flops(Convention::Ieee), 0);
            // Layers that are alike together.
            assert_eq!(work.times, 2 * (2 * 9 * 30));
            assert_eq!(work.each, OpCounts::f32(Op::Compare, 1) + OpCounts::f32(Op::Select, 1));
            work.pass
        })
        .collect();
    assert!(passes.contains(&WorkPass::Forward) && passes.contains(&WorkPass::Input));
}

/// Forms hold with and without adapters and biases, with a head of its own and heads of one number.
#[test]
fn steps_run_as_stated() {
    each_runs_as_stated(
        GOLDEN,
        &[
            &[],
            &["enable_bias=false", "num_attention_heads=12", "tie_word_embeddings=false"],
            &["lora_rank=2", "lora_targets=all-linear"],
            &["lora_rank=2", "lora_targets=fc1", "num_attention_heads=36"],
        ],
    );
}

#[test]
fn a_step_in_pieces_is_the_step() {
    golden::a_step_in_pieces_is_the_step("opt", 8_000);
}

#[test]
fn another_field_makes_other_logits() {
    golden::each_makes_other_logits("opt", &["num_attention_heads=2"]);
}

/// The second sequence of a row has the positions of one by itself.
#[test]
fn each_sequence_of_a_row_begins_at_the_first_position() {
    let model = Model::resolve::<&str>(GOLDEN, []).unwrap();
    sequences_of_a_row_do_not_meet(&model.config, [20, 9]);
}
