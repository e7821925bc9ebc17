//! Gemma 3 as its files have it: by itself or beside a vision tower, with two bases of rotary positions in either
//! spelling, and checkpoints whose tensors are named in three ways.

use std::{collections::BTreeMap, fs, path::Path};

use flopmeter::{
    family::{
        ModelConfig,
        decoder::{DecoderConfig, Rope, Scaling},
    },
    model::Model,
    tensors::{Dtype, TensorFile},
};
use safetensors::tensor::TensorView;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::golden;

const GOLDEN: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/golden/gemma3");

fn read(object: &Value) -> Result<DecoderConfig, String> {
    DecoderConfig::from_json(object.as_object().unwrap())
}

/// The golden one's file with fields changed; null removes one.
fn changed(changes: &[(&str, Value)]) -> Value {
    Value::Object(golden::fields("gemma3", changes))
}

/// The file of a 4B model of text and images, as it was published.
fn published() -> Value {
    json!({
        "architectures": ["Gemma3ForConditionalGeneration"],
        "boi_token_index": 255_999,
        "eoi_token_index": 256_000,
        "eos_token_id": [1, 106],
        "image_token_index": 262_144,
        "initializer_range": 0.02,
        "mm_tokens_per_image": 256,
        "model_type": "gemma3",
        "text_config": {
            "hidden_size": 2560,
            "intermediate_size": 10_240,
            "model_type": "gemma3_text",
            "num_hidden_layers": 34,
            "rope_scaling": { "factor": 8.0, "rope_type": "linear" },
            "sliding_window": 1024
        },
        "torch_dtype": "bfloat16",
        "transformers_version": "4.50.0.dev0",
        "vision_config": { "hidden_size": 1152, "model_type": "siglip_vision_model", "patch_size": 14 }
    })
}

#[test]
fn a_model_of_text_and_images_holds_its_text_model() {
    let preset = Model::resolve("gemma-3-4b", ["dtype=bfloat16"]).unwrap();
    let preset = preset.decoder().unwrap();
    assert_eq!(read(&published()).as_ref(), Ok(preset));
    let sliding = |layer: usize| preset.layers[layer].window;
    assert_eq!([sliding(4), sliding(5), sliding(6)], [Some(1024), None, Some(1024)]);
    assert_eq!(preset.layers.iter().filter(|layer| layer.window.is_none()).count(), 5);

    let mut without = published();
    without.as_object_mut().unwrap().remove("text_config");
    assert!(read(&without).unwrap_err().contains("text_config is missing"));
    let mut other = published();
    other["text_config"]["model_type"] = json!("llama");
    assert!(read(&other).unwrap_err().contains("text_config.model_type is \"llama\""));
    let mut narrow = published();
    narrow["text_config"]["hidden_size"] = json!(0);
    let problem = read(&narrow).unwrap_err();
    assert!(problem.starts_with("hidden_size is 0"), "{problem}");
    assert!(problem.ends_with("(its fields are those of text_config)"), "{problem}");
    let mut mystery = published();
    mystery["mystery"] = json!(3);
    assert!(read(&mystery).unwrap_err().contains("'mystery' (3)"));
    let mut classes = published();
    classes["architectures"] = json!(["Gemma3ForSequenceClassification"]);
    assert!(read(&classes).unwrap_err().contains("ForCausalLM"));
    let mut own = published();
    own["text_config"]["architectures"] = json!(["Gemma3ForCausalLM"]);
    own["architectures"] = json!(["Gemma3ForSequenceClassification"]);
    assert!(read(&own).unwrap_err().contains("ForCausalLM"), "the holder says how it ends");
    let mut bounded = published();
    bounded["text_config"]["final_logit_softcapping"] = json!(30);
    let problem = read(&bounded).unwrap_err();
    assert!(problem.contains("text_config.final_logit_softcapping is 30"), "{problem}");
    let mut quantized = published();
    quantized["quantization_config"] = json!({ "quant_method": "bitsandbytes" });
    quantized["text_config"]["quantization_config"] = Value::Null;
    assert!(read(&quantized).unwrap_err().contains("quantization_config"), "null hides nothing");
    let mut halves = published();
    halves["text_config"]["dtype"] = json!("float16");
    assert_eq!(read(&halves).as_ref(), Ok(preset), "weights are stored as the holder says");
    // The head is the whole model's.
    let mut untied = published();
    untied["tie_word_embeddings"] = json!(false);
    untied["text_config"]["tie_word_embeddings"] = json!(true);
    assert!(!read(&untied).unwrap().tie_word_embeddings);
    // Its class takes a null, and ties nothing.
    untied["tie_word_embeddings"] = Value::Null;
    assert!(!read(&untied).unwrap().tie_word_embeddings);
}

