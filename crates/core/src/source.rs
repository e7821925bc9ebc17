//! The text of a kernel and where its lines end. Knows nothing of what the text means.

use std::sync::Arc;

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
}

impl Source {
    /// A text and the table of its lines.
    pub fn new(text: &str) -> Self {
        let ends = text.bytes().enumerate().filter(|&(_, byte)| byte == b'\n').map(|(at, _)| at);
        Self { text: text.into(), ends: ends.collect() }
    }

    /// The text.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The line on which a span begins, from 1; `None` where the span is undefined.
    pub fn line(&self, span: Span) -> Option<u32> {
        Some(self.line_at(span.to_range()?.start))
    }

    /// The line that holds the byte at an offset, from 1.
    pub fn line_at(&self, offset: usize) -> u32 {
        self.ends.partition_point(|&end| end < offset) as u32 + 1
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
    }
}
