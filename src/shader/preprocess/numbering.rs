//! What `#line` says: the number of the line that follows it, and that of the text. Knows not where these are asked for.

use super::{
    dialect::Dialect,
    expansion::{Unexpanded, expanded},
    here::Numbering,
    lines::TextLine,
    macros::Macros,
    number,
};

/// How lines are numbered behind one that ends with what is stated.
///
/// # Errors
/// Where that is neither one number nor two.
pub(super) fn stated(
    macros: &Macros,
    line: &TextLine<'_>,
    stated: &str,
) -> Result<Numbering, String> {
    let numbers = expanded(macros, line.tokens(stated, macros.shift()), false);
    let numbers = numbers.map_err(Unexpanded::problem)?;
    let numbers = numbers.as_deref().unwrap_or(stated).trim();
    let of = |text| number::of(text, Dialect::Glsl);
    // One expression, or else a number and another behind a blank.
    let (first, second) = match (of(numbers), numbers.split_once(char::is_whitespace)) {
        (Err(_), Some((first, second))) => (of(first), Some(of(second))),
        (first, _) => (first, None),
    };
    let malformed = |why| format!("#line takes one number or two, not '{}': {why}", stated.trim());
    let shift = first.map_err(malformed)? - i64::from(line.behind());
    let text = macros.here.as_ref().map_or(0, |here| here.numbering.text);
    Ok(Numbering { shift, text: second.unwrap_or(Ok(text)).map_err(malformed)? })
}
