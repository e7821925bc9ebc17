//! Small decoders of every member of the family, whose sizes, windows, experts and adapters a seed decides.

use flopmeter::family::{ModelConfig, decoder::Architecture};
use rand::{RngExt as _, SeedableRng as _};
use rand_chacha::ChaCha8Rng;
use serde_json::{Value, json};

/// A decoder and the length of a sequence.
pub fn decoder(seed: u64) -> (ModelConfig, u32) {
    let (fields, seq) = fields(seed);
    let config = ModelConfig::from_json(fields.as_object().unwrap());
    (config.unwrap_or_else(|problem| panic!("{fields}: {problem}")), seq)
}

/// The fields of its `config.json`.
pub fn fields(seed: u64) -> (Value, u32) {
    let mut dice = ChaCha8Rng::seed_from_u64(seed);
    let mut to = |most: u32| dice.random_range(1..=most);
    let member = Architecture::ALL[to(Architecture::ALL.len() as u32) as usize - 1];
    let (kv, share, half) = (to(2), to(3), to(5));
    let inner = to(40);
    let seq = to(40);
    let layers = to(4);
    let mut fields = json!({
        "model_type": member.model_type(),
        "vocab_size": to(70),
        "tie_word_embeddings": to(2) == 1,
    });
    let sizes = if member == Architecture::Gpt2 {
        json!({
            // A layer norm is over two numbers at least.
            "n_embd": kv * share * (1 + to(9)),
            "n_head": kv * share,
            "n_layer": layers,
            "n_inner": if to(2) == 1 { json!(inner) } else { Value::Null },
            // A row may hold two sequences.
            "n_positions": 2 * seq + to(9) - 1,
        })
    } else if member == Architecture::Opt {
        json!({
            "hidden_size": kv * share * (1 + to(9)),
            "num_attention_heads": kv * share,
            "num_hidden_layers": layers,
            "ffn_dim": inner,
            "max_position_embeddings": 2 * seq + to(9) - 1,
        })
    } else if member == Architecture::GptNeoX {
        json!({
            "hidden_size": 2 * half * kv * share,
            "num_attention_heads": kv * share,
            "num_hidden_layers": layers,
            "intermediate_size": inner,
        })
    } else if member == Architecture::StableLm {
        json!({
            "hidden_size": 2 * half * kv * share,
            "num_attention_heads": kv * share,
            "num_key_value_heads": kv,
            "num_hidden_layers": layers,
            "intermediate_size": inner,
        })
    } else {
        json!({
            "hidden_size": 2 * to(24),
            "head_dim": 2 * half,
            "num_attention_heads": kv * share,
            "num_key_value_heads": kv,
            "num_hidden_layers": layers,
            "intermediate_size": inner,
        })
    };
    for (name, size) in sizes.as_object().unwrap() {
        fields[name] = size.clone();
    }
    match member {
        Architecture::Llama => {
            fields["attention_bias"] = json!(to(2) == 1);
            fields["mlp_bias"] = json!(to(2) == 1);
        }
        Architecture::Granite => {
            fields["attention_bias"] = json!(to(2) == 1);
            fields["mlp_bias"] = json!(to(2) == 1);
            for factor in [
                "embedding_multiplier",
                "attention_multiplier",
                "residual_multiplier",
                "logits_scaling",
            ] {
                if to(2) == 1 {
                    fields[factor] = json!(f64::from(to(9)) / 4.0);
                }
            }
        }
        Architecture::SmolLm3 => {
            fields["attention_bias"] = json!(to(2) == 1);
            fields["mlp_bias"] = json!(to(2) == 1);
            fields["use_sliding_window"] = json!(to(2) == 1);
            fields["sliding_window"] = json!(to(12));
            if to(2) == 1 {
                fields["no_rope_layer_interval"] = json!(to(3));
            } else {
                fields["no_rope_layers"] = (0..layers).map(|_| to(2) - 1).collect();
            }
        }
        Architecture::Gemma | Architecture::Olmo2 => {
            fields["attention_bias"] = json!(to(2) == 1);
        }
        Architecture::Gemma2 => {
            fields["sliding_window"] = json!(to(12));
            for cap in ["attn_logit_softcapping", "final_logit_softcapping"] {
                fields[cap] = if to(2) == 1 { json!(to(9)) } else { Value::Null };
            }
        }
        Architecture::Olmo3 => {
            fields["attention_bias"] = json!(to(2) == 1);
            fields["sliding_window"] = json!(to(12));
            if to(2) == 1 {
                let kinds = ["sliding_attention", "full_attention"];
                fields["layer_types"] = (0..layers).map(|_| kinds[to(2) as usize - 1]).collect();
            }
            if to(2) == 1 {
                let original = 8 * to(4);
                fields["rope_scaling"] = json!({ "rope_type": "yarn", "factor": to(8), "original_max_position_embeddings": original });
            }
        }
        Architecture::Gemma3 => {
            fields["sliding_window"] = json!(to(12));
            fields["sliding_window_pattern"] = json!(to(3));
            fields["final_logit_softcapping"] = if to(2) == 1 { json!(to(9)) } else { Value::Null };
        }
        Architecture::Starcoder2 => {
            fields["use_bias"] = json!(to(2) == 1);
            fields["sliding_window"] = if to(2) == 1 { json!(to(12)) } else { Value::Null };
            fields["norm_epsilon"] = json!(1.0 / f64::from(100 * to(9)));
        }
        Architecture::Gpt2 => {
            fields["layer_norm_epsilon"] = json!(1.0 / f64::from(100 * to(9)));
        }
        Architecture::StableLm => {
            fields["use_qkv_bias"] = json!(to(2) == 1);
            // Half a pair more than there are is rounded away.
            let part = f64::from(4 * to(half) + 1) / f64::from(4 * half);
            fields["partial_rotary_factor"] = json!(part.min(1.0));
        }
        Architecture::GptNeoX => {
            fields["attention_bias"] = json!(to(2) == 1);
            fields["use_parallel_residual"] = json!(to(2) == 1);
            fields["hidden_act"] = json!(["gelu", "gelu_fast", "relu"][to(3) as usize - 1]);
            // Half a pair more than there are is rounded away.
            let part = f64::from(4 * to(half) + 1) / f64::from(4 * half);
            fields["rotary_pct"] = json!(part.min(1.0));
        }
        Architecture::Phi => {
            fields["tie_word_embeddings"] = json!(false);
            fields["hidden_act"] = json!(["gelu", "gelu_new", "relu"][to(3) as usize - 1]);
            // Half a pair more than there are is rounded away.
            let part = f64::from(4 * to(half) + 1) / f64::from(4 * half);
            fields["partial_rotary_factor"] = json!(part.min(1.0));
        }
        Architecture::Opt => fields["enable_bias"] = json!(to(2) == 1),
        Architecture::Mistral | Architecture::Mixtral => fields["sliding_window"] = json!(to(12)),
        Architecture::Phi3 => {
            fields["sliding_window"] = if to(2) == 1 { json!(to(12)) } else { Value::Null };
            let pairs = to(half);
            // Half a pair more than there are is rounded away.
            let part = f64::from(4 * pairs + 1) / f64::from(4 * half);
            fields["partial_rotary_factor"] = json!(part.min(1.0));
            if to(2) == 1 {
                let mut factors = || (0..pairs).map(|_| f64::from(3 + to(9)) / 4.0).collect();
                let [short, long]: [Vec<f64>; 2] = [factors(), factors()];
                fields["rope_scaling"] =
                    json!({ "type": "longrope", "short_factor": short, "long_factor": long });
                fields["original_max_position_embeddings"] = json!(1 + to(40));
            }
        }
        Architecture::Qwen2
        | Architecture::Qwen3
        | Architecture::Qwen2Moe
        | Architecture::Qwen3Moe => {
            fields["use_sliding_window"] = json!(to(2) == 1);
            fields["sliding_window"] = json!(to(12));
            fields["max_window_layers"] = json!(to(3));
        }
    }
    if member.has_experts() {
        let chosen = to(4);
        fields["num_experts_per_tok"] = json!(chosen);
        fields["num_local_experts"] = json!(chosen - 1 + to(4));
    }
    if member.has_experts() && member != Architecture::Mixtral {
        fields["moe_intermediate_size"] = json!(to(30));
        fields["norm_topk_prob"] = json!(to(2) == 1);
        fields["decoder_sparse_step"] = json!(to(2));
    }
    if member == Architecture::Qwen2Moe {
        fields["shared_expert_intermediate_size"] = json!(to(30));
    }
    if to(2) == 1 {
        let modules = match member {
            Architecture::Phi3 => "qkv_proj o_proj lm_head gate_up_proj down_proj",
            Architecture::Starcoder2 => "q_proj k_proj v_proj o_proj lm_head c_fc c_proj",
            Architecture::Gpt2 => "c_attn c_proj lm_head c_fc",
            Architecture::GptNeoX => "query_key_value dense lm_head dense_h_to_4h dense_4h_to_h",
            Architecture::Phi => "q_proj k_proj v_proj dense lm_head fc1 fc2",
            Architecture::Opt => "q_proj k_proj v_proj out_proj lm_head fc1 fc2",
            _ => {
                "q_proj k_proj v_proj o_proj lm_head gate_proj up_proj down_proj shared_expert_gate"
            }
        };
        let chosen: Vec<&str> = modules.split(' ').filter(|_| to(3) == 1).collect();
        fields["lora_rank"] = json!(to(5));
        let lower = to(layers) - 1;
        fields["lora_targets"] = match chosen[..] {
            [] => json!("all-linear"),
            _ => json!(format!(r"(.*\.([{lower}-9])\..*\.({0}))|lm_head", chosen.join("|"))),
        };
    }
    (fields, seq)
}
