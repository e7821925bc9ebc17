//! GPT-NeoX as its files have it: halves of layers beside each other, rows head by head, names of its own, and gelu by erf or
//! by tanh.

use std::path::Path;

use flopmeter::{
    blocks::Activation,
    family::decoder::{DecoderConfig, Part, Recipe, Tokens, WorkPass},
    model::Model,
    op::{Convention, OpCounts},
    tensors::TensorFile,
};
use safetensors::Dtype;
use serde_json::{Value, json};

use crate::{decoder_config::assert_says, decoder_step::each_runs_as_stated, golden, spoilt};

const GOLDEN: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/golden/gpt_neox");

/// What reading makes of the golden one's file with fields changed; null removes one.
fn changed(changes: &[(&str, Value)]) -> Result<DecoderConfig, String> {
    DecoderConfig::from_json(&golden::fields("gpt_neox", changes))
}

#[test]
fn the_published_files_are_the_presets() {
    for (name, [width, layers, heads, vocabulary]) in [
        ("pythia-70m", [512, 6, 8, 50_304]),
        ("pythia-1b", [2048, 16, 8, 50_304]),
        ("pythia-6.9b", [4096, 32, 32, 50_432]),
        ("pythia-12b", [5120, 36, 40, 50_688]),
        ("gpt-neox-20b", [6144, 44, 64, 50_432]),
    ] {
        let mut published = json!({
            "architectures": ["GPTNeoXForCausalLM"],
            "bos_token_id": 0,
            "eos_token_id": 0,
            "hidden_act": "gelu",
            "hidden_size": width,
            "initializer_range": 0.02,
            "intermediate_size": 4 * width,
            "layer_norm_eps": 1e-5,
            "max_position_embeddings": 2048,
            "model_type": "gpt_neox",
            "num_attention_heads": heads,
            "num_hidden_layers": layers,
            "rotary_emb_base": 10_000,
            "rotary_pct": 0.25,
            "tie_word_embeddings": false,
            "torch_dtype": "float16",
            "transformers_version": "4.24.0",
            "use_cache": true,
            "use_parallel_residual": true,
            "vocab_size": vocabulary
        });
        if name == "gpt-neox-20b" {
            published["attention_probs_dropout_prob"] = json!(0);
            published["hidden_dropout_prob"] = json!(0);
            published["hidden_act"] = json!("gelu_fast");
            published.as_object_mut().unwrap().remove("use_parallel_residual");
        }
        let preset = Model::resolve::<&str>(name, []).unwrap();
        let read = DecoderConfig::from_json(published.as_object().unwrap());
        assert_eq!(read.as_ref(), Ok(preset.decoder().unwrap()), "{name}");
    }
}

#[test]
fn what_a_gpt_neox_has_not_is_refused_by_name() {
    let refused: [(&str, Value, &[&str]); 10] = [
        ("hidden_act", json!("silu"), &["hidden_act is \"silu\"", "\"gelu\"", "\"gelu_fast\""]),
        ("num_key_value_heads", json!(2), &["'num_key_value_heads' (2)", "gpt_neox"]),
        ("head_dim", json!(8), &["'head_dim' (8)", "gpt_neox"]),
        ("sliding_window", json!(8), &["'sliding_window' (8)", "gpt_neox"]),
        ("rms_norm_eps", json!(1e-5), &["'rms_norm_eps'", "is not known for gpt_neox"]),
        ("hidden_size", json!(50), &["hidden_size = 50", "num_attention_heads = 4"]),
        ("use_parallel_residual", json!(1), &["use_parallel_residual is 1", "true or false"]),
        (
            "rotary_pct",
            json!(0.25),
            &["rotary_pct is 0.25, but rope_parameters.partial_", "is 0.5"],
        ),
        (
            "rotary_emb_base",
            json!(7),
            &["rotary_emb_base is 7, but rope_parameters.rope_theta", "is 100"],
        ),
        ("hidden_dropout", json!(2), &["hidden_dropout is 2"]),
    ];
    for (field, value, parts) in refused {
        assert_says(&changed(&[(field, value)]).expect_err(field), parts);
    }
    for field in
        ["use_parallel_residual", "attention_bias", "hidden_act", "rotary_pct", "rotary_emb_base"]
    {
        let mut fields = golden::fields("gpt_neox", &[("rope_parameters", Value::Null)]);
        fields.insert(field.to_owned(), Value::Null);
        let problem = DecoderConfig::from_json(&fields).unwrap_err();
        assert_says(&problem, &[&format!("{field} is null, which transformers refuses")]);
    }
}

