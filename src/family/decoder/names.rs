//! What transformers calls the modules of a decoder, architecture by architecture. Knows no sizes, and not the norms of
//! a layer, which [`Architecture::norms`] has.

use super::architecture::Architecture;

/// The modules of a decoder by name: those of a layer by what follows the layer's own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ModuleNames {
    /// The embedding of tokens.
    pub embedding: &'static str,
    /// That of positions, where those are learned.
    pub positions: Option<&'static str>,
    /// What holds the layers, each under its number.
    pub layers: &'static str,
    /// The last norm.
    pub final_norm: &'static str,
    /// Queries, keys, values, and attention's output. Those that are rows of `qkv` are no modules.
    pub attention: [&'static str; 4],
    /// Queries, keys and values in one module.
    pub qkv: Option<&'static str>,
    /// The gate of a dense MLP that has one. What is rows of `gate_up` is no module.
    pub gate: Option<&'static str>,
    /// The matrix to its width, which a gate stands beside.
    pub up: &'static str,
    /// The matrix back.
    pub down: &'static str,
    /// Gate and up in one module.
    pub gate_up: Option<&'static str>,
}

impl ModuleNames {
    const LLAMA: Self = Self {
        embedding: "model.embed_tokens",
        positions: None,
        layers: "model.layers",
        final_norm: "model.norm",
        attention: ["self_attn.q_proj", "self_attn.k_proj", "self_attn.v_proj", "self_attn.o_proj"],
        qkv: None,
        gate: Some("mlp.gate_proj"),
        up: "mlp.up_proj",
        down: "mlp.down_proj",
        gate_up: None,
    };

    const PHI3: Self =
        Self { qkv: Some("self_attn.qkv_proj"), gate_up: Some("mlp.gate_up_proj"), ..Self::LLAMA };

    const STARCODER2: Self = Self { gate: None, up: "mlp.c_fc", down: "mlp.c_proj", ..Self::LLAMA };

    const GPT2: Self = Self {
        embedding: "transformer.wte",
        positions: Some("transformer.wpe"),
        layers: "transformer.h",
        final_norm: "transformer.ln_f",
        attention: ["attn.q_proj", "attn.k_proj", "attn.v_proj", "attn.c_proj"],
        qkv: Some("attn.c_attn"),
        ..Self::STARCODER2
    };

    const GPT_NEOX: Self = Self {
        embedding: "gpt_neox.embed_in",
        layers: "gpt_neox.layers",
        final_norm: "gpt_neox.final_layer_norm",
        attention: ["attention.q_proj", "attention.k_proj", "attention.v_proj", "attention.dense"],
        qkv: Some("attention.query_key_value"),
        up: "mlp.dense_h_to_4h",
        down: "mlp.dense_4h_to_h",
        ..Self::STARCODER2
    };

    const PHI: Self = Self {
        final_norm: "model.final_layernorm",
        attention: ["self_attn.q_proj", "self_attn.k_proj", "self_attn.v_proj", "self_attn.dense"],
        up: "mlp.fc1",
        down: "mlp.fc2",
        ..Self::STARCODER2
    };

    const OPT: Self = Self {
        embedding: "model.decoder.embed_tokens",
        positions: Some("model.decoder.embed_positions"),
        layers: "model.decoder.layers",
        final_norm: "model.decoder.final_layer_norm",
        attention: [
            "self_attn.q_proj",
            "self_attn.k_proj",
            "self_attn.v_proj",
            "self_attn.out_proj",
        ],
        up: "fc1",
        down: "fc2",
        ..Self::STARCODER2
    };

    /// The linear layers that have adapters beside them where nobody says which: queries and values, which the method was
    /// published with, or the module that they are rows of.
    pub fn adapted(&self) -> Vec<&'static str> {
        let [query, _, value, _] = self.attention;
        let modules = self.qkv.map_or_else(|| vec![query, value], |module| vec![module]);
        modules.into_iter().map(last_name).collect()
    }

    /// The linear layer that most decoders, and reports, call so, where it is called otherwise here.
    pub(super) fn otherwise(&self, usual: &str) -> Option<&'static str> {
        let own = match usual {
            "o_proj" => self.attention[3],
            "up_proj" => self.up,
            "down_proj" => self.down,
            _ => return None,
        };
        (last_name(own) != usual).then_some(own)
    }

    /// The module that holds the rows of this linear layer, where it is not one by itself.
    pub fn fused(&self, name: &str) -> Option<&'static str> {
        let [q, k, v, _] = self.attention;
        match name {
            _ if [q, k, v].contains(&name) => self.qkv,
            _ if name == self.up || Some(name) == self.gate => self.gate_up,
            _ => None,
        }
    }
}

impl Architecture {
    /// What its modules are called.
    pub const fn names(self) -> &'static ModuleNames {
        match self {
            Self::Phi3 => &ModuleNames::PHI3,
            Self::Llama
            | Self::Mistral
            | Self::Qwen2
            | Self::Qwen3
            | Self::Mixtral
            | Self::Qwen2Moe
            | Self::Qwen3Moe
            | Self::Gemma2
            | Self::Gemma3
            | Self::SmolLm3
            | Self::StableLm
            | Self::Gemma
            | Self::Olmo2
            | Self::Granite
            | Self::Olmo3 => &ModuleNames::LLAMA,
            Self::Starcoder2 => &ModuleNames::STARCODER2,
            Self::Gpt2 => &ModuleNames::GPT2,
            Self::Opt => &ModuleNames::OPT,
            Self::GptNeoX => &ModuleNames::GPT_NEOX,
            Self::Phi => &ModuleNames::PHI,
        }
    }
}

/// The last part of a module's name.
pub(super) fn last_name(module: &str) -> &str {
    module.rsplit('.').next().unwrap_or(module)
}
