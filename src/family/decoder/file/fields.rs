//! The fields of a `config.json`, read one by one. What was read is remembered, so that a field that
//! was not read is refused by name instead of ignored, unless it is known to change nothing.

use std::cell::RefCell;

use serde_json::{Map, Value};

use crate::family::{
    decoder::{adapters::Adapters, architecture::Architecture},
    fields::given,
};

/// Fields that change nothing of what a training step computes: names, defaults of generation, how
/// weights are stored, remarks, and losses that are not computed here.
const INERT: [&str; 49] = [
    "auto_map",
    "cache_implementation",
    "chunk_size_feed_forward",
    "comment",
    "custom_pipelines",
    "do_sample",
    "dtype",
    "early_stopping",
    "finetuning_task",
    "id2label",
    "initializer_range",
    "is_decoder",
    "is_encoder_decoder",
    "is_llama_config",
    "label2id",
    "length_penalty",
    "loss_type",
    "max_length",
    "max_sequence_length",
    "min_length",
    "model_max_length",
    "model_type",
    "name_or_path",
    "num_beam_groups",
    "num_beams",
    "num_return_sequences",
    "output_attentions",
    "output_hidden_states",
    "output_router_logits",
    "prefix",
    "pretraining_tp",
    "problem_type",
    "repetition_penalty",
    "return_dict",
    "router_aux_loss_coef",
    "task_specific_params",
    "temperature",
    "tie_encoder_decoder",
    "tokenizer_class",
    "top_k",
    "top_p",
    "torch_dtype",
    "torchscript",
    "transformers.js_config",
    "transformers_version",
    "typical_p",
    "use_cache",
    "use_return_dict",
    "vocab_file",
];

/// How the weights of a file are quantised.
const QUANTIZATION: &str = "quantization_config";

/// The fields that may be overridden: all that a member reads, and what is asked of adapters.
pub(in crate::family::decoder) const KNOWN: [&str; 86] = [
    "architectures",
    "is_causal",
    "use_bidirectional_attention",
    "hidden_size",
    "num_hidden_layers",
    "num_attention_heads",
    "num_key_value_heads",
    "head_dim",
    "intermediate_size",
    "vocab_size",
    "max_position_embeddings",
    "rms_norm_eps",
    "norm_epsilon",
    "layer_norm_epsilon",
    "rope_theta",
    "rope_scaling",
    "rope_parameters",
    "rope_local_base_freq",
    "partial_rotary_factor",
    "original_max_position_embeddings",
    "tie_word_embeddings",
    "attention_bias",
    "qkv_bias",
    "mlp_bias",
    "use_bias",
    "attention_dropout",
    "resid_pdrop",
    "embd_pdrop",
    "attn_pdrop",
    "residual_dropout",
    "embedding_dropout",
    "hidden_act",
    "hidden_activation",
    "activation_function",
    "sliding_window",
    "sliding_window_pattern",
    "use_sliding_window",
    "max_window_layers",
    "layer_types",
    "no_rope_layers",
    "no_rope_layer_interval",
    "full_attn_mod",
    "norm_type",
    "mlp_type",
    "scale_attn_weights",
    "scale_attn_by_inverse_layer_idx",
    "add_cross_attention",
    "layer_norm_eps",
    "use_qkv_bias",
    "use_parallel_residual",
    "qk_layernorm",
    "hidden_dropout",
    "do_layer_norm_before",
    "_remove_final_layer_norm",
    "layer_norm_elementwise_affine",
    "layerdrop",
    "word_embed_proj_dim",
    "enable_bias",
    "dropout",
    "interpolate_factor",
    "num_local_experts",
    "num_experts",
    "num_experts_per_tok",
    "moe_intermediate_size",
    "shared_expert_intermediate_size",
    "norm_topk_prob",
    "decoder_sparse_step",
    "mlp_only_layers",
    "router_jitter_noise",
    "query_pre_attn_scalar",
    "attn_logit_softcapping",
    "final_logit_softcapping",
    "embedding_multiplier",
    "attention_multiplier",
    "residual_multiplier",
    "logits_scaling",
    "dtype",
    "torch_dtype",
    QUANTIZATION,
    "model_type",
    Adapters::RANK,
    Adapters::ALPHA,
    Adapters::TARGETS,
    Adapters::RSLORA,
    Adapters::RANK_PATTERN,
    Adapters::ALPHA_PATTERN,
];

/// The fields of one file.
pub(super) struct FileFields<'a> {
    object: &'a Map<String, Value>,
    read: RefCell<Vec<String>>,
}

impl<'a> FileFields<'a> {
    pub(super) fn new(object: &'a Map<String, Value>) -> Self {
        Self { object, read: RefCell::default() }
    }

    /// The architecture that is stated, where it is one of those that there are.
    pub(super) fn architecture(&self) -> Option<Architecture> {
        Architecture::stated(self.object)
    }

