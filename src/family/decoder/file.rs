//! From the contents of a `config.json` to a decoder, with Hugging Face's defaults where a file says
//! nothing. What cannot be right is refused by the name of its field.

mod fields;
mod heads;
mod layers;
mod null;
mod particular;
mod rope;
mod spelling;
mod unsaid;
mod write;

use serde_json::{Map, Value};

use super::{
    adapters::Adapters,
    architecture::Architecture,
    config::{Biases, DecoderConfig, Gemma, Granite, Layer, WeightType},
    held,
};
use crate::{
    blocks::{Activation, norm::NormRule},
    family::fields::{given, probability, refuse_misspelt},
};
use fields::FileFields;
pub(super) use fields::KNOWN;
use particular::{CHOSEN, activations, choices, dropouts, eps_field, remarks};
pub(super) use spelling::{settle, width};
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
        let usual = spelling::usual(object)?;
        refuse_misspelt(&usual, &KNOWN)
            .and_then(|()| Self::read(&FileFields::new(&usual)))
            .map_err(|problem| spelling::said(object, problem))
    }

    /// The same of fields by the names that most decoders have.
    fn read(fields: &FileFields<'_>) -> Result<Self, String> {
        let architecture = architecture(fields)?;
        null::refuse(fields, architecture)?;
        head(fields, architecture)?;
        let hidden_size = fields.needed("hidden_size")?;
        if architecture.norm_rule() == NormRule::Layer && hidden_size == 1 {
            return Err("hidden_size is 1; a layer norm of one number has its bias alone, whatever the number, so that it must \
                        be at least 2"
                .to_owned());
        }
        let intermediate_size = match architecture {
            Architecture::Gpt2 => {
                fields.size("intermediate_size")?.unwrap_or(hidden_size.saturating_mul(4))
            }
            Architecture::Opt => fields.size("intermediate_size")?.unwrap_or(3072),
            _ => fields.needed("intermediate_size")?,
        };
        let unsaid = Unsaid::of(architecture);
        let [heads, kv_heads, head_dim] = heads::read(fields, architecture, hidden_size)?;
        let (rope, sliding_rope) = rope::read(fields, architecture)?;
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
            norm_eps: match eps_field(architecture) {
                Some(name) => fields.positive(name)?.unwrap_or(unsaid.norm_eps),
                None => unsaid.norm_eps,
            },
            rope,
            sliding_rope,
            partial_rotary_factor: rope::partial(fields, architecture)?,
            activation: activation(fields, architecture)?,
            parallel_residual: match architecture {
                Architecture::GptNeoX => fields.flag("use_parallel_residual")?.unwrap_or(true),
                Architecture::Phi => true,
                _ => false,
            },
            tie_word_embeddings: fields
                .flag("tie_word_embeddings")?
                .unwrap_or(unsaid.tie_word_embeddings),
            biases: biases(fields, architecture)?,
            layers: layers::read(fields, architecture, intermediate_size)?,
            gemma: match architecture.is_gemma() {
                true => Some(gemma(fields, architecture, head_dim)?),
                false => None,
            },
            granite: match architecture {
                Architecture::Granite => Some(granite(fields)?),
                _ => None,
            },
            adapters: Adapters::from_config(|name| fields.given(name), architecture.names())?,
        };
        let positions = config.max_position_embeddings;
        let before = architecture.rows_before_positions();
        if positions.checked_add(before).is_none() {
            return Err(format!(
                "max_position_embeddings = {positions} and {before} rows in front of them are more than {}: lower it",
                u32::MAX
            ));
        }
        for (name, other) in [("is_causal", false), ("use_bidirectional_attention", true)] {
            if fields.flag(name)? == Some(other) {
                return Err(format!(
                    "{name} is {other}: only attention to the tokens before is supported"
                ));
            }
        }
        heads::check_turned(&config)?;
        if let Some(width) = fields.size("word_embed_proj_dim")?.filter(|it| *it != hidden_size) {
            return Err(format!(
                "word_embed_proj_dim is {width}, and hidden_size is {hidden_size}: tokens that are embedded in another width \
                 than the model's are not supported"
            ));
        }
        for name in dropouts(architecture) {
            fields.given(name).map(|value| probability(name, value)).transpose()?;
        }
        for (name, built) in choices(architecture) {
            // 1.0 is 1.
            let is_built = |value: &Value| {
                *value == built || value.is_number() && value.as_f64() == built.as_f64()
            };
            if let Some(value) = fields.given(name).filter(|value| !is_built(value)) {
                return Err(format!("{name} is {value}: only {built} is supported"));
            }
        }
        fields.pass(remarks(architecture));
        fields.finish(architecture)?;
        let parameters = config.base_parameters();
        if parameters > MAX_PARAMETERS {
            return Err(format!(
                "the model would have {parameters} parameters, whose bytes overflow 64 bits: lower \
                 hidden_size, intermediate_size, vocab_size, num_hidden_layers or, where positions are learned, \
                 max_position_embeddings"
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

/// Whether anything is read of a field of a decoder's file, which makes a model; or that nothing is. A null asks for nothing.
pub(super) fn reads(object: &Map<String, Value>, field: &str) -> Result<(), String> {
    if given(object, field).is_none() {
        return Ok(());
    }
    let usual = spelling::usual(object)?;
    let fields = FileFields::new(&usual);
    let kind = DecoderConfig::read(&fields)?.architecture;
    match fields.has_read(field) && !remarks(kind).contains(&field) {
        true => Ok(()),
        false => {
            Err(format!("{} passes {field} over: it changes nothing there", kind.with_article()))
        }
    }
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
    fields
        .architecture()
        .ok_or_else(|| format!("model_type {kind} is not supported (one of: {known})"))
}

/// Refuses models that end otherwise than in logits of the next token, where a file says how its model ends.
fn head(fields: &FileFields<'_>, architecture: Architecture) -> Result<(), String> {
    let Some(stated) = fields.given("architectures") else { return Ok(()) };
    let classes = stated.as_array().map(Vec::as_slice).unwrap_or_default();
    // The class of GPT-2 is older than the others' ending.
    let ending = if architecture == Architecture::Gpt2 { "LMHeadModel" } else { "ForCausalLM" };
    let predicts = |class: &Value| class.as_str().is_some_and(|class| class.ends_with(ending));
    if classes.is_empty() || classes.iter().any(predicts) {
        return Ok(());
    }
    Err(format!(
        "architectures is {stated}: only models that predict the next token are supported, whose class ends in \
         {ending}; remove the field to count the model as one of those"
    ))
}

fn biases(fields: &FileFields<'_>, architecture: Architecture) -> Result<Biases, String> {
    let kind = architecture.with_article();
    let flag = |name: &str, allowed: bool| match fields.flag(name)? {
        Some(true) if !allowed => Err(format!(
            "{name} is true, but {kind} has no such choice: remove it, or change model_type"
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
        Architecture::Starcoder2 => {
            let all = fields.flag("use_bias")?.unwrap_or(true);
            return Ok(Biases { qkv: all, o: all, mlp: all, head: false });
        }
        Architecture::StableLm => {
            let qkv = fields.flag("use_qkv_bias")?.unwrap_or(false);
            return Ok(Biases { qkv, ..Biases::default() });
        }
        Architecture::Gpt2 => return Ok(Biases { qkv: true, o: true, mlp: true, head: false }),
        Architecture::Phi => return Ok(Biases { qkv: true, o: true, mlp: true, head: true }),
        Architecture::GptNeoX => {
            let attention = fields.flag("attention_bias")?.unwrap_or(true);
            return Ok(Biases { qkv: attention, o: attention, mlp: true, head: false });
        }
        Architecture::Opt => {
            let all = fields.flag("enable_bias")?.unwrap_or(true);
            return Ok(Biases { qkv: all, o: all, mlp: all, head: false });
        }
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
    Ok(Biases { qkv, o: attention, mlp, head: false })
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

/// Names in words, as in "a, b and c".
fn listed(names: &[String]) -> String {
    match names {
        [first @ .., last] if !first.is_empty() => format!("{} and {last}", first.join(", ")),
        _ => names.concat(),
    }
}

/// The function between the matrices of an MLP; one that is not built is refused.
fn activation(fields: &FileFields<'_>, architecture: Architecture) -> Result<Activation, String> {
    for &(name, built) in activations(architecture) {
        let is_built = |value: &Value| built.iter().any(|built| value == built);
        let Some(value) = fields.given(name).filter(|value| !is_built(value)) else { continue };
        let known: Vec<String> = built.iter().map(|built| format!("\"{built}\"")).collect();
        return Err(format!(
            "{name} is {value}: only {} {} supported for {}",
            listed(&known),
            if known.len() == 1 { "is" } else { "are" },
            architecture.model_type()
        ));
    }
    let stated = fields.given("hidden_act").filter(|_| architecture.chooses_activation());
    let chosen = stated.and_then(|stated| CHOSEN.iter().find(|(name, _)| stated == name));
    Ok(chosen.map_or(architecture.activation(), |(_, activation)| *activation))
}
