//! Phi-3 as its files have it: projections that are one tensor, heads that are turned in part, and wavelengths that
//! depend on how long sequences are.

use std::{collections::BTreeMap, fs, path::Path};

use flopmeter::{
    component::Phase,
    estimate::Estimate,
    execute::Limits,
    family::{
        Packing,
        decoder::{Adapters, DecoderConfig, Rope, Scaling},
    },
    format::table::{self, Terminal},
    model::{
        AskedShape, BatchShape, Model, Optimizer,
        lower::{Recompute, Training, lower},
    },
    page::Paged as _,
    plan::{Init, Plan},
    tensors::{Dtype, TensorFile},
};
use safetensors::tensor::TensorView;
use serde_json::{Value, json};

use crate::{golden, reference};

const GOLDEN: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/golden/phi3");

/// What reading makes of the golden one's file with fields changed; null removes one.
fn changed(changes: &[(&str, Value)]) -> Result<DecoderConfig, String> {
    DecoderConfig::from_json(&golden::fields("phi3", changes))
}

/// The rotary positions of the golden one's file with keys changed; null removes one.
fn rope(changes: &[(&str, Value)]) -> Value {
    let mut rope = golden::fields("phi3", &[])["rope_parameters"].clone();
    let object = rope.as_object_mut().unwrap();
    for (key, value) in changes {
        match value {
            Value::Null => drop(object.remove(*key)),
            value => drop(object.insert((*key).to_owned(), value.clone())),
        }
    }
    rope
}

#[test]
fn published_files_are_their_presets() {
    let mut rope = json!({ "type": "longrope", "short_factor": vec![1.0; 48] });
    let preset = Model::resolve::<&str>("phi-4-mini", []).unwrap();
    let preset = preset.decoder().unwrap();
    rope["long_factor"] = preset.to_json()["rope_scaling"]["long_factor"].clone();
    let mini = json!({
        "architectures": ["Phi3ForCausalLM"],
        "attention_bias": false,
        "attention_dropout": 0.0,
        "auto_map": { "AutoConfig": "configuration_phi3.Phi3Config" },
        "bos_token_id": 199_999,
        "embd_pdrop": 0.0,
        "eos_token_id": 199_999,
        "full_attn_mod": 1,
        "hidden_act": "silu",
        "hidden_size": 3072,
        "initializer_range": 0.02,
        "intermediate_size": 8192,
        "interpolate_factor": 1,
        "lm_head_bias": false,
        "max_position_embeddings": 131_072,
        "mlp_bias": false,
        "model_type": "phi3",
        "num_attention_heads": 24,
        "num_hidden_layers": 32,
        "num_key_value_heads": 8,
        "original_max_position_embeddings": 4096,
        "pad_token_id": 199_999,
        "partial_rotary_factor": 0.75,
        "resid_pdrop": 0.0,
        "rms_norm_eps": 1e-5,
        "rope_scaling": rope,
        "rope_theta": 10_000.0,
        "sliding_window": 262_144,
        "tie_word_embeddings": true,
        "torch_dtype": "bfloat16",
        "transformers_version": "4.45.0",
        "use_cache": true,
        "vocab_size": 200_064
    });
    assert_eq!(DecoderConfig::from_json(mini.as_object().unwrap()).as_ref(), Ok(preset));
    assert_eq!(preset.rotary_width(), 96);
    // The square root of 1 + ln 32 / ln 4096, which is 17/12.
    let magnitude = preset.rope.magnitude(preset.max_position_embeddings);
    assert!((magnitude - (17.0_f64 / 12.0).sqrt()).abs() < 1e-15, "{magnitude}");
    for field in ["full_attn_mod", "interpolate_factor"] {
        let mut other = mini.clone();
        other[field] = json!(2);
        let problem = DecoderConfig::from_json(other.as_object().unwrap()).unwrap_err();
        assert!(problem.contains(&format!("{field} is 2: only 1")), "{problem}");
    }
}

