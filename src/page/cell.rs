//! One value of a table: its type says how people read it and how programs do.

#[cfg(feature = "cli")]
use super::number::rounded;
use super::number::{
    DASH, bytes, change, decimal, duration_like, grouped, seconds, share, share_of, signed,
};

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
    /// A waiting time in seconds, up to days or years, and the time whose unit it is shown in.
    Duration(f64, f64),
    /// A figure before and after, of which the change is said.
    Change(f64, f64),
    /// A number, and how many decimals of it mean something.
    Number(f64, usize),
    /// A part of a whole: part, whole.
    Share(u64, u64),
    /// A part of one, which may be more than it.
    Part(f64),
    /// A figure that contains what did not run.
    Extrapolated(Box<Cell>),
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
            Self::Duration(value, like) => duration_like(*value, *like),
            Self::Change(before, after) => change(*before, *after),
            Self::Number(value, decimals) => decimal(*value, *decimals),
            Self::Share(part, whole) => share(*part, *whole),
            Self::Part(part) => share_of(*part),
            Self::Extrapolated(cell) => marked(true, cell.formatted()),
        }
    }

    /// As a person reads it where there is no room for every digit of a count.
    #[cfg(feature = "cli")]
    pub fn rounded(&self) -> String {
        match self {
            Self::Count(value) => rounded(*value),
            Self::Difference(value) => {
                let sign = if *value < 0 { "-" } else { "+" };
                if *value == 0 {
                    signed(0)
                } else {
                    format!("{sign}{}", rounded(value.unsigned_abs()))
                }
            }
            Self::Extrapolated(cell) => marked(true, cell.rounded()),
            Self::Blank
            | Self::Missing
            | Self::Text(_)
            | Self::Bytes(_)
            | Self::Seconds(_)
            | Self::Duration(..)
            | Self::Change(..)
            | Self::Number(..)
            | Self::Share(..)
            | Self::Part(_) => self.formatted(),
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
            | Self::Duration(value, _)
            | Self::Number(value, _)
            | Self::Part(value) => value.to_string(),
            Self::Share(part, whole) => (*part as f64 / *whole as f64).to_string(),
            Self::Change(before, after) if *before > 0.0 => ((after - before) / before).to_string(),
            Self::Change(..) => String::new(),
            Self::Extrapolated(cell) => cell.raw(),
        }
    }
}

/// A figure, marked where some of it is extrapolated.
pub(super) fn marked(extrapolated: bool, figure: String) -> String {
    if extrapolated && figure != DASH { format!("~{figure}") } else { figure }
}
