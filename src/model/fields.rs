//! Reading the fields of a `config.json`, and changing them from the command line. Which fields
//! there are and what they mean is the model family's business.

use serde_json::{Map, Value};

use super::spelling::nearest;

/// The field that names the family.
pub(super) const MODEL_TYPE: &str = "model_type";

/// Refuses a field that the family does not know: a misspelt one would otherwise go unnoticed.
pub(super) fn refuse_unknown(
    object: &Map<String, Value>,
    known: &'static [&'static str],
) -> Result<(), String> {
    let is_known = |name: &str| name == MODEL_TYPE || known.contains(&name);
    match object.keys().find(|name| !is_known(name)) {
        Some(name) => Err(unknown(name, known)),
        None => Ok(()),
    }
}

/// A field that is a whole number of at least 1.
pub(super) fn positive(object: &Map<String, Value>, name: &str) -> Result<u32, String> {
    let value = object.get(name).ok_or_else(|| format!("field '{name}' is missing"))?;
    let number = value.as_u64().and_then(|number| u32::try_from(number).ok());
    number.filter(|&number| number > 0).ok_or_else(|| {
        format!("{name} is {value}; it must be a whole number from 1 to {}", u32::MAX)
    })
}

/// Sets one field from `KEY=VALUE`, the value read as JSON where it is JSON and as text otherwise.
pub(super) fn set(
    object: &mut Map<String, Value>,
    known: &'static [&'static str],
    assignment: &str,
) -> Result<(), String> {
    let (key, value) = assignment
        .split_once('=')
        .ok_or_else(|| format!("'{assignment}' is not KEY=VALUE (as in {}=2)", known[0]))?;
    if !known.contains(&key) {
        return Err(unknown(key, known));
    }
    let value = serde_json::from_str(value).unwrap_or_else(|_| Value::String(value.to_owned()));
    object.insert(key.to_owned(), value);
    Ok(())
}

fn unknown(name: &str, known: &'static [&'static str]) -> String {
    let guess = nearest(name, known.iter().copied())
        .map_or_else(String::new, |guess| format!("; did you mean '{guess}'?"));
    format!("unknown field '{name}'{guess} (fields: {})", known.join(", "))
}
