//! What a decoder has where its file does not say it: the defaults of Hugging Face's transformers 5.24,
//! `src/transformers/models/*/configuration_*.py`. A null is not a default; what it means is the reader's to say.

use crate::family::decoder::architecture::Architecture;

/// What a file leaves unsaid.
pub(super) struct Unsaid {
    /// The width of a head; `None` where all heads together are as wide as the model.
    pub head_dim: Option<u32>,
    /// Query heads; `None` where a file has to say how many.
    pub num_attention_heads: Option<u32>,
    /// Key and value heads; `None` where there are as many as query heads.
    pub num_key_value_heads: Option<u32>,
    /// Tokens; `None` where a file has to say how many.
    pub vocab_size: Option<u32>,
    /// The longest sequence.
    pub max_position_embeddings: u32,
    /// How much of a head rotary positions turn.
    pub partial_rotary_factor: f64,
    /// What a norm adds to the mean of squares, or to the variance.
    pub norm_eps: f64,
    /// The base of rotary positions.
    pub rope_theta: f64,
    /// That of layers that slide, where they have their own.
    pub sliding_theta: Option<f64>,
    /// For which length a model was trained before its wavelengths were stretched, where files may state that beside them.
    pub original_max_position_embeddings: Option<u32>,
    /// How many tokens a layer that slides looks back on; `None` where it looks back on all.
    pub sliding_window: Option<u32>,
    /// Whether the LM head is the embedding.
    pub tie_word_embeddings: bool,
    /// The bounds of scores and of logits, where they have any.
    pub softcapping: [Option<f64>; 2],
}

impl Unsaid {
    /// Of how many layers of a Gemma 3 the last does not slide.
    pub(super) const SLIDING_WINDOW_PATTERN: u32 = 6;

    /// The same of an OLMo 3.
    pub(super) const FULL_LAYER_INTERVAL: u32 = 4;

    /// Of how many layers of a SmolLM3 positions turn nothing in the last.
    pub(super) const NO_ROPE_LAYER_INTERVAL: u32 = 4;

    pub(super) const fn of(architecture: Architecture) -> Self {
        let usual = Self {
            head_dim: None,
            num_attention_heads: None,
            num_key_value_heads: None,
            vocab_size: None,
            max_position_embeddings: 32_768,
            partial_rotary_factor: 1.0,
            norm_eps: 1e-6,
            rope_theta: 1e4,
            sliding_theta: None,
            original_max_position_embeddings: None,
            sliding_window: Some(4096),
            tie_word_embeddings: false,
            softcapping: [None; 2],
        };
        match architecture {
            Architecture::Llama => {
                Self { max_position_embeddings: 2048, sliding_window: None, ..usual }
            }
            Architecture::Mistral => {
                Self { num_key_value_heads: Some(8), max_position_embeddings: 131_072, ..usual }
            }
            Architecture::Mixtral => Self {
                num_key_value_heads: Some(8),
                max_position_embeddings: 131_072,
                norm_eps: 1e-5,
                rope_theta: 1e6,
                sliding_window: None,
                ..usual
            },
            Architecture::Qwen2 => Self { num_key_value_heads: Some(32), ..usual },
            Architecture::Qwen3 => {
                Self { head_dim: Some(128), num_key_value_heads: Some(32), ..usual }
            }
            Architecture::Qwen2Moe => Self { num_key_value_heads: Some(16), ..usual },
            // Published files state 128; the class takes the width of the model over its heads.
            Architecture::Qwen3Moe => Self { num_key_value_heads: Some(4), ..usual },
            Architecture::Olmo2 => Self {
                num_attention_heads: Some(32),
                vocab_size: Some(50_304),
                max_position_embeddings: 2048,
                norm_eps: 1e-5,
                sliding_window: None,
                ..usual
            },
            // What a file says of the base is about layers that do not slide; for those that do, transformers keeps to this.
            Architecture::Olmo3 => Self {
                num_attention_heads: Some(32),
                vocab_size: Some(50_304),
                max_position_embeddings: 2048,
                norm_eps: 1e-5,
                rope_theta: 5e5,
                sliding_theta: Some(5e5),
                ..usual
            },
            Architecture::Starcoder2 => Self {
                num_attention_heads: Some(24),
                num_key_value_heads: Some(2),
                vocab_size: Some(49_152),
                max_position_embeddings: 4096,
                norm_eps: 1e-5,
                sliding_window: None,
                tie_word_embeddings: true,
                ..usual
            },
            Architecture::Gpt2 => Self {
                num_attention_heads: Some(12),
                vocab_size: Some(50_257),
                max_position_embeddings: 1024,
                norm_eps: 1e-5,
                sliding_window: None,
                tie_word_embeddings: true,
                ..usual
            },
            Architecture::StableLm => Self {
                num_attention_heads: Some(32),
                num_key_value_heads: Some(32),
                vocab_size: Some(50_304),
                max_position_embeddings: 4096,
                partial_rotary_factor: 0.25,
                norm_eps: 1e-5,
                sliding_window: None,
                ..usual
            },
            Architecture::GptNeoX => Self {
                num_attention_heads: Some(64),
                vocab_size: Some(50_432),
                max_position_embeddings: 2048,
                partial_rotary_factor: 0.25,
                norm_eps: 1e-5,
                sliding_window: None,
                ..usual
            },
            Architecture::Phi => Self {
                num_attention_heads: Some(32),
                vocab_size: Some(51_200),
                max_position_embeddings: 2048,
                partial_rotary_factor: 0.5,
                norm_eps: 1e-5,
                sliding_window: None,
                ..usual
            },
            Architecture::Opt => Self {
                num_attention_heads: Some(12),
                vocab_size: Some(50_272),
                max_position_embeddings: 2048,
                norm_eps: 1e-5,
                sliding_window: None,
                tie_word_embeddings: true,
                ..usual
            },
            Architecture::Granite => Self {
                num_attention_heads: Some(32),
                vocab_size: Some(32_000),
                max_position_embeddings: 2048,
                sliding_window: None,
                ..usual
            },
            Architecture::Gemma => Self {
                head_dim: Some(256),
                num_attention_heads: Some(16),
                num_key_value_heads: Some(16),
                vocab_size: Some(256_000),
                max_position_embeddings: 8192,
                sliding_window: None,
                tie_word_embeddings: true,
                ..usual
            },
            Architecture::Gemma2 => Self {
                head_dim: Some(256),
                num_key_value_heads: Some(4),
                max_position_embeddings: 8192,
                tie_word_embeddings: true,
                softcapping: [Some(50.0), Some(30.0)],
                ..usual
            },
            Architecture::Gemma3 => Self {
                head_dim: Some(256),
                num_attention_heads: Some(8),
                num_key_value_heads: Some(4),
                vocab_size: Some(262_208),
                max_position_embeddings: 131_072,
                rope_theta: 1e6,
                sliding_theta: Some(1e4),
                tie_word_embeddings: true,
                ..usual
            },
            Architecture::Phi3 => Self {
                num_attention_heads: Some(32),
                vocab_size: Some(32_064),
                max_position_embeddings: 4096,
                norm_eps: 1e-5,
                original_max_position_embeddings: Some(4096),
                sliding_window: None,
                ..usual
            },
            Architecture::SmolLm3 => Self {
                num_attention_heads: Some(16),
                num_key_value_heads: Some(4),
                vocab_size: Some(128_256),
                rope_theta: 2e6,
                sliding_window: None,
                tie_word_embeddings: true,
                ..usual
            },
        }
    }
}
