//! Fields that files of GPT-2 and of OPT call otherwise than those of other decoders do. transformers knows all but the
//! width of the MLP by either name.

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

/// The same of OPT's files.
const OPT: [(&str, &str); 1] = [("ffn_dim", WIDTH)];

/// What transformers passes over in these files, since it knows the field by one name alone.
const WIDTH: &str = "intermediate_size";

/// What files of an architecture call the width of an MLP.
pub(in crate::family::decoder) const fn width(architecture: Architecture) -> &'static str {
    match architecture {
        Architecture::Gpt2 => INNER,
        Architecture::Opt => OPT[0].0,
        _ => WIDTH,
    }
}

const INNER: &str = "n_inner";

/// The fields that such a file calls otherwise.
fn own_names(object: &Map<String, Value>) -> &'static [(&'static str, &'static str)] {
    match Architecture::stated(object) {
        Some(Architecture::Gpt2) => &GPT2,
        Some(Architecture::Opt) => &OPT,
        _ => &[],
    }
}

/// The contents of a `config.json` with the names that most decoders have.
///
/// # Errors
/// Which field a file states by both names, where it says different things.
pub(super) fn usual(object: &Map<String, Value>) -> Result<Cow<'_, Map<String, Value>>, String> {
    let names = own_names(object);
    if names.is_empty() {
        return Ok(Cow::Borrowed(object));
    }
    let mut usual = object.clone();
    usual.remove(WIDTH);
    for (own, name) in names {
        let Some(stated) = usual.remove(*own) else { continue };
        match given(&usual, name) {
            Some(_) if stated.is_null() => {}
            Some(other) if *other != stated => {
                return Err(format!(
                    "{own} is {stated}, but {name} is {other}, which is the same field: remove one of them"
                ));
            }
            _ => drop(usual.insert((*name).to_owned(), stated)),
        }
    }
    Ok(Cow::Owned(usual))
}

/// What is wrong with the fields of a file, by the names that it has for them.
pub(super) fn said(object: &Map<String, Value>, problem: String) -> String {
    let names = own_names(object);
    if !names.iter().any(|(own, _)| object.contains_key(*own)) {
        return problem;
    }
    let others = names.iter().filter(|(_, name)| given(object, name).is_none());
    others.fold(problem, |problem, (own, name)| problem.replace(name, own))
}

/// Leaves a field that was set with one of its names.
pub(in crate::family::decoder) fn settle(object: &mut Map<String, Value>, field: &str) {
    let other = own_names(object).iter().find(|(_, name)| *name == field);
    let Some((own, name)) = other else { return };
    object.remove(*own);
    if *name == WIDTH
        && let Some(width) = object.remove(WIDTH)
    {
        object.insert((*own).to_owned(), width);
    }
}
