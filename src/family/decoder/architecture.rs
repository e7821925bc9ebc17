//! The architectures of decoders, and what each has that others have not. Knows no sizes.

use crate::{
    blocks::{activation::Activation, norm::NormRule},
    family::{fields::MODEL_TYPE, member::Object},
};

/// The architecture of a decoder, by its `model_type`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Architecture {
    /// Llama 2 and 3, and what shares their code.
    Llama,
    /// Llama with a sliding window.
    Mistral,
    /// Llama with biases on queries, keys and values.
    Qwen2,
    /// Queries and keys pass a norm of their own.
    Qwen3,
    /// Mistral with experts.
    Mixtral,
    /// Qwen2 with experts, one of them shared by all tokens.
    Qwen2Moe,
    /// Qwen3 with experts.
    Qwen3Moe,
    /// Gemma with softcapped scores and four norms a layer.
    Gemma2,
    /// The text model of Gemma 3: six norms a layer, and other wavelengths where layers slide.
    Gemma3,
    /// Mistral with fused projections, whose heads may be turned in part.
    Phi3,
    /// Llama whose positions turn nothing in some layers.
    SmolLm3,
    /// GeGLU, norms by 1 + w, and a scaled embedding.
    Gemma,
    /// Llama whose halves of layers are normed behind, and all heads' queries together, and keys.
    Olmo2,
    /// Llama that multiplies the embedding, what halves of layers add, scores and logits by numbers of its own.
    Granite,
    /// OLMo 2 with layers that slide, and other wavelengths there.
    Olmo3,
    /// Layer norms, biases, and an MLP of two matrices without a gate.
    Starcoder2,
    /// The same with learned positions in the place of those that turn heads.
    Gpt2,
    /// Layer norms, relu, and learned positions behind two rows of their table that no token takes.
    Opt,
    /// Llama with layer norms, whose heads are turned in part.
    StableLm,
    /// Layer norms, biases, heads that are turned in part, and halves of layers beside each other.
    GptNeoX,
    /// Halves of layers beside each other behind one norm, heads that are turned in part, and a bias of the head.
    Phi,
}

impl Architecture {
    /// Every architecture.
    pub const ALL: [Self; 21] = [
        Self::Llama,
        Self::Mistral,
        Self::Qwen2,
        Self::Qwen3,
        Self::Mixtral,
        Self::Qwen2Moe,
        Self::Qwen3Moe,
        Self::Gemma2,
        Self::Gemma3,
        Self::Phi3,
        Self::SmolLm3,
        Self::Gemma,
        Self::Olmo2,
        Self::Granite,
        Self::Olmo3,
        Self::Starcoder2,
        Self::Gpt2,
        Self::Opt,
        Self::StableLm,
        Self::GptNeoX,
        Self::Phi,
    ];

    /// What `model_type` says of each.
    pub const MODEL_TYPES: [&'static str; Self::ALL.len()] = {
        let mut types = [""; Self::ALL.len()];
        let mut at = 0;
        while at < types.len() {
            types[at] = Self::ALL[at].model_type();
            at += 1;
        }
        types
    };

    /// That which a `config.json` states, where it is one of these.
    pub(super) fn stated(object: &Object) -> Option<Self> {
        let kind = object.get(MODEL_TYPE)?.as_str()?;
        Self::ALL.into_iter().find(|architecture| architecture.model_type() == kind)
    }

