//! The text of a kernel and where its lines end; which file a line is of, where the text is that of several. Knows
//! nothing of what the text means.

use std::{fmt, sync::Arc};

use naga::Span;

/// The text that a kernel was read from, with a table of its lines.
///
/// A span is looked up far more often than a source is read, so where the lines end is found out once. Clones
/// share the text and the table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Source {
    text: Arc<str>,
    /// The same lines as their files state them; `None` where those are the text.
    stated: Option<Arc<str>>,
    /// The offset of each line feed.
    ends: Arc<[usize]>,
    /// Where the lines are of another file than the first, or of another part of it.
    parts: Arc<[SourcePart]>,
    /// The lines of a module that was compiled from the text; `None` where spans are places in the text itself.
    instructions: Option<Arc<[InstructionLine]>>,
}

/// From which byte of a module on its instructions are of a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct InstructionLine {
    /// The first byte of the first of them, as naga's reader counts them.
    pub byte: usize,
    /// Their line, from 1; `None` where that is not known.
    pub line: Option<u32>,
}

/// Where a source goes on in another file, or in another part of one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SourcePart {
    /// The file; `None` for the first of those that the source is made of.
    pub file: Option<Arc<str>>,
    /// Lines of the source before it.
    pub before: u32,
    /// Lines of the file before it.
    pub skipped: u32,
}

/// Lines of a file that a source is made of, as [`Source::pieced`] takes them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Piece {
    /// The file; `None` for the first of the source.
    pub file: Option<String>,
    /// Lines of the file before these.
    pub skipped: u32,
    /// The lines as they are read.
    pub text: String,
    /// As many lines, as the file states them.
    pub stated: String,
}

/// A line of a kernel's source, as its file has it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SourceLine {
    /// The file, where it is not the first of those that the source is made of.
    pub file: Option<Arc<str>>,
    /// Its number in the file, from 1.
    pub number: u32,
}

impl fmt::Display for SourceLine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}", self.number)?;
        self.file.as_ref().map_or(Ok(()), |file| write!(f, " of {file}"))
    }
}

impl Source {
    /// A text and the table of its lines.
    pub fn new(text: &str) -> Self {
        let ends = text.bytes().enumerate().filter(|&(_, byte)| byte == b'\n').map(|(at, _)| at);
        Self {
            text: text.into(),
            stated: None,
            ends: ends.collect(),
            parts: Arc::default(),
            instructions: None,
        }
    }

    /// The same text as that of a module of instructions, in which spans are places. They stand in the order of their
    /// bytes.
    #[must_use]
    pub fn compiled(self, instructions: Vec<InstructionLine>) -> Self {
        Self { instructions: Some(instructions.into()), ..self }
    }

    /// The texts of files that follow one another, each with its name. Their lines are numbered through;
    /// [`Self::place`] tells them apart.
    pub fn joined(files: &[(&str, &str)]) -> Self {
        let mut text = String::new();
        let mut parts = Vec::new();
        for (index, (name, file)) in files.iter().enumerate() {
            if index > 0 {
                let before = text.bytes().filter(|&byte| byte == b'\n').count() as u32;
                parts.push(SourcePart { file: Some((*name).into()), before, skipped: 0 });
            }
            text.push_str(file);
            if !file.ends_with('\n') {
                text.push('\n');
            }
        }
        Self { parts: parts.into(), ..Self::new(&text) }
    }

    /// Parts of files that follow one another, as a preprocessor puts them together. Each line of a piece ends
    /// with a line feed.
    pub fn pieced(pieces: &[Piece]) -> Self {
        let mut parts = Vec::new();
        let mut before = 0;
        for Piece { file, skipped, text, stated: _ } in pieces {
            parts.push(SourcePart {
                file: file.as_deref().map(Arc::from),
                before,
                skipped: *skipped,
            });
            before += text.bytes().filter(|&byte| byte == b'\n').count() as u32;
        }
        // What begins as the first file does needs no part.
        if parts.first().is_some_and(|first| first.file.is_none() && first.skipped == 0) {
            parts.remove(0);
        }
        let text: String = pieces.iter().map(|piece| piece.text.as_str()).collect();
        let stated: String = pieces.iter().map(|piece| piece.stated.as_str()).collect();
        Self { parts: parts.into(), stated: Some(stated.into()), ..Self::new(&text) }
    }

    /// The text.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The text, where spans are places in it.
    pub fn spanned(&self) -> Option<&str> {
        self.instructions.is_none().then_some(&*self.text)
    }

    /// The lines of the text as their files state them: those that a preprocessor changed are what they were.
    pub fn stated(&self) -> &str {
        self.stated.as_deref().unwrap_or(&self.text)
    }

    /// Where the source goes on in another file than the first, or in another part of it.
    pub fn parts(&self) -> &[SourcePart] {
        &self.parts
    }

    /// The line of the whole text on which a span begins, from 1; `None` where the span is undefined.
    pub fn line(&self, span: Span) -> Option<u32> {
        let at = span.to_range()?.start;
        let Some(instructions) = &self.instructions else { return Some(self.line_at(at)) };
        let behind = instructions.partition_point(|its| its.byte <= at);
        instructions[..behind].last()?.line
    }

    /// The line of the whole text that holds the byte at an offset, from 1.
    fn line_at(&self, offset: usize) -> u32 {
        self.ends.partition_point(|&end| end < offset) as u32 + 1
    }

