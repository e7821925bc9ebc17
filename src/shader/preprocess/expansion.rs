//! What macros make of tokens: each name is what it stands for, again and again, except in itself. Knows neither
//! directives nor files.

use std::collections::BTreeMap;

use super::{
    dialect::Dialect,
    items::{SeamedToken, is_empty, next_sign, seam, text, trimmed},
    lines::{Behind, Directive},
    macros::{Macro, Macros},
    paste::{BodyPart, parts, paste, unpasted},
    tokens::{Token, TokenKind},
};

/// Bytes that a line may become.
const LONGEST: usize = 1 << 20;

/// Macros that a line may expand.
const MOST: usize = 1 << 16;

/// Macros that may be within one another, and arguments.
const DEEPEST: usize = 128;

/// Tokens as a text in which each macro is what it stands for; `None` where there is none. Arguments may go on in the
/// lines behind them; `None` for tokens of a directive, which end with its line.
///
/// # Errors
/// Where arguments do not fit a macro, or the text becomes too long.
pub(super) fn expanded<'a>(
    macros: &'a Macros,
    tokens: Vec<Token<'a>>,
    behind: Option<&mut Behind<'a, '_>>,
) -> Result<Option<String>, String> {
    let mut expansion =
        Expansion { macros, behind, hidden: Vec::new(), line: 0, expanded: 0, depth: 0 };
    let whole = tokens.into_iter().rev().map(SeamedToken::Token).collect();
    let items = expansion.all(whole)?;
    Ok((expansion.expanded > 0).then(|| text(&items)))
}

struct Expansion<'a, 'b, 't> {
    macros: &'a Macros,
    /// Where tokens of a text go on.
    behind: Option<&'b mut Behind<'a, 't>>,
    /// The macros whose bodies are read: a macro is not expanded in itself.
    hidden: Vec<&'a str>,
    /// The line of the last token that a file has.
    line: i64,
    /// Macros expanded.
    expanded: usize,
    /// Arguments within one another.
    depth: usize,
}

impl<'a> Expansion<'a, '_, '_> {
    /// Expands items, the first of which is the last.
    fn all(&mut self, mut rest: Vec<SeamedToken<'a>>) -> Result<Vec<SeamedToken<'a>>, String> {
        self.depth += 1;
        let mut found = Vec::new();
        let mut bytes = 0;
        while let Some(item) = rest.pop() {
            let mut token = match item {
                SeamedToken::Token(token) => token,
                SeamedToken::Seam => {
                    seam(&mut found);
                    continue;
                }
                SeamedToken::End(name) => {
                    self.hidden.retain(|hidden| *hidden != name);
                    seam(&mut found);
                    continue;
                }
            };
            self.goes_to(&token);
            // What a name stands for by where it is no definition changes.
            if let Some(value) = self.standing(&token, token.line.unwrap_or(self.line)) {
                self.expanded += 1;
                token.text = value.into();
                token.kind = TokenKind::Number;
            } else if let Some((name, its)) = self.macro_of(&token) {
                let given = match &its.parameters {
                    None => Some(Vec::new()),
                    Some(_) if self.is_called(name, &mut rest)? => {
                        Some(self.arguments(name, &mut rest)?)
                    }
                    Some(_) => None,
                };
                if let Some(given) = given {
                    self.within(name, bytes)?;
                    let body = self.replaced(name, its, given)?;
                    seam(&mut found);
                    rest.push(SeamedToken::End(name));
                    rest.extend(body.into_iter().rev());
                    self.hidden.push(name);
                    continue;
                }
            }
            bytes += token.text.len();
            found.push(SeamedToken::Token(token));
        }
        self.depth -= 1;
        Ok(found)
    }

    /// Goes to the line of a token, unless that stands in an argument, which is read on the line on which it ends.
    fn goes_to(&mut self, token: &Token<'_>) {
        if self.depth == 1 {
            self.line = token.line.unwrap_or(self.line);
        }
    }

    /// Takes a line behind those that are read; `false` where there is none.
    fn takes_behind(
        &mut self,
        name: &str,
        rest: &mut Vec<SeamedToken<'a>>,
    ) -> Result<bool, String> {
        let is_outermost = self.depth == 1;
        let Some(behind) = self.behind.as_mut().filter(|_| is_outermost) else { return Ok(false) };
        let next = behind.next().map_err(|Directive| {
            format!("a directive stands within the arguments of the macro '{name}'")
        })?;
        let is_one = next.is_some();
        // It comes behind what little is left: blanks and the ends of macros.
        rest.splice(..0, next.into_iter().flatten().rev().map(SeamedToken::Token));
        Ok(is_one)
    }

    /// Whether a bracket follows, also as the first that is not blank of the lines behind those that are read, which are
    /// then taken up to it.
    fn is_called(&mut self, name: &str, rest: &mut Vec<SeamedToken<'a>>) -> Result<bool, String> {
        let follows = next_sign(rest).map(|sign| sign == "(");
        let is_behind = || self.behind.as_ref().is_some_and(|behind| behind.is_bracket());
        let is_called = follows.unwrap_or_else(|| self.depth == 1 && is_behind());
        while is_called && next_sign(rest).is_none() && self.takes_behind(name, rest)? {}
        Ok(is_called)
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
    fn within(&mut self, name: &str, bytes: usize) -> Result<(), String> {
        self.expanded += 1;
        if self.expanded > MOST || self.hidden.len().max(self.depth) > DEEPEST {
            return Err(format!(
                "'{name}' is one of more than {MOST} macros on its line, or within more than {DEEPEST} others"
            ));
        }
        if bytes > LONGEST { Err(too_long(name)) } else { Ok(()) }
    }

    /// Takes the arguments behind the name of a macro, in brackets.
    fn arguments(
        &mut self,
        name: &str,
        rest: &mut Vec<SeamedToken<'a>>,
    ) -> Result<Vec<Vec<SeamedToken<'a>>>, String> {
        let mut found = vec![Vec::new()];
        let mut depth = 0_usize;
        loop {
            let Some(item) = rest.pop() else {
                if self.takes_behind(name, rest)? {
                    continue;
                }
                return Err(format!("the arguments of the macro '{name}' do not end: close them"));
            };
            let mut token = match item {
                SeamedToken::Token(token) => token,
                SeamedToken::Seam => {
                    found.last_mut().into_iter().for_each(seam);
                    continue;
                }
                SeamedToken::End(ended) => {
                    self.hidden.retain(|hidden| *hidden != ended);
                    found.last_mut().into_iter().for_each(seam);
                    continue;
                }
            };
            self.goes_to(&token);
            // What stands in an argument is on the line on which the arguments end, but for what is asked for there.
            token.line = token.line.filter(|&line| self.standing(&token, line).is_some());
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
                    .for_each(|last| last.push(SeamedToken::Token(token.clone()))),
            }
        }
    }

