//! Fields that GPT-2's files call otherwise than those of other decoders do. transformers knows all but one of them by
//! either name.

use std::borrow::Cow;

use serde_json::{Map, Value};

use crate::family::{decoder::architecture::Architecture, fields::given};

/// What GPT-2's files call a field, and what others do.
const GPT2: [(&str, &str); 5] = [
    ("n_embd", "hidden_size"),
    ("n_layer", "num_hidden_layers"),
    ("n_head", "num_attention_heads"),
    ("n_positions", "max_position_embeddings"),
    (INNER, WIDTH),
];

/// The one that transformers knows by no other name, and what it passes over in a file of GPT-2.
pub(in crate::family::decoder) const INNER: &str = "n_inner";
const WIDTH: &str = "intermediate_size";

fn is_gpt2(object: &Map<String, Value>) -> bool {
    Architecture::stated(object) == Some(Architecture::Gpt2)
}

/// The contents of a `config.json` with the names that most decoders have.
///
/// # Errors
/// Which field a file states by both names, where it says different things.
pub(super) fn usual(object: &Map<String, Value>) -> Result<Cow<'_, Map<String, Value>>, String> {
    if !is_gpt2(object) {
        return Ok(Cow::Borrowed(object));
    }
    let mut usual = object.clone();
    usual.remove(WIDTH);
    for (own, name) in GPT2 {
        let Some(stated) = usual.remove(own) else { continue };
        match given(&usual, name) {
            Some(_) if stated.is_null() => {}
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

/// What is wrong with the fields of a file, by the names that it has for them.
pub(super) fn said(object: &Map<String, Value>, problem: String) -> String {
    let is_own = GPT2.iter().any(|(own, _)| object.contains_key(*own));
    if !is_gpt2(object) || !is_own {
        return problem;
    }
    let others = GPT2.iter().filter(|(_, name)| given(object, name).is_none());
    others.fold(problem, |problem, (own, name)| problem.replace(name, own))
}

/// Leaves a field that was set with one of its names.
pub(in crate::family::decoder) fn settle(object: &mut Map<String, Value>, field: &str) {
    let other = GPT2.iter().find(|(_, name)| *name == field).filter(|_| is_gpt2(object));
    let Some((own, name)) = other else { return };
    object.remove(*own);
    if *name == WIDTH
        && let Some(width) = object.remove(WIDTH)
    {
        object.insert((*own).to_owned(), width);
    }
}
