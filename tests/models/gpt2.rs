//! GPT-2 as its files have it: names of its own, weights of linear layers by rows of inputs, and positions that are
//! learned.

use std::path::Path;

use flopmeter::{
    family::decoder::DecoderConfig,
    model::{AskedShape, BatchShape, Model},
    tensors::{Dtype, TensorFile},
};
use serde_json::{Value, json};

use crate::{
    decoder_config::assert_says,
    decoder_step::{each_runs_as_stated, sequences_of_a_row_do_not_meet},
    golden, spoilt,
};

const GOLDEN: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/golden/gpt2");

/// What reading makes of the golden one's file with fields changed; null removes one.
fn changed(changes: &[(&str, Value)]) -> Result<DecoderConfig, String> {
    DecoderConfig::from_json(&golden::fields("gpt2", changes))
}

#[test]
fn the_published_files_are_the_presets() {
    let published = |width: u32, heads: u32, layers: u32| {
        json!({
            "activation_function": "gelu_new",
            "architectures": ["GPT2LMHeadModel"],
            "attn_pdrop": 0.1,
            "bos_token_id": 50_256,
            "embd_pdrop": 0.1,
            "eos_token_id": 50_256,
            "initializer_range": 0.02,
            "layer_norm_epsilon": 1e-5,
            "model_type": "gpt2",
            "n_ctx": 1024,
            "n_embd": width,
            "n_head": heads,
            "n_layer": layers,
            "n_positions": 1024,
            "resid_pdrop": 0.1,
            "summary_activation": null,
            "summary_first_dropout": 0.1,
            "summary_proj_to_labels": true,
            "summary_type": "cls_index",
            "summary_use_proj": true,
            "task_specific_params": { "text-generation": { "do_sample": true, "max_length": 50 } },
            "vocab_size": 50_257
        })
    };
    for (name, width, heads, layers) in [
        ("gpt2", 768, 12, 12),
        ("gpt2-medium", 1024, 16, 24),
        ("gpt2-large", 1280, 20, 36),
        ("gpt2-xl", 1600, 25, 48),
    ] {
        let mut published = published(width, heads, layers);
        if name == "gpt2-medium" {
            published["n_special"] = json!(0);
            published["predict_special_tokens"] = json!(true);
        }
        if name == "gpt2-xl" {
            published["output_past"] = json!(true);
        }
        let preset = Model::resolve::<&str>(name, []).unwrap();
        let preset = preset.decoder().unwrap();
        let read = DecoderConfig::from_json(published.as_object().unwrap());
        assert_eq!(read.as_ref(), Ok(preset), "{name}");
        assert!(preset.tie_word_embeddings);
    }
}

const NAMES: [(&str, &str); 4] = [
    ("n_embd", "hidden_size"),
    ("n_head", "num_attention_heads"),
    ("n_layer", "num_hidden_layers"),
    ("n_positions", "max_position_embeddings"),
];

#[test]
fn either_name_of_a_field_is_read() {
    let golden = changed(&[]).unwrap();
    let stated = golden::fields("gpt2", &[]);
    for (own, shared) in NAMES {
        let value = stated[own].clone();
        let renamed = [(own, Value::Null), (shared, value.clone())];
        assert_eq!(changed(&renamed).as_ref(), Ok(&golden), "{shared}");
        assert_eq!(changed(&[(shared, value)]).as_ref(), Ok(&golden), "both, of one value");
        let problem = changed(&[(shared, json!(12))]).unwrap_err();
        let words = [format!("{own} is {}", stated[own]), format!("{shared} is 12")];
        assert_says(&problem, &words.each_ref().map(String::as_str));
    }
    assert_eq!(DecoderConfig::from_json(&golden.to_json()), Ok(golden));
    // A field that is set goes before the file's, by whichever name.
    for [own, shared] in
        [["n_layer=1", "num_hidden_layers=1"], ["n_head=6", "num_attention_heads=6"]]
    {
        let set = |field: &str| Model::resolve(GOLDEN, [field]).unwrap().config;
        assert_eq!(set(own), set(shared));
        assert_ne!(set(own), set("n_layer=2"));
    }
}