#[test]
fn two_bases_are_read_in_either_spelling() {
    let newer = read(&changed(&[])).unwrap();
    assert_eq!(newer.rope, Rope { theta: 50.0, scaling: Scaling::Linear { factor: 8.0 } });
    assert_eq!(newer.sliding_rope, Some(Rope { theta: 6.0, scaling: Scaling::Default }));
    assert_eq!(newer.rope_of(newer.layers[0]).theta, 6.0);
    assert_eq!(newer.rope_of(newer.layers[2]).theta, 50.0);
    let older = changed(&[
        ("rope_parameters", Value::Null),
        ("rope_theta", json!(50)),
        ("rope_local_base_freq", json!(6)),
        ("rope_scaling", json!({ "type": "linear", "factor": 8 })),
    ]);
    assert_eq!(read(&older).as_ref(), Ok(&newer));

    let unsaid = read(&changed(&[("rope_parameters", Value::Null)])).unwrap();
    assert_eq!([unsaid.rope.theta, unsaid.sliding_rope.unwrap().theta], [1e6, 1e4]);
    let sliding = json!({ "sliding_attention": { "rope_type": "linear", "factor": 2.0 } });
    let stretched = read(&changed(&[("rope_parameters", sliding)])).unwrap();
    let scaling = Scaling::Linear { factor: 2.0 };
    assert_eq!(stretched.sliding_rope, Some(Rope { theta: 1e4, scaling }));
    assert_eq!(DecoderConfig::from_json(&stretched.to_json()), Ok(stretched));

    // What is set goes before what a newer file says.
    let set = |field: &str| Model::resolve(GOLDEN, [field]).unwrap().decoder().unwrap().clone();
    assert_eq!(set("rope_theta=7").rope.theta, 7.0);
    assert_eq!(set("rope_local_base_freq=7").sliding_rope.unwrap().theta, 7.0);
}

#[test]
fn layers_slide_by_a_list_or_a_pattern() {
    let windows = |set: &[&str]| -> Vec<bool> {
        let config = Model::resolve("gemma-3-270m", set).unwrap().config;
        let config: &DecoderConfig = config.get().unwrap();
        config.layers.iter().map(|layer| layer.window.is_some()).collect()
    };
    assert_eq!(windows(&["num_hidden_layers=7"]), [true, true, true, true, true, false, true]);
    let set = ["num_hidden_layers=5", "sliding_window_pattern=2"];
    assert_eq!(windows(&set), [true, false, true, false, true]);
    assert_eq!(windows(&["num_hidden_layers=2", "sliding_window_pattern=1"]), [false, false]);

    // What transformers writes for itself since 4.53 is no misspelt pattern.
    let remarked = changed(&[("sliding_window_pattern", Value::Null)]);
    assert!(remarked.get("_sliding_window_pattern").is_some());
    assert_eq!(read(&remarked), read(&changed(&[])));

    // Written as a pattern where layers follow one, and as a list elsewhere.
    let written = |slides: &[&str]| {
        let types = json!(slides);
        let count = json!(slides.len());
        let config =
            read(&changed(&[("layer_types", types), ("num_hidden_layers", count)])).unwrap();
        let written = config.to_json();
        assert_eq!(DecoderConfig::from_json(&written).as_ref(), Ok(&config), "{slides:?}");
        [written.get("sliding_window_pattern").cloned(), written.get("layer_types").cloned()]
    };
    let [s, f] = ["sliding_attention", "full_attention"];
    assert_eq!(written(&[s, s, s, s, s, f, s]), [Some(json!(6)), None]);
    assert_eq!(written(&[s, s]), [Some(json!(6)), None]);
    assert_eq!(written(&[s; 7]), [Some(json!(8)), None]);
    assert_eq!(written(&[s, f, s, f, s]), [Some(json!(2)), None]);
    assert_eq!(written(&[f, f]), [Some(json!(1)), None]);
    assert_eq!(written(&[s, f, f]), [None, Some(json!([s, f, f]))]);
}