    /// A line of the whole text, as the file that has it counts its lines.
    pub fn place(&self, line: u32) -> SourceLine {
        let part = self.parts.iter().rev().find(|part| line > part.before);
        part.map_or(SourceLine { file: None, number: line }, |part| SourceLine {
            file: part.file.clone(),
            number: line - part.before + part.skipped,
        })
    }

    /// What is wrong, the lines that it is about, each with what is said of it, and why; `None` where the text itself has
    /// those lines as their file does. `name` is the first file's.
    pub(crate) fn elsewhere(
        &self,
        name: &str,
        problem: &str,
        places: impl IntoIterator<Item = (Span, String)>,
        why: impl IntoIterator<Item = String>,
    ) -> Option<String> {
        let places = places.into_iter().filter_map(|(span, what)| Some((self.line(span)?, what)));
        let places: Vec<(u32, String)> = places.collect();
        let lines_of = |text: &'_ str, line: u32| {
            text.lines().nth(line as usize - 1).unwrap_or_default().to_owned()
        };
        let is_in_text = |&(line, _): &(u32, String)| {
            self.place(line) == SourceLine { file: None, number: line }
                && lines_of(&self.text, line) == lines_of(self.stated(), line)
        };
        if places.iter().all(is_in_text) {
            return None;
        }
        let mut told = format!("error: {problem}\n");
        let mut last = None;
        for (line, what) in places {
            if last != Some(line) {
                let SourceLine { file, number } = self.place(line);
                let file = file.as_deref().unwrap_or(name);
                let stated = lines_of(self.stated(), line);
                told += &format!("  --> {file}:{number}\n{number:>5} | {stated}\n");
                last = Some(line);
            }
            if !what.is_empty() {
                told += &format!("      = {what}\n");
            }
        }
        for why in why {
            told += &format!("  = {why}\n");
        }
        Some(told)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_span_is_on_the_line_on_which_it_begins() {
        let source = Source::new("ab\n\ncd\n");
        let line = |start, end| source.line(Span::new(start, end));
        assert_eq!([line(0, 1), line(2, 5), line(3, 4), line(4, 7)], [1, 1, 2, 3].map(Some));
        assert_eq!(source.line(Span::UNDEFINED), None);
        assert_eq!(source.place(3), SourceLine { file: None, number: 3 });
    }

    #[test]
    fn a_span_of_a_module_is_on_the_line_of_its_instruction() {
        let lines = [(20, Some(3)), (28, None), (40, Some(1))];
        let lines = lines.map(|(byte, line)| InstructionLine { byte, line });
        let source = Source::new("a\nb\nc\n").compiled(lines.to_vec());
        let line = |start| source.line(Span::new(start, start + 4));
        assert_eq!(
            [0, 20, 24, 28, 39, 40, 99].map(line),
            [None, Some(3), Some(3), None, None, Some(1), Some(1)]
        );
        assert_eq!(source.spanned(), None);
        assert_eq!(Source::new("a").spanned(), Some("a"));
    }

    #[test]
    fn a_line_is_of_the_file_that_has_it() {
        let source = Source::joined(&[("a", "1\n2"), ("b", "1\n2\n"), ("c", "1")]);
        assert_eq!(source.text(), "1\n2\n1\n2\n1\n");
        let places: Vec<_> = (1..=5).map(|line| source.place(line).to_string()).collect();
        assert_eq!(places, ["line 1", "line 2", "line 1 of b", "line 2 of b", "line 1 of c"]);
        let told = |places: &[(Span, &str)]| {
            let places = places.iter().map(|&(span, what)| (span, what.to_owned()));
            source.elsewhere("a", "wrong", places, ["because".to_owned()])
        };
        assert_eq!(
            told(&[(Span::new(6, 7), "here"), (Span::new(0, 1), "")]).unwrap(),
            "error: wrong\n  --> b:2\n    2 | 2\n      = here\n  --> a:1\n    1 | 1\n  = because\n"
        );
        assert_eq!(told(&[(Span::new(0, 1), "here")]), None);
        assert_eq!(told(&[]), None);
    }

    #[test]
    fn a_file_goes_on_behind_what_it_includes() {
        let piece = |file: Option<&str>, skipped, text: &str, stated: &str| Piece {
            file: file.map(str::to_owned),
            skipped,
            text: text.to_owned(),
            stated: stated.to_owned(),
        };
        let source = Source::pieced(&[
            piece(None, 0, "\n", "#include \"b\"\n"),
            piece(Some("b"), 0, "1\n2\n", "N\n2\n"),
            piece(None, 1, "3\n", "3\n"),
        ]);
        assert_eq!(source.text(), "\n1\n2\n3\n");
        assert_eq!(source.stated(), "#include \"b\"\nN\n2\n3\n");
        let places: Vec<_> = (1..=4).map(|line| source.place(line).to_string()).collect();
        assert_eq!(places, ["line 1", "line 1 of b", "line 2 of b", "line 2"]);
        let told = |start| {
            source.elsewhere("a", "wrong", [(Span::new(start, start + 1), String::new())], [])
        };
        assert_eq!(told(5).unwrap(), "error: wrong\n  --> a:2\n    2 | 3\n");
        // A line that was put in the place of another is shown as it is stated.
        assert_eq!(told(1).unwrap(), "error: wrong\n  --> b:1\n    1 | N\n");
    }
}
