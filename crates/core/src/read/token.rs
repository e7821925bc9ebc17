//! The tokens of WGSL and GLSL, as far as finding words and brackets needs them: comments and white space are
//! left out, and every other character that begins no word or number is a token by itself.

use std::ops::Range;

/// A token and its bytes in the text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Token<'a> {
    pub(crate) text: &'a str,
    pub(crate) at: Range<usize>,
}

/// The tokens of a text, in order. WGSL's comments nest, GLSL's do not: a text of one language that has comments
/// within comments is read wrong as the other.
pub(crate) fn tokens(text: &str) -> impl Iterator<Item = Token<'_>> {
    let mut at = 0;
    std::iter::from_fn(move || {
        at = past_blanks(text, at);
        let rest = &text[at..];
        let first = rest.chars().next()?;
        let length = word(rest).max(first.len_utf8());
        let token = Token { text: &rest[..length], at: at..at + length };
        at += length;
        Some(token)
    })
}

/// Bytes of the word or number that a text begins with.
fn word(text: &str) -> usize {
    // Most are ASCII, and a byte is seen faster than a character.
    let is_word = |byte: &u8| byte.is_ascii_alphanumeric() || *byte == b'_';
    let ascii = text.bytes().take_while(is_word).count();
    if text.as_bytes().get(ascii).is_none_or(u8::is_ascii) {
        return ascii;
    }
    text.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(text.len())
}

/// The first offset from `at` on that is in no comment and no white space.
fn past_blanks(text: &str, mut at: usize) -> usize {
    loop {
        at += text.as_bytes()[at..].iter().take_while(|byte| byte.is_ascii_whitespace()).count();
        let rest = &text[at..];
        let blank = match rest.bytes().next() {
            Some(byte) if !byte.is_ascii() || byte.is_ascii_control() => {
                rest.len() - rest.trim_start().len()
            }
            _ => 0,
        };
        let comment = if rest.starts_with("//") {
            rest.find('\n').unwrap_or(rest.len())
        } else if rest.starts_with("/*") {
            block_comment(rest)
        } else {
            0
        };
        match blank.max(comment) {
            0 => return at,
            skipped => at += skipped,
        }
    }
}

/// Bytes of the comment that a text begins with, comments within it included.
fn block_comment(text: &str) -> usize {
    let mut depth = 0_usize;
    let mut at = 0;
    while at < text.len() {
        let rest = &text[at..];
        if rest.starts_with("/*") {
            (depth, at) = (depth + 1, at + 2);
        } else if rest.starts_with("*/") {
            (depth, at) = (depth - 1, at + 2);
        } else {
            at += rest.chars().next().map_or(1, char::len_utf8);
        }
        if depth == 0 {
            break;
        }
    }
    at
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn comments_and_white_space_are_no_tokens() {
        let text = "let x1=/* a /* b */ é */2.0f;\u{b}\u{2028}aö_1= // end\n\tö";
        let words: Vec<&str> = tokens(text).map(|token| token.text).collect();
        assert_eq!(words, ["let", "x1", "=", "2", ".", "0f", ";", "aö_1", "=", "ö"]);
        assert!(tokens(text).all(|token| text[token.at.clone()] == *token.text));
        assert_eq!(tokens("/* open").count(), 0);
    }
}