#[test]
fn what_cannot_be_right_is_refused_by_name() {
    let refused: [(&str, Value, &[&str]); 8] = [
        ("sliding_window", json!(0), &["sliding_window is 0", "set sliding_window_pattern to 1"]),
        ("sliding_window_pattern", json!(0), &["sliding_window_pattern is 0"]),
        ("use_bidirectional_attention", json!(true), &["use_bidirectional_attention is true"]),
        ("attn_logit_softcapping", json!(50), &["attn_logit_softcapping is 50", "null"]),
        ("rope_theta", json!(9), &["rope_theta is 9", "full_attention.rope_theta is 50"]),
        ("rope_local_base_freq", json!(9), &["is 9", "sliding_attention.rope_theta is 6"]),
        (
            "rope_parameters",
            json!({ "rope_theta": 9.0 }),
            &["rope_parameters.rope_theta", "full_attention", "sliding_attention"],
        ),
        (
            "rope_scaling",
            json!({ "rope_type": "linear", "factor": 2 }),
            &["rope_parameters.full_attention and rope_scaling contradict"],
        ),
    ];
    for (field, value, parts) in refused {
        let problem = read(&changed(&[(field, value)])).expect_err(field);
        for part in parts {
            assert!(problem.contains(part), "{problem}\nlacks: {part}");
        }
    }
    let mut endless = golden::fields("gemma3", &[]);
    endless.insert("sliding_window".to_owned(), Value::Null);
    let problem = DecoderConfig::from_json(&endless).unwrap_err();
    assert!(problem.contains("sliding_window is null"), "{problem}");
    endless.insert("layer_types".to_owned(), json!(vec!["full_attention"; 3]));
    assert!(DecoderConfig::from_json(&endless).unwrap().layers.iter().all(|l| l.window.is_none()));
}

/// A folder whose model holds the golden one beside a vision tower.
fn holder(prefixes: &[(&str, &str)], others: &[&str]) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    let mut text = golden::fields("gemma3", &[]);
    text.remove("architectures");
    let object = json!({
        "architectures": ["Gemma3ForConditionalGeneration"],
        "model_type": "gemma3",
        "dtype": "float32",
        "text_config": text,
        "vision_config": { "hidden_size": 8 },
    });
    fs::write(folder.path().join("config.json"), object.to_string()).unwrap();
    let file = TensorFile::open(&Path::new(GOLDEN).join("model.safetensors")).unwrap();
    let mut tensors = Tensors::new();
    for name in file.names() {
        let tensor = file.get(&name).unwrap();
        let stored = prefixes
            .iter()
            .find_map(|(own, stored)| name.strip_prefix(own).map(|rest| format!("{stored}{rest}")));
        tensors.insert(stored.unwrap(), (tensor.shape.to_vec(), tensor.bytes.to_vec()));
    }
    for other in others {
        tensors.insert((*other).to_owned(), (vec![1], vec![0; 4]));
    }
    write(&folder.path().join("model.safetensors"), &tensors);
    folder
}

/// Shapes and bytes by name.
type Tensors = BTreeMap<String, (Vec<usize>, Vec<u8>)>;

fn write(path: &Path, tensors: &Tensors) {
    let views = tensors.iter().map(|(name, (shape, bytes))| {
        (name, TensorView::new(Dtype::F32, shape.clone(), bytes).unwrap())
    });
    fs::write(path, safetensors::serialize(views, None).unwrap()).unwrap();
}

#[test]
fn adapters_beside_a_vision_tower_are_read() {
    for (own, stored) in [
        ("model.", "language_model.model."),
        ("model.", "model.language_model."),
        ("model.", "model."),
    ] {
        let folder = holder(&[(own, stored)], &[]);
        let path = |name: &str| folder.path().join(name);
        let peft =
            json!({ "r": 2, "lora_alpha": 4, "target_modules": ["q_proj"], "peft_type": "LORA" });
        fs::write(path("adapter_config.json"), peft.to_string()).unwrap();
        let mut tensors = Tensors::new();
        for layer in 0..3_u8 {
            for (part, shape) in [("A", vec![2, 20]), ("B", vec![32, 2])] {
                let name = format!(
                    "base_model.model.{stored}layers.{layer}.self_attn.q_proj.lora_{part}.weight"
                );
                let value = f32::from(layer + 1).to_le_bytes();
                let bytes = value.repeat(shape.iter().product());
                tensors.insert(name, (shape, bytes));
            }
        }
        let seen = stored.replace("language_model.model.", "").replace("language_model.", "");
        let tower = format!("base_model.model.{seen}vision_tower.q_proj.lora_A.weight");
        if stored != own {
            tensors.insert(tower, (vec![1], vec![0; 4]));
        }
        write(&path("adapter_model.safetensors"), &tensors);
        let model = Model::resolve::<&str>(folder.path().to_str().unwrap(), []).unwrap();
        let weights = model.weights(0).unwrap();
        let name = "base_model.model.model.layers.1.self_attn.q_proj.lora_A.weight";
        assert_eq!(weights.values(name), Some(vec![2.0; 40]), "{stored}");
    }
}

