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
    /// The offset of each line feed.
    ends: Arc<[usize]>,
    /// The files behind the first: what each is called, and how many lines are before it.
    others: Arc<[(Arc<str>, u32)]>,
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
        Self { text: text.into(), ends: ends.collect(), others: Arc::default() }
    }

    /// The texts of files that follow one another, each with its name. Their lines are numbered through;
    /// [`Self::place`] tells them apart.
    pub fn joined(files: &[(&str, &str)]) -> Self {
        let mut text = String::new();
        let mut others = Vec::new();
        for (index, (name, file)) in files.iter().enumerate() {
            if index > 0 {
                let lines = text.bytes().filter(|&byte| byte == b'\n').count();
                others.push(((*name).into(), lines as u32));
            }
            text.push_str(file);
            if !file.ends_with('\n') {
                text.push('\n');
            }
        }
        Self { others: others.into(), ..Self::new(&text) }
    }

    /// The text.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The files behind the first: what each is called, and how many lines are before it.
    pub fn others(&self) -> &[(Arc<str>, u32)] {
        &self.others
    }

    /// The line of the whole text on which a span begins, from 1; `None` where the span is undefined.
    pub fn line(&self, span: Span) -> Option<u32> {
        Some(self.line_at(span.to_range()?.start))
    }

    /// The line of the whole text that holds the byte at an offset, from 1.
    pub fn line_at(&self, offset: usize) -> u32 {
        self.ends.partition_point(|&end| end < offset) as u32 + 1
    }

    /// A line of the whole text, as the file that has it counts its lines.
    pub fn place(&self, line: u32) -> SourceLine {
        let other = self.others.iter().rev().find(|(_, before)| line > *before);
        other.map_or(SourceLine { file: None, number: line }, |(name, before)| SourceLine {
            file: Some(Arc::clone(name)),
            number: line - before,
        })
    }

    /// What is wrong at a span, with the line there, where that is in another file than the first.
    pub(crate) fn elsewhere(&self, span: Span, problem: &str) -> Option<String> {
        let line = self.line(span)?;
        let SourceLine { file: Some(file), number } = self.place(line) else { return None };
        let stated = self.text.lines().nth(line as usize - 1).unwrap_or_default();
        Some(format!("error: {problem}\n  --> {file}:{number}\n{number:>5} | {stated}\n"))
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
    fn a_line_is_of_the_file_that_has_it() {
        let source = Source::joined(&[("a", "1\n2"), ("b", "1\n2\n"), ("c", "1")]);
        assert_eq!(source.text(), "1\n2\n1\n2\n1\n");
        let places: Vec<_> = (1..=5).map(|line| source.place(line).to_string()).collect();
        assert_eq!(places, ["line 1", "line 2", "line 1 of b", "line 2 of b", "line 1 of c"]);
        let told = source.elsewhere(Span::new(6, 7), "why").expect("it is in another file");
        assert!(told.contains("why") && told.contains("b:2") && told.contains("2 | 2"), "{told}");
        assert_eq!(source.elsewhere(Span::new(0, 1), "why"), None);
    }
}
