//! A text as tokens: names, numbers, blanks, and the signs between them. Knows no directive and no macro.

use std::borrow::Cow;

/// What a token is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum TokenKind {
    Name,
    Number,
    Blank,
    Sign,
}

/// A name, a number with its suffix, a run of blanks, or one sign.
#[derive(Clone, Debug)]
pub(super) struct Token<'a> {
    pub(super) kind: TokenKind,
    pub(super) text: Cow<'a, str>,
    /// Its line as `__LINE__` has it; `None` for what no line of a file has, such as the body of a macro.
    pub(super) line: Option<i64>,
}

/// The tokens of a text, on no line.
pub(super) fn tokens(text: &str) -> impl Iterator<Item = Token<'_>> {
    let mut rest = text;
    std::iter::from_fn(move || {
        let (kind, length) = leading(rest)?;
        let (text, after) = rest.split_at(length);
        rest = after;
        Some(Token { kind, text: text.into(), line: None })
    })
}

/// The kind of the token that a text begins with, and its bytes.
pub(super) fn leading(text: &str) -> Option<(TokenKind, usize)> {
    let first = text.chars().next()?;
    let behind_point = text.strip_prefix('.').and_then(|rest| rest.chars().next());
    let while_is = |is: &dyn Fn(char) -> bool| text.find(|c: char| !is(c)).unwrap_or(text.len());
    Some(if first.is_whitespace() {
        (TokenKind::Blank, while_is(&char::is_whitespace))
    } else if first.is_ascii_digit() || behind_point.is_some_and(|c| c.is_ascii_digit()) {
        (TokenKind::Number, number_length(text))
    } else if is_of_word(first) {
        (TokenKind::Name, while_is(&is_of_word))
    } else {
        (TokenKind::Sign, first.len_utf8())
    })
}

/// Whether a name may have a character.
pub(super) fn is_of_word(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

/// Bytes of the number that a text begins with: digits, at most one point, an exponent with its sign, and a suffix.
fn number_length(text: &str) -> usize {
    let is_hexadecimal = text.starts_with("0x") || text.starts_with("0X");
    let exponents = if is_hexadecimal { ['p', 'P'] } else { ['e', 'E'] };
    let mut has_point = false;
    let mut last = ' ';
    for (at, c) in text.char_indices() {
        let goes_on = match c {
            '.' => !std::mem::replace(&mut has_point, true),
            '+' | '-' => exponents.contains(&last),
            _ => is_of_word(c),
        };
        if !goes_on {
            return at;
        }
        last = c;
    }
    text.len()
}

/// Whether two tokens, one right behind the other, would be read as others.
pub(super) fn would_join(left: &str, right: &str) -> bool {
    const OF_OPERATORS: [char; 14] =
        ['+', '-', '*', '/', '%', '<', '>', '=', '!', '&', '|', '^', ':', '#'];
    let (Some(last), Some(first)) = (left.chars().last(), right.chars().next()) else {
        return false;
    };
    let is_number = left.starts_with(|c: char| c == '.' || c.is_ascii_digit());
    match (last, first) {
        _ if is_of_word(last) && is_of_word(first) => true,
        ('.', _) => first.is_ascii_digit() || first == '.',
        (_, '.') => is_number,
        ('e' | 'E' | 'p' | 'P', '+' | '-') => is_number,
        _ => OF_OPERATORS.contains(&last) && OF_OPERATORS.contains(&first),
    }
}

/// A name or number at the begin of a text, behind blanks, and the rest.
pub(super) fn word(text: &str) -> (&str, &str) {
    let text = text.trim_start();
    match leading(text) {
        Some((TokenKind::Name | TokenKind::Number, length)) => text.split_at(length),
        _ => ("", text),
    }
}

/// The name that a text begins with.
pub(super) fn leading_name(text: &str) -> Option<&str> {
    leading(text).filter(|(kind, _)| *kind == TokenKind::Name).map(|(_, length)| &text[..length])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_whole_with_their_exponents_and_suffixes() {
        for (text, parts) in [
            ("2.f+.5f", &["2.f", "+", ".5f"][..]),
            ("1.e1-1e-3", &["1.e1", "-", "1e-3"]),
            ("0x1e+2", &["0x1e", "+", "2"]),
            ("0x1.8p+2f", &["0x1.8p+2f"]),
            ("1.0.xxx", &["1.0", ".", "xxx"]),
            ("a1.x2", &["a1", ".", "x2"]),
            ("x[0].y", &["x", "[", "0", "]", ".", "y"]),
            ("é  \t(", &["é", "  \t", "("]),
        ] {
            let found: Vec<String> = tokens(text).map(|token| token.text.into_owned()).collect();
            assert_eq!(found, parts, "{text}");
        }
    }
}
