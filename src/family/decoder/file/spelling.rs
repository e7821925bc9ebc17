//! Fields that GPT-2's files call otherwise than those of other decoders do. transformers knows all but one of them by
//! either name.

use std::borrow::Cow;

use serde_json::{Map, Value};

use crate::family::{decoder::architecture::Architecture, fields::MODEL_TYPE};

/// What GPT-2's files call a field, and what others do.
const GPT2: [(&str, &str); 5] = [
    ("n_embd", "hidden_size"),
    ("n_layer", "num_hidden_layers"),
    ("n_head", "num_attention_heads"),
    ("n_positions", "max_position_embeddings"),
    (INNER, "intermediate_size"),
];

/// The one that transformers knows by no other name.
pub(super) const INNER: &str = "n_inner";

/// The contents of a `config.json` with the names that most decoders have.
///
/// # Errors
/// Which field a file states by both names, where it says different things.
pub(super) fn usual(object: &Map<String, Value>) -> Result<Cow<'_, Map<String, Value>>, String> {
    if object.get(MODEL_TYPE).is_none_or(|kind| *kind != Architecture::Gpt2.model_type()) {
        return Ok(Cow::Borrowed(object));
    }
    let mut usual = object.clone();
    for (own, name) in GPT2 {
        let Some(stated) = usual.remove(own).filter(|value| !value.is_null()) else { continue };
        match usual.get(name).filter(|value| !value.is_null()) {
            Some(other) if *other != stated => {
                return Err(format!(
                    "{own} is {stated}, but {name} is {other}, which is the same field: remove one of them"
                ));
            }
            _ => drop(usual.insert(name.to_owned(), stated)),
        }
    }
    Ok(Cow::Owned(usual))
}

/// Takes the other name of a field out of a `config.json` that has it by both.
pub(in crate::family::decoder) fn forget_other(object: &mut Map<String, Value>, field: &str) {
    if let Some((own, _)) = GPT2.iter().find(|(_, name)| *name == field) {
        object.remove(*own);
    }
}
