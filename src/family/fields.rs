//! Reading the fields of a `config.json`, and changing them from the command line. Which fields
//! there are and what they mean is the model family's business.

use serde_json::{Map, Value};

use super::spelling::{close, meant};

/// The fields that a family's configurations may set.
pub type Fields = &'static [&'static str];

/// The field that names the family.
pub(crate) const MODEL_TYPE: &str = "model_type";

/// Refuses a field that the family does not know: a misspelt one would otherwise go unnoticed.
pub(crate) fn refuse_unknown(object: &Map<String, Value>, known: Fields) -> Result<(), String> {
    let is_known = |name: &str| name == MODEL_TYPE || known.contains(&name);
    match object.keys().find(|name| !is_known(name)) {
        Some(name) => Err(unknown(name, known)),
        None => Ok(()),
    }
}

/// Refuses a field that is nearly one of the family's and stands where that one is missing. For
/// families whose files hold much else.
pub(crate) fn refuse_misspelt(object: &Map<String, Value>, known: Fields) -> Result<(), String> {
    let missing = || known.iter().copied().filter(|name| !object.contains_key(*name));
    // A name that begins with an underscore is the writer's own remark, as `_sliding_window_pattern` is.
    let others =
        object.keys().filter(|name| !known.contains(&name.as_str()) && !name.starts_with('_'));
    let mut slips = others.filter_map(|name| Some((name, close(name, missing())?)));
    slips.next().map_or(Ok(()), |(name, meant)| {
        Err(format!("unknown field '{name}'; did you mean '{meant}'?"))
    })
}

/// A field that is there and not null.
pub(crate) fn given<'a>(object: &'a Map<String, Value>, name: &str) -> Option<&'a Value> {
    object.get(name).filter(|value| !value.is_null())
}

/// A field that is a whole number of at least 1.
pub(crate) fn positive(object: &Map<String, Value>, name: &str) -> Result<u32, String> {
    let value = object.get(name).ok_or_else(|| format!("field '{name}' is missing"))?;
    let number = value.as_u64().and_then(|number| u32::try_from(number).ok());
    number.filter(|&number| number > 0).ok_or_else(|| {
        format!("{name} is {value}; it must be a whole number from 1 to {}", u32::MAX)
    })
}

/// A number from 0 to 1: which part of something is dropped.
pub(crate) fn probability(name: &str, value: &Value) -> Result<f64, String> {
    let part = value.as_f64().filter(|part| (0.0..=1.0).contains(part));
    part.ok_or_else(|| format!("{name} is {value}; it must be a number from 0 to 1"))
}

/// More tensors than any plan could keep; a configuration beyond it is a slip of the keyboard, and
/// would otherwise fill memory with names.
const MAX_TENSORS: u128 = 1 << 18;

/// Bytes that one parameter takes in a training step: value, gradient and two moments.
const TRAINING_BYTES: u128 = 16;

/// Whether so many tensors of so many numbers together can be thought of at all. `layers` are the fields
/// by which there are so many, `extents` those by which they are so large.
pub(crate) fn check_size(
    tensors: u128,
    parameters: u128,
    layers: &[(&str, u32)],
    extents: &[(&str, u32)],
) -> Result<(), String> {
    let list = |fields: &[(&str, u32)]| {
        fields
            .iter()
            .map(|(name, value)| format!("{name} = {value}"))
            .collect::<Vec<_>>()
            .join(", ")
    };
    if tensors > MAX_TENSORS {
        return Err(format!(
            "{} make {tensors} parameter tensors, more than {MAX_TENSORS}: lower them",
            list(layers)
        ));
    }
    if parameters > u128::from(u64::MAX) / TRAINING_BYTES {
        return Err(format!(
            "{} make {parameters} parameters, whose bytes overflow 64 bits: lower them",
            list(extents)
        ));
    }
    Ok(())
}

/// Sets one field from `KEY=VALUE`, the value read as JSON where it is JSON and as text otherwise. Returns the
/// field.
///
/// # Errors
/// What is wrong, where there is no such field, or the value begins as JSON and does not go on as that.
pub(crate) fn set(
    object: &mut Map<String, Value>,
    known: Fields,
    assignment: &str,
) -> Result<&'static str, String> {
    let (key, value) = assignment.split_once('=').ok_or_else(|| {
        let field = named(assignment, known).unwrap_or(known[0]);
        format!("'{assignment}' is not KEY=VALUE (as in {field}=2)")
    })?;
    let key = named(key, known)?;
    let value = match serde_json::from_str(value) {
        Ok(value) => value,
        Err(problem) if value.starts_with(['[', '{', '"']) => {
            return Err(format!("{value} is no JSON: {problem}"));
        }
        Err(_) => Value::String(value.to_owned()),
    };
    object.insert(key.to_owned(), value);
    Ok(key)
}

/// Which of these overrides, `KEY=VALUE`, sets a field, if one does.
pub(crate) fn setting_of<'a>(overrides: &'a [String], field: &str) -> Option<&'a String> {
    let sets = |set: &&String| {
        set.split('=').next().is_some_and(|name| name == field || long(name) == long(field))
    };
    overrides.iter().find(sets)
}

/// What people call a field who have several families in mind.
const SHORT: [(&str, &str); 16] = [
    ("d_model", "hidden_size"),
    ("n_layers", "num_hidden_layers"),
    ("n_heads", "num_attention_heads"),
    ("n_kv_heads", "num_key_value_heads"),
    ("d_ff", "intermediate_size"),
    ("vocab", "vocab_size"),
    ("n_embd", "hidden_size"),
    ("n_layer", "num_hidden_layers"),
    ("n_head", "num_attention_heads"),
    ("n_positions", "max_position_embeddings"),
    ("n_inner", "intermediate_size"),
    ("ffn_dim", "intermediate_size"),
    ("rotary_emb_base", "rope_theta"),
    ("rotary_pct", "partial_rotary_factor"),
    ("n_experts", "num_experts"),
    ("rank", "lora_rank"),
];

/// The field that a name, or a short name of it, means.
///
/// # Errors
/// Which names there are, where this is none.
pub fn named(name: &str, known: Fields) -> Result<&'static str, String> {
    let known_as = |name: &str| known.iter().copied().find(|field| *field == name);
    known_as(name).or_else(|| known_as(long(name))).ok_or_else(|| unknown(name, known))
}

/// The field that a short name stands for in most families, or the name itself.
fn long(name: &str) -> &str {
    SHORT.iter().find(|(short, _)| *short == name).map_or(name, |(_, long)| long)
}

fn unknown(name: &str, known: Fields) -> String {
    let short = || SHORT.iter().filter(|(_, long)| known.contains(long));
    let names = known.iter().copied().chain(short().map(|(short, _)| *short));
    let guess =
        meant(name, names).map_or_else(String::new, |guess| format!("; did you mean '{guess}'?"));
    let short: Vec<String> = short().map(|(short, long)| format!("{short} for {long}")).collect();
    let short = match short.as_slice() {
        [] => String::new(),
        short => format!("; short names: {}", short.join(", ")),
    };
    format!("unknown field '{name}'{guess} (fields: {}{short})", known.join(", "))
}
