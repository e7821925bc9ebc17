//! How a result looks outside: a format a file, and a row of [`FORMATS`] by which a user can ask for it.
//! Knows neither what a result is about nor where its text goes.

#[cfg(feature = "cli")]
pub mod csv;
#[cfg(feature = "cli")]
mod drawing;
#[cfg(feature = "cli")]
pub mod html;
pub mod json;
pub mod markdown;
#[cfg(feature = "cli")]
pub mod svg;
#[cfg(feature = "cli")]
pub mod table;
pub mod trace;

use serde::Serialize;

use crate::{page::Paged, result};

/// Every format that any result can be written in.
pub const FORMATS: &[Format] = &[
    json::FORMAT,
    #[cfg(feature = "cli")]
    csv::FORMAT,
    markdown::FORMAT,
    #[cfg(feature = "cli")]
    html::FORMAT,
];

/// A way to write any result.
#[derive(Clone, Copy, Debug)]
pub struct Format {
    /// What it is called.
    pub name: &'static str,
    /// What it is for, in a sentence.
    pub about: &'static str,
    /// Writes a result as text. `true` keeps layers of one shape apart that are otherwise summed.
    pub render: fn(&dyn Exported, bool) -> String,
}

/// A result that every format can write.
pub trait Exported: Paged {
    /// An indented JSON document that ends with a newline.
    fn to_json(&self) -> String;
}

impl<T: Paged + Serialize> Exported for T {
    fn to_json(&self) -> String {
        result::to_json(self)
    }
}
