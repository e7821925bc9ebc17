//! Configurations of Hugging Face's decoders: the published ones, those of the golden folders, whose
//! tensors must be exactly those of the checkpoint beside them, and spoilt ones, each refused by name.

use std::{collections::BTreeMap, path::PathBuf};

use flopmeter::{
    family::decoder::{Adapters, DecoderConfig, FAMILY, Scaling},
    model::Model,
    tensors::TensorFile,
};
use serde_json::{Map, Value, json};

use crate::reference::is_by_inputs;

const GOLDEN: [&str; 32] = [
    "gemma",
    "gemma2",
    "gemma3",
    "gpt2",
    "gpt2_lora",
    "gpt_neox",
    "gpt_neox_lora",
    "granite",
    "granite_lora",
    "llama",
    "mistral_lora",
    "mixtral",
    "olmo2",
    "olmo2_lora",
    "olmo3",
    "olmo3_lora",
    "opt",
    "opt_lora",
    "phi",
    "phi3",
    "phi3_lora",
    "phi_lora",
    "qwen2_full",
    "qwen2_lora",
    "qwen2_yarn",
    "qwen3",
    "qwen3_moe",
    "smollm3",
    "stablelm",
    "stablelm_lora",
    "starcoder2",
    "starcoder2_lora",
];

pub fn golden(folder: &str, file: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/golden").join(folder).join(file)
}

pub fn object(path: PathBuf) -> Option<Map<String, Value>> {
    serde_json::from_str(&std::fs::read_to_string(path).ok()?).unwrap()
}

/// That a message has each of these parts.
pub fn assert_says(problem: &str, parts: &[&str]) {
    for part in parts {
        assert!(problem.contains(part), "{problem}\nlacks: {part}");
    }
}

/// A golden folder's decoder, with the adapters that lie there.
fn decoder(folder: &str) -> DecoderConfig {
    let config = object(golden(folder, "config.json")).unwrap();
    let mut config = DecoderConfig::from_json(&config).unwrap();
    let saved = object(golden(folder, "adapter_config.json"));
    config.adapters = saved.map(|saved| Adapters::from_peft(&saved).unwrap());
    config
}

fn preset(name: &str) -> DecoderConfig {
    DecoderConfig::resolve::<&str>(name, &[]).unwrap()
}

#[test]
fn presets_have_their_published_parameters() {
    let published = [
        ("qwen2.5-0.5b", 494_032_768),
        ("qwen2.5-1.5b", 1_543_714_304),
        ("qwen2.5-3b", 3_085_938_688),
        ("qwen2.5-7b", 7_615_616_512),
        ("llama-3.2-1b", 1_235_814_400),
        ("llama-3.1-8b", 8_030_261_248),
        ("llama-3.1-70b", 70_553_706_496),
        ("mistral-7b", 7_241_732_096),
        ("qwen3-0.6b", 596_049_920),
        ("qwen3-8b", 8_190_735_360),
        ("mixtral-8x7b", 46_702_792_704),
        ("qwen3-30b-a3b", 30_532_122_624),
        ("gemma-2-2b", 2_614_341_888),
        ("gemma-3-270m", 268_098_176),
        ("gemma-3-1b", 999_885_952),
        ("gemma-3-4b", 3_880_263_168),
        ("phi-3-mini", 3_821_079_552),
        ("phi-4-mini", 3_836_021_760),
        ("phi-4", 14_659_507_200),
        ("smollm3-3b", 3_075_098_624),
        ("gemma-2b", 2_506_172_416),
        ("gemma-7b", 8_537_680_896),
        ("olmo-2-1b", 1_484_916_736),
        ("olmo-2-7b", 7_298_617_344),
        ("granite-3.3-2b", 2_533_539_840),
        ("granite-3.3-8b", 8_170_864_640),
        ("olmo-3-7b", 7_298_011_136),
        ("olmo-3-32b", 32_233_522_176),
        ("starcoder2-3b", 3_030_371_328),
        ("starcoder2-7b", 7_173_923_840),
        ("starcoder2-15b", 15_957_889_024),
        ("gpt2", 124_439_808),
        ("gpt2-medium", 354_823_168),
        ("gpt2-large", 774_030_080),
        ("gpt2-xl", 1_557_611_200),
        ("opt-125m", 125_239_296),
        ("opt-1.3b", 1_315_758_080),
        ("opt-2.7b", 2_651_596_800),
        ("opt-6.7b", 6_658_473_984),
        ("opt-13b", 12_853_473_280),
        ("opt-30b", 29_974_540_288),
        ("opt-66b", 65_719_701_504),
        ("stablelm-3b-4e1t", 2_795_443_200),
        ("stablelm-2-1.6b", 1_644_515_328),
        ("pythia-70m", 70_426_624),
        ("pythia-160m", 162_322_944),
        ("pythia-410m", 405_334_016),
        ("pythia-1b", 1_011_781_632),
        ("pythia-1.4b", 1_414_647_808),
        ("pythia-2.8b", 2_775_208_960),
        ("pythia-6.9b", 6_857_302_016),
        ("pythia-12b", 11_846_072_320),
        ("gpt-neox-20b", 20_554_567_680),
        ("phi-1", 1_418_270_720),
        ("phi-1.5", 1_418_270_720),
        ("phi-2", 2_779_683_840),
    ];
    let presets: Vec<_> = FAMILY.presets.iter().map(|(name, _)| *name).collect();
    assert_eq!(presets, published.map(|(name, _)| name));
    for (name, parameters) in published {
        let config = preset(name);
        assert_eq!(config.base_parameters(), parameters, "{name}");
        let listed: u64 = config.parameters().iter().map(|parameter| parameter.elements()).sum();
        assert_eq!(u128::from(listed), parameters, "{name}: the list of tensors");
    }
}

