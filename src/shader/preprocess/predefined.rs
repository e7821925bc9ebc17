//! What a compiler of GLSL for Vulkan defines before the first line, and what it may define beside that: whoever reads a
//! text gets the same macros. Knows no extension by its name: a condition on one is what a compiler says of it, or is
//! refused.

use super::{
    macros::Macros,
    tokens::{Token, TokenKind, word},
};

/// Defines what every version has.
pub(super) fn at_the_begin(macros: &mut Macros) {
    define(macros, "VULKAN", "100");
}

/// Defines what a version has, by what stands behind `#version`.
pub(super) fn at_the_version(macros: &mut Macros, stated: &str) {
    if let Some(here) = &mut macros.here {
        here.version = Some(stated.to_owned());
    }
    define(macros, profile_of(word(stated).1), "1");
}

fn profile_of(stated: &str) -> &'static str {
    match word(stated).0 {
        "es" => "GL_ES",
        _ => "GL_core_profile",
    }
}

/// A definition of the user's stays.
fn define(macros: &mut Macros, name: &str, value: &str) {
    if !macros.has(name) {
        macros.set(name, value);
    }
}

/// Takes what a compiler says of a name: whether it defines it, and by that as 1, as glslang does each extension.
pub(super) fn learn(macros: &mut Macros, name: &str, is_defined: bool) {
    if is_defined {
        macros.set(name, "1");
    } else if let Some(here) = &mut macros.here {
        here.absent.insert(name.to_owned());
    }
}

/// A name in a condition that a compiler may have defined, and of which that is not known here.
pub(super) fn unknown<'a>(
    macros: &Macros,
    condition: impl IntoIterator<Item = Token<'a>>,
) -> Option<String> {
    let here = macros.here.as_ref()?;
    let has_version = here.version.is_some();
    let is_unknown = |name: &str| {
        // A text of one profile has not that of the other.
        let profile = matches!(name, "GL_ES" | "GL_core_profile" | "GL_compatibility_profile");
        let is_known =
            has_version && (profile || name == "__VERSION__") || here.absent.contains(name);
        (name.starts_with("GL_") || name == "__VERSION__") && !macros.has(name) && !is_known
    };
    let mut names = condition.into_iter().filter(|token| token.kind == TokenKind::Name);
    names.find(|token| is_unknown(&token.text)).map(|token| token.text.into_owned())
}
