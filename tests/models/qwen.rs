//! Qwen2 as users have it on disk, spoilt in every way that should be noticed, and what a step of it
//! does and leaves out.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
};

use flopmeter::{
    Error,
    component::Phase,
    estimate::Estimate,
    execute::Limits,
    explain,
    family::decoder::DecoderConfig,
    formula::forms,
    model::{
        AskedShape, BatchShape, Model, Optimizer,
        lower::{Scope, Training, lower},
    },
    op::Convention,
    plan::Plan,
    tensors::{Dtype, TensorFile},
};
use safetensors::tensor::TensorView;
use serde_json::{Value, json};
use tempfile::TempDir;

const LIMITS: Limits = Limits { buffer_bytes: 1 << 31, storage_bindings: 10, ..Limits::WEBGPU };

type Tensors = BTreeMap<String, (Dtype, Vec<usize>, Vec<u8>)>;

/// A copy of a golden folder that a test may spoil.
struct Folder(TempDir);

impl Folder {
    fn new(model: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let golden = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden").join(model);
        for entry in fs::read_dir(golden).unwrap() {
            let entry = entry.unwrap();
            fs::copy(entry.path(), folder.path().join(entry.file_name())).unwrap();
        }
        Self(folder)
    }

    fn path(&self, file: &str) -> PathBuf {
        self.0.path().join(file)
    }

    fn model(&self, set: &[&str]) -> Result<Model, Error> {
        Model::resolve(self.0.path().to_str().unwrap(), set)
    }

    /// What stands in the way of this folder's weights.
    fn refusal(&self) -> String {
        self.model(&[]).and_then(|model| model.weights(0)).unwrap_err().to_string()
    }

    /// Sets fields of a JSON file; null removes one.
    fn set(&self, file: &str, fields: Value) {
        let path = self.path(file);
        let mut object: Value = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
        for (name, value) in fields.as_object().unwrap() {
            let object = object.as_object_mut().unwrap();
            match value {
                Value::Null => drop(object.remove(name)),
                _ => drop(object.insert(name.clone(), value.clone())),
            }
        }
        fs::write(path, object.to_string()).unwrap();
    }

    fn tensors(&self, file: &str) -> Tensors {
        let file = TensorFile::open(&self.path(file)).unwrap();
        let read = |name: String| {
            let tensor = file.get(&name).unwrap();
            (name, (tensor.dtype, tensor.shape.to_vec(), tensor.bytes.to_vec()))
        };
        file.names().into_iter().map(read).collect()
    }

    fn write(&self, file: &str, tensors: &Tensors) {
        let views = tensors.iter().map(|(name, (dtype, shape, data))| {
            (name.as_str(), TensorView::new(*dtype, shape.clone(), data).unwrap())
        });
        fs::write(self.path(file), safetensors::serialize(views, None).unwrap()).unwrap();
    }

    fn spoil(&self, file: &str, change: impl FnOnce(&mut Tensors)) {
        let mut tensors = self.tensors(file);
        change(&mut tensors);
        self.write(file, &tensors);
    }
}

fn assert_says(text: &str, said: &[&str]) {
    for words in said {
        assert!(text.contains(words), "{words:?} is not in: {text}");
    }
}

