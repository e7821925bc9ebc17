//! What a report says, before anybody decides how it looks: titled sections of facts and of tables
//! with typed cells. Each report makes one of these below, and each format renders it, so that no
//! column is listed twice. Knows no format.

mod adapters;
mod agreement;
mod causes;
mod compare;
mod components;
mod estimate;
mod forecast;
mod growth;
mod pictures;
mod plot;
mod profile;
mod roofline;
mod scale;
mod shader;
mod watched;

use std::borrow::Cow;

pub use plot::{Bar, Figure, Line, Plot, Point, Slice, Step, Track};

use super::number::{DASH, bytes, decimal, duration, grouped, seconds, share, share_of, signed};
use crate::{execute::Adapter, model::ModelConfig};

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
    /// Whether that is good or bad.
    pub tone: Tone,
    /// Whether the text is prose that may be broken into lines.
    pub prose: bool,
    /// What is to be said beside it, a line each.
    pub details: Vec<String>,
}

/// Whether what is said is good or bad.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Tone {
    /// Neither.
    #[default]
    Plain,
    /// As it should be.
    Good,
    /// Worth a second look.
    Doubtful,
    /// Wrong, or to be looked at first.
    Bad,
}

/// Rows of figures under one header.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Table {
    /// What the groups of rows are called, where there are groups.
    pub grouped_by: Option<&'static str>,
    /// What the cells of each row are, from left to right.
    pub columns: Vec<Column>,
    /// The rows, a group's sum below its parts.
    pub rows: Vec<Row>,
    /// Whether this is what a format shows that has room for one table.
    pub main: bool,
}

/// What the cells below each other are.
#[derive(Clone, Debug, PartialEq)]
pub struct Column {
    /// What a person reads above them.
    pub name: Cow<'static, str>,
    /// What a program calls them, with the unit where they have one; empty where there is nothing in
    /// them for a program.
    pub key: Cow<'static, str>,
    /// Whether they are numbers.
    pub numeric: bool,
}

/// One row.
#[derive(Clone, Debug, PartialEq)]
pub struct Row {
    /// The group that it belongs to.
    pub group: Option<&'static str>,
    /// One for each column.
    pub cells: Vec<Cell>,
    /// Whether it sums up rows above it; its first cell then says which.
    pub sum: bool,
    /// Whether what it says is good or bad.
    pub tone: Tone,
}

/// One value.
#[derive(Clone, Debug, PartialEq)]
pub enum Cell {
    /// Nothing to be said here.
    Blank,
    /// A number that does not exist.
    Missing,
    /// Words.
    Text(String),
    /// How many.
    Count(u128),
    /// How many more or fewer.
    Difference(i128),
    /// Bytes.
    Bytes(u64),
    /// A time in seconds.
    Seconds(f64),
    /// A time in seconds that somebody waits for, days or years of it.
    Duration(f64),
    /// A number, and how many decimals of it mean something.
    Number(f64, usize),
    /// A part of a whole: part, whole.
    Share(u64, u64),
    /// A part of one, which may be more than it.
    Part(f64),
    /// A figure that contains what did not run.
    Extrapolated(Box<Cell>),
}

impl Section {
    /// A section of facts.
    pub fn facts(title: &'static str, facts: impl Into<Vec<Fact>>) -> Self {
        Self { title, content: Content::Facts(facts.into()) }
    }

    /// A section of one plot.
    pub fn plot(title: &'static str, plot: Plot) -> Self {
        Self { title, content: Content::Plot(plot) }
    }

    /// A section of one table.
    pub fn table(title: &'static str, table: Table) -> Self {
        Self { title, content: Content::Table(table) }
    }
}

impl Fact {
    /// Something said about `name`.
    pub fn new(name: &'static str, text: impl Into<String>) -> Self {
        let text = text.into();
        Self { name, text, tone: Tone::Plain, prose: false, details: Vec::new() }
    }

    /// The same, and whether it is good or bad.
    #[must_use]
    pub fn toned(self, tone: Tone) -> Self {
        Self { tone, ..self }
    }
}

impl Column {
    /// A column of words.
    pub fn text(name: impl Into<Cow<'static, str>>, key: impl Into<Cow<'static, str>>) -> Self {
        Self { name: name.into(), key: key.into(), numeric: false }
    }

    /// A column of numbers.
    pub fn number(name: impl Into<Cow<'static, str>>, key: impl Into<Cow<'static, str>>) -> Self {
        Self { name: name.into(), key: key.into(), numeric: true }
    }
}

impl Row {
    /// A row of no group.
    pub fn new(cells: impl Into<Vec<Cell>>) -> Self {
        Self { group: None, cells: cells.into(), sum: false, tone: Tone::Plain }
    }

