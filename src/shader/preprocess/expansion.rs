//! What macros make of tokens: each name is what it stands for, again and again, except in itself. Knows neither
//! directives nor files.

use std::collections::BTreeMap;

use super::{
    dialect::Dialect,
    macros::{Macro, Macros},
    tokens::{Token, TokenKind, tokens, would_join},
};

/// Bytes that a line may become.
const LONGEST: usize = 1 << 20;

/// Macros that a line may expand.
const MOST: usize = 1 << 16;

/// Macros that may be within one another, and arguments.
const DEEPEST: usize = 128;

/// Why tokens are not expanded.
#[derive(Debug)]
pub(super) enum Unexpanded {
    /// The arguments of the macro of this name do not end in them.
    Open(String),
    /// They end with the name of a macro that takes arguments, which may stand behind them.
    Named,
    /// This is wrong.
    Wrong(String),
}

impl Unexpanded {
    /// What is wrong where no tokens follow.
    pub(super) fn problem(self) -> String {
        match self {
            Self::Wrong(problem) => problem,
            Self::Open(name) => {
                format!("the arguments of the macro '{name}' do not end: close them")
            }
            Self::Named => "the arguments of a macro are missing".to_owned(),
        }
    }
}

/// Tokens as a text in which each macro is what it stands for; `None` where there is none. Where `goes_on`, further tokens
/// may follow.
///
/// # Errors
/// Where arguments do not fit a macro, or the text becomes too long.
pub(super) fn expanded(
    macros: &Macros,
    tokens: Vec<Token<'_>>,
    goes_on: bool,
) -> Result<Option<String>, Unexpanded> {
    let mut expansion = Expansion { macros, hidden: Vec::new(), line: 0, expanded: 0, depth: 0 };
    let whole = tokens.into_iter().rev().map(Item::Token).collect();
    let items = expansion.all(whole, goes_on)?;
    Ok((expansion.expanded > 0).then(|| text(&items)))
}

/// A token, or what lies between two.
#[derive(Clone)]
enum Item<'a> {
    Token(Token<'a>),
    /// The begin or the end of what a macro or a parameter stands for: tokens stay apart there.
    Seam,
    /// The end of the body of a macro.
    End(&'a str),
}

struct Expansion<'a> {
    macros: &'a Macros,
    /// The macros whose bodies are read: a macro is not expanded in itself.
    hidden: Vec<&'a str>,
    /// The line of the last token that a file has.
    line: i64,
    /// Macros expanded.
    expanded: usize,
    /// Arguments within one another.
    depth: usize,
}

impl<'a> Expansion<'a> {
    /// Expands items, the first of which is the last.
    fn all(&mut self, mut rest: Vec<Item<'a>>, goes_on: bool) -> Result<Vec<Item<'a>>, Unexpanded> {
        self.depth += 1;
        let mut found = Vec::new();
        let mut bytes = 0;
        while let Some(item) = rest.pop() {
            let mut token = match item {
                Item::Token(token) => token,
                Item::Seam => {
                    seam(&mut found);
                    continue;
                }
                Item::End(name) => {
                    self.hidden.retain(|hidden| *hidden != name);
                    seam(&mut found);
                    continue;
                }
            };
            self.line = token.line.unwrap_or(self.line);
            if let Some((name, its)) = self.macro_of(&token) {
                let given = match &its.parameters {
                    None => Some(Vec::new()),
                    Some(_) => match next_sign(&rest) {
                        Some("(") => Some(self.arguments(name, &mut rest)?),
                        None if goes_on => return Err(Unexpanded::Named),
                        _ => None,
                    },
                };
                if let Some(given) = given {
                    self.within(name, bytes)?;
                    let body = self.replaced(name, its, given)?;
                    seam(&mut found);
                    rest.push(Item::End(name));
                    rest.extend(body.into_iter().rev());
                    self.hidden.push(name);
                    continue;
                }
            } else if let Some(value) = self.standing(&token, self.line) {
                self.expanded += 1;
                token.text = value.into();
                token.kind = TokenKind::Number;
            }
            bytes += token.text.len();
            found.push(Item::Token(token));
        }
        self.depth -= 1;
        Ok(found)
    }

    /// The macro that a token is the name of, unless that is being read.
    fn macro_of(&self, token: &Token<'_>) -> Option<(&'a str, &'a Macro)> {
        let found = if token.kind == TokenKind::Name { self.macros.get(&token.text) } else { None };
        found.filter(|(name, _)| !self.hidden.contains(name))
    }

    /// What a name stands for by where it is.
    fn standing(&self, token: &Token<'_>, line: i64) -> Option<String> {
        if token.kind == TokenKind::Name {
            self.macros.here.as_ref()?.value(&token.text, line)
        } else {
            None
        }
    }

    /// Counts a macro, and refuses one too many.
    fn within(&mut self, name: &str, bytes: usize) -> Result<(), Unexpanded> {
        self.expanded += 1;
        if self.expanded > MOST || self.hidden.len().max(self.depth) > DEEPEST {
            return Err(Unexpanded::Wrong(format!(
                "'{name}' is one of more than {MOST} macros on its line, or within more than {DEEPEST} others"
            )));
        }
        if bytes > LONGEST { Err(too_long(name)) } else { Ok(()) }
    }

    /// Takes the arguments behind the name of a macro, in brackets.
    fn arguments(
        &mut self,
        name: &str,
        rest: &mut Vec<Item<'a>>,
    ) -> Result<Vec<Vec<Item<'a>>>, Unexpanded> {
        let mut found = vec![Vec::new()];
        let mut depth = 0_usize;
        while let Some(item) = rest.pop() {
            let mut token = match item {
                Item::Token(token) => token,
                Item::Seam => {
                    found.last_mut().into_iter().for_each(seam);
                    continue;
                }
                Item::End(ended) => {
                    self.hidden.retain(|hidden| *hidden != ended);
                    found.last_mut().into_iter().for_each(seam);
                    continue;
                }
            };
            self.line = token.line.unwrap_or(self.line);
            if let Some(value) = token.line.and_then(|line| self.standing(&token, line)) {
                token.text = value.into();
                token.kind = TokenKind::Number;
            }
            // What stands in an argument is on the line on which the arguments end.
            token.line = None;
            match &*token.text {
                "[" | "{" if self.macros.dialect == Dialect::Wgsl => depth += 1,
                "]" | "}" if self.macros.dialect == Dialect::Wgsl => {
                    depth = depth.saturating_sub(1)
                }
                "(" => depth += 1,
                ")" => depth = depth.saturating_sub(1),
                _ => {}
            }
            match &*token.text {
                "(" if depth == 1 => {}
                ")" if depth == 0 => return Ok(found),
                "," if depth == 1 => found.push(Vec::new()),
                _ => found
                    .last_mut()
                    .into_iter()
                    .for_each(|last| last.push(Item::Token(token.clone()))),
            }
        }
        Err(Unexpanded::Open(name.to_owned()))
    }