    /// What `model_type` says.
    pub const fn model_type(self) -> &'static str {
        match self {
            Self::Llama => "llama",
            Self::Mistral => "mistral",
            Self::Qwen2 => "qwen2",
            Self::Qwen3 => "qwen3",
            Self::Mixtral => "mixtral",
            Self::Qwen2Moe => "qwen2_moe",
            Self::Qwen3Moe => "qwen3_moe",
            Self::Gemma2 => "gemma2",
            Self::Gemma3 => "gemma3_text",
            Self::Phi3 => "phi3",
            Self::SmolLm3 => "smollm3",
            Self::Gemma => "gemma",
            Self::Olmo2 => "olmo2",
            Self::Granite => "granite",
            Self::Olmo3 => "olmo3",
            Self::Starcoder2 => "starcoder2",
            Self::Gpt2 => "gpt2",
            Self::Opt => "opt",
            Self::StableLm => "stablelm",
            Self::GptNeoX => "gpt_neox",
            Self::Phi => "phi",
        }
    }

    /// The same with its article, as in "a `llama`" and "an `opt`".
    pub(super) fn with_article(self) -> String {
        let kind = self.model_type();
        let article = if kind.starts_with(['a', 'e', 'i', 'o']) { "an" } else { "a" };
        format!("{article} {kind}")
    }

    /// Whether its MLPs may be mixtures of experts.
    pub const fn has_experts(self) -> bool {
        match self {
            Self::Mixtral | Self::Qwen2Moe | Self::Qwen3Moe => true,
            Self::Llama
            | Self::Mistral
            | Self::Qwen2
            | Self::Qwen3
            | Self::Gemma2
            | Self::Gemma3
            | Self::Phi3
            | Self::SmolLm3
            | Self::StableLm
            | Self::Gemma
            | Self::Olmo2
            | Self::Granite
            | Self::Olmo3
            | Self::Starcoder2
            | Self::Gpt2
            | Self::Opt
            | Self::GptNeoX
            | Self::Phi => false,
        }
    }

    /// Whether it is built as Gemma is: scaled embeddings, GeGLU, norms by 1 + w.
    pub const fn is_gemma(self) -> bool {
        match self {
            Self::Gemma | Self::Gemma2 | Self::Gemma3 => true,
            Self::Llama
            | Self::Mistral
            | Self::Qwen2
            | Self::Qwen3
            | Self::Mixtral
            | Self::Qwen2Moe
            | Self::Qwen3Moe
            | Self::Phi3
            | Self::SmolLm3
            | Self::StableLm
            | Self::Olmo2
            | Self::Granite
            | Self::Olmo3
            | Self::Starcoder2
            | Self::Gpt2
            | Self::Opt
            | Self::GptNeoX
            | Self::Phi => false,
        }
    }

    /// The norms around attention, and those around what follows it.
    pub const fn norms(self) -> [HalfNorms; 2] {
        let attention = HalfNorms { before: Some("input_layernorm"), after: None };
        let mlp = HalfNorms { before: Some("post_attention_layernorm"), after: None };
        match self {
            Self::Gemma2 | Self::Gemma3 => [
                HalfNorms { after: mlp.before, ..attention },
                HalfNorms {
                    before: Some("pre_feedforward_layernorm"),
                    after: Some("post_feedforward_layernorm"),
                },
            ],
            Self::Gpt2 => [
                HalfNorms { before: Some("ln_1"), after: None },
                HalfNorms { before: Some("ln_2"), after: None },
            ],
            Self::Opt => [
                HalfNorms { before: Some("self_attn_layer_norm"), after: None },
                HalfNorms { before: Some("final_layer_norm"), after: None },
            ],
            // That of attention is the MLP's, too.
            Self::Phi => [attention, HalfNorms { before: None, after: None }],
            Self::Olmo2 | Self::Olmo3 => [
                HalfNorms { before: None, after: mlp.before },
                HalfNorms { before: None, after: Some("post_feedforward_layernorm") },
            ],
            Self::Llama
            | Self::Mistral
            | Self::Qwen2
            | Self::Qwen3
            | Self::Mixtral
            | Self::Qwen2Moe
            | Self::Qwen3Moe
            | Self::Phi3
            | Self::SmolLm3
            | Self::StableLm
            | Self::Gemma
            | Self::Granite
            | Self::Starcoder2
            | Self::GptNeoX => [attention, mlp],
        }
    }

    /// What its norms divide and multiply rows by.
    pub(super) const fn norm_rule(self) -> NormRule {
        match self {
            Self::Gemma | Self::Gemma2 | Self::Gemma3 => NormRule::RmsOneMore,
            Self::Starcoder2
            | Self::Gpt2
            | Self::Opt
            | Self::StableLm
            | Self::GptNeoX
            | Self::Phi => NormRule::Layer,
            Self::Llama
            | Self::Mistral
            | Self::Qwen2
            | Self::Qwen3
            | Self::Mixtral
            | Self::Qwen2Moe
            | Self::Qwen3Moe
            | Self::Phi3
            | Self::SmolLm3
            | Self::Olmo2
            | Self::Granite
            | Self::Olmo3 => NormRule::Rms,
        }
    }

    /// The function between the matrices of an MLP, where files say no other.
    pub(super) const fn activation(self) -> Activation {
        match self {
            Self::Gemma | Self::Gemma2 | Self::Gemma3 => Activation::GeGlu,
            Self::Starcoder2 | Self::Gpt2 | Self::Phi => Activation::TanhGelu,
            Self::GptNeoX => Activation::ErfGelu,
            Self::Opt => Activation::Relu,
            Self::Llama
            | Self::Mistral
            | Self::Qwen2
            | Self::Qwen3
            | Self::Mixtral
            | Self::Qwen2Moe
            | Self::Qwen3Moe
            | Self::Phi3
            | Self::SmolLm3
            | Self::StableLm
            | Self::Olmo2
            | Self::Granite
            | Self::Olmo3 => Activation::SwiGlu,
        }
    }

    /// Whether its checkpoints hold the weights of a layer's linear layers as (in, out), column by column of what
    /// multiplies.
    pub(super) const fn transposes(self) -> bool {
        match self {
            Self::Gpt2 => true,
            Self::Llama
            | Self::Mistral
            | Self::Qwen2
            | Self::Qwen3
            | Self::Mixtral
            | Self::Qwen2Moe
            | Self::Qwen3Moe
            | Self::Gemma2
            | Self::Gemma3
            | Self::Phi3
            | Self::SmolLm3
            | Self::StableLm
            | Self::Gemma
            | Self::Olmo2
            | Self::Granite
            | Self::Olmo3
            | Self::Starcoder2
            | Self::Opt
            | Self::GptNeoX
            | Self::Phi => false,
        }
    }

    /// Whether its checkpoints hold queries, keys and values head by head: the rows of a head's query, then those of its key
    /// and of its value, then those of the next head's query.
    pub(super) const fn stores_by_heads(self) -> bool {
        matches!(self, Self::GptNeoX)
    }

    /// Whether positions may turn a part of each head.
    pub(super) const fn may_turn_in_part(self) -> bool {
        matches!(self, Self::Phi3 | Self::StableLm | Self::GptNeoX | Self::Phi)
    }

    /// Whether files choose the function between the matrices of an MLP.
    pub(super) const fn chooses_activation(self) -> bool {
        matches!(self, Self::GptNeoX | Self::Phi)
    }

    /// Rows in front of the table of learned positions that no token takes.
    pub(super) const fn rows_before_positions(self) -> u32 {
        if matches!(self, Self::Opt) { 2 } else { 0 }
    }
}

/// The norms of the hidden width around half of a layer, by the names of their modules.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HalfNorms {
    /// Of what the half is given.
    pub before: Option<&'static str>,
    /// Of what it adds to the hidden state.
    pub after: Option<&'static str>,
}