#[test]
fn longrope_is_read_in_either_spelling() {
    let newer = changed(&[]).unwrap();
    let scaling = Scaling::LongRope {
        short: vec![1.0, 1.1, 1.3],
        long: vec![1.2, 2.5, 6.0],
        original: 6,
        factor: None,
        attention_factor: None,
    };
    assert_eq!(newer.rope, Rope { theta: 100.0, scaling });
    assert_eq!((newer.partial_rotary_factor, newer.rotary_width()), (0.75, 6));
    for kind in ["longrope", "su"] {
        let older = changed(&[
            ("rope_parameters", Value::Null),
            ("rope_theta", json!(100)),
            ("partial_rotary_factor", json!(0.75)),
            (
                "rope_scaling",
                json!({ "type": kind, "short_factor": [1, 1.1, 1.3], "long_factor": [1.2, 2.5, 6] }),
            ),
        ]);
        assert_eq!(older.as_ref(), Ok(&newer), "{kind}");
    }
    // What is set goes before what a newer file says.
    let set = |field: &str| Model::resolve(GOLDEN, [field]).unwrap().decoder().unwrap().clone();
    assert_eq!(set("rope_theta=7").rope.theta, 7.0);
    let original = set("original_max_position_embeddings=8").rope.scaling;
    assert!(matches!(original, Scaling::LongRope { original: 8, .. }));
    // 0.8 of 8 elements are 6.4.
    assert_eq!(set("partial_rotary_factor=0.8").rotary_width(), 6);

    let unsaid = changed(&[("original_max_position_embeddings", Value::Null)]).unwrap_err();
    assert!(unsaid.contains("is 6") && unsaid.contains("is 4096"), "{unsaid}");
    let plain = changed(&[("rope_parameters", Value::Null)]).unwrap();
    let default = Rope { theta: 1e4, scaling: Scaling::Default };
    assert_eq!((plain.rotary_width(), plain.rope), (8, default));
}

#[test]
fn longer_sequences_have_longer_wavelengths() {
    let rope = changed(&[]).unwrap().rope;
    let angles = |factors: [f64; 3]| -> Vec<f64> {
        let plain = (0..3).map(|pair| 100.0_f64.powf(-2.0 * f64::from(pair) / 6.0));
        plain.zip(factors).map(|(plain, factor)| plain / factor).collect()
    };
    assert_eq!(rope.angles(6, [6, 64]), angles([1.0, 1.1, 1.3]));
    assert_eq!(rope.angles(6, [7, 64]), angles([1.2, 2.5, 6.0]));

    let magnitude = |changes: &[(&str, Value)], most: u32| {
        changed(&[("rope_parameters", self::rope(changes))]).unwrap().rope.magnitude(most)
    };
    let by = |factor: f64| (1.0 + factor.ln() / 6.0_f64.ln()).sqrt();
    assert_eq!(magnitude(&[], 48), by(8.0));
    assert_eq!(magnitude(&[], 6), 1.0);
    assert_eq!(magnitude(&[("factor", json!(4))], 48), by(4.0));
    assert_eq!(magnitude(&[("factor", json!(4)), ("attention_factor", json!(1.25))], 48), 1.25);
    assert_eq!(Rope { theta: 1e4, scaling: Scaling::Default }.magnitude(48), 1.0);

    let stated = changed(&[("rope_parameters", self::rope(&[("attention_factor", json!(1.25))]))]);
    assert_eq!(DecoderConfig::from_json(&stated.clone().unwrap().to_json()), stated);
}

#[test]
fn what_cannot_be_right_is_refused_by_name() {
    let of_rope = |key, value| rope(&[(key, value)]);
    let part = |factor: f64| json!({ "partial_rotary_factor": factor });
    let refused: [(&str, Value, &[&str]); 13] = [
        ("partial_rotary_factor", json!(0.5), &["is 0.5", "rope_parameters", "is 0.75"]),
        ("rope_parameters", part(0.7), &["0.7 turns 5 of the 8", "even"]),
        ("rope_parameters", part(0.1), &["turns 0 of the 8"]),
        ("rope_parameters", part(1.5), &["is 1.5", "all of a head"]),
        ("rope_parameters", of_rope("rope_type", json!("linear")), &["\"linear\"", "longrope"]),
        ("rope_parameters", of_rope("long_factor", Value::Null), &["long_factor is missing"]),
        ("rope_parameters", of_rope("long_factor", json!([1, 2, 0])), &["long_factor[2] is 0"]),
        ("rope_parameters", of_rope("long_factor", json!(2)), &["long_factor is 2, not a list"]),
        (
            "rope_parameters",
            of_rope("short_factor", json!([1, 2])),
            &["short_factor", "length 2", "6 elements", "state 3"],
        ),
        ("original_max_position_embeddings", json!(1), &["embeddings is 6, but", "is 1"]),
        ("hidden_size", json!(30), &["hidden_size = 30 is not divisible", "= 4"]),
        ("attention_bias", json!(true), &["attention_bias is true", "phi3"]),
        ("resid_pdrop", json!("some"), &["resid_pdrop is \"some\""]),
    ];
    for (field, value, parts) in refused {
        let problem = changed(&[(field, value)]).expect_err(field);
        for part in parts {
            assert!(problem.contains(part), "{field}: {problem}\nlacks: {part}");
        }
    }
    let llama = Model::resolve("llama-3.2-1b", ["partial_rotary_factor=0.5"]).unwrap_err();
    assert!(llama.to_string().contains("of llama only heads"), "{llama}");
}

