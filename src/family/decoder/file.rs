//! From the contents of a `config.json` to a decoder, with Hugging Face's defaults where a file says
//! nothing. What cannot be right is refused by the name of its field.

mod fields;
mod layers;
mod rope;
mod unsaid;
mod write;

use serde_json::{Map, Value};

use super::{
    adapters::Adapters,
    architecture::Architecture,
    config::{Biases, DecoderConfig, Gemma, Granite, Layer, WeightType},
    held,
    rope::Scaling,
};
use crate::family::fields::refuse_misspelt;
use fields::FileFields;
pub(super) use fields::KNOWN;
use unsaid::Unsaid;

/// More parameters than any training step could hold: their bytes overflow 64 bits.
const MAX_PARAMETERS: u128 = 1 << 60;

/// More tensors than any plan could keep; a configuration beyond it is a slip of the keyboard, and would
/// otherwise fill memory with names.
const MAX_TENSORS: u128 = 1 << 18;

impl DecoderConfig {
    /// Reads the contents of a `config.json`.
    ///
    /// # Errors
    /// Which field is missing, contradicts another, makes no sense, or asks for what is not supported,
    /// and the way out.
    pub fn from_json(object: &Map<String, Value>) -> Result<Self, String> {
        if let Some(held) = held::held(object)? {
            return Self::from_json(&held.object).map_err(|problem| held.said(problem));
        }
        refuse_misspelt(object, &KNOWN)?;
        let fields = FileFields::new(object);
        let architecture = architecture(&fields)?;
        head(&fields)?;
        let hidden_size = fields.needed("hidden_size")?;
        let intermediate_size = fields.needed("intermediate_size")?;
        let unsaid = Unsaid::of(architecture);
        let [heads, kv_heads, head_dim] = heads(&fields, architecture, hidden_size)?;
        let (rope, sliding_rope) = rope::read(&fields, architecture)?;
        let config = Self {
            architecture,
            hidden_size,
            num_attention_heads: heads,
            num_key_value_heads: kv_heads,
            head_dim,
            intermediate_size,
            vocab_size: fields.needed_unless("vocab_size", unsaid.vocab_size)?,
            max_position_embeddings: fields
                .size("max_position_embeddings")?
                .unwrap_or(unsaid.max_position_embeddings),
            rms_norm_eps: fields.positive("rms_norm_eps")?.unwrap_or(unsaid.rms_norm_eps),
            rope,
            sliding_rope,
            partial_rotary_factor: rope::partial(&fields, architecture)?,
            tie_word_embeddings: fields
                .flag("tie_word_embeddings")?
                .unwrap_or(unsaid.tie_word_embeddings),
            biases: biases(&fields, architecture)?,
            layers: layers::read(&fields, architecture, intermediate_size)?,
            gemma: match architecture.is_gemma() {
                true => Some(gemma(&fields, architecture, head_dim)?),
                false => None,
            },
            granite: match architecture {
                Architecture::Granite => Some(granite(&fields)?),
                _ => None,
            },
            adapters: Adapters::from_config(|name| fields.given(name), architecture.fuses())?,
        };
        activation(&fields, architecture)?;
        for (name, other) in [("is_causal", false), ("use_bidirectional_attention", true)] {
            if fields.flag(name)? == Some(other) {
                return Err(format!(
                    "{name} is {other}: only attention to the tokens before is supported"
                ));
            }
        }
        turned(&config)?;
        for name in dropouts(architecture) {
            if let Some(value) = fields.given(name).filter(|v| v.as_f64().is_none()) {
                return Err(format!("{name} is {value}; it must be a number"));
            }
        }
        if architecture == Architecture::Phi3 {
            // Published files have them, of choices that no class of transformers has.
            for name in ["full_attn_mod", "interpolate_factor"] {
                if let Some(value) = fields.given(name).filter(|value| value.as_f64() != Some(1.0))
                {
                    return Err(format!("{name} is {value}: only 1 is supported"));
                }
            }
        }
        fields.finish(architecture)?;
        let parameters = config.base_parameters();
        if parameters > MAX_PARAMETERS {
            return Err(format!(
                "the model would have {parameters} parameters, whose bytes overflow 64 bits: lower \
                 hidden_size, intermediate_size, vocab_size or num_hidden_layers"
            ));
        }
        let tensors = config.tensor_count();
        if tensors > MAX_TENSORS {
            return Err(format!(
                "the model would have {tensors} parameter tensors, more than {MAX_TENSORS}: lower \
                 num_hidden_layers or the number of experts"
            ));
        }
        if let Some(adapters) = &config.adapters {
            config.check_targets(adapters)?;
        }
        Ok(config)
    }
}