/// transformers knows both fields of rotary positions by one name alone, and passes the usual one over in a file.
#[test]
fn rotary_positions_have_one_name_in_a_file_and_either_where_they_are_set() {
    let none = [("rope_parameters", Value::Null), ("num_attention_heads", json!(2))];
    let with = |fields: &[(&'static str, Value)]| changed(&[&none[..], fields].concat());
    let unsaid = with(&[]).unwrap();
    assert_eq!((unsaid.rope.theta, unsaid.rotary_width()), (1e4, 6));
    for passed in [("rope_theta", json!(7)), ("partial_rotary_factor", json!(1))] {
        assert_eq!(with(&[passed]).as_ref(), Ok(&unsaid));
    }
    let own = with(&[("rotary_emb_base", json!(7)), ("rotary_pct", json!(1))]).unwrap();
    assert_eq!((own.rope.theta, own.rotary_width()), (7.0, 24));
    assert_eq!(DecoderConfig::from_json(&own.to_json()).as_ref(), Ok(&own));
    let set = |fields: [&str; 3]| Model::resolve(GOLDEN, fields).unwrap().config;
    let fields = set(["rotary_emb_base=7", "rotary_pct=1", "num_attention_heads=2"]);
    assert_eq!(fields, set(["rope_theta=7", "partial_rotary_factor=1", "num_attention_heads=2"]));
    assert_eq!(fields, own.into());
    // Heads of 12, of which a quarter is no pairs.
    let odd = changed(&none[..1]).unwrap_err();
    assert_says(&odd, &["rotary_pct = 0.25 turns 3 of the 12 elements"]);
}

#[test]
fn a_file_chooses_between_two_functions_called_gelu() {
    for (name, built) in [
        ("gelu", Activation::ErfGelu),
        ("gelu_new", Activation::TanhGelu),
        ("gelu_fast", Activation::TanhGelu),
        ("gelu_pytorch_tanh", Activation::TanhGelu),
        ("relu", Activation::Relu),
    ] {
        let config = changed(&[("hidden_act", json!(name))]).unwrap();
        assert_eq!(config.activation, built, "{name}");
        assert_eq!(DecoderConfig::from_json(&config.to_json()), Ok(config));
    }
    assert_eq!(changed(&[("hidden_act", Value::Null)]), changed(&[]));
}

#[test]
fn attention_has_biases_or_has_none_and_the_mlp_has_some() {
    let biases = |stated: Value| {
        let parameters = changed(&[("attention_bias", stated)]).unwrap().parameters();
        let of = |part: &str| {
            let biases = parameters.iter().filter(|it| it.name.ends_with(".bias"));
            biases.filter(|it| it.name.contains(part)).count()
        };
        [of(".attention."), of(".mlp.")]
    };
    assert_eq!([json!(true), json!(false), Value::Null].map(biases), [[4, 4], [0, 4], [4, 4]]);
}

/// Halves beside each other add up as many numbers as those that follow each other. With an adapter in attention alone and
/// nothing trained below, no gradient passes the MLP beside it.
#[test]
fn halves_beside_each_other_cost_as_much_unless_nothing_is_trained_below() {
    let sums = |parallel: bool, targets: Option<&str>, part: Part| {
        let mut fields = golden::fields("gpt_neox", &[("num_hidden_layers", json!(1))]);
        fields.insert("use_parallel_residual".to_owned(), json!(parallel));
        if let Some(targets) = targets {
            fields.insert("lora_rank".to_owned(), json!(2));
            fields.insert("lora_targets".to_owned(), json!(targets));
        }
        let config = DecoderConfig::from_json(&fields).unwrap();
        let work = config.step(&Tokens::new(2, 9), Recipe::default()).into_iter();
        let of_part = work.filter(|work| work.part == part && work.pass != WorkPass::Forward);
        of_part.map(|work| work.flops(Convention::Ieee)).sum::<u128>()
    };
    for part in [Part::Residual, Part::Norm, Part::Activation] {
        assert_eq!(sums(true, None, part), sums(false, None, part));
        assert!(sums(true, None, part) > 0);
        let of_attention = |parallel| sums(parallel, Some("query_key_value"), part);
        let of_mlp = |parallel| sums(parallel, Some("dense_h_to_4h"), part);
        assert_eq!(of_mlp(true), of_mlp(false));
        // The last norm has a gradient either way.
        assert!(of_attention(true) < of_attention(false), "{part:?}");
    }
}

/// gelu by erf has no operation of its own: its polynomial, its exponential and what chooses a side are counted.
#[test]
fn gelu_by_erf_costs_what_its_formula_has() {
    let work = changed(&[]).unwrap().step(&Tokens::new(2, 9), Recipe::default());
    let of_activation = |pass| {
        let mut work =
            work.iter().filter(|work| work.part == Part::Activation && work.pass == pass);
        work.next().map(|work| work.each).unwrap_or(OpCounts::ZERO).flops(Convention::Ieee)
    };
    assert_eq!([WorkPass::Forward, WorkPass::Input].map(of_activation), [19, 21]);
}

/// Forms hold with halves beside each other and one after the other, with and without adapters and biases.
#[test]
fn steps_run_as_stated() {
    each_runs_as_stated(
        GOLDEN,
        &[
            &[],
            &["use_parallel_residual=false", "attention_bias=false", "hidden_act=gelu_new"],
            &["lora_rank=2", "lora_targets=all-linear", "tie_word_embeddings=true"],
            &["lora_rank=2", "lora_targets=dense", "use_parallel_residual=false"],
            &["lora_rank=2", "lora_targets=query_key_value"],
            &["lora_rank=2", "lora_targets=dense_4h_to_h", "rotary_pct=1"],
            &["hidden_act=relu", "num_attention_heads=6"],
        ],
    );
}

#[test]
fn a_step_in_pieces_is_the_step() {
    golden::a_step_in_pieces_is_the_step("gpt_neox", 8_000);
}

#[test]
fn another_field_makes_other_logits() {
    let fields = [
        "layer_norm_eps=0.1",
        "rotary_emb_base=2",
        "rotary_pct=1",
        "use_parallel_residual=false",
        "hidden_act=relu",
        "num_attention_heads=2",
    ];
    golden::each_makes_other_logits("gpt_neox", &fields);
}

/// Older files hold the masks of attention and the wavelengths of positions.
#[test]
fn buffers_of_older_files_are_passed_over() {
    let folder = spoilt::spoilt(GOLDEN, |tensors| {
        for (buffer, numbers) in [("bias", 9), ("masked_bias", 1), ("rotary_emb.inv_freq", 3)] {
            let name = format!("gpt_neox.layers.1.attention.{buffer}");
            tensors.insert(name, (Dtype::F32, vec![numbers], vec![0; 4 * numbers]));
        }
    });
    assert!(
        spoilt::weights(folder.path().to_str().unwrap()).unwrap()
            == spoilt::weights(GOLDEN).unwrap()
    );
    let folder = spoilt::spoilt(GOLDEN, |tensors| drop(tensors.remove("embed_out.weight")));
    let problem = spoilt::weights(folder.path().to_str().unwrap()).unwrap_err().to_string();
    assert_says(&problem, &["model.safetensors: ", "'embed_out.weight'", "is missing"]);
}

/// The head is called as its module is, or as it was before; what is below it stands by itself in some files.
#[test]
fn tensors_have_other_names_in_some_files() {
    let renamed = |changes: &[(&str, &str)]| {
        spoilt::spoilt(GOLDEN, |tensors| {
            let names: Vec<String> = tensors.keys().cloned().collect();
            for (from, to) in changes {
                for name in names.iter().filter(|name| name.starts_with(from)) {
                    let tensor = tensors.remove(name).unwrap();
                    tensors.insert(name.replacen(from, to, 1), tensor);
                }
            }
        })
    };
    let (head, below) = (("embed_out.", "lm_head."), ("gpt_neox.", ""));
    for changes in [&[head][..], &[below], &[head, below]] {
        let folder = renamed(changes);
        let own = spoilt::weights(folder.path().to_str().unwrap()).unwrap();
        assert!(own == spoilt::weights(GOLDEN).unwrap(), "{changes:?}");
    }
    let twice = spoilt::spoilt(GOLDEN, |tensors| {
        let head = tensors["embed_out.weight"].clone();
        tensors.insert("lm_head.weight".to_owned(), head);
    });
    let problem = spoilt::weights(twice.path().to_str().unwrap()).unwrap_err().to_string();
    assert_says(&problem, &["'lm_head.weight'", "'embed_out.weight'", "twice"]);
}

/// Rows of a head's query, key and value follow each other in the file; in the model all queries' rows do.
#[test]
fn rows_of_heads_are_sorted_by_what_they_make() {
    const MODULE: &str = "gpt_neox.layers.1.attention.query_key_value";
    let file = TensorFile::open(&Path::new(GOLDEN).join("model.safetensors")).unwrap();
    let weights = spoilt::weights(GOLDEN).unwrap();
    for (tensor, columns) in [("weight", 48), ("bias", 1)] {
        let name = format!("{MODULE}.{tensor}");
        let stored: Vec<f32> = {
            let tensor = file.get(&name).unwrap();
            tensor.bytes.as_chunks().0.iter().map(|&bytes| f32::from_le_bytes(bytes)).collect()
        };
        let taken = &weights[&name];
        // Four heads of 12: part, head, row of it.
        for (part, head, row) in [(0, 0, 0), (0, 3, 11), (1, 0, 2), (2, 1, 5), (2, 3, 11)] {
            let [ours, theirs] = [(part * 4 + head) * 12 + row, (head * 3 + part) * 12 + row]
                .map(|row| row * columns + columns - 1);
            assert_eq!(taken[ours].to_bits(), stored[theirs].to_bits(), "{name} {part} {head}");
        }
    }
}