#[test]
fn what_is_written_reads_back() {
    let goldens = GOLDEN.map(decoder);
    for config in FAMILY.presets.iter().map(|(name, _)| preset(name)).chain(goldens) {
        assert_eq!(DecoderConfig::from_json(&config.to_json()), Ok(config));
    }
    for seed in 0..300 {
        let (config, _) = common::decoder::decoder(seed);
        let config = config.get::<DecoderConfig>().unwrap();
        assert_eq!(DecoderConfig::from_json(&config.to_json()).as_ref(), Ok(config));
    }
}

#[test]
fn tensors_are_those_of_the_checkpoint() {
    for folder in GOLDEN {
        let config = decoder(folder);
        let mut files = BTreeMap::new();
        for name in ["model.safetensors", "adapter_model.safetensors"] {
            let path = golden(folder, name);
            if !path.exists() {
                continue;
            }
            let file = TensorFile::open(&path).unwrap();
            for name in file.names() {
                let mut shape = file.get(&name).unwrap().shape.to_vec();
                if is_by_inputs(&name) {
                    shape.reverse();
                }
                files.insert(name.replacen("embed_out.", "lm_head.", 1), shape);
            }
        }
        // safetensors keeps one of two tensors that share their memory, under either name.
        if config.tie_word_embeddings
            && let Some(shape) = files.remove("lm_head.weight")
        {
            files.insert("model.embed_tokens.weight".to_owned(), shape);
        }
        let parameters = config.parameters().into_iter();
        let listed: BTreeMap<String, Vec<usize>> =
            parameters.map(|parameter| (parameter.name, parameter.shape)).collect();
        assert_eq!(listed, files, "{folder}");
    }
}

#[test]
fn both_spellings_of_rotary_positions_are_one() {
    let newer = object(golden("llama", "config.json")).unwrap();
    let mut older = newer.clone();
    let mut rope = older.remove("rope_parameters").unwrap();
    let theta = rope.as_object_mut().unwrap().remove("rope_theta").unwrap();
    older.insert("rope_theta".to_owned(), theta);
    older.insert("rope_scaling".to_owned(), rope);
    let read = DecoderConfig::from_json(&newer).unwrap();
    assert_eq!(DecoderConfig::from_json(&older).as_ref(), Ok(&read));
    assert_eq!(read.rope.theta, 500_000.0);
    let scaling = Scaling::Llama3 { factor: 8.0, low: 1.0, high: 4.0, original: 16 };
    assert_eq!(read.rope.scaling, scaling);
    // The base may stand in the older object, too.
    let mut within = newer.clone();
    let rope = within.remove("rope_parameters").unwrap();
    within.insert("rope_scaling".to_owned(), rope);
    assert_eq!(DecoderConfig::from_json(&within).as_ref(), Ok(&read));
    within.insert("rope_theta".to_owned(), json!(7));
    let problem = DecoderConfig::from_json(&within).unwrap_err();
    assert!(
        problem.contains("rope_theta is 7, but rope_scaling.rope_theta is 500000"),
        "{problem}"
    );
}

/// What reading says of a golden configuration with fields changed; null removes one.
pub fn refusal(folder: &str, changes: &[(&str, Value)]) -> String {
    let object = crate::golden::fields(folder, changes);
    DecoderConfig::from_json(&object).expect_err(&format!("{folder} {changes:?}"))
}