    /// A field that is there and not null.
    pub(super) fn given(&self, name: &str) -> Option<&'a Value> {
        self.read.borrow_mut().push(name.to_owned());
        given(self.object, name)
    }

    /// Whether a field was asked for.
    pub(super) fn has_read(&self, name: &str) -> bool {
        self.read.borrow().iter().any(|read| read == name)
    }

    /// Takes fields as read that change nothing.
    pub(super) fn pass(&self, names: &[&str]) {
        self.read.borrow_mut().extend(names.iter().map(|&name| name.to_owned()));
    }

    /// Whether a field is there, null or not.
    pub(super) fn is_there(&self, name: &str) -> bool {
        self.object.contains_key(name)
    }

    /// Whether a field is there and null.
    pub(super) fn is_null(&self, name: &str) -> bool {
        self.object.get(name).is_some_and(Value::is_null)
    }

    /// A whole number of at least 1, where it is given.
    pub(super) fn size(&self, name: &str) -> Result<Option<u32>, String> {
        self.given(name).map(|value| size(name, value)).transpose()
    }

    /// A whole number of at least 1 that no decoder of this kind can do without.
    pub(super) fn needed(&self, name: &str) -> Result<u32, String> {
        self.size(name)?.ok_or_else(|| format!("field '{name}' is missing: add it to config.json"))
    }

    /// The same, which files of some kinds may leave out.
    pub(super) fn needed_unless(&self, name: &str, unsaid: Option<u32>) -> Result<u32, String> {
        match unsaid {
            Some(number) => Ok(self.size(name)?.unwrap_or(number)),
            None => self.needed(name),
        }
    }

    /// A positive number, where it is given.
    pub(super) fn positive(&self, name: &str) -> Result<Option<f64>, String> {
        self.given(name).map(|value| positive(name, value)).transpose()
    }

    /// True or false, where it is given.
    pub(super) fn flag(&self, name: &str) -> Result<Option<bool>, String> {
        let flag = |value: &Value| {
            value.as_bool().ok_or_else(|| format!("{name} is {value}; it must be true or false"))
        };
        self.given(name).map(flag).transpose()
    }

    /// Refuses fields that were not read and may change what is computed.
    pub(super) fn finish(&self, architecture: Architecture) -> Result<(), String> {
        let read = self.read.borrow();
        let left = self.object.iter().filter(|(name, value)| {
            !read.contains(name) && !INERT.contains(&name.as_str()) && !is_inert(name, value)
        });
        // Of several, the number of experts says most.
        let left = left.min_by_key(|(name, _)| !name.starts_with("num_local_experts"));
        let Some((name, value)) = left else { return Ok(()) };
        let kind = architecture.model_type();
        if name == QUANTIZATION {
            return Err(format!(
                "{name} asks for quantised weights, which are not supported: set it to null for the model with whole ones"
            ));
        }
        let a_kind = architecture.with_article();
        if architecture.has_experts() && name.starts_with("shared_expert") {
            return Err(format!(
                "{name} is {value}, but {a_kind} has no shared expert: set model_type to qwen2_moe, \
                 which has one, or remove the field"
            ));
        }
        if is_of_experts(name) && !architecture.has_experts() {
            return Err(format!(
                "{name} is {value}, but {a_kind} has no experts: set model_type to the mixture's own \
                 (mixtral, qwen2_moe or qwen3_moe), or remove the field"
            ));
        }
        Err(format!(
            "field '{name}' ({value}) is not known for {kind} and may change what is computed: remove \
             it, or set it to null, if it does not"
        ))
    }
}

/// Whether a field is switched off or is about tokens and tools.
fn is_inert(name: &str, value: &Value) -> bool {
    let off = match value {
        Value::Null | Value::Bool(false) => true,
        Value::Number(number) => number.as_f64() == Some(0.0),
        Value::String(text) => text.is_empty(),
        Value::Array(list) => list.is_empty(),
        Value::Object(map) => map.is_empty(),
        Value::Bool(true) => false,
    };
    off || name.starts_with('_')
        || name.starts_with("unsloth")
        || name.ends_with("_token_id")
        || name.ends_with("_token_ids")
}

fn is_of_experts(name: &str) -> bool {
    name.contains("expert") || name.starts_with("moe_") || name.starts_with("router_")
}

/// A whole number of at least 1.
pub(super) fn size(name: &str, value: &Value) -> Result<u32, String> {
    let number = value.as_u64().and_then(|number| u32::try_from(number).ok());
    number.filter(|&number| number > 0).ok_or_else(|| {
        format!("{name} is {value}; it must be a whole number from 1 to {}", u32::MAX)
    })
}

/// A positive number.
pub(super) fn positive(name: &str, value: &Value) -> Result<f64, String> {
    let number = value.as_f64().filter(|&number| number > 0.0 && number.is_finite());
    number.ok_or_else(|| format!("{name} is {value}; it must be a positive number"))
}
