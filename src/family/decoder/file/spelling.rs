//! Fields that files of GPT-2, of OPT and of GPT-NeoX call otherwise than those of other decoders do. transformers knows some
//! of them by either name, and passes the usual name of the others over in these files.

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

/// The same of OPT's files, and of GPT-NeoX's.
const OPT: [(&str, &str); 1] = [("ffn_dim", WIDTH)];
const GPT_NEOX: [(&str, &str); 2] =
    [("rotary_emb_base", "rope_theta"), ("rotary_pct", "partial_rotary_factor")];

const INNER: &str = "n_inner";
const WIDTH: &str = "intermediate_size";

/// The usual names that transformers passes over in the files that call these fields otherwise.
const PASSED_OVER: [&str; 3] = [WIDTH, GPT_NEOX[0].1, GPT_NEOX[1].1];

/// What files of an architecture call the width of an MLP.
pub(in crate::family::decoder) fn width(architecture: Architecture) -> &'static str {
    in_files(architecture, WIDTH)
}

/// What files of an architecture have to call a field.
pub(super) fn in_files(architecture: Architecture, name: &'static str) -> &'static str {
    let own = own_names(Some(architecture)).iter().find(|(_, usual)| *usual == name);
    own.filter(|(_, usual)| PASSED_OVER.contains(usual)).map_or(name, |(own, _)| own)
}

/// The fields that files of an architecture call otherwise.
const fn own_names(architecture: Option<Architecture>) -> &'static [(&'static str, &'static str)] {
    match architecture {
        Some(Architecture::Gpt2) => &GPT2,
        Some(Architecture::Opt) => &OPT,
        Some(Architecture::GptNeoX) => &GPT_NEOX,
        _ => &[],
    }
}

/// The contents of a `config.json` with the names that most decoders have.
///
/// # Errors
/// Which field a file states by both names, where it says different things.
pub(super) fn usual(object: &Map<String, Value>) -> Result<Cow<'_, Map<String, Value>>, String> {
    let names = own_names(Architecture::stated(object));
    if names.is_empty() {
        return Ok(Cow::Borrowed(object));
    }
    let mut usual = object.clone();
    usual.retain(|name, _| !is_passed_over(names, name));
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

fn is_passed_over(names: &[(&str, &str)], name: &str) -> bool {
    PASSED_OVER.contains(&name) && names.iter().any(|(_, usual)| *usual == name)
}

/// What is wrong with the fields of a file, by the names that it has for them.
pub(super) fn said(object: &Map<String, Value>, problem: String) -> String {
    let names = own_names(Architecture::stated(object));
    let has_own = names.iter().any(|(own, _)| object.contains_key(*own));
    let others = names.iter().filter(|(_, name)| {
        is_passed_over(names, name) || has_own && given(object, name).is_none()
    });
    others.fold(problem, |problem, (own, name)| renamed(&problem, name, own))
}

/// A text with another name for a field, but for one within another field.
fn renamed(text: &str, name: &str, other: &str) -> String {
    let mut parts = text.split(name);
    let first = parts.next().unwrap_or_default().to_owned();
    parts.fold(first, |before, part| {
        let name = if before.ends_with('.') { name } else { other };
        before + name + part
    })
}

/// Leaves a field that was set with one of its names.
pub(in crate::family::decoder) fn settle(object: &mut Map<String, Value>, field: &str) {
    let names = own_names(Architecture::stated(object));
    let Some((own, name)) = names.iter().find(|(_, name)| *name == field) else { return };
    object.remove(*own);
    if is_passed_over(names, name)
        && let Some(value) = object.remove(*name)
    {
        object.insert((*own).to_owned(), value);
    }
}
