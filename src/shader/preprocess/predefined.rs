//! What a compiler of GLSL for Vulkan defines before the first line, and what it may define beside that: whoever reads a
//! text gets the same macros. Knows no extension, so that a condition on one is refused and not guessed.

use super::{
    macros::Macros,
    tokens::{Token, TokenKind, word},
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
    if let Some(here) = &mut macros.here {
        here.version = Some(number.to_owned());
    }
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
pub(super) fn unknown<'a>(
    macros: &Macros,
    condition: impl IntoIterator<Item = Token<'a>>,
) -> Option<String> {
    let here = macros.here.as_ref()?;
    let has_version = here.version.is_some();
    let is_unknown = |name: &str| {
        // A text of one profile has not that of the other.
        let profile = matches!(name, "GL_ES" | "GL_core_profile" | "GL_compatibility_profile");
        let is_known = has_version && (profile || name == "__VERSION__");
        (name.starts_with("GL_") || name == "__VERSION__") && !macros.has(name) && !is_known
    };
    let mut names = condition.into_iter().filter(|token| token.kind == TokenKind::Name);
    names.find(|token| is_unknown(&token.text)).map(|token| token.text.into_owned())
}