    /// The body of a macro with its arguments for its parameters.
    fn replaced(
        &mut self,
        name: &str,
        its: &'a Macro,
        given: Vec<Vec<Item<'a>>>,
    ) -> Result<Vec<Item<'a>>, Unexpanded> {
        if its.body.contains('#') {
            let problem = format!(
                "the macro '{name}' has a # in it, and neither # nor ## is known here: write out what it stands for"
            );
            return Err(Unexpanded::Wrong(problem));
        }
        let parameters = its.parameters.as_deref().unwrap_or_default();
        let given = if parameters.is_empty() && given.iter().all(|one| is_empty(one)) {
            Vec::new()
        } else {
            given
        };
        if given.len() != parameters.len() {
            return Err(Unexpanded::Wrong(format!(
                "the macro '{name}' takes {} arguments, not {}",
                parameters.len(),
                given.len()
            )));
        }
        let mut arguments = BTreeMap::new();
        for (parameter, mut argument) in parameters.iter().zip(given) {
            argument.reverse();
            let argument = self.all(trimmed(argument), false)?;
            arguments.insert(parameter.as_str(), argument);
        }
        let mut body = Vec::new();
        let mut bytes = 0;
        for token in tokens(&its.body) {
            match arguments.get(&*token.text) {
                None => {
                    bytes += token.text.len();
                    body.push(Item::Token(token));
                }
                Some(argument) => {
                    seam(&mut body);
                    for item in argument {
                        match item {
                            Item::Token(token) => bytes += token.text.len(),
                            Item::Seam | Item::End(_) => {}
                        }
                        body.push(item.clone());
                    }
                    seam(&mut body);
                }
            }
            if bytes > LONGEST {
                return Err(too_long(name));
            }
        }
        Ok(body)
    }
}

fn too_long(name: &str) -> Unexpanded {
    Unexpanded::Wrong(format!("the macro '{name}' makes the line longer than {LONGEST} bytes"))
}

/// Adds a seam, unless there is one.
fn seam(items: &mut Vec<Item<'_>>) {
    if !matches!(items.last(), Some(Item::Seam)) {
        items.push(Item::Seam);
    }
}

/// The text of the next token that is no blank, of items the first of which is the last.
fn next_sign<'i>(rest: &'i [Item<'_>]) -> Option<&'i str> {
    rest.iter().rev().find_map(|item| match item {
        Item::Token(token) if token.kind != TokenKind::Blank => Some(&*token.text),
        Item::Token(_) | Item::Seam | Item::End(_) => None,
    })
}

fn is_blank(item: &Item<'_>) -> bool {
    match item {
        Item::Token(token) => token.kind == TokenKind::Blank,
        Item::Seam | Item::End(_) => true,
    }
}

fn is_empty(items: &[Item<'_>]) -> bool {
    items.iter().all(is_blank)
}

/// Items without the blanks at their begin and their end.
fn trimmed(mut items: Vec<Item<'_>>) -> Vec<Item<'_>> {
    items.truncate(items.iter().rposition(|item| !is_blank(item)).map_or(0, |last| last + 1));
    let begin = items.iter().position(|item| !is_blank(item)).unwrap_or(0);
    items.split_off(begin)
}

/// Items as a text, with a blank where two would be read as one.
fn text(items: &[Item<'_>]) -> String {
    let mut text = String::new();
    let mut last = "";
    let mut is_seam = false;
    for item in items {
        let Item::Token(token) = item else {
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
