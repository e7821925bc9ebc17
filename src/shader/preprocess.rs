//! The small preprocessor that shaders live on: conditions, macros, and files that others include. Each line of a file
//! stays a line, so that whatever is said of one names the line that the user wrote. Reads no file itself, and knows
//! no more of WGSL and GLSL than their comments.

mod comments;
mod condition;
mod dialect;
mod expansion;
mod fault;
mod here;
mod lines;
mod macros;
mod number;
mod numbering;
mod predefined;
mod tokens;
mod truth;

use std::{
    borrow::Cow,
    collections::{BTreeMap, BTreeSet},
    path::{Path, PathBuf},
};

use flopmeter_core::source::Piece;

use self::{
    condition::{Branches, Otherwise},
    expansion::{Unexpanded, expanded},
    here::Numbering,
    lines::{TextLine, lines},
    macros::Macros,
    tokens::{tokens, word},
};
pub(super) use self::{dialect::Dialect, fault::Misread};

/// Files that may be open within one another.
const DEEPEST: usize = 32;

/// Bytes that all lines together may have.
const MOST: usize = 64 << 20;

/// The directives, as messages list them.
const DIRECTIVES: &str = "#define, #undef, #if, #ifdef, #ifndef, #elif, #else, #endif, #include \"FILE\", #pragma once \
                          and #error";

/// A file that has been read.
#[derive(Clone, Debug)]
pub(super) struct Text {
    /// What reports call it; `None` for the first file.
    pub(super) name: Option<String>,
    /// What messages call it.
    pub(super) path: PathBuf,
    /// The same for each way to name the file.
    pub(super) identity: PathBuf,
    pub(super) text: String,
}

/// Where a file that is to be included may be.
#[derive(Clone, Copy, Debug)]
pub(super) struct Inclusion<'a> {
    /// As the directive states it.
    pub(super) stated: &'a str,
    /// The files beside which it is looked for first: the one that includes it, then those that include that one.
    pub(super) beside: &'a [&'a Path],
}

/// Whether a text has anything to preprocess: a directive, outside of comments.
pub(super) fn has_directives(text: &str, dialect: Dialect) -> bool {
    !directives(text, dialect).is_empty()
}

/// Whether a text includes a file.
#[cfg(any(test, feature = "glsl"))]
pub(super) fn includes(text: &str, dialect: Dialect) -> bool {
    directives(text, dialect).iter().any(|word| word == "include")
}

/// The first word of each directive.
fn directives(text: &str, dialect: Dialect) -> Vec<String> {
    let lines = lines(text, dialect);
    lines.iter().filter_map(|line| Some(word(line.directive()?).0.to_owned())).collect()
}

/// The lines of files that follow one another, with what they include. `read` gets a file that one includes.
///
/// # Errors
/// What is wrong, and on which line of which file.
pub(super) fn preprocessed(
    files: &[Text],
    dialect: Dialect,
    defines: &BTreeMap<String, String>,
    read: &mut dyn FnMut(Inclusion<'_>) -> Result<Text, String>,
) -> Result<Vec<Piece>, Misread> {
    let mut macros = Macros::new(defines, dialect);
    if let (Dialect::Glsl, Some(first)) = (dialect, files.first()) {
        predefined::at_the_begin(&mut macros)
            .map_err(|problem| Misread::at(&first.path, 1, problem))?;
    }
    let mut run =
        Run { macros, read, once: BTreeSet::new(), open: Vec::new(), pieces: Vec::new(), bytes: 0 };
    for file in files {
        run.file(file)?;
    }
    run.pieces.retain(|piece| !piece.text.is_empty());
    Ok(run.pieces)
}

struct Run<'a> {
    macros: Macros,
    read: &'a mut dyn FnMut(Inclusion<'_>) -> Result<Text, String>,
    /// Files that ask to be included once.
    once: BTreeSet<PathBuf>,
    /// Files within one another, the innermost last: what messages call each, and its identity.
    open: Vec<(PathBuf, PathBuf)>,
    pieces: Vec<Piece>,
    bytes: usize,
}

