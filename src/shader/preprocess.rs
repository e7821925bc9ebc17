//! The small preprocessor that shaders live on: conditions, macros, and files that others include. Each line of a file
//! stays a line, so that whatever is said of one names the line that the user wrote. Reads no file itself, and knows
//! no more of WGSL and GLSL than their comments.

mod comments;
mod condition;
mod dialect;
mod directive;
mod expansion;
mod fault;
mod here;
mod items;
mod lines;
mod macros;
mod number;
mod numbering;
mod paste;
mod predefined;
mod tokens;
mod truth;

use std::{
    collections::{BTreeMap, BTreeSet},
    path::{Path, PathBuf},
};

use flopmeter_core::source::Piece;

use self::{
    condition::Branches,
    directive::{IsDefined, Pending, State},
    expansion::expanded,
    here::Numbering,
    lines::{Behind, TextLine, lines},
    macros::Macros,
    tokens::word,
};
pub(super) use self::{dialect::Dialect, fault::Misread};

/// Files that may be open within one another.
const DEEPEST: usize = 32;

/// Bytes that all lines together may have.
const MOST: usize = 64 << 20;

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

/// What a text leaves to others.
pub(super) struct Others<'a> {
    /// Gets a file that one includes.
    pub(super) read: &'a mut dyn FnMut(Inclusion<'_>) -> Result<Text, String>,
    /// Asks a compiler of GLSL whether it defines a name, for what stands behind `#version`; `None` where it says nothing.
    pub(super) is_defined: &'a mut IsDefined<'a>,
}

/// The lines of files that follow one another, with what they include.
///
/// # Errors
/// What is wrong, and on which line of which file.
pub(super) fn preprocessed(
    files: &[Text],
    dialect: Dialect,
    defines: &BTreeMap<String, String>,
    others: Others<'_>,
) -> Result<Vec<Piece>, Misread> {
    let mut macros = Macros::new(defines, dialect);
    if dialect == Dialect::Glsl {
        predefined::at_the_begin(&mut macros);
    }
    let mut run = Run {
        macros,
        others,
        conditions: Branches::default(),
        begun: Vec::new(),
        once: BTreeSet::new(),
        open: Vec::new(),
        pieces: Vec::new(),
        bytes: 0,
    };
    for file in files {
        run.file(file)?;
    }
    run.pieces.retain(|piece| !piece.text.is_empty());
    Ok(run.pieces)
}

struct Run<'a> {
    macros: Macros,
    others: Others<'a>,
    /// Branches that have begun, in this file or, in GLSL, in one that includes it or is included.
    conditions: Branches,
    /// The files in which these have begun.
    begun: Vec<PathBuf>,
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
        let text = file.name.as_ref().map(|name| format!("\"{name}\""));
        let outer = self.renumber(Numbering { shift: 0, text });
        self.goes_on(file, 0);
        let is_glsl = self.macros.dialect == Dialect::Glsl;
        let around = if is_glsl { None } else { Some(std::mem::take(&mut self.conditions)) };
        let lines = lines(&file.text, self.macros.dialect);
        // GLSL's lines may end with a carriage return alone, and those of reports do not.
        let is_odd =
            |line: &&TextLine<'_>| line.stated.iter().any(|its| its.trim_end().contains('\r'));
        if let Some(line) = lines.iter().find(is_odd).filter(|_| is_glsl) {
            let problem = "it has a carriage return within: end lines with line feeds".to_owned();
            return Err(Misread::at(&file.path, line.number, problem));
        }
        let mut rest = &lines[..];
        while let Some((line, behind)) = rest.split_first() {
            rest = behind;
            let at = |problem: String| Misread::at(&file.path, line.number, problem);
            let Some(directive) = line.directive() else {
                if self.conditions.are_met() {
                    rest = self.text(line, rest).map_err(at)?;
                } else {
                    self.put("", line, &[]).map_err(at)?;
                }
                continue;
            };
            let is_defined = &mut *self.others.is_defined;
            let (macros, conditions) = (&mut self.macros, &mut self.conditions);
            let kept = State { macros, conditions, is_defined }.directive(line, directive);
            let kept = kept.map_err(at)?;
            self.begun.resize(self.conditions.depth(), file.path.clone());
            let text = match kept {
                Pending::ForTheReader => format!("#{directive}"),
                _ => String::new(),
            };
            self.put(&text, line, &[]).map_err(at)?;
            match kept {
                Pending::Nothing | Pending::ForTheReader => {}
                Pending::Include(wanted, is_beside) => {
                    self.include(&wanted, is_beside, at)?;
                    self.goes_on(file, line.behind() - 1);
                }
                Pending::Once => {
                    self.once.insert(file.identity.clone());
                }
                Pending::Numbering(new) => {
                    self.renumber(new);
                }
            }
        }
        let is_last = around.is_some() || self.open.len() == 1;
        if let Some((line, word)) = self.conditions.open().filter(|_| is_last) {
            let problem = format!("its #{word} has no #endif before the file ends: add one");
            let path = self.begun.last().unwrap_or(&file.path);
            return Err(Misread::at(path, line, problem));
        }
        if let Some(around) = around {
            self.conditions = around;
        }
        self.renumber(outer);
        self.open.pop();
        Ok(())
    }

    /// Expands a line that is no directive, with as many of those behind it as the arguments of its macros go on in, and
    /// returns the others.
    fn text<'l, 't>(
        &mut self,
        line: &TextLine<'t>,
        behind: &'l [TextLine<'t>],
    ) -> Result<&'l [TextLine<'t>], String> {
        let shift = self.macros.shift();
        let mut further = Behind::new(behind, shift);
        let tokens = line.tokens(&line.code, shift);
        let text = expanded(&self.macros, tokens, Some(&mut further))?;
        let (joined, rest) = behind.split_at(further.taken());
        self.put(text.as_deref().unwrap_or(line.unchanged()), line, joined)?;
        Ok(rest)
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

    /// Puts a text in the place of a line and of those that are joined to it.
    fn put(
        &mut self,
        text: &str,
        line: &TextLine<'_>,
        joined: &[TextLine<'_>],
    ) -> Result<(), String> {
        let lines = std::iter::once(line).chain(joined);
        self.bytes += text.len() + lines.clone().map(|line| line.stated.len()).sum::<usize>();
        if self.bytes > MOST {
            return Err(format!("the preprocessed shader has more than {MOST} bytes"));
        }
        if let Some(piece) = self.pieces.last_mut() {
            piece.text.push_str(text);
            for stated in lines.flat_map(|line| &line.stated) {
                piece.text.push('\n');
                piece.stated.push_str(stated);
                piece.stated.push('\n');
            }
        }
        Ok(())
    }

    fn include(
        &mut self,
        stated: &str,
        is_beside: bool,
        at: impl Fn(String) -> Misread,
    ) -> Result<(), Misread> {
        let open = self.open.iter().rev().filter(|_| is_beside);
        let beside: Vec<&Path> = open.map(|(path, _)| path.as_path()).collect();
        let file = (self.others.read)(Inclusion { stated, beside: &beside }).map_err(&at)?;
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

#[cfg(test)]
mod differential;
#[cfg(test)]
mod tests;