/// Targets as people write them for the whole model, whose names hold the decoder's.
#[test]
fn targets_name_layers_as_the_whole_model_does() {
    let adapted = |targets: Value, patterns: Value| {
        let fields =
            [("lora_rank", json!(2)), ("lora_targets", targets), ("lora_rank_pattern", patterns)];
        let config = read(&changed(&fields))?;
        Ok::<_, String>(config.adapted().iter().map(|one| one.rank).collect::<Vec<_>>())
    };
    let none = json!({});
    for pattern in [
        r".*language_model.*\.q_proj",
        r"model\.language_model\.layers\.\d\.self_attn\.q_proj",
        r"language_model\.model\.layers\.\d\.self_attn\.q_proj",
        r"model\.layers\.\d\.self_attn\.q_proj",
    ] {
        assert_eq!(adapted(json!(pattern), none.clone()), Ok(vec![2; 3]), "{pattern}");
    }
    let third = json!({ r"model\.language_model\.layers\.2\..*": 5 });
    assert_eq!(adapted(json!(["q_proj"]), third), Ok(vec![2, 2, 5]));
    let first = json!(["model.language_model.layers.0.self_attn.q_proj"]);
    assert_eq!(adapted(first, none.clone()), Ok(vec![2]));
    // As peft writes out what `all-linear` was; a list that means the tower alone trains nothing here.
    assert_eq!(adapted(json!(["fc1", "fc2", "out_proj", "q_proj"]), none.clone()), Ok(vec![2; 3]));
    let problem = adapted(json!(["fc1"]), none.clone()).unwrap_err();
    assert!(problem.contains("name 'fc1'"), "{problem}");
    let problem = adapted(json!(["fc3", "q_proj"]), none).unwrap_err();
    assert!(problem.contains("name 'fc3'"), "{problem}");
}

#[test]
fn checkpoints_beside_a_vision_tower_are_read() {
    let own = Model::resolve::<&str>(GOLDEN, []).unwrap();
    let values = own.weights(0).unwrap();
    let older = [("model.", "language_model.model.")];
    let newer = [("model.", "model.language_model.")];
    for (prefixes, others) in [
        (&older, ["vision_tower.post.weight", "multi_modal_projector.weight"]),
        (&newer, ["model.vision_tower.post.weight", "model.multi_modal_projector.weight"]),
    ] {
        let folder = holder(prefixes, &others);
        let model = Model::resolve::<&str>(folder.path().to_str().unwrap(), []).unwrap();
        assert_eq!(model.config, own.config);
        assert_eq!(model.not_run.left_out, ["the vision tower", "its projector"]);
        let read = model.weights(0).unwrap();
        for parameter in model.config.parameters() {
            let name = &parameter.name;
            assert_eq!(read.values(name), values.values(name), "{name}");
        }
        let spoilt = holder(prefixes, &["audio_tower.weight"]);
        let model = Model::resolve::<&str>(spoilt.path().to_str().unwrap(), []).unwrap();
        let error = model.weights(0).unwrap_err().to_string();
        assert!(error.contains("'audio_tower.weight' is no parameter"), "{error}");
    }
    assert!(own.not_run.left_out.is_empty());
    let folder = holder(&older, &[]);
    let model = Model::resolve(folder.path().to_str().unwrap(), ["num_hidden_layers=2"]).unwrap();
    let layers = |config: &ModelConfig| config.get::<DecoderConfig>().unwrap().layers.len();
    assert_eq!(layers(&model.config), 2);
}

/// The reference notices each field that sets Gemma 3 apart.
#[test]
fn another_field_makes_other_logits() {
    crate::golden::each_makes_other_logits(
        "gemma3",
        &[
            "sliding_window=6",
            "sliding_window_pattern=2",
            "rope_local_base_freq=7",
            "rope_theta=60",
            "query_pre_attn_scalar=8",
            "final_logit_softcapping=3",
        ],
    );
}
