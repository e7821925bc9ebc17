//! A decoder as the `config.json` that newer versions of Hugging Face's library write: read back, it is
//! the same decoder.

use serde::{Serialize, Serializer};
use serde_json::{Map, Value, json};

use super::{
    particular::{CHOSEN, eps_field},
    spelling,
    unsaid::Unsaid,
};
use crate::family::decoder::{
    architecture::Architecture,
    config::{DecoderConfig, Experts, Layer, Mlp},
    rope::{Rope, Scaling},
};

impl DecoderConfig {
    /// The fields of its `config.json`, those of its adapters included.
    pub fn to_json(&self) -> Map<String, Value> {
        let mut fields = Map::new();
        let mut set = |name: &str, value: Value| {
            fields.insert(name.to_owned(), value);
        };
        set("model_type", json!(self.architecture.model_type()));
        set("hidden_size", json!(self.hidden_size));
        set("num_hidden_layers", json!(self.num_hidden_layers()));
        set("num_attention_heads", json!(self.num_attention_heads));
        let learns_positions = self.architecture.names().positions.is_some();
        let alike = matches!(
            self.architecture,
            Architecture::Gpt2 | Architecture::Opt | Architecture::GptNeoX
        );
        if !alike {
            set("num_key_value_heads", json!(self.num_key_value_heads));
        }
        let unsaid = Unsaid::of(self.architecture).head_dim;
        if unsaid.or(self.hidden_size.checked_div(self.num_attention_heads)) != Some(self.head_dim)
            || self.query_width() != self.hidden_size && unsaid.is_none()
        {
            set("head_dim", json!(self.head_dim));
        }
        match self.architecture {
            // What a file leaves out follows the width of the model.
            Architecture::Gpt2 if self.intermediate_size == self.hidden_size.saturating_mul(4) => {}
            _ => set(spelling::width(self.architecture), json!(self.intermediate_size)),
        }
        set("vocab_size", json!(self.vocab_size));
        set("max_position_embeddings", json!(self.max_position_embeddings));
        if let Some(name) = eps_field(self.architecture) {
            set(name, json!(self.norm_eps));
        }
        if !learns_positions {
            set(spelling::in_files(self.architecture, "rope_theta"), json!(self.rope.theta));
        }
        if let Scaling::LongRope { original, .. } = self.rope.scaling {
            set("original_max_position_embeddings", json!(original));
        }
        if self.partial_rotary_factor != Unsaid::of(self.architecture).partial_rotary_factor {
            let name = spelling::in_files(self.architecture, "partial_rotary_factor");
            set(name, json!(self.partial_rotary_factor));
        }
        self.write_wavelengths(&mut set);
        set("tie_word_embeddings", json!(self.tie_word_embeddings));
        match self.architecture {
            Architecture::Llama
            | Architecture::Qwen3
            | Architecture::Qwen3Moe
            | Architecture::Gemma2
            | Architecture::Gemma3
            | Architecture::SmolLm3
            | Architecture::Gemma
            | Architecture::Olmo2
            | Architecture::Granite
            | Architecture::Olmo3
                if self.biases.o =>
            {
                set("attention_bias", json!(true));
            }
            Architecture::Qwen2Moe if !self.biases.qkv => set("qkv_bias", json!(false)),
            Architecture::Starcoder2 if !self.biases.qkv => set("use_bias", json!(false)),
            Architecture::StableLm if self.biases.qkv => set("use_qkv_bias", json!(true)),
            Architecture::Opt if !self.biases.qkv => set("enable_bias", json!(false)),
            Architecture::GptNeoX if !self.biases.qkv => set("attention_bias", json!(false)),
            Architecture::Llama
            | Architecture::Qwen3
            | Architecture::Qwen3Moe
            | Architecture::Gemma2
            | Architecture::Gemma3
            | Architecture::Qwen2Moe
            | Architecture::Mistral
            | Architecture::Qwen2
            | Architecture::Mixtral
            | Architecture::Phi3
            | Architecture::SmolLm3
            | Architecture::StableLm
            | Architecture::Gemma
            | Architecture::Olmo2
            | Architecture::Granite
            | Architecture::Olmo3
            | Architecture::Starcoder2
            | Architecture::Gpt2
            | Architecture::Opt
            | Architecture::GptNeoX
            | Architecture::Phi => {}
        }
        let chosen = self.architecture.names().gate.is_some();
        if self.biases.mlp && chosen {
            set("mlp_bias", json!(true));
        }
        if self.architecture == Architecture::GptNeoX {
            set("use_parallel_residual", json!(self.parallel_residual));
        }
        let chosen = CHOSEN.iter().find(|(_, activation)| *activation == self.activation);
        if let Some((name, _)) = chosen.filter(|_| self.architecture.chooses_activation()) {
            set("hidden_act", json!(name));
        }
        self.write_rotary(&mut set);
        self.write_windows(&mut set);
        self.write_experts(&mut set);
        if let Some(gemma) = self.gemma {
            set("dtype", json!(gemma.weights.name()));
        }
        if let Some(gemma) = self.gemma.filter(|_| self.architecture != Architecture::Gemma) {
            set("query_pre_attn_scalar", json!(gemma.query_pre_attn_scalar));
            set("attn_logit_softcapping", json!(gemma.attn_logit_softcapping));
            set("final_logit_softcapping", json!(gemma.final_logit_softcapping));
        }
        if let Some(granite) = self.granite {
            set("embedding_multiplier", json!(granite.embedding_multiplier));
            set("attention_multiplier", json!(granite.attention_multiplier));
            set("residual_multiplier", json!(granite.residual_multiplier));
            set("logits_scaling", json!(granite.logits_scaling));
        }
        if let Some(adapters) = &self.adapters {
            adapters.write(&mut set);
        }
        fields
    }

