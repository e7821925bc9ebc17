//! Rotary positions as files state them: the base, and how far wavelengths are stretched. Older files
//! say `rope_theta` and `rope_scaling`, newer ones `rope_parameters` with both.

use serde_json::{Map, Value, json};

use super::fields::{FileFields, positive, size};
use crate::family::decoder::rope::{Rope, Scaling};

impl Rope {
    /// Reads both spellings; what both say, they must say alike.
    pub(super) fn read(fields: &FileFields<'_>, default_theta: f64) -> Result<Self, String> {
        let object = |name: &str| -> Result<Option<&Map<String, Value>>, String> {
            let object = |value: &'_ Value| format!("{name} is {value}, not an object");
            let Some(value) = fields.given(name) else { return Ok(None) };
            value.as_object().map(Some).ok_or_else(|| object(value))
        };
        let (newer, older) = (object("rope_parameters")?, object("rope_scaling")?);
        let outer = fields.positive("rope_theta")?;
        let inner = newer.and_then(|rope| rope.get("rope_theta"));
        let inner = inner.map(|value| positive("rope_parameters.rope_theta", value)).transpose()?;
        if let (Some(outer), Some(inner)) = (outer, inner)
            && outer != inner
        {
            return Err(format!(
                "rope_theta is {outer}, but rope_parameters.rope_theta is {inner}: remove one of them"
            ));
        }
        let newer = newer.map(|rope| Scaling::read("rope_parameters", rope)).transpose()?;
        let older = older.map(|rope| Scaling::read("rope_scaling", rope)).transpose()?;
        if let (Some(newer), Some(older)) = (newer, older)
            && newer != older
        {
            return Err(
                "rope_parameters and rope_scaling contradict each other: remove one of them"
                    .to_owned(),
            );
        }
        let scaling = newer.or(older).unwrap_or(Scaling::Default);
        Ok(Self { theta: outer.or(inner).unwrap_or(default_theta), scaling })
    }
}

impl Scaling {
    /// As older files write it, which state the base elsewhere.
    pub(super) fn write(self) -> Value {
        match self {
            Self::Default => json!({ "rope_type": "default" }),
            Self::Linear { factor } => json!({ "rope_type": "linear", "factor": factor }),
            Self::Llama3 { factor, low, high, original } => json!({
                "rope_type": "llama3",
                "factor": factor,
                "low_freq_factor": low,
                "high_freq_factor": high,
                "original_max_position_embeddings": original,
            }),
        }
    }

    fn read(name: &str, rope: &Map<String, Value>) -> Result<Self, String> {
        let missing = |key: &str| format!("{name}.{key} is missing");
        let number = |key: &str| {
            let value = rope.get(key).ok_or_else(|| missing(key))?;
            positive(&format!("{name}.{key}"), value)
        };
        let kind = rope.get("rope_type").or_else(|| rope.get("type"));
        let kind = match kind {
            None => "default",
            Some(kind) => kind.as_str().unwrap_or_default(),
        };
        let (scaling, keys): (_, &[&str]) = match kind {
            "default" => (Self::Default, &[]),
            "linear" => (Self::Linear { factor: number("factor")? }, &["factor"]),
            "llama3" => {
                let key = "original_max_position_embeddings";
                let original = rope.get(key).ok_or_else(|| missing(key))?;
                let scaling = Self::Llama3 {
                    factor: number("factor")?,
                    low: number("low_freq_factor")?,
                    high: number("high_freq_factor")?,
                    original: size(&format!("{name}.{key}"), original)?,
                };
                (scaling, &["factor", "low_freq_factor", "high_freq_factor", key])
            }
            _ => {
                let kind =
                    rope.get("rope_type").or_else(|| rope.get("type")).unwrap_or(&Value::Null);
                return Err(format!(
                    "{name}.rope_type {kind} is not supported: one of default, linear, llama3"
                ));
            }
        };
        if let Self::Llama3 { low, high, .. } = scaling
            && low >= high
        {
            return Err(format!(
                "{name}: low_freq_factor = {low} is not below high_freq_factor = {high}"
            ));
        }
        let known =
            |key: &str| ["rope_type", "type", "rope_theta"].contains(&key) || keys.contains(&key);
        match rope.iter().find(|(key, value)| !known(key) && !value.is_null()) {
            Some((key, value)) => Err(format!(
                "{name}.{key} is {value}, which rope_type \"{kind}\" does not have: remove it"
            )),
            None => Ok(scaling),
        }
    }
}
