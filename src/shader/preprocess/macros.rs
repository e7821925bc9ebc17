//! Macros: names that stand for text, with arguments or without, and the whole numbers that conditions make of them.
//! Knows neither lines nor files.

use std::collections::BTreeMap;

use super::{
    number,
    words::{leading_name, word_length},
};

/// Bytes that a line may become.
const LONGEST: usize = 1 << 20;

/// Macros that a line may expand.
const MOST: usize = 1 << 16;

/// Macros and arguments that may be within one another.
const DEEPEST: usize = 128;

/// Why a line is not expanded.
pub(super) enum Unexpanded {
    /// The arguments of the macro of this name do not end on it.
    Open(String),
    /// This is wrong.
    Wrong(String),
}

/// What stands for what.
#[derive(Clone, Debug, Default)]
pub(super) struct Macros(BTreeMap<String, Macro>);

#[derive(Clone, Debug, PartialEq, Eq)]
struct Macro {
    /// `None` where the name is used without brackets.
    parameters: Option<Vec<String>>,
    body: String,
}

impl Macros {
    /// Names with what they stand for.
    pub(super) fn new(defines: &BTreeMap<String, String>) -> Self {
        let defines = defines.iter().map(|(name, value)| {
            (name.clone(), Macro { parameters: None, body: value.trim().to_owned() })
        });
        Self(defines.collect())
    }

    pub(super) fn has(&self, name: &str) -> bool {
        self.0.contains_key(name)
    }

    pub(super) fn remove(&mut self, name: &str) {
        self.0.remove(name);
    }

    /// Takes what stands behind `#define`.
    ///
    /// # Errors
    /// Where that is no definition, or another one than the name has.
    pub(super) fn define(&mut self, text: &str) -> Result<(), String> {
        let malformed = || format!("#define takes NAME [VALUE] or NAME(A, B) VALUE, not '{text}'");
        let Some(name) = leading_name(text) else { return Err(malformed()) };
        let rest = &text[name.len()..];
        let (parameters, body) = match rest.strip_prefix('(') {
            None if rest.starts_with(|c: char| !c.is_whitespace()) => return Err(malformed()),
            None => (None, rest),
            Some(rest) => {
                let (inside, body) = rest.split_once(')').ok_or_else(malformed)?;
                let parameters = inside.split(',').map(str::trim).filter(|name| !name.is_empty());
                let parameters: Vec<String> = parameters.map(str::to_owned).collect();
                if parameters.iter().any(|name| leading_name(name) != Some(name)) {
                    return Err(malformed());
                }
                (Some(parameters), body)
            }
        };
        if body.contains('#') {
            return Err(format!("#define '{name}' has a # in it, which no macro here knows"));
        }
        let new = Macro { parameters, body: body.trim().to_owned() };
        match self.0.get(name) {
            Some(old) if *old != new => Err(format!(
                "'{name}' is defined as '{}' already: leave it to #ifndef {name}, or #undef it first",
                old.body
            )),
            Some(_) | None => {
                self.0.insert(name.to_owned(), new);
                Ok(())
            }
        }
    }

    /// A line in which each macro is what it stands for.
    ///
    /// # Errors
    /// Where arguments do not fit a macro, or the line becomes too long.
    pub(super) fn expanded(&self, code: &str) -> Result<String, Unexpanded> {
        let mut line = String::with_capacity(code.len());
        self.expand(code, &mut Progress::default(), &mut line)?;
        Ok(line)
    }

