//! Published decoders that need no folder, by name: the fields of their `config.json` that say anything.

/// The `config.json` of a published size of Qwen2.5; the sizes differ in nothing else.
macro_rules! qwen {
    ($hidden:literal, $layers:literal, $heads:literal, $kv_heads:literal, $inner:literal,
     $vocabulary:literal, $tied:literal) => {
        concat!(
            r#"{"model_type": "qwen2", "hidden_size": "#,
            $hidden,
            r#", "num_hidden_layers": "#,
            $layers,
            r#", "num_attention_heads": "#,
            $heads,
            r#", "num_key_value_heads": "#,
            $kv_heads,
            r#", "intermediate_size": "#,
            $inner,
            r#", "vocab_size": "#,
            $vocabulary,
            r#", "max_position_embeddings": 32768, "rms_norm_eps": 1e-6, "rope_theta": 1e6,
                "tie_word_embeddings": "#,
            $tied,
            "}"
        )
    };
}

/// The `config.json` of a published size of GPT-2; the sizes differ in nothing else.
macro_rules! gpt2 {
    ($hidden:literal, $layers:literal, $heads:literal) => {
        concat!(
            r#"{"model_type": "gpt2", "n_embd": "#,
            $hidden,
            r#", "n_layer": "#,
            $layers,
            r#", "n_head": "#,
            $heads,
            r#", "n_positions": 1024, "vocab_size": 50257}"#
        )
    };
}

/// The `config.json` of a published size of OPT; those that are listed differ in nothing else.
macro_rules! opt {
    ($hidden:literal, $layers:literal, $heads:literal, $inner:literal) => {
        concat!(
            r#"{"model_type": "opt", "hidden_size": "#,
            $hidden,
            r#", "num_hidden_layers": "#,
            $layers,
            r#", "num_attention_heads": "#,
            $heads,
            r#", "ffn_dim": "#,
            $inner,
            r#", "max_position_embeddings": 2048, "vocab_size": 50272}"#
        )
    };
}

/// The `config.json` of a published size of Pythia; the sizes differ in nothing else.
macro_rules! pythia {
    ($hidden:literal, $layers:literal, $heads:literal, $inner:literal, $vocabulary:literal) => {
        concat!(
            r#"{"model_type": "gpt_neox", "hidden_size": "#,
            $hidden,
            r#", "num_hidden_layers": "#,
            $layers,
            r#", "num_attention_heads": "#,
            $heads,
            r#", "intermediate_size": "#,
            $inner,
            r#", "max_position_embeddings": 2048, "vocab_size": "#,
            $vocabulary,
            "}"
        )
    };
}

