//! Rows of typed cells under named columns, with what programs call the columns.

use std::borrow::Cow;

use super::{Cell, Tone};

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
    /// Whether its rows are lines of source text, which only letters of one width keep in their columns.
    pub code: bool,
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
    /// What becomes of them where there is little room.
    pub narrow: Narrow,
    /// Whether they say nothing without the column at their left, as the other side of a comparison: where there is no
    /// room for both, neither is shown.
    pub joined: bool,
    /// Where they say nothing that a person does not see without them.
    pub idle: Option<Idle>,
}

/// What becomes of a column where a table is wider than the place that it is shown in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Narrow {
    /// It stays as it is.
    Stays,
    /// It is left out, a higher number before a lower one.
    GivesWay(u8),
    /// Its cells are cut short.
    IsCut,
}

/// Where a column says nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Idle {
    /// Where each cell is that of the column with this number.
    WhereEqual(usize),
    /// Where each cell is a difference of nothing.
    WhereZero,
    /// Where no cell has a number.
    WhereMissing,
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

impl Column {
    /// A column of words.
    pub fn text(name: impl Into<Cow<'static, str>>, key: impl Into<Cow<'static, str>>) -> Self {
        let (name, key) = (name.into(), key.into());
        Self { name, key, numeric: false, narrow: Narrow::Stays, joined: false, idle: None }
    }

    /// A column of numbers.
    pub fn number(name: impl Into<Cow<'static, str>>, key: impl Into<Cow<'static, str>>) -> Self {
        Self { numeric: true, ..Self::text(name, key) }
    }

    /// The same column, left out where there is no room for it: the higher `order`, the sooner.
    #[must_use]
    pub fn gives_way(self, order: u8) -> Self {
        Self { narrow: Narrow::GivesWay(order), ..self }
    }

    /// The same column, shown only beside the one at its left.
    #[must_use]
    pub fn joined(self) -> Self {
        Self { joined: true, ..self }
    }

    /// The same column, cut short where there is no room for it.
    #[must_use]
    pub fn is_cut(self) -> Self {
        Self { narrow: Narrow::IsCut, ..self }
    }

    /// The same column, of which a person needs nothing in this case.
    #[must_use]
    pub fn idle(self, idle: Idle) -> Self {
        Self { idle: Some(idle), ..self }
    }

    /// Whether the column with this number says nothing in these rows.
    pub fn is_idle(&self, number: usize, rows: &[Row]) -> bool {
        match self.idle {
            None => false,
            Some(Idle::WhereEqual(other)) => {
                rows.iter().all(|row| row.cells[number] == row.cells[other])
            }
            Some(Idle::WhereZero) => {
                rows.iter().all(|row| row.cells[number] == Cell::Difference(0))
            }
            Some(Idle::WhereMissing) => {
                rows.iter().all(|row| matches!(row.cells[number], Cell::Missing | Cell::Blank))
            }
        }
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