#[test]
fn adapters_stand_beside_what_is_fused() {
    let with = |targets: Value| changed(&[("lora_rank", json!(2)), (Adapters::TARGETS, targets)]);
    let modules = |targets: Value| -> Vec<String> {
        with(targets).unwrap().adapted().into_iter().map(|adapted| adapted.module).collect()
    };
    let usual = changed(&[("lora_rank", json!(2))]).unwrap();
    assert_eq!(
        usual.adapters,
        Some(Adapters { rank: 2, alpha: 2.0, ..Adapters::usual(usual.architecture.names()) })
    );
    let qkv = ["model.layers.0.self_attn.qkv_proj", "model.layers.1.self_attn.qkv_proj"];
    assert_eq!(modules(json!("qkv_proj")), qkv);
    assert_eq!(usual.adapted().len(), 2);
    let all = modules(json!("all-linear"));
    let last = ["self_attn.qkv_proj", "self_attn.o_proj", "mlp.gate_up_proj", "mlp.down_proj"];
    assert_eq!(all[..4], last.map(|name| format!("model.layers.0.{name}")));
    // 2 x (32 inputs + 4 x 8 + 2 x 2 x 8 outputs) and 2 x (32 + 2 x 20), in two layers.
    let both = with(json!("qkv_proj,gate_up_proj")).unwrap();
    assert_eq!(both.adapter_parameters(), 2 * 2 * (32 + 64 + 32 + 40));

    for (part, module) in [
        ("q_proj", "qkv_proj"),
        ("layers.0.self_attn.v_proj", "qkv_proj"),
        ("up_proj", "gate_up_proj"),
    ] {
        let problem = with(json!([part])).unwrap_err();
        let parts = [format!("'{part}', which is some rows of '{module}'"), "phi3".to_owned()];
        assert!(parts.iter().all(|part| problem.contains(part)), "{problem}");
    }
    let problem = with(json!("qv_proj")).unwrap_err();
    assert!(problem.contains("did you mean 'qkv_proj'"), "{problem}");
}

#[test]
fn fused_weights_of_another_shape_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    for name in ["config.json", "batch.safetensors"] {
        fs::copy(Path::new(GOLDEN).join(name), folder.path().join(name)).unwrap();
    }
    let file = TensorFile::open(&Path::new(GOLDEN).join("model.safetensors")).unwrap();
    let load = |name: &str, shape: &[usize]| {
        let mut tensors: BTreeMap<String, (Vec<usize>, Vec<u8>)> = BTreeMap::new();
        for own in file.names() {
            let tensor = file.get(&own).unwrap();
            tensors.insert(own, (tensor.shape.to_vec(), tensor.bytes.to_vec()));
        }
        let bytes = vec![0; 4 * shape.iter().product::<usize>()];
        tensors.insert(name.to_owned(), (shape.to_vec(), bytes));
        let views = tensors.iter().map(|(name, (shape, bytes))| {
            (name, TensorView::new(Dtype::F32, shape.clone(), bytes).unwrap())
        });
        let path = folder.path().join("model.safetensors");
        fs::write(path, safetensors::serialize(views, None).unwrap()).unwrap();
        let model = Model::resolve::<&str>(folder.path().to_str().unwrap(), []).unwrap();
        model.weights(0).unwrap_err().to_string()
    };
    let qkv = "model.layers.1.self_attn.qkv_proj.weight";
    let problem = load(qkv, &[32, 32]);
    assert!(
        problem.contains(qkv) && problem.contains("[32, 32]; the configuration makes it [64, 32]"),
        "{problem}"
    );
    let single = "model.layers.1.self_attn.q_proj.weight";
    let problem = load(single, &[32, 32]);
    assert!(problem.contains(single) && problem.contains("no parameter"), "{problem}");
}

