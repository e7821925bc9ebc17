//! How checkpoints name a decoder's tensors, where that is not as transformers names them in the model by itself.

use super::architecture::Architecture;
use crate::family::held::StoredNames;

/// How names begin in checkpoints: as transformers wrote them first, and as it does since 5.0.
static GEMMA3: [StoredNames; 2] = [
    StoredNames {
        prefixes: &[
            ("model.", "language_model.model."),
            ("lm_head.", "language_model.lm_head."),
            ("base_model.model.model.", "base_model.model.language_model.model."),
            ("base_model.model.lm_head.", "base_model.model.language_model.lm_head."),
        ],
        beside: &[
            "vision_tower.",
            "multi_modal_projector.",
            "base_model.model.vision_tower.",
            "base_model.model.multi_modal_projector.",
        ],
        buffers: &[],
    },
    StoredNames {
        prefixes: &[
            ("model.", "model.language_model."),
            ("base_model.model.model.", "base_model.model.model.language_model."),
        ],
        beside: &[
            "model.vision_tower.",
            "model.multi_modal_projector.",
            "base_model.model.model.vision_tower.",
            "base_model.model.model.multi_modal_projector.",
        ],
        buffers: &[],
    },
];

/// How GPT-2's tensors are called: as transformers writes them, and in the files that were published, which hold what is
/// below the head alone. Older files hold the causal mask, too.
static GPT2: [StoredNames; 2] = [
    StoredNames { prefixes: &[], beside: &[], buffers: &MASKS },
    StoredNames { prefixes: &[("transformer.", "")], beside: &[], buffers: &MASKS },
];

const MASKS: [&str; 2] = [".attn.bias", ".attn.masked_bias"];

/// How OPT's tensors are called: as transformers writes them, and in the files that were published.
static OPT: [StoredNames; 2] = [
    StoredNames { prefixes: &[], beside: &[], buffers: &[] },
    StoredNames { prefixes: &[("model.", "")], beside: &[], buffers: &[] },
];

/// How GPT-NeoX's tensors are called: files keep the name that its head had before transformers 5, or have its module's;
/// some hold what is below the head by names of its own. Older files hold the causal mask and the wavelengths of positions,
/// too.
static GPT_NEOX: [StoredNames; 4] = [
    StoredNames {
        prefixes: &[
            ("lm_head.", "embed_out."),
            ("base_model.model.lm_head.", "base_model.model.embed_out."),
        ],
        beside: &[],
        buffers: &WAVELENGTHS,
    },
    StoredNames { prefixes: &[], beside: &[], buffers: &WAVELENGTHS },
    StoredNames {
        prefixes: &[("gpt_neox.", ""), ("lm_head.", "embed_out.")],
        beside: &[],
        buffers: &WAVELENGTHS,
    },
    StoredNames { prefixes: &[("gpt_neox.", "")], beside: &[], buffers: &WAVELENGTHS },
];

const WAVELENGTHS: [&str; 3] =
    [".attention.bias", ".attention.masked_bias", ".attention.rotary_emb.inv_freq"];

/// How checkpoints name the tensors of such a decoder, where some name them otherwise than it does by itself.
pub(super) const fn names(architecture: Architecture) -> &'static [StoredNames] {
    match architecture {
        Architecture::Gemma3 => &GEMMA3,
        Architecture::Llama
        | Architecture::Mistral
        | Architecture::Qwen2
        | Architecture::Qwen3
        | Architecture::Mixtral
        | Architecture::Qwen2Moe
        | Architecture::Qwen3Moe
        | Architecture::Gemma2
        | Architecture::Phi3
        | Architecture::SmolLm3
        | Architecture::StableLm
        | Architecture::Gemma
        | Architecture::Olmo2
        | Architecture::Granite
        | Architecture::Olmo3
        | Architecture::Starcoder2
        | Architecture::Phi => &[],
        Architecture::Gpt2 => &GPT2,
        Architecture::Opt => &OPT,
        Architecture::GptNeoX => &GPT_NEOX,
    }
}

/// What a module of such a decoder is called: by itself, and in the models that hold it.
pub(super) fn names_of(architecture: Architecture, module: &str) -> Vec<String> {
    // Files of these may have other names for its tensors; its modules have one.
    let held = match architecture {
        Architecture::Gpt2 | Architecture::Opt | Architecture::GptNeoX => &[],
        _ => names(architecture),
    };
    let held = held.iter().map(|names| names.of(module));
    [module.to_owned()].into_iter().chain(held).collect()
}