/// transformers knows the width of a GPT-2's MLP by one name alone, and passes the other over in a file.
#[test]
fn the_width_of_an_mlp_has_one_name_in_a_file_and_either_where_it_is_set() {
    let golden = changed(&[]).unwrap();
    assert_eq!(changed(&[("intermediate_size", json!(7))]).as_ref(), Ok(&golden));
    let set = |field: &str| Model::resolve(GOLDEN, [field]).unwrap().config;
    assert_eq!(set("intermediate_size=7"), set("n_inner=7"));
    assert_ne!(set("n_inner=7"), set("n_inner=44"));
    let refused = changed(&[("scale_attn_by_inverse_layer_idx", json!(true))]).unwrap_err();
    assert_says(&refused, &["only false is supported"]);
    assert_eq!(set("scale_attn_by_inverse_layer_idx=false"), set("n_layer=2"));
}

#[test]
fn an_mlp_is_as_wide_as_the_file_says_or_four_times_the_model() {
    let width = |inner: Value| {
        let parameters = changed(&[("n_inner", inner)]).unwrap().parameters();
        let bias = parameters.iter().find(|parameter| parameter.name.ends_with("c_fc.bias"));
        bias.unwrap().elements()
    };
    assert_eq!([json!(44), json!(7), Value::Null].map(width), [44, 7, 4 * 36]);
    let derived = |set: &str| {
        let derived = Model::resolve("gpt2", [set]).unwrap().config.derived();
        derived.into_iter().find(|(name, _)| *name != "head_dim")
    };
    assert_eq!(derived("n_embd=24"), Some(("n_inner", 96)));
    assert_eq!(derived("intermediate_size=8"), Some(("n_inner", 8)));
    // A head may be of any width.
    for heads in [1, 2, 3, 36] {
        let config = changed(&[("n_head", json!(heads))]).unwrap();
        assert_eq!(config.head_dim, 36 / heads);
        assert_eq!(config.num_key_value_heads, heads);
    }
}

#[test]
fn what_a_gpt2_has_not_is_refused_by_name() {
    let refused: [(&str, Value, &[&str]); 13] = [
        (
            "activation_function",
            json!("relu"),
            &["activation_function is \"relu\"", "only \"gelu_new\" and \"gelu_pytorch_tanh\" are"],
        ),
        ("activation_function", json!("gelu"), &["activation_function is \"gelu\"", "gelu_new"]),
        (
            "scale_attn_by_inverse_layer_idx",
            json!(true),
            &["scale_attn_by_inverse_layer_idx", "true"],
        ),
        ("add_cross_attention", json!(true), &["add_cross_attention", "true"]),
        ("scale_attn_weights", json!(false), &["scale_attn_weights is false"]),
        ("rms_norm_eps", json!(1e-5), &["'rms_norm_eps'", "is not known for gpt2"]),
        ("rope_theta", json!(1e4), &["'rope_theta' (10000.0)", "gpt2"]),
        ("sliding_window", json!(8), &["'sliding_window' (8)", "gpt2"]),
        ("num_key_value_heads", json!(2), &["'num_key_value_heads' (2)", "gpt2"]),
        ("head_dim", json!(8), &["'head_dim' (8)", "gpt2"]),
        ("n_embd", json!(37), &["n_embd = 37", "n_head = 4"]),
        ("layer_norm_epsilon", json!(0), &["layer_norm_epsilon is 0", "positive"]),
        ("resid_pdrop", json!("some"), &["resid_pdrop is \"some\"", "number"]),
    ];
    for (field, value, parts) in refused {
        assert_says(&changed(&[(field, value)]).expect_err(field), parts);
    }
    let problem = changed(&[("n_layer", Value::Null)]).unwrap_err();
    assert_says(&problem, &["'n_layer' is missing"]);
    let llama = Model::resolve("llama-3.2-1b", ["layer_norm_epsilon=0.1"]).unwrap_err();
    assert_says(&llama.to_string(), &["'layer_norm_epsilon' (0.1)", "llama"]);
}

