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
        let is_word = |c: char| c.is_alphanumeric() || c == '_';
        let length = if is_word(first) {
            rest.find(|c| !is_word(c)).unwrap_or(rest.len())
        } else {
            first.len_utf8()
        };
        let token = Token { text: &rest[..length], at: at..at + length };
        at += length;
        Some(token)
    })
}

/// The first offset from `at` on that is in no comment and no white space.
fn past_blanks(text: &str, mut at: usize) -> usize {
    loop {
        let rest = &text[at..];
        let blank = rest.len() - rest.trim_start().len();
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
        let text = "let x1=/* a /* b */ é */2.0f; // end\n\tö";
        let words: Vec<&str> = tokens(text).map(|token| token.text).collect();
        assert_eq!(words, ["let", "x1", "=", "2", ".", "0f", ";", "ö"]);
        assert!(tokens(text).all(|token| text[token.at.clone()] == *token.text));
        assert_eq!(tokens("/* open").count(), 0);
    }
}