    fn expand<'a>(
        &'a self,
        code: &str,
        progress: &mut Progress<'a>,
        line: &mut String,
    ) -> Result<(), Unexpanded> {
        progress.depth += 1;
        let mut rest = code;
        while let Some(first) = rest.chars().next() {
            let length = first.len_utf8().max(word_length(rest));
            let (word, after) = rest.split_at(length);
            rest = after;
            let found = self.0.get_key_value(word);
            let found = found.filter(|(name, _)| !progress.hidden.contains(&name.as_str()));
            let Some((name, Macro { parameters, body })) = found else {
                line.push_str(word);
                continue;
            };
            progress.expanded += 1;
            if progress.expanded > MOST || progress.depth > DEEPEST {
                return Err(Unexpanded::Wrong(format!(
                    "'{name}' is one of more than {MOST} macros on its line, or within more than {DEEPEST} others"
                )));
            }
            let body = match parameters {
                None => body.clone(),
                Some(_) if !rest.trim_start().starts_with('(') => {
                    line.push_str(word);
                    continue;
                }
                Some(parameters) => {
                    let (arguments, after) = arguments(rest.trim_start())
                        .ok_or_else(|| Unexpanded::Open(name.clone()))?;
                    rest = after;
                    let whole = match (&parameters[..], &arguments[..]) {
                        ([], [""]) => Vec::new(),
                        _ => arguments,
                    };
                    if whole.len() != parameters.len() {
                        return Err(Unexpanded::Wrong(format!(
                            "the macro '{name}' takes {} arguments, not {}",
                            parameters.len(),
                            whole.len()
                        )));
                    }
                    let mut given = BTreeMap::new();
                    for (parameter, argument) in parameters.iter().zip(whole) {
                        let mut expanded = String::new();
                        self.expand(argument, progress, &mut expanded)?;
                        given.insert(parameter.as_str(), expanded);
                    }
                    replaced(body, &given)
                }
            };
            progress.hidden.push(name);
            if body.len() <= LONGEST {
                self.expand(&body, progress, line)?;
            }
            progress.hidden.pop();
            if body.len().max(line.len()) > LONGEST {
                let problem =
                    format!("the macro '{name}' makes the line longer than {LONGEST} bytes");
                return Err(Unexpanded::Wrong(problem));
            }
        }
        progress.depth -= 1;
        Ok(())
    }

    /// Whether a condition holds.
    ///
    /// # Errors
    /// Where it is no expression of whole numbers.
    pub(super) fn is_true(&self, condition: &str) -> Result<bool, String> {
        let text = self.expanded(&self.without_defined(condition)?);
        let text = text.map_err(|error| match error {
            Unexpanded::Wrong(problem) => problem,
            Unexpanded::Open(name) => format!("the arguments of the macro '{name}' do not end"),
        })?;
        let value = number::of(&text);
        value
            .map(|value| value != 0)
            .map_err(|why| format!("#if '{condition}' is no condition: {why}"))
    }

    /// A condition with 1 and 0 for each `defined`.
    fn without_defined(&self, condition: &str) -> Result<String, String> {
        const DEFINED: &str = "defined";
        let mut text = String::new();
        let mut rest = condition;
        while let Some(first) = rest.chars().next() {
            let length = first.len_utf8().max(word_length(rest));
            let (word, after) = rest.split_at(length);
            rest = after;
            if word != DEFINED {
                text.push_str(word);
                continue;
            }
            let asked = rest.trim_start();
            let bracket = asked.strip_prefix('(').map(str::trim_start);
            let name = leading_name(bracket.unwrap_or(asked)).unwrap_or_default();
            let after = bracket.unwrap_or(asked)[name.len()..].trim_start();
            let after = if bracket.is_some() { after.strip_prefix(')') } else { Some(after) };
            let Some(after) = after.filter(|_| !name.is_empty()) else {
                return Err(format!("#if '{condition}': say defined(NAME)"));
            };
            text.push_str(if self.has(name) { " 1 " } else { " 0 " });
            rest = after;
        }
        Ok(text)
    }
}

/// What the expansion of a line has come to.
#[derive(Default)]
struct Progress<'a> {
    /// The macros whose bodies this is within: a macro is not expanded in itself.
    hidden: Vec<&'a str>,
    /// Bodies and arguments within one another.
    depth: usize,
    /// Macros expanded.
    expanded: usize,
}

/// The arguments in the brackets that a text begins with, and what is behind them.
fn arguments(text: &str) -> Option<(Vec<&str>, &str)> {
    let mut found = Vec::new();
    let mut depth = 0_usize;
    let mut begin = 1;
    for (at, letter) in text.char_indices() {
        match letter {
            '(' | '[' | '{' => depth += 1,
            ')' | ']' | '}' => {
                depth -= 1;
                if depth == 0 {
                    found.push(text[begin..at].trim());
                    return Some((found, &text[at + 1..]));
                }
            }
            ',' if depth == 1 => {
                found.push(text[begin..at].trim());
                begin = at + 1;
            }
            _ => {}
        }
    }
    None
}

/// A body with its arguments for its parameters, or a little more than [`LONGEST`] bytes of it.
fn replaced(body: &str, given: &BTreeMap<&str, String>) -> String {
    let mut text = String::new();
    let mut rest = body;
    while let Some(first) = rest.chars().next() {
        let (word, after) = rest.split_at(first.len_utf8().max(word_length(rest)));
        text.push_str(given.get(word).map_or(word, String::as_str));
        if text.len() > LONGEST {
            break;
        }
        rest = after;
    }
    text
}
