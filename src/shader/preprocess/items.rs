//! Tokens as macros are expanded among them: with the places at which they stay apart, and where the body of a macro
//! ends. Knows no macro.

use super::tokens::{Token, TokenKind, would_join};

/// A token, or what lies between two.
#[derive(Clone)]
pub(super) enum SeamedToken<'a> {
    Token(Token<'a>),
    /// The begin or the end of what a macro or a parameter stands for: tokens stay apart there.
    Seam,
    /// The end of the body of a macro.
    End(&'a str),
}

/// Adds a seam, unless there is one.
pub(super) fn seam(items: &mut Vec<SeamedToken<'_>>) {
    if !matches!(items.last(), Some(SeamedToken::Seam)) {
        items.push(SeamedToken::Seam);
    }
}

/// The text of the next token that is no blank, of items the first of which is the last.
pub(super) fn next_sign<'i>(rest: &'i [SeamedToken<'_>]) -> Option<&'i str> {
    rest.iter().rev().find_map(|item| match item {
        SeamedToken::Token(token) if token.kind != TokenKind::Blank => Some(&*token.text),
        SeamedToken::Token(_) | SeamedToken::Seam | SeamedToken::End(_) => None,
    })
}

fn is_blank(item: &SeamedToken<'_>) -> bool {
    match item {
        SeamedToken::Token(token) => token.kind == TokenKind::Blank,
        SeamedToken::Seam | SeamedToken::End(_) => true,
    }
}

/// Whether there is nothing but blanks.
pub(super) fn is_empty(items: &[SeamedToken<'_>]) -> bool {
    items.iter().all(is_blank)
}

/// Items without the blanks at their begin and their end.
pub(super) fn trimmed(mut items: Vec<SeamedToken<'_>>) -> Vec<SeamedToken<'_>> {
    items.truncate(items.iter().rposition(|item| !is_blank(item)).map_or(0, |last| last + 1));
    let begin = items.iter().position(|item| !is_blank(item)).unwrap_or(0);
    items.split_off(begin)
}

/// Items as a text, with a blank where two would be read as one.
pub(super) fn text(items: &[SeamedToken<'_>]) -> String {
    let mut text = String::new();
    let mut last = "";
    let mut is_seam = false;
    for item in items {
        let SeamedToken::Token(token) = item else {
            is_seam = true;
            continue;
        };
        if is_seam && would_join(last, &token.text) {
            text.push(' ');
        }
        text.push_str(&token.text);
        last = &token.text;
        is_seam = false;
    }
    text
}
