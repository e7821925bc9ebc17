//! Fields that the files of an architecture have in the place of others', or beside them: how each is called, and which
//! values are built.

use serde_json::{Value, json};

use crate::{blocks::Activation, family::decoder::architecture::Architecture};

/// The field of what a norm adds to a mean square, or to a variance, where files may choose it.
pub(super) const fn eps_field(architecture: Architecture) -> Option<&'static str> {
    Some(match architecture {
        Architecture::Starcoder2 => "norm_epsilon",
        Architecture::Gpt2 => "layer_norm_epsilon",
        Architecture::StableLm | Architecture::GptNeoX | Architecture::Phi => "layer_norm_eps",
        Architecture::Opt => return None,
        Architecture::Llama
        | Architecture::Mistral
        | Architecture::Qwen2
        | Architecture::Qwen3
        | Architecture::Mixtral
        | Architecture::Qwen2Moe
        | Architecture::Qwen3Moe
        | Architecture::Gemma2
        | Architecture::Gemma3
        | Architecture::Phi3
        | Architecture::SmolLm3
        | Architecture::Gemma
        | Architecture::Olmo2
        | Architecture::Granite
        | Architecture::Olmo3 => "rms_norm_eps",
    })
}

/// Choices of which one alone is built, and which.
pub(super) fn choices(architecture: Architecture) -> Vec<(&'static str, Value)> {
    match architecture {
        // Published files state them, which transformers has no choice of.
        Architecture::Phi3 => {
            ["full_attn_mod", "interpolate_factor"].map(|name| (name, json!(1))).into()
        }
        Architecture::Starcoder2 => {
            vec![("norm_type", json!("layer_norm")), ("mlp_type", json!("default"))]
        }
        Architecture::Gpt2 => vec![
            ("scale_attn_weights", json!(true)),
            ("scale_attn_by_inverse_layer_idx", json!(false)),
            ("add_cross_attention", json!(false)),
        ],
        Architecture::StableLm => {
            vec![("use_parallel_residual", json!(false)), ("qk_layernorm", json!(false))]
        }
        Architecture::Phi => {
            vec![("qk_layernorm", json!(false)), ("tie_word_embeddings", json!(false))]
        }
        Architecture::Opt => vec![
            ("do_layer_norm_before", json!(true)),
            ("_remove_final_layer_norm", json!(false)),
            ("layer_norm_elementwise_affine", json!(true)),
            ("layerdrop", json!(0)),
        ],
        _ => Vec::new(),
    }
}

/// The functions that files may choose to stand between two matrices; the first name of several is the one that is written.
pub(super) const CHOSEN: [(&str, Activation); 5] = [
    ("gelu", Activation::ErfGelu),
    ("gelu_pytorch_tanh", Activation::TanhGelu),
    ("gelu_new", Activation::TanhGelu),
    ("gelu_fast", Activation::TanhGelu),
    ("relu", Activation::Relu),
];

const CHOSEN_NAMES: [&str; CHOSEN.len()] = {
    let mut names = [""; CHOSEN.len()];
    let mut at = 0;
    while at < names.len() {
        names[at] = CHOSEN[at].0;
        at += 1;
    }
    names
};

/// The fields that name the activation, each with the names of the one that is built.
pub(super) const fn activations(
    architecture: Architecture,
) -> &'static [(&'static str, &'static [&'static str])] {
    const SILU: &[&str] = &["silu"];
    const TANH: &[&str] = &["gelu_pytorch_tanh"];
    match architecture {
        // Both are gelu by tanh.
        Architecture::Gpt2 => &[("activation_function", &["gelu_new", "gelu_pytorch_tanh"])],
        Architecture::Opt => &[("activation_function", &["relu"])],
        Architecture::Starcoder2 => &[("hidden_act", TANH)],
        Architecture::StableLm => &[("hidden_act", SILU)],
        Architecture::GptNeoX | Architecture::Phi => &[("hidden_act", &CHOSEN_NAMES)],
        // The first files of the first Gemma say "gelu" and mean what is built.
        Architecture::Gemma => {
            &[("hidden_act", &["gelu_pytorch_tanh", "gelu"]), ("hidden_activation", TANH)]
        }
        Architecture::Gemma2 | Architecture::Gemma3 => {
            &[("hidden_act", TANH), ("hidden_activation", TANH)]
        }
        Architecture::Llama
        | Architecture::Mistral
        | Architecture::Qwen2
        | Architecture::Qwen3
        | Architecture::Mixtral
        | Architecture::Qwen2Moe
        | Architecture::Qwen3Moe
        | Architecture::Phi3
        | Architecture::SmolLm3
        | Architecture::Olmo2
        | Architecture::Granite
        | Architecture::Olmo3 => &[("hidden_act", SILU), ("hidden_activation", SILU)],
    }
}

/// Fields that published files of an architecture have, and that transformers passes over where a model predicts the next
/// token.
pub(super) const fn remarks(architecture: Architecture) -> &'static [&'static str] {
    match architecture {
        Architecture::Starcoder2 => &[
            "activation_function",
            "attention_softmax_in_fp32",
            "layer_norm_epsilon",
            "rms_norm_eps",
            "scale_attention_softmax_in_fp32",
            "scale_attn_weights",
        ],
        Architecture::Gpt2 => &[
            "n_ctx",
            "output_past",
            "predict_special_tokens",
            "reorder_and_upcast_attn",
            "summary_activation",
            "summary_first_dropout",
            "summary_proj_to_labels",
            "summary_type",
            "summary_use_proj",
        ],
        Architecture::StableLm => &["num_heads", "rotary_scaling_factor"],
        Architecture::GptNeoX => {
            &["attention_probs_dropout_prob", "classifier_dropout", "hidden_dropout_prob"]
        }
        Architecture::Opt => {
            &["activation_dropout", "init_std", "learned_embeddings", "output_projection"]
        }
        _ => &[],
    }
}

/// The fields that ask for dropout.
pub(super) const fn dropouts(architecture: Architecture) -> &'static [&'static str] {
    match architecture {
        Architecture::Phi3 | Architecture::Phi => {
            &["attention_dropout", "resid_pdrop", "embd_pdrop"]
        }
        Architecture::Starcoder2 => &["attention_dropout", "residual_dropout", "embedding_dropout"],
        Architecture::Gpt2 => &["attn_pdrop", "resid_pdrop", "embd_pdrop"],
        Architecture::Opt => &["dropout", "attention_dropout"],
        Architecture::StableLm | Architecture::GptNeoX => &["hidden_dropout", "attention_dropout"],
        Architecture::Llama
        | Architecture::Mistral
        | Architecture::Qwen2
        | Architecture::Qwen3
        | Architecture::Mixtral
        | Architecture::Qwen2Moe
        | Architecture::Qwen3Moe
        | Architecture::Gemma2
        | Architecture::Gemma3
        | Architecture::SmolLm3
        | Architecture::Gemma
        | Architecture::Olmo2
        | Architecture::Granite
        | Architecture::Olmo3 => &["attention_dropout"],
    }
}