#[test]
fn what_is_not_supported_is_refused_by_name() {
    for (fields, said) in [
        (json!({"rope_scaling": {"type": "dynamic", "factor": 4.0}}), "rope_type \"dynamic\""),
        (json!({"rope_parameters": {"rope_theta": 1e4, "factor": 2.0}}), "rope_parameters.factor"),
        (json!({"hidden_act": "gelu"}), "hidden_act is \"gelu\""),
        (json!({"attention_bias": true}), "attention_bias"),
        (json!({"quantization_config": {"bits": 4}}), "quantization_config"),
        (json!({"hidden_size": 30, "head_dim": null}), "hidden_size = 30 is not divisible by"),
        (json!({"num_key_value_heads": 3}), "not divisible by num_key_value_heads = 3"),
        (json!({"head_dim": 1}), "must be even"),
        (json!({"vocab_size": null}), "field 'vocab_size' is missing"),
        (json!({"vocab_size": null, "vocab_sise": 71}), "did you mean 'vocab_size'?"),
        (json!({"rms_norm_eps": 0}), "rms_norm_eps is 0"),
        (json!({"rope_parameters": {"rope_theta": "large"}}), "rope_theta is \"large\""),
        (json!({"tie_word_embeddings": 1}), "tie_word_embeddings is 1; it must be true or false"),
        (json!({"num_hidden_layers": 4_000_000}), "num_hidden_layers is 4000000"),
    ] {
        let folder = Folder::new("qwen2_full");
        folder.set("config.json", fields);
        assert_says(&folder.model(&[]).unwrap_err().to_string(), &["config.json: ", said]);
    }
}

#[test]
fn what_changes_nothing_is_tolerated_and_both_rotary_bases_are_read() {
    let folder = Folder::new("qwen2_full");
    let fields = json!({"torch_dtype": "bfloat16", "is_llama_config": true, "max_sequence_length": 2048, "use_cache": false, "is_causal": true, "architectures": null, "_name_or_path": "x",
        "sliding_window": 32768, "rope_parameters": null, "rope_theta": 5000.0});
    folder.set("config.json", fields);
    let model = folder.model(&["num_hidden_layers=1"]).unwrap();
    let config = model.config.get::<DecoderConfig>().unwrap();
    assert_eq!((config.rope.theta, config.num_hidden_layers()), (5000.0, 1));
    let config = Folder::new("qwen2_full").model(&[]).unwrap().config;
    let config = config.get::<DecoderConfig>().unwrap();
    assert_eq!((config.rope.theta, config.adapters.clone()), (1e6, None));
}

#[test]
fn presets_are_as_large_as_they_are_called() {
    for (name, parameters) in [
        ("qwen2.5-0.5b", 494_032_768),
        ("qwen2.5-1.5b", 1_543_714_304),
        ("qwen2.5-3b", 3_085_938_688),
        ("qwen2.5-7b", 7_615_616_512),
    ] {
        let model = Model::resolve(name, [""; 0]).unwrap();
        let sum: u64 = model.config.parameters().iter().map(|p| p.elements()).sum();
        assert_eq!(sum, parameters, "{name}");
    }
}

#[test]
fn a_long_sequence_is_a_warning() {
    let model = Model::resolve("qwen2.5-0.5b", [""; 0]).unwrap();
    let resolve = |seq| {
        let asked = AskedShape { batch: None, seq: Some(seq), ..AskedShape::default() };
        BatchShape::resolve(asked, &model.config).unwrap().warning(&model.config, None)
    };
    assert_eq!(resolve(32_768), None);
    assert_says(&resolve(32_769).unwrap(), &["max_position_embeddings = 32768"]);
}