    /// Says how far wavelengths are stretched, and which layers that slide have.
    fn write_wavelengths(&self, set: &mut impl FnMut(&str, Value)) {
        if let (Architecture::Olmo3, Some(sliding)) = (self.architecture, &self.sliding_rope) {
            let both = json!({ Layer::FULL: self.rope.write(), Layer::SLIDING: sliding.write() });
            return set("rope_parameters", both);
        }
        if self.rope.scaling != Scaling::Default {
            set("rope_scaling", self.rope.scaling.write());
        }
        if let Some(Rope { theta, scaling }) = &self.sliding_rope {
            set("rope_local_base_freq", json!(theta));
            if *scaling != Scaling::Default {
                set("rope_parameters", json!({ Layer::SLIDING: scaling.write() }));
            }
        }
    }

    /// Says which layers slide, where saying nothing would not mean the same.
    fn write_windows(&self, set: &mut impl FnMut(&str, Value)) {
        let window = self.layers.iter().find_map(|layer| layer.window);
        let (chosen, listed) = match self.architecture {
            Architecture::Llama
            | Architecture::Gemma
            | Architecture::Olmo2
            | Architecture::Granite
            | Architecture::Gpt2
            | Architecture::Opt
            | Architecture::StableLm
            | Architecture::GptNeoX
            | Architecture::Phi => return,
            Architecture::Mistral | Architecture::Phi3 | Architecture::Starcoder2 => (false, false),
            Architecture::Mixtral if window.is_none() => return,
            Architecture::Mixtral => (false, false),
            Architecture::Gemma2 | Architecture::Gemma3 | Architecture::Olmo3 => (false, true),
            Architecture::Qwen2
            | Architecture::Qwen3
            | Architecture::Qwen2Moe
            | Architecture::Qwen3Moe
            | Architecture::SmolLm3 => {
                if window.is_none() {
                    return;
                }
                (true, true)
            }
        };
        set("sliding_window", json!(window));
        if chosen {
            set("use_sliding_window", json!(true));
        }
        let pattern = match self.architecture {
            Architecture::Gemma3 => {
                self.pattern(Unsaid::SLIDING_WINDOW_PATTERN, |layer| layer.window.is_none())
            }
            _ => None,
        };
        if let Some(pattern) = pattern {
            set("sliding_window_pattern", json!(pattern));
        } else if listed {
            let types = self.layers.iter().map(|layer| match layer.window {
                Some(_) => Layer::SLIDING,
                None => Layer::FULL,
            });
            set("layer_types", types.collect());
        }
    }

    /// Says in which layers positions turn heads, of an architecture whose layers differ in that.
    fn write_rotary(&self, set: &mut impl FnMut(&str, Value)) {
        if self.architecture != Architecture::SmolLm3 {
            return;
        }
        match self.pattern(Unsaid::NO_ROPE_LAYER_INTERVAL, |layer| !layer.rotary) {
            Some(interval) => set("no_rope_layer_interval", json!(interval)),
            None => {
                let turned = self.layers.iter().map(|layer| u8::from(layer.rotary));
                set("no_rope_layers", turned.collect());
            }
        }
    }

    /// Of how many layers the last is `apart`, where all layers follow that: `usual` where it may be.
    fn pattern(&self, usual: u32, apart: impl Fn(&Layer) -> bool) -> Option<u32> {
        let layers = || (1..).zip(self.layers.iter().map(&apart));
        let first = layers().find(|(_, apart)| *apart).map(|(number, _)| number);
        let follow = |pattern: &u32| {
            layers().all(|(number, apart): (u32, _)| apart == number.is_multiple_of(*pattern))
        };
        let first = first.unwrap_or(self.num_hidden_layers() + 1);
        [usual, first].into_iter().find(follow)
    }

    fn write_experts(&self, set: &mut impl FnMut(&str, Value)) {
        let experts = self.layers.iter().find_map(|layer| match layer.mlp {
            Mlp::Experts(experts) => Some(experts),
            Mlp::Dense { .. } => None,
        });
        // Of a model whose layers are all dense the file states some experts that no layer has.
        let none = Experts {
            count: 1,
            chosen: 1,
            width: 1,
            shared: (self.architecture == Architecture::Qwen2Moe).then_some(1),
            rescaled: false,
        };
        if !self.architecture.has_experts() {
            return;
        }
        let Experts { count, chosen, width, shared, rescaled } = experts.unwrap_or(none);
        set("num_experts_per_tok", json!(chosen));
        if self.architecture == Architecture::Mixtral {
            return set("num_local_experts", json!(count));
        }
        set("num_experts", json!(count));
        set("moe_intermediate_size", json!(width));
        if let Some(shared) = shared {
            set("shared_expert_intermediate_size", json!(shared));
        }
        set("norm_topk_prob", json!(rescaled));
        let dense = self.layers.iter().enumerate();
        let dense = dense.filter(|(_, layer)| matches!(layer.mlp, Mlp::Dense { .. }));
        set("mlp_only_layers", dense.map(|(number, _)| number).collect());
    }
}

impl Serialize for DecoderConfig {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.to_json().serialize(serializer)
    }
}
