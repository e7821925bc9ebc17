//! What a report shows where people would rather look than read: figures as data, each with what it
//! shows in words and the numbers behind it. Formats without pictures leave them out.

use super::Table;

/// A figure with its words and its numbers.
#[derive(Clone, Debug, PartialEq)]
pub struct Plot {
    /// What is to be seen, in a sentence or two.
    pub description: String,
    /// What its colours stand for; what is beyond the last shares one.
    pub series: Vec<String>,
    /// What stands beside it where its numbers do not: what each thing in it is and reaches, a line each.
    pub key: Vec<String>,
    /// What is drawn.
    pub figure: Figure,
    /// The numbers behind it.
    pub data: Table,
}

/// What is drawn; a `series` is a position in [`Plot::series`].
#[derive(Clone, Debug, PartialEq)]
pub enum Figure {
    /// Counts as bars made of parts.
    Bars {
        /// What is counted.
        unit: Unit,
        /// Each bar.
        bars: Vec<Bar>,
    },
    /// Times, a row each.
    Times(Vec<TimeBar>),
    /// FLOPs from one figure to another, step by step.
    Waterfall(Vec<Rise>),
    /// Quotients around 1, a row each, on a logarithmic axis.
    Ratios(Vec<Ratio>),
    /// Slices of time, a row a track.
    Timeline(Vec<Track>),
    /// Lines and points, both axes logarithmic.
    Curves {
        /// What is across.
        x: String,
        /// What is up.
        y: String,
        /// Each line.
        lines: Vec<Curve>,
        /// Each point.
        points: Vec<Mark>,
    },
}

impl Figure {
    /// Whether it shows anything of a series.
    pub fn shows(&self, series: usize) -> bool {
        match self {
            Self::Curves { lines, points, .. } => {
                let lines = lines.iter().map(|line| line.series);
                let bounds = points.iter().filter_map(|point| Some(point.bound.as_ref()?.series));
                let points = points.iter().map(|point| point.series);
                lines.chain(points).chain(bounds).any(|its| its == series)
            }
            Self::Bars { .. }
            | Self::Times(_)
            | Self::Waterfall(_)
            | Self::Ratios(_)
            | Self::Timeline(_) => true,
        }
    }
}

/// What bars count.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unit {
    /// FLOPs, or anything else that has no unit.
    Count,
    /// Bytes.
    Bytes,
}

/// A bar.
#[derive(Clone, Debug, PartialEq)]
pub struct Bar {
    /// What it is of.
    pub name: String,
    /// Series and count of each part, from the left.
    pub parts: Vec<(usize, u64)>,
}

/// How long something took.
#[derive(Clone, Debug, PartialEq)]
pub struct TimeBar {
    /// What it is of.
    pub name: String,
    /// Its colour.
    pub series: usize,
    /// The median of its runs.
    pub seconds: f64,
    /// The least and the most of them, where that is known.
    pub spread: Option<(f64, f64)>,
}

/// A step of a waterfall.
#[derive(Clone, Debug, PartialEq)]
pub struct Rise {
    /// Why.
    pub name: String,
    /// FLOPs up or down.
    pub difference: i128,
}

/// A positive quotient.
#[derive(Clone, Debug, PartialEq)]
pub struct Ratio {
    /// What it is of.
    pub name: String,
    /// How many times as much as what it is held against.
    pub value: f64,
}

/// A row of a timeline.
#[derive(Clone, Debug, PartialEq)]
pub struct Track {
    /// What happens in it.
    pub name: String,
    /// What happens, in order.
    pub slices: Vec<Stretch>,
}

/// A stretch of time.
#[derive(Clone, Debug, PartialEq)]
pub struct Stretch {
    /// Its colour.
    pub series: usize,
    /// When it begins, in seconds.
    pub start: f64,
    /// How long it lasts, in seconds.
    pub seconds: f64,
}

/// A line through points with positive coordinates.
#[derive(Clone, Debug, PartialEq)]
pub struct Curve {
    /// Its colour.
    pub series: usize,
    /// From left to right.
    pub points: Vec<(f64, f64)>,
}

/// A point with positive coordinates.
#[derive(Clone, Debug, PartialEq)]
pub struct Mark {
    /// Its colour.
    pub series: usize,
    /// What stands beside it.
    pub label: String,
    /// Across.
    pub x: f64,
    /// Up.
    pub y: f64,
    /// What bounds this point alone.
    pub bound: Option<OwnRoof>,
}

/// A height that bounds one point, at the point's place across.
#[derive(Clone, Debug, PartialEq)]
pub struct OwnRoof {
    /// Its colour.
    pub series: usize,
    /// What stands beside it.
    pub label: String,
    /// Up.
    pub y: f64,
}