/// Every value of bf16 and f16 is one of f32: a checkpoint in shards of all three types.
#[test]
fn shards_of_narrow_types_are_read_tensor_by_tensor() {
    let folder = Folder::new("qwen2_full");
    let whole = folder.tensors("model.safetensors");
    fs::remove_file(folder.path("model.safetensors")).unwrap();
    let mut shards = [Tensors::new(), Tensors::new()];
    let mut map = serde_json::Map::new();
    for (i, (name, (_, shape, _))) in whole.iter().enumerate() {
        let elements: usize = shape.iter().product();
        // 1.0 in each type.
        let (dtype, one): (Dtype, &[u8]) = match i % 3 {
            0 => (Dtype::F32, &[0, 0, 0x80, 0x3F]),
            1 => (Dtype::BF16, &[0x80, 0x3F]),
            _ => (Dtype::F16, &[0, 0x3C]),
        };
        shards[i % 2].insert(name.clone(), (dtype, shape.clone(), one.repeat(elements)));
        map.insert(name.clone(), json!(format!("model-0000{}-of-00002.safetensors", i % 2 + 1)));
    }
    for (i, shard) in shards.iter().enumerate() {
        folder.write(&format!("model-0000{}-of-00002.safetensors", i + 1), shard);
    }
    let index = "model.safetensors.index.json";
    fs::write(folder.path(index), json!({"metadata": {}, "weight_map": map}).to_string()).unwrap();
    let weights = folder.model(&[]).unwrap().weights(0).unwrap();
    for name in whole.keys() {
        assert!(weights.values(name).unwrap().iter().all(|&value| value == 1.0), "{name}");
    }

    fs::remove_file(folder.path("model-00002-of-00002.safetensors")).unwrap();
    assert_says(&folder.refusal(), &[index, "model-00002-of-00002.safetensors", "cannot be read"]);
    map.insert("lm_head.weight".to_owned(), json!("../elsewhere.safetensors"));
    fs::write(folder.path(index), json!({"weight_map": map}).to_string()).unwrap();
    assert_says(&folder.refusal(), &["no file's name"]);
    fs::write(folder.path(index), "{}").unwrap();
    assert_says(&folder.refusal(), &["weight_map"]);
}

#[test]
fn a_tied_head_may_be_in_the_checkpoint_too() {
    let folder = Folder::new("qwen2_lora");
    folder.spoil("model.safetensors", |tensors| {
        let embedding = tensors["model.embed_tokens.weight"].clone();
        tensors.insert("lm_head.weight".to_owned(), embedding);
    });
    folder.model(&[]).unwrap().weights(0).unwrap();
}

/// peft writes a head that has an adapter beside that adapter, under a name of its own, and loads it from there. A
/// configuration of which it was not told the task has `auto_mapping`.
#[test]
fn a_head_may_be_in_the_file_of_its_adapter() {
    let folder = Folder::new("qwen2_lora");
    folder.set(
        "adapter_config.json",
        json!({
            "target_modules": ["q_proj", "v_proj", "lm_head"],
            "task_type": null,
            "auto_mapping": {"base_model_class": "Qwen2ForCausalLM"},
        }),
    );
    let embedding = folder.tensors("model.safetensors")["model.embed_tokens.weight"].clone();
    let [vocabulary, width] = embedding.1[..] else { panic!("{:?}", embedding.1) };
    let head = "base_model.model.lm_head";
    let filled = |shape: [usize; 2], value: f32| {
        let bytes = value.to_le_bytes().repeat(shape.iter().product());
        (Dtype::F32, shape.to_vec(), bytes)
    };
    folder.spoil("adapter_model.safetensors", |tensors| {
        tensors.insert(format!("{head}.lora_A.weight"), filled([4, width], 2.0));
        tensors.insert(format!("{head}.lora_B.weight"), filled([vocabulary, 4], 3.0));
    });
    let values = |name: &str| folder.model(&[]).unwrap().weights(0).unwrap().values(name).unwrap();
    // The head is tied.
    let shared = "model.embed_tokens.weight";
    let own: Vec<f32> =
        embedding.2.as_chunks().0.iter().map(|&bytes| f32::from_le_bytes(bytes)).collect();
    assert_eq!(values(shared), own);
    for layer in [".base_layer", ""] {
        let restated = format!("{head}{layer}.weight");
        folder.spoil("adapter_model.safetensors", |tensors| {
            tensors.insert(restated.clone(), filled([vocabulary, width], 5.0));
        });
        assert!(values(shared).iter().all(|&value| value == 5.0), "{restated}");
        assert!(values(&format!("{head}.lora_A.weight")).iter().all(|&value| value == 2.0));
        folder.spoil("adapter_model.safetensors", |tensors| {
            tensors.insert(restated.clone(), filled([vocabulary + 1, width], 5.0));
        });
        assert_says(&folder.refusal(), &["adapter_model.safetensors: ", &restated, "has shape"]);
        folder.spoil("adapter_model.safetensors", |tensors| drop(tensors.remove(&restated)));
    }
}

