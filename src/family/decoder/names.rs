//! What transformers calls the modules of a decoder, architecture by architecture. Knows no sizes, and not the norms of
//! a layer, which [`Architecture::norms`] has.

use super::architecture::Architecture;

/// The modules of a decoder by name: those of a layer by what follows the layer's own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ModuleNames {
    /// The embedding.
    pub embedding: &'static str,
    /// What holds the layers, each under its number.
    pub layers: &'static str,
    /// The last norm.
    pub final_norm: &'static str,
    /// Queries, keys, values, and attention's output. Those that are rows of `qkv` are no modules.
    pub attention: [&'static str; 4],
    /// Queries, keys and values in one module.
    pub qkv: Option<&'static str>,
    /// Gate, up and down of a dense MLP. Those that are rows of `gate_up` are no modules.
    pub mlp: [&'static str; 3],
    /// Gate and up in one module.
    pub gate_up: Option<&'static str>,
}

impl ModuleNames {
    const LLAMA: Self = Self {
        embedding: "model.embed_tokens",
        layers: "model.layers",
        final_norm: "model.norm",
        attention: ["self_attn.q_proj", "self_attn.k_proj", "self_attn.v_proj", "self_attn.o_proj"],
        qkv: None,
        mlp: ["mlp.gate_proj", "mlp.up_proj", "mlp.down_proj"],
        gate_up: None,
    };

    const PHI3: Self =
        Self { qkv: Some("self_attn.qkv_proj"), gate_up: Some("mlp.gate_up_proj"), ..Self::LLAMA };

    /// The linear layers that have adapters beside them where nobody says which: queries and values, which the method was
    /// published with, or the module that they are rows of.
    pub fn adapted(&self) -> Vec<&'static str> {
        let [query, _, value, _] = self.attention;
        let modules = self.qkv.map_or_else(|| vec![query, value], |module| vec![module]);
        modules.into_iter().map(last_name).collect()
    }

    /// The module that holds the rows of this linear layer, where it is not one by itself.
    pub fn fused(&self, name: &str) -> Option<&'static str> {
        let [q, k, v, _] = self.attention;
        let [gate, up, _] = self.mlp;
        match name {
            _ if [q, k, v].contains(&name) => self.qkv,
            _ if [gate, up].contains(&name) => self.gate_up,
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
            | Self::Gemma
            | Self::Olmo2
            | Self::Granite
            | Self::Olmo3 => &ModuleNames::LLAMA,
        }
    }
}

/// The last part of a module's name.
pub(super) fn last_name(module: &str) -> &str {
    module.rsplit('.').next().unwrap_or(module)
}
