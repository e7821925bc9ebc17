//! Fields of which transformers 5.24 takes no null: a file that leaves them out has their defaults, one that says null is
//! refused. Other nulls mean what their readers say, also that of key and value heads, which older versions took for as many
//! as there are query heads.

use super::{
    fields::FileFields,
    particular::{dropouts, eps_field},
};
use crate::family::decoder::architecture::Architecture;

/// Those of every architecture, beside its activation, its dropout and what its norms add.
const ALL: [&str; 4] =
    ["vocab_size", "max_position_embeddings", "num_attention_heads", "tie_word_embeddings"];

/// Those that an architecture has beside them.
const fn own(architecture: Architecture) -> &'static [&'static str] {
    match architecture {
        Architecture::Llama => &["attention_bias", "mlp_bias"],
        Architecture::SmolLm3 => {
            &["attention_bias", "mlp_bias", "use_sliding_window", "no_rope_layer_interval"]
        }
        Architecture::Mistral => &[],
        Architecture::Mixtral => &["router_jitter_noise"],
        Architecture::Qwen2 => &["use_sliding_window", "max_window_layers"],
        Architecture::Qwen3 => {
            &["head_dim", "attention_bias", "use_sliding_window", "max_window_layers"]
        }
        Architecture::Qwen2Moe => &[
            "qkv_bias",
            "use_sliding_window",
            "max_window_layers",
            "decoder_sparse_step",
            "norm_topk_prob",
        ],
        Architecture::Qwen3Moe => {
            &["attention_bias", "use_sliding_window", "decoder_sparse_step", "norm_topk_prob"]
        }
        Architecture::Gemma => &["head_dim", "attention_bias"],
        Architecture::Gemma2 | Architecture::Gemma3 => {
            &["head_dim", "attention_bias", "query_pre_attn_scalar"]
        }
        Architecture::Phi3 => &["original_max_position_embeddings"],
        Architecture::Olmo2 | Architecture::Olmo3 => &["attention_bias"],
        Architecture::Granite => &[
            "attention_bias",
            "mlp_bias",
            "embedding_multiplier",
            "attention_multiplier",
            "residual_multiplier",
            "logits_scaling",
        ],
        Architecture::Starcoder2 => &["use_bias"],
        Architecture::StableLm => {
            &["use_qkv_bias", "use_parallel_residual", "qk_layernorm", "partial_rotary_factor"]
        }
        Architecture::Phi => &["qk_layernorm", "partial_rotary_factor"],
        Architecture::GptNeoX => &[
            "use_parallel_residual",
            "attention_bias",
            // Of which no angles follow.
            "rope_theta",
            "partial_rotary_factor",
        ],
        Architecture::Gpt2 => {
            &["scale_attn_weights", "scale_attn_by_inverse_layer_idx", "add_cross_attention"]
        }
        Architecture::Opt => &[
            "intermediate_size",
            "enable_bias",
            "do_layer_norm_before",
            "_remove_final_layer_norm",
            "layer_norm_elementwise_affine",
            "layerdrop",
        ],
    }
}

/// Refuses a null of one of these.
pub(super) fn refuse(fields: &FileFields<'_>, architecture: Architecture) -> Result<(), String> {
    // Of attention.
    let may_drop_null = matches!(
        architecture,
        Architecture::Llama | Architecture::Gemma2 | Architecture::Gemma3 | Architecture::Phi
    );
    let dropouts = dropouts(architecture).iter();
    let dropouts = dropouts.filter(|name| !may_drop_null || **name != "attention_dropout");
    let activation = match architecture {
        Architecture::Gpt2 | Architecture::Opt => "activation_function",
        Architecture::Gemma2 | Architecture::Gemma3 => "hidden_activation",
        _ => "hidden_act",
    };
    let own = own(architecture).iter().chain(dropouts).copied();
    let mut names = ALL.into_iter().chain(eps_field(architecture)).chain([activation]).chain(own);
    match names.find(|name| fields.is_null(name)) {
        Some(name) => Err(format!(
            "{name} is null, which transformers refuses: state it, or leave the field out for its usual value"
        )),
        None => Ok(()),
    }
}
