//! Macros: names that stand for text, with arguments or without. Knows neither lines nor files, and not what they make of
//! a text.

use std::collections::BTreeMap;

use super::{
    dialect::Dialect,
    here::Here,
    tokens::{TokenKind, leading_name, tokens},
};

/// What stands for what.
#[derive(Clone, Debug)]
pub(super) struct Macros {
    macros: BTreeMap<String, Macro>,
    pub(super) dialect: Dialect,
    /// What GLSL has beside macros.
    pub(super) here: Option<Here>,
}

/// What a name stands for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Macro {
    /// `None` where the name is used without brackets.
    pub(super) parameters: Option<Vec<String>>,
    pub(super) body: String,
}

impl Macros {
    /// Names with what they stand for.
    pub(super) fn new(defines: &BTreeMap<String, String>, dialect: Dialect) -> Self {
        let defines = defines.iter().map(|(name, value)| {
            (name.clone(), Macro { parameters: None, body: value.trim().to_owned() })
        });
        let here = (dialect == Dialect::Glsl).then(Here::default);
        Self { macros: defines.collect(), dialect, here }
    }

    pub(super) fn get(&self, name: &str) -> Option<(&str, &Macro)> {
        self.macros.get_key_value(name).map(|(name, its)| (name.as_str(), its))
    }

    /// How far lines are numbered from where they stand in their file.
    pub(super) fn shift(&self) -> i64 {
        self.here.as_ref().map_or(0, |here| here.numbering.shift)
    }

    pub(super) fn has(&self, name: &str) -> bool {
        self.macros.contains_key(name)
    }

    /// Takes the name behind `#undef`.
    ///
    /// # Errors
    /// Where the language keeps it to itself.
    pub(super) fn remove(&mut self, name: &str) -> Result<(), String> {
        self.leaves(name)?;
        self.macros.remove(name);
        Ok(())
    }

    /// Defines a name as a compiler does, whatever it stood for.
    pub(super) fn set(&mut self, name: &str, value: &str) {
        let new = Macro { parameters: None, body: value.to_owned() };
        self.macros.insert(name.to_owned(), new);
    }

    /// Refuses a name that GLSL leaves to nobody.
    fn leaves(&self, name: &str) -> Result<(), String> {
        if self.dialect == Dialect::Glsl && (name.starts_with("GL_") || name == "defined") {
            return Err(format!("a text of GLSL neither defines nor undefines '{name}'"));
        }
        Ok(())
    }

    /// Takes what stands behind `#define`.
    ///
    /// # Errors
    /// Where that is no definition, or another one than the name has; where the language keeps the name to itself.
    pub(super) fn define(&mut self, text: &str) -> Result<(), String> {
        let malformed = || format!("#define takes NAME [VALUE] or NAME(A, B) VALUE, not '{text}'");
        let Some(name) = leading_name(text) else { return Err(malformed()) };
        self.leaves(name)?;
        let rest = &text[name.len()..];
        let (parameters, body) = match rest.strip_prefix('(') {
            None if rest.starts_with(|c: char| !c.is_whitespace()) => return Err(malformed()),
            None => (None, rest),
            Some(rest) => {
                let (inside, body) = rest.split_once(')').ok_or_else(malformed)?;
                let parameters = inside.split(',').map(|name| name.trim().to_owned());
                let parameters: Vec<String> =
                    if inside.trim().is_empty() { Vec::new() } else { parameters.collect() };
                let is_one = |(i, name): (usize, &String)| {
                    leading_name(name) == Some(name) && !parameters[..i].contains(name)
                };
                if !parameters.iter().enumerate().all(is_one) {
                    return Err(malformed());
                }
                (Some(parameters), body)
            }
        };
        // Bodies are the same whatever blanks and comments they have.
        let body = tokens(body.trim()).map(|token| match token.kind {
            TokenKind::Blank => " ".into(),
            TokenKind::Name | TokenKind::Number | TokenKind::Sign => token.text,
        });
        let new = Macro { parameters, body: body.collect() };
        match self.macros.get(name) {
            Some(old) if *old != new => Err(format!(
                "'{name}' is defined as '{}' already: leave it to #ifndef {name}, or #undef it first",
                old.body
            )),
            Some(_) | None => {
                self.macros.insert(name.to_owned(), new);
                Ok(())
            }
        }
    }
}
