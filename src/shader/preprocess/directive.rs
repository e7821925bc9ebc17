//! Directives, each by its name: what it changes of macros and branches, and what is left to do. Knows no file, and reads
//! none.

use super::{
    condition::{Branches, Otherwise},
    dialect::Dialect,
    here::Numbering,
    lines::TextLine,
    macros::Macros,
    numbering, predefined,
    tokens::{tokens, word},
    truth::{self, Unheld},
};

/// The directives, as messages list them.
const DIRECTIVES: &str = "#define, #undef, #if, #ifdef, #ifndef, #elif, #else, #endif, #include \"FILE\", #pragma once \
                          and #error";

/// What is left to do of a directive.
pub(super) enum Pending {
    Nothing,
    ForTheReader,
    /// A file, and whether files beside the one that includes it are looked at.
    Include(String, bool),
    /// The file asks to be included once.
    Once,
    /// The lines behind it are numbered anew.
    Numbering(Numbering),
}

/// Asks a compiler of GLSL whether it defines a name, for what stands behind `#version`.
pub(super) type IsDefined<'a> = dyn FnMut(&str, &str) -> Option<bool> + 'a;

/// What directives change.
pub(super) struct State<'s, 'a> {
    pub(super) macros: &'s mut Macros,
    pub(super) conditions: &'s mut Branches,
    pub(super) is_defined: &'s mut IsDefined<'a>,
}

impl State<'_, '_> {
    /// Does what the directive of a line says; the text is what stands behind its `#`.
    ///
    /// # Errors
    /// Where it is none, or says something wrong.
    pub(super) fn directive(&mut self, line: &TextLine<'_>, text: &str) -> Result<Pending, String> {
        let number = line.number;
        let (name, stated) = word(text);
        let rest = stated.trim();
        let alone = || match rest {
            "" => Ok(()),
            more => Err(format!("nothing stands behind #{name}, and here is '{more}'")),
        };
        match name {
            "if" => {
                let is_met = self.conditions.are_met() && self.is_true(line, stated)?;
                self.conditions.begin(number, "if", is_met);
                return Ok(Pending::Nothing);
            }
            "ifdef" | "ifndef" => {
                let (wanted, says) =
                    if name == "ifdef" { (true, "ifdef") } else { (false, "ifndef") };
                // What stands within a branch that is not taken is not looked at.
                let is_met = self.conditions.are_met() && {
                    let asked = single(rest, name)?;
                    self.known(|macros| truth::is_known(macros, tokens(asked)))?;
                    self.macros.has(asked) == wanted
                };
                self.conditions.begin(number, says, is_met);
                return Ok(Pending::Nothing);
            }
            "elif" => {
                // What comes behind a branch that was taken is not looked at.
                let is_met = self.conditions.may_go_on() && self.is_true(line, stated)?;
                return self.conditions.otherwise(Otherwise::If(is_met)).map(|()| Pending::Nothing);
            }
            "else" => {
                alone()?;
                return self.conditions.otherwise(Otherwise::Else).map(|()| Pending::Nothing);
            }
            "endif" => {
                alone()?;
                return self.conditions.end().map(|()| Pending::Nothing);
            }
            _ if !self.conditions.are_met() => return Ok(Pending::Nothing),
            _ => {}
        }
        let is_glsl = self.macros.dialect == Dialect::Glsl;
        match name {
            "include" => {
                let (wanted, is_beside) = included(rest)?;
                return Ok(Pending::Include(wanted.to_owned(), is_beside));
            }
            "pragma" if rest == "once" => {
                return Ok(Pending::Once);
            }
            "define" => self.macros.define(rest)?,
            "undef" => self.macros.remove(single(rest, name)?)?,
            "error" => return Err(format!("#error {rest}")),
            "extension" if is_glsl => {
                let is_own =
                    self.macros.here.as_mut().is_some_and(|here| numbering::extends(here, rest));
                return Ok(if is_own { Pending::Nothing } else { Pending::ForTheReader });
            }
            "version" if is_glsl => {
                predefined::at_the_version(self.macros, rest);
                return Ok(Pending::ForTheReader);
            }
            "line" if is_glsl => {
                return numbering::stated(self.macros, line, stated).map(Pending::Numbering);
            }
            "pragma" | "" if is_glsl => return Ok(Pending::ForTheReader),
            "import" | "define_import_path" => {
                return Err(format!(
                    "#{name} is a directive of naga_oil, whose modules are not put together here: give the module \
                     that it composes, or say #include \"FILE\""
                ));
            }
            _ => return Err(format!("#{name} is no directive: there are {DIRECTIVES}")),
        }
        Ok(Pending::Nothing)
    }

    /// Whether the condition that a line ends with holds.
    fn is_true(&mut self, line: &TextLine<'_>, condition: &str) -> Result<bool, String> {
        self.known(|macros| {
            truth::holds(macros, condition.trim(), line.tokens(condition, macros.shift()))
        })
    }

    /// What is known once a compiler has said which names it defines.
    fn known<T>(&mut self, of: impl Fn(&Macros) -> Result<T, Unheld>) -> Result<T, String> {
        loop {
            let name = match of(self.macros) {
                Ok(known) => return Ok(known),
                Err(Unheld::Wrong(problem)) => return Err(problem),
                Err(Unheld::Unknown(name)) => name,
            };
            let version = self.macros.here.as_ref().and_then(|here| here.version.clone());
            let said = version.and_then(|version| (self.is_defined)(&version, &name));
            let Some(is_defined) = said else {
                return Err(format!(
                    "whether '{name}' is defined depends on the compiler of GLSL, and none is here to say so: define \
                     it, install glslangValidator or glslc, or compile the shader to SPIR-V"
                ));
            };
            predefined::learn(self.macros, &name, is_defined);
        }
    }
}

/// The name that a directive takes and nothing else.
fn single<'a>(rest: &'a str, directive: &str) -> Result<&'a str, String> {
    match word(rest) {
        (name, "") if !name.is_empty() => Ok(name),
        _ => Err(format!("#{directive} takes one name, not '{rest}'")),
    }
}

/// The file of an `#include`, and whether it is looked for beside the files that are open.
fn included(rest: &str) -> Result<(&str, bool), String> {
    let between = |open: char, close: char| rest.strip_prefix(open)?.strip_suffix(close);
    let found = match (between('"', '"'), between('<', '>')) {
        (Some(file), _) => Some((file, true)),
        (None, Some(file)) => Some((file, false)),
        (None, None) => None,
    };
    let found = found.filter(|(file, _)| !file.is_empty() && !file.contains(['"', '<', '>']));
    found.ok_or_else(|| format!("#include takes \"FILE\" or <FILE>, not '{rest}'"))
}