/// The fields that ask for dropout.
const fn dropouts(architecture: Architecture) -> &'static [&'static str] {
    match architecture {
        Architecture::Phi3 => &["attention_dropout", "resid_pdrop", "embd_pdrop"],
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

/// Refuses heads of which no pairs are turned, and factors that are not one for each.
fn turned(config: &DecoderConfig) -> Result<(), String> {
    let (width, factor, rotary) =
        (config.head_dim, config.partial_rotary_factor, config.rotary_width());
    if !width.is_multiple_of(2) && factor == 1.0 {
        return Err(format!(
            "heads are {width} wide (head_dim, or hidden_size / num_attention_heads); rotary positions \
             turn pairs, so that must be even"
        ));
    }
    if rotary == 0 || !rotary.is_multiple_of(2) {
        return Err(format!(
            "partial_rotary_factor = {factor} turns {rotary} of the {width} elements of a head; rotary positions turn \
             pairs, so that must be even and at least 2"
        ));
    }
    let Scaling::LongRope { short, long, .. } = &config.rope.scaling else { return Ok(()) };
    for (name, factors) in [("short_factor", short), ("long_factor", long)] {
        if factors.len() as u64 != u64::from(rotary / 2) {
            return Err(format!(
                "{name} of longrope is a list of length {}, but {rotary} elements of a head are turned, two by each \
                 factor: state {} of them, or set rope_scaling (in newer files rope_parameters) to null",
                factors.len(),
                rotary / 2
            ));
        }
    }
    Ok(())
}

/// Takes a field of rotary positions in a kind of layer out of the objects in which files state it.
pub(super) fn forget(object: &mut Map<String, Value>, kind: &str, field: &str) {
    for name in ["rope_parameters", "rope_scaling"] {
        let Some(stated) = object.get_mut(name).and_then(Value::as_object_mut) else { continue };
        if kind == Layer::FULL {
            stated.remove(field);
        }
        if let Some(of_kind) = stated.get_mut(kind).and_then(Value::as_object_mut) {
            of_kind.remove(field);
        }
    }
}

fn architecture(fields: &FileFields<'_>) -> Result<Architecture, String> {
    let known = Architecture::ALL.map(Architecture::model_type).join(", ");
    let kind = fields
        .given("model_type")
        .ok_or_else(|| format!("field 'model_type' is missing (one of: {known})"))?;
    Architecture::ALL
        .into_iter()
        .find(|architecture| kind.as_str() == Some(architecture.model_type()))
        .ok_or_else(|| format!("model_type {kind} is not supported (one of: {known})"))
}

/// Refuses models that end otherwise than in logits of the next token, where a file says how its model ends.
fn head(fields: &FileFields<'_>) -> Result<(), String> {
    let Some(stated) = fields.given("architectures") else { return Ok(()) };
    let classes = stated.as_array().map(Vec::as_slice).unwrap_or_default();
    let predicts =
        |class: &Value| class.as_str().is_some_and(|class| class.ends_with("ForCausalLM"));
    if classes.is_empty() || classes.iter().any(predicts) {
        return Ok(());
    }
    Err(format!(
        "architectures is {stated}: only models that predict the next token are supported, whose class ends in \
         ForCausalLM; remove the field to count the model as one of those"
    ))
}

/// Query heads, key and value heads, and the width of each.
fn heads(
    fields: &FileFields<'_>,
    architecture: Architecture,
    hidden: u32,
) -> Result<[u32; 3], String> {
    let unsaid = Unsaid::of(architecture);
    let heads = fields.needed_unless("num_attention_heads", unsaid.num_attention_heads)?;
    let name = "num_key_value_heads";
    let kv = match (fields.size(name)?, unsaid.num_key_value_heads) {
        (Some(stated), _) => stated,
        (None, Some(usual)) if !fields.is_there(name) => usual,
        (None, _) => heads,
    };
    if !heads.is_multiple_of(kv) {
        let whose = if fields.is_there(name) {
            String::new()
        } else {
            format!(", which {} has where its file states none", architecture.model_type())
        };
        return Err(format!(
            "num_attention_heads = {heads} is not divisible by {name} = {kv}{whose}; every key and value \
             head serves as many query heads"
        ));
    }
    let stated = fields.size("head_dim")?;
    let width = match (stated.or(unsaid.head_dim), hidden.is_multiple_of(heads)) {
        (Some(width), _) => width,
        (None, true) => hidden / heads,
        (None, false) => {
            return Err(format!(
                "hidden_size = {hidden} is not divisible by num_attention_heads = {heads}: give head_dim"
            ));
        }
    };
    if heads.checked_mul(width).is_none() {
        return Err(format!(
            "num_attention_heads = {heads} heads of {width} are wider than {}: lower them",
            u32::MAX
        ));
    }
    Ok([heads, kv, width])
}

fn biases(fields: &FileFields<'_>, architecture: Architecture) -> Result<Biases, String> {
    let kind = architecture.model_type();
    let flag = |name: &str, allowed: bool| match fields.flag(name)? {
        Some(true) if !allowed => Err(format!(
            "{name} is true, but a {kind} has no such choice: remove it, or change model_type"
        )),
        given => Ok(given),
    };
    let chosen = match architecture {
        Architecture::Llama
        | Architecture::Qwen3
        | Architecture::Qwen3Moe
        | Architecture::Gemma2
        | Architecture::Gemma3
        | Architecture::SmolLm3
        | Architecture::Gemma
        | Architecture::Olmo2
        | Architecture::Granite
        | Architecture::Olmo3 => true,
        Architecture::Mistral
        | Architecture::Qwen2
        | Architecture::Mixtral
        | Architecture::Qwen2Moe
        | Architecture::Phi3 => false,
    };
    if architecture == Architecture::Qwen2
        && let Some(value) = fields.given("attention_bias").or_else(|| fields.given("qkv_bias"))
    {
        return Err(format!(
            "attention_bias or qkv_bias is {value}: it cannot be chosen; q_proj, k_proj and v_proj of \
             a qwen2 have a bias and o_proj has none"
        ));
    }
    let attention = flag("attention_bias", chosen)?.unwrap_or(false);
    let whole =
        matches!(architecture, Architecture::Llama | Architecture::SmolLm3 | Architecture::Granite);
    let mlp = flag("mlp_bias", whole)?.unwrap_or(false);
    let qkv = match architecture {
        Architecture::Qwen2 => true,
        Architecture::Qwen2Moe => flag("qkv_bias", true)?.unwrap_or(true),
        _ => attention,
    };
    Ok(Biases { qkv, o: attention, mlp })
}

fn gemma(
    fields: &FileFields<'_>,
    architecture: Architecture,
    head_dim: u32,
) -> Result<Gemma, String> {
    let weights = fields.given("dtype").or_else(|| fields.given("torch_dtype"));
    let weights = weights.and_then(|name| {
        WeightType::ALL.into_iter().find(|kind| name.as_str() == Some(kind.name()))
    });
    let weights = weights.unwrap_or(WeightType::F32);
    if architecture == Architecture::Gemma {
        return Ok(Gemma {
            query_pre_attn_scalar: head_dim.into(),
            attn_logit_softcapping: None,
            final_logit_softcapping: None,
            weights,
        });
    }
    // Absent is Hugging Face's default; null is none.
    let cap = |name: &str, default: Option<f64>| {
        if fields.is_there(name) { fields.positive(name) } else { Ok(default) }
    };
    let [scores, logits] = Unsaid::of(architecture).softcapping;
    let attn_logit_softcapping = cap("attn_logit_softcapping", scores)?;
    if architecture == Architecture::Gemma3
        && let Some(cap) = attn_logit_softcapping
    {
        return Err(format!(
            "attn_logit_softcapping is {cap}, but transformers bounds no scores of {}: set it to null",
            architecture.model_type()
        ));
    }
    Ok(Gemma {
        weights,
        query_pre_attn_scalar: fields.positive("query_pre_attn_scalar")?.unwrap_or(256.0),
        attn_logit_softcapping,
        final_logit_softcapping: cap("final_logit_softcapping", logits)?,
    })
}

/// What Granite multiplies by; nothing said is 1. Kernels have a factor, or one divided by it, in single precision.
fn granite(fields: &FileFields<'_>) -> Result<Granite, String> {
    let range = f32::MIN_POSITIVE..=1.0 / f32::MIN_POSITIVE;
    let factor = |name: &str| match fields.positive(name)? {
        Some(factor) if !range.contains(&(factor as f32)) => Err(format!(
            "{name} is {factor:e}; it must be from {:e} to {:e}, so that it and one divided by it are numbers of single \
             precision",
            range.start(),
            range.end()
        )),
        given => Ok(given.unwrap_or(1.0)),
    };
    Ok(Granite {
        embedding_multiplier: factor("embedding_multiplier")?,
        attention_multiplier: factor("attention_multiplier")?,
        residual_multiplier: factor("residual_multiplier")?,
        logits_scaling: factor("logits_scaling")?,
    })
}

/// Refuses an activation that the member's kernels and forms are not about.
fn activation(fields: &FileFields<'_>, architecture: Architecture) -> Result<(), String> {
    let built = if architecture.is_gemma() { "gelu_pytorch_tanh" } else { "silu" };
    for name in ["hidden_act", "hidden_activation"] {
        // The first files of the first Gemma say "gelu" and mean what is built.
        let means_built = architecture == Architecture::Gemma && name == "hidden_act";
        let is_built = |value: &Value| *value == built || means_built && *value == "gelu";
        if let Some(value) = fields.given(name).filter(|value| !is_built(value)) {
            return Err(format!(
                "{name} is {value}: only \"{built}\" is supported for {}",
                architecture.model_type()
            ));
        }
    }
    Ok(())
}
