//! What `#line` says: the number of the line that follows it, and the number or the name of the text. Knows not where these
//! are asked for.

use super::{
    dialect::Dialect,
    expansion::expanded,
    here::{Here, Numbering},
    lines::TextLine,
    macros::Macros,
    number,
    tokens::{tokens, word},
};

/// The extension that `#line` with a name is of.
const NAMES: &str = "GL_GOOGLE_cpp_style_line_directive";

/// The extension of `#include`, which implies it.
const INCLUDES: &str = "GL_GOOGLE_include_directive";

/// Takes what stands behind `#extension`. Whether it asks for no more than is had here.
pub(super) fn extends(here: &mut Here, stated: &str) -> bool {
    let (name, behavior) = word(stated);
    let is_own = [NAMES, INCLUDES].contains(&name);
    if is_own || name == "all" {
        here.takes_names = behavior.trim_start_matches([' ', '\t', ':']) != "disable";
    }
    is_own
}

/// How lines are numbered behind one that ends with what is stated.
///
/// # Errors
/// Where that is neither one number nor two, nor a number and a name that an extension allows.
pub(super) fn stated(
    macros: &Macros,
    line: &TextLine<'_>,
    stated: &str,
) -> Result<Numbering, String> {
    let malformed = |why: String| {
        let stated = stated.trim();
        format!("#line takes one number or two, or a number and a \"NAME\", not '{stated}': {why}")
    };
    let of = |text: &str| number::of(text, Dialect::Glsl).map_err(malformed);
    // What stands in quotes is no macro.
    let (numbers, name) = match stated.find('"') {
        Some(begin) => (&stated[..begin], Some(stated[begin..].trim())),
        None => (stated, None),
    };
    let mut its = line.tokens(stated, macros.shift());
    its.truncate(tokens(numbers).count());
    let expanded = expanded(macros, its, None)?;
    let numbers = expanded.as_deref().unwrap_or(numbers).trim();
    let shift = |first: i64| first - i64::from(line.behind());
    if let Some(name) = name {
        let inside = name.strip_prefix('"').and_then(|name| name.strip_suffix('"'));
        if inside.is_none_or(|inside| inside.contains(['"', '\\'])) {
            return Err(malformed(format!("{name} is no name")));
        }
        if macros.here.as_ref().is_none_or(|here| !here.takes_names) {
            return Err(format!("#line with a name takes #extension {NAMES} or {INCLUDES}"));
        }
        return Ok(Numbering { shift: shift(of(numbers)?), text: Some(name.to_owned()) });
    }
    // One expression, or else a number and another behind a blank.
    let (first, second) = match (of(numbers), numbers.split_once(char::is_whitespace)) {
        (Err(_), Some((first, second))) => (of(first), Some(of(second)?.to_string())),
        (first, _) => (first, None),
    };
    let text = macros.here.as_ref().and_then(|here| here.numbering.text.clone());
    Ok(Numbering { shift: shift(first?), text: second.or(text) })
}