    /// A row that sums up those above it.
    pub fn sum(cells: impl Into<Vec<Cell>>) -> Self {
        Self { sum: true, ..Self::new(cells) }
    }

    /// The same row as part of a group.
    #[must_use]
    pub fn of(self, group: &'static str) -> Self {
        Self { group: Some(group), ..self }
    }
}

impl Table {
    /// Its columns where the group of a row is a column like others, and so each row's cells: for
    /// formats in which a row must make sense by itself.
    pub fn flat(&self) -> (Vec<Column>, Vec<Row>) {
        let kept = |i: usize| !self.columns[i].key.is_empty();
        let group = self.grouped_by.map(|name| Column::text(name, name));
        let columns = self.columns.iter().filter(|column| !column.key.is_empty()).cloned();
        let columns = group.into_iter().chain(columns).collect();
        let rows = self.rows.iter().map(|row| {
            let mut cells = row.cells.clone();
            let group = self.grouped_by.map(|_| match row.group {
                // A sum's name is that of what it sums up.
                _ if row.sum => std::mem::replace(&mut cells[0], Cell::Blank),
                Some(group) => Cell::Text(group.to_owned()),
                None => Cell::Blank,
            });
            let cells =
                cells.into_iter().enumerate().filter(|(i, _)| kept(*i)).map(|(_, cell)| cell);
            Row { cells: group.into_iter().chain(cells).collect(), ..row.clone() }
        });
        (columns, rows.collect())
    }
}

impl Page {
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

impl Cell {
    /// Words.
    pub fn text(text: impl Into<String>) -> Self {
        Self::Text(text.into())
    }

    /// A count that may not exist.
    pub fn count(value: Option<u64>) -> Self {
        value.map_or(Self::Missing, Self::whole)
    }

    /// How many.
    pub fn whole(value: impl Into<u128>) -> Self {
        Self::Count(value.into())
    }

    /// The same, marked where some of it is extrapolated.
    #[must_use]
    pub fn extrapolated(self, some: bool) -> Self {
        match self {
            Self::Blank | Self::Missing | Self::Text(_) => self,
            cell if some => Self::Extrapolated(cell.into()),
            cell => cell,
        }
    }

    /// How many times `part` is of `whole`; missing where there is no whole.
    pub fn ratio(part: u64, whole: u64) -> Self {
        Self::rate(part as f64 / whole as f64, 3)
    }

    /// A quotient with so many decimals; missing where it is not finite.
    pub fn rate(value: f64, decimals: usize) -> Self {
        if value.is_finite() { Self::Number(value, decimals) } else { Self::Missing }
    }

    /// As a person reads it.
    pub fn formatted(&self) -> String {
        match self {
            Self::Blank => String::new(),
            Self::Missing => DASH.to_owned(),
            Self::Text(text) => text.clone(),
            Self::Count(value) => grouped(*value),
            Self::Difference(value) => signed(*value),
            Self::Bytes(value) => bytes(*value),
            Self::Seconds(value) => seconds(*value),
            Self::Duration(value) => duration(*value),
            Self::Number(value, decimals) => decimal(*value, *decimals),
            Self::Share(part, whole) => share(*part, *whole),
            Self::Part(part) => share_of(*part),
            Self::Extrapolated(cell) => marked(true, cell.formatted()),
        }
    }

    /// As a program reads it: whole, without grouping and unit; empty where there is nothing.
    pub fn raw(&self) -> String {
        match self {
            Self::Blank | Self::Missing | Self::Share(_, 0) => String::new(),
            Self::Text(text) => text.clone(),
            Self::Count(value) => value.to_string(),
            Self::Bytes(value) => value.to_string(),
            Self::Difference(value) => value.to_string(),
            Self::Seconds(value)
            | Self::Duration(value)
            | Self::Number(value, _)
            | Self::Part(value) => value.to_string(),
            Self::Share(part, whole) => (*part as f64 / *whole as f64).to_string(),
            Self::Extrapolated(cell) => cell.raw(),
        }
    }
}

/// A figure, marked where some of it is extrapolated.
fn marked(extrapolated: bool, figure: String) -> String {
    if extrapolated && figure != DASH { format!("~{figure}") } else { figure }
}

/// A model's configuration in one line.
fn config_line(config: &ModelConfig) -> String {
    let config = serde_json::to_value(config).unwrap_or_default();
    let fields = config.as_object().into_iter().flatten();
    let fields =
        fields.map(|(key, value)| format!("{key} {}", value.to_string().trim_matches('"')));
    fields.collect::<Vec<_>>().join(", ")
}

/// An adapter in one line.
fn adapter_line(adapter: &Adapter) -> String {
    let Adapter { name, backend, device_type, driver, limits: _ } = adapter;
    format!("{name} ({backend}, {device_type}; {driver})")
}

/// Passes that are named where many do not agree.
const NAMED: usize = 5;
