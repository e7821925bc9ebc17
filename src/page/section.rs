//! A page as data: titled sections, each with facts, a table or a figure. Knows no format and no report.

use super::{Plot, Table, Tone};
use crate::result::Origin;

/// A whole report.
#[derive(Clone, Debug, PartialEq)]
pub struct Page {
    /// What it is a report of.
    pub title: String,
    /// What it says, in order.
    pub sections: Vec<Section>,
}

/// A titled part of a report.
#[derive(Clone, Debug, PartialEq)]
pub struct Section {
    /// Its heading.
    pub title: &'static str,
    /// What stands below it.
    pub content: Content,
    /// Where it is shown.
    pub shown: Shown,
}

/// Where a section is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shown {
    /// Everywhere.
    Always,
    /// Not where a reader is shown what matters most, as on a terminal.
    Detail,
    /// The answer in full: at the beginning, or at the end of what is seen whole at once.
    Answer,
    /// The answer again in one line, at the end, for a reader who no longer sees the beginning.
    Again,
}

/// What a section holds.
#[derive(Clone, Debug, PartialEq)]
pub enum Content {
    /// One line each.
    Facts(Vec<Fact>),
    /// Rows of figures.
    Table(Table),
    /// What is better seen than read.
    Plot(Plot),
}

/// Something said in a line.
#[derive(Clone, Debug, PartialEq)]
pub struct Fact {
    /// What it is about, in a word; empty where it goes on from the one before.
    pub name: &'static str,
    /// What is said.
    pub text: String,
    /// How the text goes on where a reader wants all of it.
    pub more: String,
    /// Whether that is good or bad.
    pub tone: Tone,
    /// Whether the text is prose that may be broken into lines.
    pub prose: bool,
    /// What is to be said beside it, a line each.
    pub details: Vec<String>,
}

impl Page {
    /// The page with its origin at the end.
    #[must_use]
    pub fn signed(mut self, origin: &Origin) -> Self {
        self.sections.push(Section::facts("Origin", [Fact::new("made by", origin.line())]));
        self
    }

    /// Every table, in order.
    pub fn tables(&self) -> impl Iterator<Item = &Table> {
        self.sections.iter().filter_map(|section| match &section.content {
            Content::Table(table) => Some(table),
            Content::Facts(_) | Content::Plot(_) => None,
        })
    }

    /// The table for a format that has room for one.
    pub fn main_table(&self) -> Option<&Table> {
        self.tables().find(|table| table.main).or_else(|| self.tables().next())
    }
}

impl Section {
    /// A section of facts.
    pub fn facts(title: &'static str, facts: impl Into<Vec<Fact>>) -> Self {
        Self { title, content: Content::Facts(facts.into()), shown: Shown::Always }
    }

    /// A section of one plot.
    pub fn plot(title: &'static str, plot: Plot) -> Self {
        Self { title, content: Content::Plot(plot), shown: Shown::Always }
    }

    /// The same section, left out where a reader is shown what matters most.
    #[must_use]
    pub fn detail(self) -> Self {
        Self { shown: Shown::Detail, ..self }
    }

    /// A section of one table.
    pub fn table(title: &'static str, table: Table) -> Self {
        Self { title, content: Content::Table(table), shown: Shown::Always }
    }
}

impl Fact {
    /// Something said about `name`.
    pub fn new(name: &'static str, text: impl Into<String>) -> Self {
        let text = text.into();
        let (more, details) = (String::new(), Vec::new());
        Self { name, text, more, tone: Tone::Plain, prose: false, details }
    }

    /// All that is said.
    pub fn whole(&self) -> String {
        format!("{}{}", self.text, self.more)
    }

    /// The same, and whether it is good or bad.
    #[must_use]
    pub fn toned(self, tone: Tone) -> Self {
        Self { tone, ..self }
    }
}
