//! Attention's heads as files state them: how many there are, and how wide each is. What positions turn of them is in
//! `rope`.

use super::{fields::FileFields, unsaid::Unsaid};
use crate::family::decoder::{architecture::Architecture, config::DecoderConfig, rope::Scaling};

/// Query heads, key and value heads, and the width of each.
pub(super) fn read(
    fields: &FileFields<'_>,
    architecture: Architecture,
    hidden: u32,
) -> Result<[u32; 3], String> {
    let unsaid = Unsaid::of(architecture);
    let heads = fields.needed_unless("num_attention_heads", unsaid.num_attention_heads)?;
    let name = "num_key_value_heads";
    // Whose heads are together as wide as the model, whatever a file says, and with as many keys and values as queries.
    let alike =
        matches!(architecture, Architecture::Gpt2 | Architecture::Opt | Architecture::GptNeoX);
    let fills = alike || architecture == Architecture::StableLm;
    if fills && !hidden.is_multiple_of(heads) {
        return Err(format!(
            "hidden_size = {hidden} is not divisible by num_attention_heads = {heads}: all heads of its kind, {}, together are \
             as wide as the model",
            architecture.model_type()
        ));
    }
    if alike {
        return Ok([heads, heads, hidden / heads]);
    }
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
    let stated = if fills { None } else { fields.size("head_dim")? };
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

/// Refuses heads of which no pairs are turned, and factors that are not one for each.
pub(super) fn check_turned(config: &DecoderConfig) -> Result<(), String> {
    if config.layers.iter().all(|layer| !layer.rotary) {
        return Ok(());
    }
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