    /// The body of a macro with its arguments for its parameters: each expanded, but for those that are pasted.
    fn replaced(
        &mut self,
        name: &str,
        its: &'a Macro,
        given: Vec<Vec<SeamedToken<'a>>>,
    ) -> Result<Vec<SeamedToken<'a>>, String> {
        let parameters = its.parameters.as_deref().unwrap_or_default();
        let given = if parameters.is_empty() && given.iter().all(|one| is_empty(one)) {
            Vec::new()
        } else {
            given
        };
        if given.len() != parameters.len() {
            return Err(format!(
                "the macro '{name}' takes {} arguments, not {}",
                parameters.len(),
                given.len()
            ));
        }
        let mut arguments = BTreeMap::new();
        for (parameter, argument) in parameters.iter().zip(given) {
            let stated = trimmed(argument);
            let expanded = self.all(stated.iter().rev().cloned().collect())?;
            arguments.insert(parameter.as_str(), (stated, expanded));
        }
        let parts = parts(name, &its.body)?;
        // glslang pastes in texts alone.
        let pastes = self.behind.is_some() || self.macros.dialect == Dialect::Wgsl;
        if !pastes && parts.iter().any(|part| matches!(part, BodyPart::Paste)) {
            return Err(format!("the macro '{name}' has a ## in it, which no directive expands"));
        }
        let mut body = Vec::new();
        let mut bytes = 0;
        let mut is_behind_paste = false;
        for (index, part) in parts.iter().enumerate() {
            let BodyPart::Token(token) = part else {
                is_behind_paste = true;
                continue;
            };
            let is_pasted =
                is_behind_paste || matches!(parts.get(index + 1), Some(BodyPart::Paste));
            let items = match arguments.get(&*token.text) {
                None => vec![SeamedToken::Token(token.clone())],
                Some((stated, _)) if is_pasted => stated.clone(),
                Some((_, expanded)) => expanded.clone(),
            };
            for item in &items {
                match item {
                    SeamedToken::Token(token) => bytes += token.text.len(),
                    SeamedToken::Seam | SeamedToken::End(_) => {}
                }
            }
            let is_argument = arguments.contains_key(&*token.text);
            if is_behind_paste {
                paste(name, &mut body, items)?;
            } else {
                if is_argument {
                    seam(&mut body);
                }
                // What is pasted to something has to be there.
                if is_pasted && items.is_empty() {
                    return Err(unpasted(name, "nothing"));
                }
                body.extend(items);
            }
            if is_argument && !matches!(parts.get(index + 1), Some(BodyPart::Paste)) {
                seam(&mut body);
            }
            is_behind_paste = false;
            if bytes > LONGEST {
                return Err(too_long(name));
            }
        }
        Ok(body)
    }
}

fn too_long(name: &str) -> String {
    format!("the macro '{name}' makes the line longer than {LONGEST} bytes")
}
