//! The small preprocessor that shaders live on: conditions, macros, and files that others include. Each line of a file
//! stays a line, so that whatever is said of one names the line that the user wrote. Reads no file itself, and knows
//! no more of WGSL and GLSL than their comments.

mod comments;
mod condition;
mod dialect;
mod fault;
mod macros;
mod number;
mod predefined;
mod words;

use std::{
    collections::{BTreeMap, BTreeSet},
    path::{Path, PathBuf},
};

use flopmeter_core::source::Piece;

use self::{
    comments::Comments,
    condition::{Branches, Otherwise},
    macros::{Macros, Unexpanded},
    words::word,
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
    /// The file that includes it, where files beside that one are looked at first.
    pub(super) beside: Option<&'a Path>,
}

/// Whether a text has anything to preprocess: a directive, outside of comments.
pub(super) fn has_directives(text: &str, dialect: Dialect) -> bool {
    directives(text, dialect).next().is_some()
}

/// Whether a text includes a file.
#[cfg(any(test, feature = "glsl"))]
pub(super) fn includes(text: &str, dialect: Dialect) -> bool {
    directives(text, dialect).any(|word| word == "include")
}

/// The first word of each directive.
fn directives(text: &str, dialect: Dialect) -> impl Iterator<Item = String> {
    let mut comments = Comments::new(dialect);
    text.lines().filter_map(move |line| {
        let code = comments.blanked(line);
        Some(word(code.trim_start().strip_prefix('#')?).0.to_owned())
    })
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
    let mut macros = Macros::new(defines);
    if let (Dialect::Glsl, Some(first)) = (dialect, files.first()) {
        predefined::at_the_begin(&mut macros)
            .map_err(|problem| Misread::at(&first.path, 1, problem))?;
    }
    let mut run = Run {
        dialect,
        macros,
        read,
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
    dialect: Dialect,
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
        self.goes_on(file, 0);
        let mut conditions = Branches::default();
        let mut comments = Comments::new(self.dialect);
        let mut lines = (1_u32..).zip(file.text.lines());
        while let Some((number, stated)) = lines.next() {
            let at = |problem: String| Misread::at(&file.path, number, problem);
            let code = comments.blanked(stated);
            let Some(directive) = code.trim_start().strip_prefix('#') else {
                if !conditions.are_met() {
                    self.put("", stated).map_err(at)?;
                    continue;
                }
                let mut whole = code;
                let mut rest = Vec::new();
                let line = loop {
                    match self.macros.expanded(&whole) {
                        Ok(line) => break line,
                        Err(Unexpanded::Wrong(problem)) => return Err(at(problem)),
                        // The arguments of a macro go on.
                        Err(Unexpanded::Open(name)) => {
                            let Some((_, more)) = lines.next() else {
                                let problem = format!(
                                    "the arguments of the macro '{name}' do not end: close them"
                                );
                                return Err(at(problem));
                            };
                            whole = format!("{whole} {}", comments.blanked(more));
                            rest.push(more);
                        }
                    }
                };
                self.put(&line, stated).map_err(at)?;
                for more in rest {
                    self.put("", more).map_err(at)?;
                }
                continue;
            };
            // A directive goes on where its line ends with a backslash.
            let mut directive = directive.to_owned();
            let mut rest = Vec::new();
            while let Some(begun) = directive.trim_end().strip_suffix('\\') {
                let Some((_, more)) = lines.next() else { break };
                directive = format!("{begun} {}", comments.blanked(more));
                rest.push(more);
            }
            let kept = self.directive(&mut conditions, number, &directive).map_err(at)?;
            let line = match kept {
                Kept::Nothing | Kept::Include(..) => String::new(),
                Kept::ForTheReader => format!("#{directive}"),
            };
            self.put(&line, stated).map_err(at)?;
            for more in &rest {
                self.put("", more).map_err(at)?;
            }
            if let Kept::Include(wanted, is_beside) = kept {
                self.include(&wanted, is_beside.then_some(&*file.path), at)?;
                self.goes_on(file, number + rest.len() as u32);
            }
        }
        if let Some((line, word)) = conditions.open() {
            let problem = format!("its #{word} has no #endif before the file ends: add one");
            return Err(Misread::at(&file.path, line, problem));
        }
        self.open.pop();
        Ok(())
    }

    /// Goes on with the lines of a file behind so many.
    fn goes_on(&mut self, file: &Text, skipped: u32) {
        let (text, stated) = (String::new(), String::new());
        self.pieces.push(Piece { file: file.name.clone(), skipped, text, stated });
    }

    fn put(&mut self, line: &str, stated: &str) -> Result<(), String> {
        self.bytes += line.len() + 1;
        if self.bytes > MOST {
            return Err(format!("the preprocessed shader has more than {MOST} bytes"));
        }
        if let Some(piece) = self.pieces.last_mut() {
            for (text, line) in [(&mut piece.text, line), (&mut piece.stated, stated)] {
                text.push_str(line);
                text.push('\n');
            }
        }
        Ok(())
    }

    /// Does what a directive says; the text is what stands behind its `#`.
    fn directive(
        &mut self,
        conditions: &mut Branches,
        number: u32,
        text: &str,
    ) -> Result<Kept, String> {
        let (name, rest) = word(text);
        let rest = rest.trim();
        let alone = || match rest {
            "" => Ok(()),
            more => Err(format!("nothing stands behind #{name}, and here is '{more}'")),
        };
        match name {
            "if" => {
                let is_met = conditions.are_met() && self.is_true(rest)?;
                conditions.begin(number, "if", is_met);
                return Ok(Kept::Nothing);
            }
            "ifdef" | "ifndef" => {
                let (wanted, says) =
                    if name == "ifdef" { (true, "ifdef") } else { (false, "ifndef") };
                let asked = single(rest, name)?;
                if conditions.are_met() {
                    self.knows(asked)?;
                }
                let is_met = self.macros.has(asked) == wanted;
                conditions.begin(number, says, is_met);
                return Ok(Kept::Nothing);
            }
            "elif" => {
                // What comes behind a branch that was taken is not looked at.
                let is_met = conditions.may_go_on() && self.is_true(rest)?;
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
        let is_glsl = self.dialect == Dialect::Glsl;
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
            "extension" | "pragma" | "line" | "" if is_glsl => return Ok(Kept::ForTheReader),
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

    /// Whether a condition holds.
    fn is_true(&self, condition: &str) -> Result<bool, String> {
        self.knows(condition)?;
        self.macros.is_true(condition)
    }

    /// Refuses a condition on what a compiler may have defined.
    fn knows(&self, condition: &str) -> Result<(), String> {
        match predefined::unknown(&self.macros, condition) {
            Some(name) if self.dialect == Dialect::Glsl => Err(format!(
                "whether '{name}' is defined depends on the compiler of GLSL: define it, or compile the shader to \
                 SPIR-V with glslangValidator or glslc"
            )),
            Some(_) | None => Ok(()),
        }
    }

    fn include(
        &mut self,
        stated: &str,
        beside: Option<&Path>,
        at: impl Fn(String) -> Misread,
    ) -> Result<(), Misread> {
        let file = (self.read)(Inclusion { stated, beside }).map_err(&at)?;
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

/// The file of an `#include`, and whether it is looked for beside the file that has it.
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
mod tests;
