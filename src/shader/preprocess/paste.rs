//! `##`, which makes one token of two. Knows not what macros stand for.

use super::{
    items::SeamedToken,
    tokens::{Token, TokenKind, is_of_word, tokens},
};

/// A part of the body of a macro.
pub(super) enum BodyPart<'a> {
    Token(Token<'a>),
    /// What makes one token of those beside it.
    Paste,
}

/// The parts of the body of a macro, without the blanks beside a `##`.
pub(super) fn parts<'a>(name: &str, body: &'a str) -> Result<Vec<BodyPart<'a>>, String> {
    let mut found: Vec<BodyPart<'a>> = Vec::new();
    let mut rest = tokens(body).peekable();
    while let Some(token) = rest.next() {
        if token.text != "#" {
            found.push(BodyPart::Token(token));
            continue;
        }
        if rest.next_if(|next| next.text == "#").is_none() {
            return Err(format!(
                "the macro '{name}' has a # in it, which is not known here: write out what it stands for"
            ));
        }
        let is_blank = |token: &Token<'_>| token.kind == TokenKind::Blank;
        found.pop_if(|part| matches!(part, BodyPart::Token(last) if is_blank(last)));
        rest.next_if(is_blank);
        if !matches!(found.last(), Some(BodyPart::Token(_))) || rest.peek().is_none() {
            return Err(unpasted(name, "nothing"));
        }
        found.push(BodyPart::Paste);
    }
    Ok(found)
}

/// Makes one name of the last token of a body and the first of what follows it.
pub(super) fn paste<'a>(
    name: &str,
    body: &mut Vec<SeamedToken<'a>>,
    items: Vec<SeamedToken<'a>>,
) -> Result<(), String> {
    let mut items = items.into_iter();
    let (Some(SeamedToken::Token(left)), Some(SeamedToken::Token(right))) =
        (body.last_mut(), items.next())
    else {
        return Err(unpasted(name, "nothing"));
    };
    // As glslang has it: a name, and behind it another or a number.
    if left.kind != TokenKind::Name {
        return Err(unpasted(name, &left.text));
    }
    if !right.text.chars().all(is_of_word) {
        return Err(unpasted(name, &right.text));
    }
    left.text.to_mut().push_str(&right.text);
    left.line = None;
    body.extend(items);
    Ok(())
}

/// That something cannot be pasted.
pub(super) fn unpasted(name: &str, what: &str) -> String {
    format!(
        "the macro '{name}' pastes {what} with ##, which makes a name of one and a name or a whole number behind it"
    )
}
