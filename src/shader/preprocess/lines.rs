//! The lines of a file as a preprocessor reads them: without comments, and with those that go on as one. Knows no
//! directive by its name.

use super::{
    comments::Comments,
    dialect::Dialect,
    tokens::{Token, TokenKind, tokens},
};

/// A line, with those that it goes on in.
#[derive(Debug)]
pub(super) struct TextLine<'a> {
    /// The number of the first in its file, from 1.
    pub(super) number: u32,
    /// As the file has them.
    pub(super) stated: Vec<&'a str>,
    /// All of them with blanks for their comments.
    pub(super) code: String,
    /// The bytes of the code at which the others begin.
    begins: Vec<usize>,
    /// Whether no comment goes on from the line before it, nor to the one behind it.
    is_whole: bool,
}

/// The lines behind one, in which the arguments of its macros may go on.
pub(super) struct Behind<'l, 't> {
    lines: &'l [TextLine<'t>],
    taken: usize,
    shift: i64,
}

impl<'l, 't> Behind<'l, 't> {
    /// None of them taken; each is numbered so many lines further.
    pub(super) fn new(lines: &'l [TextLine<'t>], shift: i64) -> Self {
        Self { lines, taken: 0, shift }
    }

    /// How many have been taken.
    pub(super) fn taken(&self) -> usize {
        self.taken
    }

    /// Takes the next line, behind a blank; `None` where there is none.
    ///
    /// # Errors
    /// Where it is a directive.
    pub(super) fn next(&mut self) -> Result<Option<Vec<Token<'l>>>, Directive> {
        let Some(line) = self.lines.get(self.taken) else { return Ok(None) };
        if line.directive().is_some() {
            return Err(Directive);
        }
        self.taken += 1;
        let blank = Token { kind: TokenKind::Blank, text: " ".into(), line: None };
        let its = line.tokens(&line.code, self.shift);
        Ok(Some(std::iter::once(blank).chain(its).collect()))
    }

    /// Whether the next line that is not blank begins with a bracket.
    pub(super) fn is_bracket(&self) -> bool {
        let mut codes = self.lines[self.taken..].iter().map(|line| line.code.trim_start());
        codes.find(|code| !code.is_empty()).is_some_and(|code| code.starts_with('('))
    }
}

/// What no macro goes on in.
pub(super) struct Directive;

/// The lines of a text. GLSL's go on behind a backslash wherever that is, those of WGSL in directives alone; directives
/// of both go on until their comments end.
pub(super) fn lines(text: &str, dialect: Dialect) -> Vec<TextLine<'_>> {
    let mut comments = Comments::new(dialect);
    let mut stated = (1..).zip(text.lines());
    let mut found = Vec::new();
    while let Some((number, first)) = stated.next() {
        let mut next = || stated.next().map(|(_, line)| line);
        let mut line = TextLine::read(number, first, &mut next, &mut comments, dialect);
        while line.directive().is_some() {
            let begun = line.code.trim_end().strip_suffix('\\').map(str::len);
            let begun = begun.filter(|_| dialect == Dialect::Wgsl);
            if begun.is_none() && !comments.are_open() {
                break;
            }
            let Some(more) = next() else { break };
            line.code.truncate(begun.unwrap_or(line.code.len()));
            line.join(TextLine::read(number, more, &mut next, &mut comments, dialect));
        }
        found.push(line);
    }
    found
}

impl<'a> TextLine<'a> {
    /// Reads a line with those that backslashes join to it.
    fn read(
        number: u32,
        first: &'a str,
        next: &mut dyn FnMut() -> Option<&'a str>,
        comments: &mut Comments,
        dialect: Dialect,
    ) -> Self {
        let begins_whole = !comments.are_open();
        let (mut code, mut stated, mut begins) = (first.to_owned(), vec![first], Vec::new());
        while dialect == Dialect::Glsl && code.ends_with('\\') {
            let Some(more) = next() else { break };
            code.pop();
            begins.push(code.len());
            code.push_str(more);
            stated.push(more);
        }
        let code = comments.blanked(&code);
        let is_whole = begins_whole && !comments.are_open();
        Self { number, stated, code, begins, is_whole }
    }

    /// Goes on with the line behind it.
    fn join(&mut self, behind: Self) {
        self.code.push(' ');
        let before = self.code.len();
        self.begins.push(before);
        self.begins.extend(behind.begins.iter().map(|at| before + at));
        self.code.push_str(&behind.code);
        self.stated.extend(behind.stated);
        self.is_whole &= behind.is_whole;
    }

    /// What stands behind the `#` of a directive.
    pub(super) fn directive(&self) -> Option<&str> {
        self.code.trim_start().strip_prefix('#')
    }

    /// The number of the line behind it.
    pub(super) fn behind(&self) -> u32 {
        self.number + self.stated.len() as u32
    }

    /// The line as its file has it, or its code where that has other lines in it or parts of comments.
    pub(super) fn unchanged(&self) -> &str {
        match self.stated[..] {
            [stated] if self.is_whole => stated,
            _ => &self.code,
        }
    }

    /// The tokens of the end of the code, each on its line and so many lines further.
    pub(super) fn tokens<'t>(&'t self, end: &'t str, shift: i64) -> Vec<Token<'t>> {
        let mut at = self.code.len() - end.len();
        let placed = tokens(end).map(|token| {
            let before = self.begins.partition_point(|&begin| begin <= at);
            at += token.text.len();
            Token { line: Some(i64::from(self.number) + before as i64 + shift), ..token }
        });
        placed.collect()
    }
}