#[test]
fn spoilt_adapters_are_named() {
    for (fields, said) in [
        (json!({"r": 0}), "r is 0"),
        (json!({"r": null}), "'r' is missing"),
        (json!({"lora_alpha": "much"}), "lora_alpha"),
        (json!({"target_modules": ["q_proj", "w_proj"]}), "'w_proj'"),
        (json!({"target_modules": []}), "name linear layers"),
        (json!({"peft_type": "IA3"}), "IA3"),
        (json!({"use_dora": true}), "use_dora"),
        (json!({"bias": "all"}), "bias"),
        (json!({"rank_pattern": {"w_proj": 2}}), "rank_pattern"),
    ] {
        let folder = Folder::new("qwen2_lora");
        folder.set("adapter_config.json", fields);
        let text = folder.model(&[]).unwrap_err().to_string();
        assert_says(&text, &["adapter_config.json: ", said]);
    }
    const A: &str = "base_model.model.model.layers.0.self_attn.q_proj.lora_A.weight";
    let folder = Folder::new("qwen2_lora");
    folder.set("adapter_config.json", json!({"r": 3}));
    assert_says(&folder.refusal(), &["adapter_model.safetensors: ", A, "[4, 48]", "[3, 48]"]);
    let folder = Folder::new("qwen2_lora");
    folder.spoil("adapter_model.safetensors", |tensors| drop(tensors.remove(A)));
    assert_says(&folder.refusal(), &["adapter_model.safetensors: ", A, "missing"]);
    let folder = Folder::new("qwen2_lora");
    folder.set("adapter_config.json", json!({"target_modules": ["q_proj"]}));
    assert_says(&folder.refusal(), &["v_proj.lora_A.weight' is no parameter"]);
    let folder = Folder::new("qwen2_lora");
    fs::remove_file(folder.path("adapter_model.safetensors")).unwrap();
    assert_says(&folder.refusal(), &["adapter_model.safetensors: cannot be read"]);
    let other = Folder::new("qwen2_lora").model(&["lora_rank=8"]).unwrap_err().to_string();
    assert_says(&other, &["rank 4", "rank 8"]);
    let none = Folder::new("qwen2_full").model(&["lora_rank=0"]).unwrap_err().to_string();
    assert_says(&none, &["lora_rank is 0"]);
}

fn plan(set: &[&str], scope: Scope, seq: u32) -> (Model, Plan, BatchShape) {
    let small = [
        "hidden_size=24",
        "intermediate_size=20",
        "vocab_size=30",
        "num_hidden_layers=3",
        "num_attention_heads=6",
        "num_key_value_heads=2",
    ];
    let model = Model::resolve("qwen2.5-0.5b", small.iter().chain(set)).unwrap();
    let asked = AskedShape { batch: Some(2), seq: Some(seq), ..AskedShape::default() };
    let shape = BatchShape::resolve(asked, &model.config).unwrap();
    let plan = lower(&model.config, shape, Training { scope, ..Training::default() }, LIMITS);
    (model, plan.unwrap(), shape)
}

#[test]
fn names_are_unique_and_forward_plans_have_no_gradients() {
    for set in [&[][..], &["tie_word_embeddings=false"], &["lora_rank=2"]] {
        let (_, plan, _) = plan(set, Scope::Step, 5);
        let labels: BTreeSet<_> = plan.passes.iter().map(|pass| &pass.label).collect();
        assert_eq!(labels.len(), plan.passes.len());
        let buffers: BTreeSet<_> = plan.buffers.iter().map(|buffer| &buffer.name).collect();
        assert_eq!(buffers.len(), plan.buffers.len());
        let (_, forward, _) = self::plan(set, Scope::Forward, 5);
        assert!(forward.parameters.iter().all(|parameter| parameter.grad.is_none()));
        assert!(forward.passes.iter().all(|pass| pass.phase == Phase::Forward));
    }
}

