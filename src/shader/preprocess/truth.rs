//! Whether a condition holds: what `defined` says of a name, what macros stand for, and the number that all of it makes.

use super::{
    expansion::expanded,
    macros::Macros,
    number, predefined,
    tokens::{Token, TokenKind, tokens},
};

/// Why it is not known whether a condition holds.
#[derive(Debug)]
pub(super) enum Unheld {
    /// It asks whether a compiler of GLSL defines this name.
    Unknown(String),
    /// This is wrong.
    Wrong(String),
}

impl From<String> for Unheld {
    fn from(problem: String) -> Self {
        Self::Wrong(problem)
    }
}

/// Whether a condition holds.
///
/// # Errors
/// Where it is no expression of whole numbers, or asks for what a compiler may have defined.
pub(super) fn holds(macros: &Macros, condition: &str, its: Vec<Token<'_>>) -> Result<bool, Unheld> {
    is_known(macros, its.iter().cloned())?;
    let its = without_defined(macros, condition, its)?;
    let plain: String = its.iter().map(|token| &*token.text).collect();
    let text = expanded(macros, its, None)?.unwrap_or(plain);
    is_known(macros, tokens(&text))?;
    let value = number::of(&text, macros.dialect);
    let value = value.map_err(|why| format!("#if '{condition}' is no condition: {why}"))?;
    Ok(value != 0)
}

/// Refuses a condition on what a compiler may have defined.
///
/// # Errors
/// Where a name is one of these.
pub(super) fn is_known<'a>(
    macros: &Macros,
    condition: impl IntoIterator<Item = Token<'a>>,
) -> Result<(), Unheld> {
    predefined::unknown(macros, condition).map_or(Ok(()), |name| Err(Unheld::Unknown(name)))
}

/// A condition with 1 and 0 for each `defined`.
fn without_defined<'a>(
    macros: &Macros,
    condition: &str,
    its: Vec<Token<'a>>,
) -> Result<Vec<Token<'a>>, String> {
    let mut found = Vec::new();
    let mut rest = its.into_iter();
    while let Some(token) = rest.next() {
        if token.text != "defined" {
            found.push(token);
            continue;
        }
        let mut next = || rest.find(|token| token.kind != TokenKind::Blank);
        let first = next();
        let is_in_brackets = first.as_ref().is_some_and(|first| first.text == "(");
        let asked = if is_in_brackets { next() } else { first };
        let is_closed = !is_in_brackets || next().is_some_and(|last| last.text == ")");
        let Some(asked) = asked.filter(|asked| asked.kind == TokenKind::Name && is_closed) else {
            return Err(format!("#if '{condition}': say defined(NAME)"));
        };
        let value = if macros.has(&asked.text) { " 1 " } else { " 0 " };
        found.push(Token { kind: TokenKind::Number, text: value.into(), line: token.line });
    }
    Ok(found)
}