#[test]
fn what_is_wrong_is_said_by_name() {
    let refused: [(&str, &str, Value, &[&str]); 31] = [
        ("llama", "hidden_size", Value::Null, &["'hidden_size' is missing"]),
        ("llama", "num_hidden_layers", Value::Null, &["'num_hidden_layers' is missing"]),
        ("llama", "hidden_size", json!(0), &["hidden_size is 0", "from 1"]),
        ("llama", "head_dim", json!(15), &["15 wide", "even"]),
        ("llama", "num_key_value_heads", json!(3), &["= 4", "num_key_value_heads = 3"]),
        ("llama", "rope_theta", json!(1e4), &["rope_theta is 10000", "500000", "remove one"]),
        (
            "llama",
            "rope_parameters",
            json!({"rope_type": "dynamic", "factor": 4.0}),
            &["\"dynamic\"", "llama3"],
        ),
        ("llama", "rope_parameters", json!({"rope_type": "linear"}), &["factor is missing"]),
        (
            "llama",
            "rope_parameters",
            json!({"rope_type": "default", "factor": 2}),
            &["factor is 2"],
        ),
        ("llama", "rope_parameters", json!(7), &["not an object"]),
        ("llama", "sliding_window", json!(8), &["sliding_window is 8", "mistral"]),
        ("llama", "hidden_act", json!("relu"), &["hidden_act is \"relu\"", "silu"]),
        ("llama", "mystery_field", json!(3), &["'mystery_field' (3)", "remove"]),
        ("llama", "is_causal", json!(false), &["is_causal is false"]),
        ("llama", "architectures", json!(["LlamaModel"]), &["LlamaModel", "ForCausalLM"]),
        ("llama", "num_local_experts", json!(8), &["num_local_experts is 8", "mixtral"]),
        ("llama", "quantization_config", json!({"bits": 4}), &["quantization_config"]),
        ("llama", "partial_rotary_factor", json!(0.5), &["partial_rotary_factor is 0.5"]),
        ("mistral_lora", "sliding_window", json!(0), &["sliding_window is 0", "null"]),
        ("mistral_lora", "attention_bias", json!(true), &["attention_bias is true", "mistral"]),
        ("mixtral", "num_experts_per_tok", json!(5), &["num_experts_per_tok is 5", "= 4"]),
        ("mixtral", "num_local_experts", Value::Null, &["'num_local_experts' is missing"]),
        ("mixtral", "num_experts", json!(6), &["num_local_experts is 4", "num_experts is 6"]),
        ("mixtral", "router_jitter_noise", json!(0.1), &["router_jitter_noise is 0.1"]),
        ("mixtral", "model_type", json!("qwen2"), &["num_local_experts", "qwen2", "mixtral"]),
        ("mixtral", "model_type", json!("bloom"), &["\"bloom\"", "llama, mistral"]),
        ("qwen3_moe", "mlp_only_layers", json!([3]), &["layer 3", "num_hidden_layers is 3"]),
        (
            "qwen3_moe",
            "shared_expert_intermediate_size",
            json!(8),
            &["has no shared expert", "qwen2_moe"],
        ),
        (
            "mistral_lora",
            "layer_types",
            json!(["sliding_attention", "full_attention"]),
            &["full_attention for layer 1", "every layer of mistral slides"],
        ),
        ("qwen3", "layer_types", json!(["full_attention"]), &["length 1", "is 2"]),
        ("gemma2", "layer_types", json!(["linear_attention", "x"]), &["\"linear_attention\""]),
    ];
    for (folder, field, value, parts) in refused {
        let problem = refusal(folder, &[(field, value)]);
        for part in parts {
            assert!(problem.contains(part), "{folder} {field}: {problem}\nlacks: {part}");
        }
    }
}

#[test]
fn a_file_without_key_and_value_heads_has_those_of_its_kind() {
    let read = |name: &str, heads: u32, stated: Option<Value>| {
        let mut object = match name {
            "qwen2_moe" => object(golden(name, "config.json")).unwrap(),
            preset_name => preset(preset_name).to_json(),
        };
        object.insert("num_attention_heads".to_owned(), json!(heads));
        object.insert("head_dim".to_owned(), json!(16));
        match stated {
            Some(stated) => drop(object.insert("num_key_value_heads".to_owned(), stated)),
            None => drop(object.remove("num_key_value_heads")),
        }
        DecoderConfig::from_json(&object).map(|config| config.num_key_value_heads)
    };
    for (name, usual) in [
        ("llama-3.1-8b", 64),
        ("mistral-7b", 8),
        ("qwen2.5-7b", 32),
        ("qwen3-8b", 32),
        ("mixtral-8x7b", 8),
        ("qwen2_moe", 16),
        ("qwen3-30b-a3b", 4),
        ("gemma-2-2b", 4),
        ("gemma-3-4b", 4),
        ("phi-4", 64),
        ("smollm3-3b", 4),
        ("gemma-7b", 16),
        ("olmo-2-7b", 64),
        ("granite-3.3-8b", 64),
        ("olmo-3-7b", 64),
        ("starcoder2-7b", 2),
    ] {
        assert_eq!(read(name, 64, None), Ok(usual), "{name}");
        assert_eq!(read(name, 64, Some(Value::Null)), Ok(64), "{name}: null");
        assert_eq!(read(name, 64, Some(json!(2))), Ok(2), "{name}: stated");
    }
    let problem = read("qwen2.5-7b", 28, None).unwrap_err();
    assert!(problem.contains("num_key_value_heads = 32, which qwen2 has where"), "{problem}");
}

