//! Words at the begin of a text. Knows no directive and no macro.

/// Bytes of the word or number that a text begins with.
pub(super) fn word_length(text: &str) -> usize {
    text.find(|c: char| !(c.is_alphanumeric() || c == '_')).unwrap_or(text.len())
}

/// A word at the begin of a text, behind blanks, and the rest.
pub(super) fn word(text: &str) -> (&str, &str) {
    let text = text.trim_start();
    text.split_at(word_length(text))
}

/// The name that a text begins with.
pub(super) fn leading_name(text: &str) -> Option<&str> {
    let name = &text[..word_length(text)];
    (!name.is_empty() && !name.starts_with(|c: char| c.is_ascii_digit())).then_some(name)
}
