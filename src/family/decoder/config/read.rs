//! From the contents of a `config.json` to a decoder, with Hugging Face's defaults where a file says
//! nothing. What cannot be right is refused by the name of its field.

use serde_json::{Map, Value};

use super::{
    Biases, DecoderConfig, Gemma, Member, Rope, WeightType,
    fields::{Fields, KNOWN},
    layers,
};
use crate::family::{decoder::Adapters, fields::refuse_misspelt};

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
        refuse_misspelt(object, &KNOWN)?;
        let fields = Fields::new(object);
        let member = member(&fields)?;
        let hidden_size = fields.needed("hidden_size")?;
        let intermediate_size = fields.needed("intermediate_size")?;
        let [heads, kv_heads, head_dim] = heads(&fields, member, hidden_size)?;
        let default_theta = if member == Member::Mixtral { 1e6 } else { 1e4 };
        let config = Self {
            member,
            hidden_size,
            num_attention_heads: heads,
            num_key_value_heads: kv_heads,
            head_dim,
            intermediate_size,
            vocab_size: fields.needed("vocab_size")?,
            max_position_embeddings: fields.size("max_position_embeddings")?.unwrap_or(32_768),
            rms_norm_eps: fields.positive("rms_norm_eps")?.unwrap_or(1e-6),
            rope: Rope::read(&fields, default_theta)?,
            tie_word_embeddings: fields
                .flag("tie_word_embeddings")?
                .unwrap_or(member == Member::Gemma2),
            biases: biases(&fields, member)?,
            layers: layers::read(&fields, member, intermediate_size)?,
            gemma: if member == Member::Gemma2 { Some(gemma(&fields)?) } else { None },
            adapters: Adapters::from_config(|name| fields.given(name))?,
        };
        activation(&fields, member)?;
        if let Some(factor) = fields.positive("partial_rotary_factor")?
            && factor != 1.0
        {
            return Err(format!(
                "partial_rotary_factor is {factor}: only heads that are turned whole are supported"
            ));
        }
        if let Some(value) = fields.given("attention_dropout").filter(|v| v.as_f64().is_none()) {
            return Err(format!("attention_dropout is {value}; it must be a number"));
        }
        fields.finish(member)?;
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
            adapters.check(&config)?;
        }
        Ok(config)
    }
}

fn member(fields: &Fields<'_>) -> Result<Member, String> {
    let known = Member::ALL.map(Member::model_type).join(", ");
    let kind = fields
        .given("model_type")
        .ok_or_else(|| format!("field 'model_type' is missing (one of: {known})"))?;
    Member::ALL
        .into_iter()
        .find(|member| kind.as_str() == Some(member.model_type()))
        .ok_or_else(|| format!("model_type {kind} is not supported (one of: {known})"))
}

/// Query heads, key and value heads, and the width of each.
fn heads(fields: &Fields<'_>, member: Member, hidden: u32) -> Result<[u32; 3], String> {
    let heads = fields.needed("num_attention_heads")?;
    let kv = fields.size("num_key_value_heads")?.unwrap_or(heads);
    if !heads.is_multiple_of(kv) {
        return Err(format!(
            "num_attention_heads = {heads} is not divisible by num_key_value_heads = {kv}; every key \
             and value head serves as many query heads"
        ));
    }
    let width = match (
        fields.size("head_dim")?.or(member.usual_head_dim()),
        hidden.is_multiple_of(heads),
    ) {
        (Some(width), _) => width,
        (None, true) => hidden / heads,
        (None, false) => {
            return Err(format!(
                "hidden_size = {hidden} is not divisible by num_attention_heads = {heads}: give head_dim"
            ));
        }
    };
    if !width.is_multiple_of(2) {
        return Err(format!(
            "heads are {width} wide (head_dim, or hidden_size / num_attention_heads); rotary positions \
             turn pairs, so that must be even"
        ));
    }
    if heads.checked_mul(width).is_none() {
        return Err(format!(
            "num_attention_heads = {heads} heads of {width} are wider than {}: lower them",
            u32::MAX
        ));
    }
    Ok([heads, kv, width])
}

fn biases(fields: &Fields<'_>, member: Member) -> Result<Biases, String> {
    let kind = member.model_type();
    let flag = |name: &str, allowed: bool| match fields.flag(name)? {
        Some(true) if !allowed => Err(format!(
            "{name} is true, but a {kind} has no such choice: remove it, or change model_type"
        )),
        given => Ok(given),
    };
    let chosen = match member {
        Member::Llama | Member::Qwen3 | Member::Qwen3Moe | Member::Gemma2 => true,
        Member::Mistral | Member::Qwen2 | Member::Mixtral | Member::Qwen2Moe => false,
    };
    if member == Member::Qwen2
        && let Some(value) = fields.given("attention_bias").or_else(|| fields.given("qkv_bias"))
    {
        return Err(format!(
            "attention_bias or qkv_bias is {value}: it cannot be chosen; q_proj, k_proj and v_proj of \
             a qwen2 have a bias and o_proj has none"
        ));
    }
    let attention = flag("attention_bias", chosen)?.unwrap_or(false);
    let mlp = flag("mlp_bias", member == Member::Llama)?.unwrap_or(false);
    let qkv = match member {
        Member::Qwen2 => true,
        Member::Qwen2Moe => flag("qkv_bias", true)?.unwrap_or(true),
        _ => attention,
    };
    Ok(Biases { qkv, o: attention, mlp })
}

fn gemma(fields: &Fields<'_>) -> Result<Gemma, String> {
    // Absent is Hugging Face's default; null is none.
    let cap = |name: &str, default: f64| {
        if fields.is_there(name) { fields.positive(name) } else { Ok(Some(default)) }
    };
    let weights = fields.given("dtype").or_else(|| fields.given("torch_dtype"));
    let weights = weights.and_then(|name| {
        WeightType::ALL.into_iter().find(|kind| name.as_str() == Some(kind.name()))
    });
    Ok(Gemma {
        weights: weights.unwrap_or(WeightType::F32),
        query_pre_attn_scalar: fields.positive("query_pre_attn_scalar")?.unwrap_or(256.0),
        attn_logit_softcapping: cap("attn_logit_softcapping", 50.0)?,
        final_logit_softcapping: cap("final_logit_softcapping", 30.0)?,
    })
}

/// Refuses an activation that the member's kernels and forms are not about.
fn activation(fields: &Fields<'_>, member: Member) -> Result<(), String> {
    let built = if member == Member::Gemma2 { "gelu_pytorch_tanh" } else { "silu" };
    for name in ["hidden_act", "hidden_activation"] {
        if let Some(value) = fields.given(name).filter(|value| *value != built) {
            return Err(format!(
                "{name} is {value}: only \"{built}\" is supported for a {}",
                member.model_type()
            ));
        }
    }
    Ok(())
}