#[test]
fn a_field_is_set_by_its_short_name_too() {
    let of = |set: &str| Model::resolve("qwen3-0.6b", [set]).map(|model| model.config);
    for (short, long) in
        [("n_layers=3", "num_hidden_layers=3"), ("d_ff=64", "intermediate_size=64")]
    {
        assert_eq!(of(short).unwrap(), of(long).unwrap(), "{short}");
        assert_ne!(of(short).unwrap(), of("vocab=151936").unwrap(), "{short}");
    }
    let problem = of("n_seq=8").unwrap_err().to_string();
    assert!(problem.contains("unknown field 'n_seq'"), "{problem}");
}

#[test]
fn a_file_says_the_width_of_heads_or_they_share_that_of_the_model() {
    for (folder, width) in [("qwen3_moe", 64 / 4), ("qwen3", 128), ("gemma2", 256), ("gemma3", 256)]
    {
        let mut object = object(golden(folder, "config.json")).unwrap();
        for (name, value) in [("hidden_size", 64), ("num_attention_heads", 4)] {
            object.insert(name.to_owned(), json!(value));
        }
        object.remove("head_dim");
        let config = DecoderConfig::from_json(&object).unwrap();
        assert_eq!(config.head_dim, width, "{folder}");
        assert_eq!(DecoderConfig::from_json(&config.to_json()), Ok(config), "{folder}");
    }
}

#[test]
fn windows_and_experts_are_where_the_files_say() {
    let windows = |folder: &str| -> Vec<Option<u32>> {
        decoder(folder).layers.iter().map(|layer| layer.window).collect()
    };
    assert_eq!(windows("mistral_lora"), [Some(7), Some(7)]);
    assert_eq!(windows("gemma2"), [Some(6), None]);
    assert_eq!(windows("gemma3"), [Some(5), Some(5), None]);
    assert_eq!(windows("olmo3_lora"), [None, Some(3)]);
    assert_eq!(windows("qwen3"), [None, None]);
    // A list that is null lists nothing.
    let mut whole = object(golden("mistral_lora", "config.json")).unwrap();
    for name in ["sliding_window", "layer_types"] {
        whole.insert(name.to_owned(), json!(null));
    }
    let whole = DecoderConfig::from_json(&whole).unwrap();
    assert!(whole.layers.iter().all(|layer| layer.window.is_none()));
    let mut sliding = object(golden("qwen3", "config.json")).unwrap();
    sliding.remove("layer_types");
    sliding.insert("use_sliding_window".to_owned(), json!(true));
    sliding.insert("sliding_window".to_owned(), json!(5));
    sliding.insert("max_window_layers".to_owned(), json!(1));
    let config = DecoderConfig::from_json(&sliding).unwrap();
    let windows: Vec<_> = config.layers.iter().map(|layer| layer.window).collect();
    assert_eq!(windows, [None, Some(5)]);
    // A Qwen2MoeConfig of transformers 5.24 has them on even layers below max_window_layers.
    let mut even = object(golden("qwen2_moe", "config.json")).unwrap();
    for (name, value) in [
        ("num_hidden_layers", json!(6)),
        ("use_sliding_window", json!(true)),
        ("sliding_window", json!(5)),
        ("max_window_layers", json!(4)),
    ] {
        even.insert(name.to_owned(), value);
    }
    let config = DecoderConfig::from_json(&even).unwrap();
    let windows: Vec<_> = config.layers.iter().map(|layer| layer.window).collect();
    assert_eq!(windows, [Some(5), None, Some(5), None, None, None]);
    // Layer 1 is in mlp_only_layers.
    let kinds = decoder("qwen3_moe").kinds();
    assert_eq!(kinds.iter().map(|(_, count)| *count).collect::<Vec<_>>(), [2, 1]);
}