#[test]
fn a_sequence_is_no_longer_than_the_positions() {
    let model = Model::resolve::<&str>(GOLDEN, []).unwrap();
    let shape = |seq| {
        let asked = AskedShape { batch: Some(1), seq: Some(seq), ..AskedShape::default() };
        BatchShape::resolve(asked, &model.config).map_err(|error| error.to_string())
    };
    assert_eq!(shape(24).unwrap().warning(&model.config, None), None);
    assert_says(&shape(25).unwrap_err(), &["seq = 25", "max_position_embeddings = 24"]);
    let usual = BatchShape::resolve(AskedShape::default(), &model.config).unwrap();
    assert_eq!(usual.seq(), 24);
    // A row of several sequences may be longer, none of them.
    let packed = |longest| {
        let asked = AskedShape { seq: Some(33), longest: Some(longest), ..AskedShape::default() };
        BatchShape::resolve(asked, &model.config).map_err(|error| error.to_string())
    };
    assert_eq!(packed(24).map(BatchShape::seq), Ok(33));
    assert_eq!(packed(24).unwrap().warning(&model.config, Some(24)), None);
    assert_says(
        &packed(25).unwrap_err(),
        &["packed sequences = 25", "max_position_embeddings = 24"],
    );
}

#[test]
fn dropout_is_told_of() {
    let folder = format!("{GOLDEN}_lora");
    let dropout = Model::resolve::<&str>(&folder, []).unwrap().not_run.dropout;
    // That of a summary's head is none of a language model.
    let parts = ["attn_pdrop", "embd_pdrop", "resid_pdrop"].map(|name| (name, 0.1));
    assert!(dropout.iter().map(|(name, part)| (name.as_str(), *part)).eq(parts), "{dropout:?}");
}

/// The first upload has names without the module around them, and the masks of attention, which are no parameters.
#[test]
fn a_checkpoint_has_the_names_of_the_first_upload_too() {
    let golden = spoilt::weights(GOLDEN).unwrap();
    for prefix in ["", "transformer."] {
        let folder = spoilt::spoilt(GOLDEN, |tensors| {
            let renamed = std::mem::take(tensors)
                .into_iter()
                .map(|(name, tensor)| (name.replacen("transformer.", prefix, 1), tensor));
            tensors.extend(renamed);
            for layer in 0..2 {
                let name = |buffer: &str| format!("{prefix}h.{layer}.attn.{buffer}");
                let mask = (Dtype::F32, vec![1, 1, 24, 24], vec![0; 4 * 24 * 24]);
                tensors.insert(name("bias"), mask);
                let masked = (-1e4_f32).to_le_bytes().to_vec();
                tensors.insert(name("masked_bias"), (Dtype::F32, vec![], masked));
            }
        });
        assert!(spoilt::weights(folder.path().to_str().unwrap()).unwrap() == golden, "{prefix}");
    }
}

#[test]
fn a_tensor_by_both_names_is_there_twice() {
    for (kept, other) in
        [("transformer.wte.weight", "wte.weight"), ("transformer.h.1.ln_1.bias", "h.1.ln_1.bias")]
    {
        let folder = spoilt::spoilt(GOLDEN, |tensors| {
            drop(tensors.insert(other.to_owned(), tensors[kept].clone()))
        });
        let problem = spoilt::weights(folder.path().to_str().unwrap()).unwrap_err().to_string();
        assert_says(
            &problem,
            &["model.safetensors: ", &format!("'{other}'"), "twice", &format!("'{kept}'")],
        );
    }
}