/// Names and configurations.
pub(super) const PRESETS: [(&str, &str); 56] = [
    ("qwen2.5-0.5b", qwen!(896, 24, 14, 2, 4864, 151_936, true)),
    ("qwen2.5-1.5b", qwen!(1536, 28, 12, 2, 8960, 151_936, true)),
    ("qwen2.5-3b", qwen!(2048, 36, 16, 2, 11_008, 151_936, true)),
    ("qwen2.5-7b", qwen!(3584, 28, 28, 4, 18_944, 152_064, false)),
    (
        "llama-3.2-1b",
        r#"{"model_type": "llama", "hidden_size": 2048, "num_hidden_layers": 16, "num_attention_heads": 32,
            "num_key_value_heads": 8, "head_dim": 64, "intermediate_size": 8192, "vocab_size": 128256,
            "max_position_embeddings": 131072, "rms_norm_eps": 1e-5, "rope_theta": 500000.0,
            "rope_scaling": {"rope_type": "llama3", "factor": 32.0, "low_freq_factor": 1.0,
                "high_freq_factor": 4.0, "original_max_position_embeddings": 8192},
            "tie_word_embeddings": true}"#,
    ),
    (
        "llama-3.1-8b",
        r#"{"model_type": "llama", "hidden_size": 4096, "num_hidden_layers": 32, "num_attention_heads": 32,
            "num_key_value_heads": 8, "intermediate_size": 14336, "vocab_size": 128256,
            "max_position_embeddings": 131072, "rms_norm_eps": 1e-5, "rope_theta": 500000.0,
            "rope_scaling": {"rope_type": "llama3", "factor": 8.0, "low_freq_factor": 1.0,
                "high_freq_factor": 4.0, "original_max_position_embeddings": 8192}}"#,
    ),
    (
        "llama-3.1-70b",
        r#"{"model_type": "llama", "hidden_size": 8192, "num_hidden_layers": 80, "num_attention_heads": 64,
            "num_key_value_heads": 8, "intermediate_size": 28672, "vocab_size": 128256,
            "max_position_embeddings": 131072, "rms_norm_eps": 1e-5, "rope_theta": 500000.0,
            "rope_scaling": {"rope_type": "llama3", "factor": 8.0, "low_freq_factor": 1.0,
                "high_freq_factor": 4.0, "original_max_position_embeddings": 8192}}"#,
    ),
    (
        "mistral-7b",
        r#"{"model_type": "mistral", "hidden_size": 4096, "num_hidden_layers": 32, "num_attention_heads": 32,
            "num_key_value_heads": 8, "intermediate_size": 14336, "vocab_size": 32000,
            "max_position_embeddings": 32768, "rms_norm_eps": 1e-5, "rope_theta": 10000.0,
            "sliding_window": 4096}"#,
    ),
    (
        "qwen3-0.6b",
        r#"{"model_type": "qwen3", "hidden_size": 1024, "num_hidden_layers": 28, "num_attention_heads": 16,
            "num_key_value_heads": 8, "head_dim": 128, "intermediate_size": 3072, "vocab_size": 151936,
            "max_position_embeddings": 40960, "rope_theta": 1000000.0, "tie_word_embeddings": true}"#,
    ),
    (
        "qwen3-8b",
        r#"{"model_type": "qwen3", "hidden_size": 4096, "num_hidden_layers": 36, "num_attention_heads": 32,
            "num_key_value_heads": 8, "head_dim": 128, "intermediate_size": 12288, "vocab_size": 151936,
            "max_position_embeddings": 40960, "rope_theta": 1000000.0}"#,
    ),
    (
        "mixtral-8x7b",
        r#"{"model_type": "mixtral", "hidden_size": 4096, "num_hidden_layers": 32, "num_attention_heads": 32,
            "num_key_value_heads": 8, "intermediate_size": 14336, "vocab_size": 32000,
            "max_position_embeddings": 32768, "rms_norm_eps": 1e-5, "rope_theta": 1000000.0,
            "sliding_window": null, "num_local_experts": 8, "num_experts_per_tok": 2}"#,
    ),
    (
        "qwen3-30b-a3b",
        r#"{"model_type": "qwen3_moe", "hidden_size": 2048, "num_hidden_layers": 48,
            "num_attention_heads": 32, "num_key_value_heads": 4, "head_dim": 128,
            "intermediate_size": 6144, "moe_intermediate_size": 768, "num_experts": 128,
            "num_experts_per_tok": 8, "norm_topk_prob": true, "vocab_size": 151936,
            "max_position_embeddings": 40960, "rope_theta": 1000000.0}"#,
    ),
    (
        "gemma-2-2b",
        r#"{"model_type": "gemma2", "hidden_size": 2304, "num_hidden_layers": 26, "num_attention_heads": 8,
            "num_key_value_heads": 4, "head_dim": 256, "intermediate_size": 9216, "vocab_size": 256000,
            "max_position_embeddings": 8192, "rope_theta": 10000.0, "sliding_window": 4096,
            "query_pre_attn_scalar": 256, "attn_logit_softcapping": 50.0,
            "final_logit_softcapping": 30.0}"#,
    ),
    (
        "gemma-3-270m",
        r#"{"model_type": "gemma3_text", "hidden_size": 640, "num_hidden_layers": 18, "num_attention_heads": 4,
            "num_key_value_heads": 1, "head_dim": 256, "intermediate_size": 2048, "vocab_size": 262144,
            "max_position_embeddings": 32768, "sliding_window": 512}"#,
    ),
    (
        "gemma-3-1b",
        r#"{"model_type": "gemma3_text", "hidden_size": 1152, "num_hidden_layers": 26,
            "num_attention_heads": 4, "num_key_value_heads": 1, "head_dim": 256, "intermediate_size": 6912,
            "vocab_size": 262144, "max_position_embeddings": 32768, "sliding_window": 512}"#,
    ),
    // The text model of the model of text and images.
    (
        "gemma-3-4b",
        r#"{"model_type": "gemma3_text", "hidden_size": 2560, "num_hidden_layers": 34,
            "num_attention_heads": 8, "num_key_value_heads": 4, "head_dim": 256, "intermediate_size": 10240,
            "vocab_size": 262208, "max_position_embeddings": 131072, "sliding_window": 1024,
            "rope_scaling": {"rope_type": "linear", "factor": 8.0}}"#,
    ),
    // The one for 4,096 tokens.
    (
        "phi-3-mini",
        r#"{"model_type": "phi3", "hidden_size": 3072, "num_hidden_layers": 32, "num_attention_heads": 32,
            "num_key_value_heads": 32, "intermediate_size": 8192, "vocab_size": 32064,
            "max_position_embeddings": 4096, "sliding_window": 2047}"#,
    ),
    (
        "phi-4-mini",
        r#"{"model_type": "phi3", "hidden_size": 3072, "num_hidden_layers": 32, "num_attention_heads": 24,
            "num_key_value_heads": 8, "intermediate_size": 8192, "vocab_size": 200064,
            "max_position_embeddings": 131072, "original_max_position_embeddings": 4096,
            "sliding_window": 262144, "tie_word_embeddings": true, "partial_rotary_factor": 0.75,
            "rope_scaling": {"rope_type": "longrope",
                "short_factor": [1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1,
                    1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1],
                "long_factor": [1, 1.118320672, 1.250641126, 1.398617824, 1.564103225, 1.74916897,
                    1.956131817, 2.187582649, 2.446418898, 2.735880826, 3.059592084, 3.421605075,
                    3.826451687, 4.279200023, 4.785517845, 5.351743533, 5.984965424, 6.693110555,
                    7.485043894, 8.370679318, 9.36110372, 10.4687158, 11.70738129, 13.09260651,
                    14.64173252, 16.37415215, 18.31155283, 20.47818807, 22.90118105, 25.61086418,
                    28.64115884, 32.03, 32.1, 32.13, 32.23, 32.6, 32.61, 32.64, 32.66, 32.7, 32.71,
                    32.93, 32.97, 33.28, 33.49, 33.5, 44.16, 47.77]}}"#,
    ),
    (
        "phi-4",
        r#"{"model_type": "phi3", "hidden_size": 5120, "num_hidden_layers": 40, "num_attention_heads": 40,
            "num_key_value_heads": 10, "intermediate_size": 17920, "vocab_size": 100352,
            "max_position_embeddings": 16384, "rope_theta": 250000.0}"#,
    ),
    (
        "smollm3-3b",
        r#"{"model_type": "smollm3", "hidden_size": 2048, "num_hidden_layers": 36, "num_attention_heads": 16,
            "num_key_value_heads": 4, "intermediate_size": 11008, "vocab_size": 128256,
            "max_position_embeddings": 65536, "rope_theta": 5000000.0}"#,
    ),
    (
        "gemma-2b",
        r#"{"model_type": "gemma", "hidden_size": 2048, "num_hidden_layers": 18, "num_attention_heads": 8,
            "num_key_value_heads": 1, "intermediate_size": 16384, "vocab_size": 256000}"#,
    ),
    (
        "gemma-7b",
        r#"{"model_type": "gemma", "hidden_size": 3072, "num_hidden_layers": 28, "num_attention_heads": 16,
            "num_key_value_heads": 16, "intermediate_size": 24576, "vocab_size": 256000}"#,
    ),
    (
        "olmo-2-1b",
        r#"{"model_type": "olmo2", "hidden_size": 2048, "num_hidden_layers": 16, "num_attention_heads": 16,
            "num_key_value_heads": 16, "intermediate_size": 8192, "vocab_size": 100352,
            "max_position_embeddings": 4096, "rms_norm_eps": 1e-6, "rope_theta": 500000.0}"#,
    ),
    (
        "olmo-2-7b",
        r#"{"model_type": "olmo2", "hidden_size": 4096, "num_hidden_layers": 32, "num_attention_heads": 32,
            "num_key_value_heads": 32, "intermediate_size": 11008, "vocab_size": 100352,
            "max_position_embeddings": 4096, "rms_norm_eps": 1e-6, "rope_theta": 500000.0}"#,
    ),
    // Those that follow instructions, whose vocabularies have seven tokens more than those of the base.
    (
        "granite-3.3-2b",
        r#"{"model_type": "granite", "hidden_size": 2048, "num_hidden_layers": 40, "num_attention_heads": 32,
            "num_key_value_heads": 8, "intermediate_size": 8192, "vocab_size": 49159,
            "max_position_embeddings": 131072, "rms_norm_eps": 1e-5, "rope_theta": 10000000.0,
            "tie_word_embeddings": true, "embedding_multiplier": 12.0, "attention_multiplier": 0.015625,
            "residual_multiplier": 0.22, "logits_scaling": 8.0}"#,
    ),
    (
        "granite-3.3-8b",
        r#"{"model_type": "granite", "hidden_size": 4096, "num_hidden_layers": 40, "num_attention_heads": 32,
            "num_key_value_heads": 8, "intermediate_size": 12800, "vocab_size": 49159,
            "max_position_embeddings": 131072, "rms_norm_eps": 1e-5, "rope_theta": 10000000.0,
            "tie_word_embeddings": true, "embedding_multiplier": 12.0, "attention_multiplier": 0.0078125,
            "residual_multiplier": 0.22, "logits_scaling": 16.0}"#,
    ),
    (
        "olmo-3-7b",
        r#"{"model_type": "olmo3", "hidden_size": 4096, "num_hidden_layers": 32, "num_attention_heads": 32,
            "num_key_value_heads": 32, "intermediate_size": 11008, "vocab_size": 100278,
            "max_position_embeddings": 65536, "rms_norm_eps": 1e-6, "rope_theta": 500000.0,
            "rope_scaling": {"rope_type": "yarn", "factor": 8.0, "original_max_position_embeddings": 8192,
                "attention_factor": 1.2079441541679836, "beta_fast": 32.0, "beta_slow": 1.0},
            "sliding_window": 4096}"#,
    ),
    (
        "olmo-3-32b",
        r#"{"model_type": "olmo3", "hidden_size": 5120, "num_hidden_layers": 64, "num_attention_heads": 40,
            "num_key_value_heads": 8, "intermediate_size": 27648, "vocab_size": 100278,
            "max_position_embeddings": 65536, "rms_norm_eps": 1e-6, "rope_theta": 500000.0,
            "rope_scaling": {"rope_type": "yarn", "factor": 8.0, "original_max_position_embeddings": 8192,
                "attention_factor": 1.2079441541679836, "beta_fast": 32.0, "beta_slow": 1.0},
            "sliding_window": 4096}"#,
    ),
    (
        "starcoder2-3b",
        r#"{"model_type": "starcoder2", "hidden_size": 3072, "num_hidden_layers": 30, "num_attention_heads": 24,
            "num_key_value_heads": 2, "intermediate_size": 12288, "vocab_size": 49152,
            "max_position_embeddings": 16384, "rope_theta": 999999.4420358813, "sliding_window": 4096}"#,
    ),
    (
        "starcoder2-7b",
        r#"{"model_type": "starcoder2", "hidden_size": 4608, "num_hidden_layers": 32, "num_attention_heads": 36,
            "num_key_value_heads": 4, "intermediate_size": 18432, "vocab_size": 49152,
            "max_position_embeddings": 16384, "rope_theta": 1000000.0, "sliding_window": 4096}"#,
    ),
    (
        "starcoder2-15b",
        r#"{"model_type": "starcoder2", "hidden_size": 6144, "num_hidden_layers": 40, "num_attention_heads": 48,
            "num_key_value_heads": 4, "intermediate_size": 24576, "vocab_size": 49152,
            "max_position_embeddings": 16384, "rope_theta": 100000.0, "sliding_window": 4096, "tie_word_embeddings": false}"#,
    ),
    ("gpt2", gpt2!(768, 12, 12)),
    ("gpt2-medium", gpt2!(1024, 24, 16)),
    ("gpt2-large", gpt2!(1280, 36, 20)),
    ("gpt2-xl", gpt2!(1600, 48, 25)),
    ("opt-125m", opt!(768, 12, 12, 3072)),
    ("opt-1.3b", opt!(2048, 24, 32, 8192)),
    ("opt-2.7b", opt!(2560, 32, 32, 10_240)),
    ("opt-6.7b", opt!(4096, 32, 32, 16_384)),
    ("opt-13b", opt!(5120, 40, 40, 20_480)),
    ("opt-30b", opt!(7168, 48, 56, 28_672)),
    ("opt-66b", opt!(9216, 64, 72, 36_864)),
    (
        "stablelm-3b-4e1t",
        r#"{"model_type": "stablelm", "hidden_size": 2560, "num_hidden_layers": 32, "num_attention_heads": 32,
            "num_key_value_heads": 32, "intermediate_size": 6912, "vocab_size": 50304, "max_position_embeddings": 4096}"#,
    ),
    (
        "stablelm-2-1.6b",
        r#"{"model_type": "stablelm", "hidden_size": 2048, "num_hidden_layers": 24, "num_attention_heads": 32,
            "num_key_value_heads": 32, "intermediate_size": 5632, "vocab_size": 100352, "max_position_embeddings": 4096,
            "use_qkv_bias": true}"#,
    ),
    ("pythia-70m", pythia!(512, 6, 8, 2048, 50_304)),
    ("pythia-160m", pythia!(768, 12, 12, 3072, 50_304)),
    ("pythia-410m", pythia!(1024, 24, 16, 4096, 50_304)),
    ("pythia-1b", pythia!(2048, 16, 8, 8192, 50_304)),
    ("pythia-1.4b", pythia!(2048, 24, 16, 8192, 50_304)),
    ("pythia-2.8b", pythia!(2560, 32, 32, 10_240, 50_304)),
    ("pythia-6.9b", pythia!(4096, 32, 32, 16_384, 50_432)),
    ("pythia-12b", pythia!(5120, 36, 40, 20_480, 50_688)),
    (
        "gpt-neox-20b",
        r#"{"model_type": "gpt_neox", "hidden_size": 6144, "num_hidden_layers": 44, "num_attention_heads": 64,
            "intermediate_size": 24576, "max_position_embeddings": 2048, "vocab_size": 50432, "hidden_act": "gelu_fast"}"#,
    ),
    ("phi-1", PHI),
    ("phi-1.5", PHI),
    (
        "phi-2",
        r#"{"model_type": "phi", "hidden_size": 2560, "num_hidden_layers": 32, "num_attention_heads": 32,
            "intermediate_size": 10240, "max_position_embeddings": 2048, "vocab_size": 51200, "partial_rotary_factor": 0.4}"#,
    ),
];

/// The first two of these differ in what they were trained on.
const PHI: &str = r#"{"model_type": "phi", "hidden_size": 2048, "num_hidden_layers": 24, "num_attention_heads": 32,
    "intermediate_size": 8192, "max_position_embeddings": 2048, "vocab_size": 51200}"#;