/// A step of the golden one on two rows of ten tokens.
fn plan(packed: &[u32]) -> Plan {
    let model = Model::resolve::<&str>(GOLDEN, []).unwrap();
    let asked = AskedShape { batch: Some(2), seq: Some(10), ..AskedShape::default() };
    let shape = BatchShape::resolve(asked, &model.config).unwrap();
    let limits = Limits { buffer_bytes: 1 << 31, storage_bindings: 10, ..Limits::WEBGPU };
    let training = Training { packed: Packing::new(packed.to_vec()), ..Optimizer::AdamW.into() };
    lower(&model.config, shape, training, limits).unwrap()
}

#[test]
fn what_is_fused_is_one_parameter_in_parts() {
    let plan = plan(&[]);
    for (name, parts) in
        [("self_attn.qkv_proj", &[32, 16, 16][..]), ("mlp.gate_up_proj", &[20, 20])]
    {
        let name = format!("model.layers.1.{name}.weight");
        let parameter = plan.parameters.iter().find(|parameter| parameter.name == name).unwrap();
        let rows = |slices: &[flopmeter::plan::Slice]| -> Vec<u64> {
            slices.iter().map(|slice| slice.len / 32).collect()
        };
        assert_eq!(rows(&parameter.value), parts, "{name}");
        assert_eq!(rows(parameter.grad.as_ref().unwrap()), parts, "{name}");
        let updates = plan.passes.iter().filter(|pass| pass.phase == Phase::Optimizer);
        assert_eq!(updates.filter(|pass| pass.label.contains(&name)).count(), parts.len());
    }
}

#[test]
fn packed_sequences_have_the_wavelengths_of_the_longest() {
    let rope = changed(&[]).unwrap().rope;
    for (packed, longest) in [(&[][..], 10), (&[6, 4], 6), (&[3, 7], 7)] {
        let plan = plan(packed);
        let tables = plan.buffers.iter().filter_map(|buffer| match &buffer.init {
            Init::Angles(table) => Some(table),
            _ => None,
        });
        let tables: Vec<_> = tables.collect();
        assert_eq!(tables.len(), 2, "cosines and sines");
        for table in tables {
            assert_eq!(table.angles, rope.angles(6, [longest, 64]), "{packed:?}");
            assert_eq!(table.magnitude, rope.magnitude(64));
        }
    }
}

#[test]
fn a_report_tells_how_many_factors_there_are() {
    let model = Model::resolve::<&str>("phi-4-mini", []).unwrap();
    let shape = BatchShape::resolve(AskedShape::default(), &model.config).unwrap();
    let estimate = Estimate::new(&model.config, shape, Optimizer::AdamW).unwrap();
    let text = table::render(&estimate.page(false), Terminal::PIPE);
    let factors = r#""short_factor":"48 numbers","long_factor":"48 numbers""#;
    assert!(text.contains(factors) && !text.contains("1.118320672"), "{text}");
}

/// The same numbers where layers run again, and where no binding holds all queries' rows.
#[test]
fn a_step_in_pieces_is_the_step() {
    let again = Training { recompute: Recompute::Layers, ..Optimizer::AdamW.into() };
    // As much as a hidden state takes, and less than those rows.
    for (model, training, bytes) in [
        ("phi3_lora", again, u64::MAX),
        ("phi3", again, u64::MAX),
        ("phi3", Optimizer::AdamW.into(), 2_600),
    ] {
        let cut =
            |limits: Limits| Limits { binding_bytes: bytes.min(limits.binding_bytes), ..limits };
        golden::step_within(model, training, cut, |plan, session, file| {
            let columns = plan.passes.iter().any(|pass| pass.kernel.to_string() == "columns.place");
            assert_eq!(columns, bytes < u64::MAX, "{model}");
            reference::compare(plan, session, file, "grad", Some("after"));
        });
    }
}

/// The reference notices each field that sets Phi-3 apart.
#[test]
fn another_field_makes_other_logits() {
    golden::each_makes_other_logits(
        "phi3",
        &[
            "sliding_window=6",
            "rope_theta=200",
            "max_position_embeddings=128",
            // The batch has ten tokens in a row.
            "original_max_position_embeddings=10",
        ],
    );
}

#[test]
fn dropout_is_told_of() {
    let asked = ["resid_pdrop=0.1", "embd_pdrop=0.2", "attention_dropout=0.3"];
    let dropout = Model::resolve(GOLDEN, asked).unwrap().not_run.dropout;
    let parts = [("attention_dropout", 0.3), ("embd_pdrop", 0.2), ("resid_pdrop", 0.1)];
    assert!(dropout.iter().map(|(name, part)| (name.as_str(), *part)).eq(parts), "{dropout:?}");
}