/// With adapters nothing frozen gets a gradient, nothing flows below the lowest adapter, and the
/// optimizer touches adapters alone.
#[test]
fn adapters_leave_out_what_nothing_depends_on() {
    let ran = |targets: &str| -> BTreeSet<String> {
        let targets = format!("lora_targets={targets}");
        let (_, plan, _) = plan(&["lora_rank=2", &targets], Scope::Step, 5);
        let later = plan.passes.into_iter().filter(|pass| pass.phase != Phase::Forward);
        later.map(|pass| format!("{} {}", pass.component, pass.kernel.parts().1)).collect()
    };
    let trained = |pass: &String| {
        pass.contains(" adamw") || pass.contains("backward_weight") || pass.contains("_params")
    };
    for targets in ["q_proj", "v_proj", "k_proj,o_proj", "o_proj", "q_proj,k_proj,v_proj,o_proj"] {
        let ran = ran(targets);
        assert!(ran.iter().filter(|pass| trained(pass)).all(|pass| pass.contains(".lora.")));
        assert!(!ran.iter().any(|pass| pass.starts_with("embedding")));
    }
    let below = |ran: &BTreeSet<String>, part: &str| {
        ran.iter().any(|pass| pass.starts_with("layer_0.") && pass.contains(part))
    };
    let queries = ran("q_proj");
    assert!(below(&queries, "core backward_query") && !below(&queries, "backward_key_value"));
    let outputs = ran("o_proj");
    assert!(!below(&outputs, "core backward") && !below(&outputs, "o_proj backward_input"));
    assert!(outputs.iter().any(|pass| pass.starts_with("layer_1.attention.core")));
}

#[test]
fn causes_add_up_to_the_whole_difference() {
    for set in [&[][..], &["tie_word_embeddings=false"], &["lora_rank=2"]] {
        let (model, plan, shape) = plan(set, Scope::Step, 7);
        let estimate = Estimate::new(&model.config, shape, Optimizer::AdamW).unwrap();
        for convention in Convention::ALL {
            let ops =
                |pass: &flopmeter::plan::Pass| forms(&pass.operation, &pass.schedule).schedule();
            let passes = plan.passes.iter().map(|pass| (pass, ops(pass), false));
            let causes = explain::causes(
                model.config.account(),
                false,
                passes,
                estimate.terms(),
                convention,
            );
            for phase in Phase::ALL {
                let of = |pick: fn(&explain::Cause) -> i128| -> i128 {
                    causes.iter().filter(|cause| cause.phase == phase).map(pick).sum()
                };
                let ran = plan.passes.iter().filter(|pass| pass.phase == phase);
                let ran: u64 = ran.map(|pass| ops(pass).flops(convention)).sum();
                let charged = estimate.total_flops().get(phase);
                assert_eq!(of(|cause| cause.difference), i128::from(ran) - i128::from(charged));
                assert_eq!(of(|cause| cause.measured.into()), ran.into());
            }
            let says = |words: &str| causes.iter().any(|cause| cause.text.contains(words));
            assert!(says("three projections") && says("kv heads") && says("recomputing"));
            assert_eq!(says("frozen weights"), set == ["lora_rank=2"]);
        }
    }
}

#[test]
fn the_source_of_an_estimate_says_which_vocabulary_it_knows() {
    let source = |set: &[&str]| {
        let model = Model::resolve("qwen2.5-0.5b", set).unwrap();
        let shape = BatchShape::resolve(AskedShape::default(), &model.config).unwrap();
        Estimate::new(&model.config, shape, Optimizer::AdamW).unwrap().source()
    };
    assert!(!source(&[]).contains("vocabulary"));
    assert_says(source(&["vocab_size=1"]), &["src/flops.py", "a vocabulary of 151936"]);
}