impl Run<'_> {
    fn file(&mut self, file: &Text) -> Result<(), Misread> {
        self.open.push((file.path.clone(), file.identity.clone()));
        let outer = self.renumber(Numbering::default());
        self.goes_on(file, 0);
        let mut conditions = Branches::default();
        let lines = lines(&file.text, self.macros.dialect);
        // GLSL's lines may end with a carriage return alone, and those of reports do not.
        let is_odd =
            |line: &&TextLine<'_>| line.stated.iter().any(|its| its.trim_end().contains('\r'));
        let is_glsl = self.macros.dialect == Dialect::Glsl;
        if let Some(line) = lines.iter().find(is_odd).filter(|_| is_glsl) {
            let problem = "it has a carriage return within: end lines with line feeds".to_owned();
            return Err(Misread::at(&file.path, line.number, problem));
        }
        let mut rest = &lines[..];
        while let Some((line, behind)) = rest.split_first() {
            rest = behind;
            let at = |problem: String| Misread::at(&file.path, line.number, problem);
            let Some(directive) = line.directive() else {
                if conditions.are_met() {
                    rest = self.text(line, rest).map_err(at)?;
                } else {
                    self.put("", line).map_err(at)?;
                }
                continue;
            };
            let kept = self.directive(&mut conditions, line, directive).map_err(at)?;
            let text = match kept {
                Kept::Nothing | Kept::Include(..) => String::new(),
                Kept::ForTheReader => format!("#{directive}"),
            };
            self.put(&text, line).map_err(at)?;
            if let Kept::Include(wanted, is_beside) = kept {
                self.include(&wanted, is_beside, at)?;
                self.goes_on(file, line.behind() - 1);
            }
        }
        if let Some((line, word)) = conditions.open() {
            let problem = format!("its #{word} has no #endif before the file ends: add one");
            return Err(Misread::at(&file.path, line, problem));
        }
        self.renumber(outer);
        self.open.pop();
        Ok(())
    }

    /// Expands a line that is no directive, with as many of those behind it as the arguments of its macros go on in, and
    /// returns the others.
    fn text<'l, 't>(
        &mut self,
        first: &TextLine<'t>,
        behind: &'l [TextLine<'t>],
    ) -> Result<&'l [TextLine<'t>], String> {
        let shift = self.macros.shift();
        let mut line = Cow::Borrowed(first);
        let mut rest = behind;
        let mut goes_on = true;
        loop {
            let more = match expanded(&self.macros, line.tokens(&line.code, shift), goes_on) {
                Ok(text) => {
                    self.put(text.as_deref().unwrap_or(line.unchanged()), &line)?;
                    return Ok(rest);
                }
                Err(Unexpanded::Open(name))
                    if rest.first().is_some_and(|n| n.directive().is_some()) =>
                {
                    return Err(format!(
                        "a directive stands within the arguments of the macro '{name}'"
                    ));
                }
                Err(Unexpanded::Open(_)) if !rest.is_empty() => 1,
                // Arguments may begin on a later line.
                Err(Unexpanded::Named) => {
                    let blank = rest.iter().take_while(|line| line.code.trim().is_empty()).count();
                    let begun =
                        rest.get(blank).filter(|line| line.code.trim_start().starts_with('('));
                    goes_on = begun.is_some();
                    begun.map_or(0, |_| blank + 1)
                }
                Err(wrong) => return Err(wrong.problem()),
            };
            let (joined, others) = rest.split_at(more);
            joined.iter().for_each(|next| line.to_mut().join(next.clone()));
            rest = others;
        }
    }

    /// Numbers lines anew, and returns how they were numbered.
    fn renumber(&mut self, new: Numbering) -> Numbering {
        let here = self.macros.here.as_mut();
        here.map(|here| std::mem::replace(&mut here.numbering, new)).unwrap_or_default()
    }

    /// Goes on with the lines of a file behind so many.
    fn goes_on(&mut self, file: &Text, skipped: u32) {
        let (text, stated) = (String::new(), String::new());
        self.pieces.push(Piece { file: file.name.clone(), skipped, text, stated });
    }

    /// Puts a text in the place of a line.
    fn put(&mut self, text: &str, line: &TextLine<'_>) -> Result<(), String> {
        self.bytes += text.len() + line.stated.len();
        if self.bytes > MOST {
            return Err(format!("the preprocessed shader has more than {MOST} bytes"));
        }
        if let Some(piece) = self.pieces.last_mut() {
            piece.text.push_str(text);
            for stated in &line.stated {
                piece.text.push('\n');
                piece.stated.push_str(stated);
                piece.stated.push('\n');
            }
        }
        Ok(())
    }

    /// Does what the directive of a line says; the text is what stands behind its `#`.
    fn directive(
        &mut self,
        conditions: &mut Branches,
        line: &TextLine<'_>,
        text: &str,
    ) -> Result<Kept, String> {
        let number = line.number;
        let (name, stated) = word(text);
        let rest = stated.trim();
        let alone = || match rest {
            "" => Ok(()),
            more => Err(format!("nothing stands behind #{name}, and here is '{more}'")),
        };
        match name {
            "if" => {
                let is_met = conditions.are_met() && self.is_true(line, stated)?;
                conditions.begin(number, "if", is_met);
                return Ok(Kept::Nothing);
            }
            "ifdef" | "ifndef" => {
                let (wanted, says) =
                    if name == "ifdef" { (true, "ifdef") } else { (false, "ifndef") };
                // What stands within a branch that is not taken is not looked at.
                let is_met = conditions.are_met() && {
                    let asked = single(rest, name)?;
                    truth::is_known(&self.macros, tokens(asked))?;
                    self.macros.has(asked) == wanted
                };
                conditions.begin(number, says, is_met);
                return Ok(Kept::Nothing);
            }
            "elif" => {
                // What comes behind a branch that was taken is not looked at.
                let is_met = conditions.may_go_on() && self.is_true(line, stated)?;
                return conditions.otherwise(Otherwise::If(is_met)).map(|()| Kept::Nothing);
            }
            "else" => {
                alone()?;
                return conditions.otherwise(Otherwise::Else).map(|()| Kept::Nothing);
            }
            "endif" => {
                alone()?;
                return conditions.end().map(|()| Kept::Nothing);
            }
            _ if !conditions.are_met() => return Ok(Kept::Nothing),
            _ => {}
        }
        let is_glsl = self.macros.dialect == Dialect::Glsl;
        match name {
            "include" => {
                let (wanted, is_beside) = included(rest)?;
                return Ok(Kept::Include(wanted.to_owned(), is_beside));
            }
            "pragma" if rest == "once" => {
                self.once.extend(self.open.last().map(|(_, identity)| identity.clone()));
                return Ok(Kept::Nothing);
            }
            "define" => self.macros.define(rest)?,
            "undef" => self.macros.remove(single(rest, name)?),
            "error" => return Err(format!("#error {rest}")),
            // Whoever includes files has what these ask for.
            "extension" if is_glsl && rest.contains("include") => return Ok(Kept::Nothing),
            "version" if is_glsl => {
                predefined::at_the_version(&mut self.macros, rest)?;
                return Ok(Kept::ForTheReader);
            }
            "line" if is_glsl => {
                let new = numbering::stated(&self.macros, line, stated)?;
                self.renumber(new);
            }
            "extension" | "pragma" | "" if is_glsl => return Ok(Kept::ForTheReader),
            "import" | "define_import_path" => {
                return Err(format!(
                    "#{name} is a directive of naga_oil, whose modules are not put together here: give the module \
                     that it composes, or say #include \"FILE\""
                ));
            }
            _ => return Err(format!("#{name} is no directive: there are {DIRECTIVES}")),
        }
        Ok(Kept::Nothing)
    }

    /// Whether the condition that a line ends with holds.
    fn is_true(&self, line: &TextLine<'_>, condition: &str) -> Result<bool, String> {
        truth::holds(&self.macros, condition.trim(), line.tokens(condition, self.macros.shift()))
    }

    fn include(
        &mut self,
        stated: &str,
        is_beside: bool,
        at: impl Fn(String) -> Misread,
    ) -> Result<(), Misread> {
        let open = self.open.iter().rev().filter(|_| is_beside);
        let beside: Vec<&Path> = open.map(|(path, _)| path.as_path()).collect();
        let file = (self.read)(Inclusion { stated, beside: &beside }).map_err(&at)?;
        if self.once.contains(&file.identity) {
            return Ok(());
        }
        if self.open.len() == DEEPEST {
            let begin = self.open.iter().position(|(_, open)| *open == file.identity);
            let mut chain: Vec<String> = Vec::new();
            for (path, _) in &self.open[begin.unwrap_or(0)..] {
                let name = path.display().to_string();
                if chain.contains(&name) {
                    break;
                }
                chain.push(name);
            }
            return Err(at(format!(
                "{} include {stated} and come to no end: {DEEPEST} files are within one another; begin a file that \
                 several include with #pragma once",
                chain.join(", ")
            )));
        }
        self.file(&file)
    }
}

/// What the reader still has to see of a directive.
enum Kept {
    Nothing,
    ForTheReader,
    /// A file, and whether files beside the one that includes it are looked at.
    Include(String, bool),
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

#[cfg(test)]
mod differential;
#[cfg(test)]
mod tests;
