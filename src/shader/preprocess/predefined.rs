//! What a compiler of GLSL for Vulkan defines before the first line, and what it may define beside that: whoever reads a
//! text gets the same macros. Knows no extension, so that a condition on one is refused and not guessed.

use super::{
    macros::Macros,
    words::{word, word_length},
};

/// Defines what every version has.
///
/// # Errors
/// Those of [`Macros::define`].
pub(super) fn at_the_begin(macros: &mut Macros) -> Result<(), String> {
    define(macros, "VULKAN", "100")
}

/// Defines what a version has, by what stands behind `#version`.
///
/// # Errors
/// Those of [`Macros::define`].
pub(super) fn at_the_version(macros: &mut Macros, stated: &str) -> Result<(), String> {
    let (number, profile) = word(stated);
    define(macros, "__VERSION__", number)?;
    define(macros, profile_of(profile), "1")
}

fn profile_of(stated: &str) -> &'static str {
    match word(stated).0 {
        "es" => "GL_ES",
        _ => "GL_core_profile",
    }
}

/// A definition of the user's stays.
fn define(macros: &mut Macros, name: &str, value: &str) -> Result<(), String> {
    if macros.has(name) { Ok(()) } else { macros.define(&format!("{name} {value}")) }
}

/// A name in a condition that a compiler may have defined, and of which that is not known here.
pub(super) fn unknown<'a>(macros: &Macros, condition: &'a str) -> Option<&'a str> {
    let has_version = macros.has("__VERSION__");
    let mut rest = condition;
    while let Some(first) = rest.chars().next() {
        let (name, after) = rest.split_at(first.len_utf8().max(word_length(rest)));
        rest = after;
        // A text of one profile has not that of the other.
        let profile = matches!(name, "GL_ES" | "GL_core_profile" | "GL_compatibility_profile");
        let is_reserved = name.starts_with("GL_") || name == "__VERSION__";
        if is_reserved && !macros.has(name) && !(profile && has_version) {
            return Some(name);
        }
    }
    None
}