/// A linear layer's weight lies by rows of inputs there, and by rows of outputs in the model.
#[test]
fn weights_of_linear_layers_are_turned() {
    const NAME: &str = "transformer.h.1.mlp.c_fc.weight";
    let file = TensorFile::open(&Path::new(GOLDEN).join("model.safetensors")).unwrap();
    let tensor = file.get(NAME).unwrap();
    assert_eq!(tensor.shape, [36, 44]);
    let stored: Vec<f32> =
        tensor.bytes.as_chunks().0.iter().map(|&bytes| f32::from_le_bytes(bytes)).collect();
    let weights = spoilt::weights(GOLDEN).unwrap();
    let values = &weights[NAME];
    for (input, output) in [(0, 0), (0, 1), (35, 0), (17, 43)] {
        assert_eq!(values[output * 36 + input].to_bits(), stored[input * 44 + output].to_bits());
    }
    // As another model's would lie.
    let folder = spoilt::spoilt(GOLDEN, |tensors| tensors.get_mut(NAME).unwrap().1.reverse());
    let problem = spoilt::weights(folder.path().to_str().unwrap()).unwrap_err();
    assert_says(&problem.to_string(), &["model.safetensors: ", NAME, "[44, 36]", "[36, 44]"]);
    for lost in [NAME, "transformer.wpe.weight", "transformer.h.0.attn.c_attn.bias"] {
        let folder = spoilt::spoilt(GOLDEN, |tensors| drop(tensors.remove(lost)));
        let problem = spoilt::weights(folder.path().to_str().unwrap()).unwrap_err();
        assert_says(&problem.to_string(), &["model.safetensors: ", lost, "is missing"]);
    }
}

#[test]
fn adapters_stand_beside_the_modules_of_a_gpt2() {
    let adapted = |targets: Value| {
        let changes = [("lora_rank", json!(2)), ("lora_targets", targets)];
        let modules = changed(&changes)?.adapted().into_iter();
        Ok::<_, String>(modules.map(|adapted| adapted.module).collect::<Vec<_>>())
    };
    let all = ["attn.c_attn", "attn.c_proj", "mlp.c_fc", "mlp.c_proj"];
    let named = |parts: &[&str]| {
        let layer = |layer| parts.iter().map(move |part| format!("transformer.h.{layer}.{part}"));
        (0..2).flat_map(layer).collect::<Vec<_>>()
    };
    assert_eq!(adapted(Value::Null), Ok(named(&["attn.c_attn"])));
    assert_eq!(adapted(json!("c_proj")), Ok(named(&["attn.c_proj", "mlp.c_proj"])));
    assert_eq!(adapted(json!("mlp.c_proj")), Ok(named(&["mlp.c_proj"])));
    assert_eq!(adapted(json!("all-linear")), Ok(named(&all)));
    assert_says(&adapted(json!("q_proj")).unwrap_err(), &["'q_proj'", "c_attn"]);
    // What reports call them.
    for (usual, own) in
        [("o_proj", "attn.c_proj"), ("up_proj", "mlp.c_fc"), ("down_proj", "mlp.c_proj")]
    {
        let problem = adapted(json!(usual)).unwrap_err();
        assert_says(&problem, &[&format!("did you mean '{own}'?")]);
        assert!(adapted(json!(own)).is_ok(), "{own}");
    }
    let rank = changed(&[("lora_rank", json!(2)), ("lora_targets", json!("c_attn"))]).unwrap();
    assert_eq!(rank.adapter_parameters(), 2 * 2 * (36 + 3 * 36));
}

/// Forms hold with and without adapters, with a head of its own and heads of one number.
#[test]
fn steps_run_as_stated() {
    each_runs_as_stated(
        GOLDEN,
        &[
            &[],
            &["n_inner=null", "n_head=12", "tie_word_embeddings=false"],
            &["lora_rank=2", "lora_targets=all-linear"],
            &["lora_rank=2", "lora_targets=mlp.c_proj", "n_head=36"],
        ],
    );
}

/// The same numbers where layers run again, and where no binding holds the logits or the table of the vocabulary.
#[test]
fn a_step_in_pieces_is_the_step() {
    golden::a_step_in_pieces_is_the_step("gpt2", 8_000);
}

/// The reference notices each field that sets GPT-2 apart, and where a token stands.
#[test]
fn another_field_makes_other_logits() {
    golden::each_makes_other_logits("gpt2", &["n_head=2", "layer_norm_epsilon=0.1"]);
}

/// The second sequence of a row has the positions of one by itself.
#[test]
fn each_sequence_of_a_row_begins_at_the_first_position() {
    // The row is longer than the 24 positions that the model has.
    let model = Model::resolve::<&str>(GOLDEN, []).unwrap();
    sequences_of_a_row_do_not_meet(&model.config, [20, 9]);
}
