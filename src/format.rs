//! How a result looks outside: a format a file, and a row of [`FORMATS`] by which a user can ask for it.
//! Knows neither what a result is about nor where its text goes.

#[cfg(feature = "cli")]
pub mod csv;
#[cfg(feature = "cli")]
mod drawing;
mod exported;
#[cfg(feature = "cli")]
mod github;
#[cfg(feature = "cli")]
pub mod html;
pub mod json;
#[cfg(feature = "cli")]
mod junit;
pub mod markdown;
#[cfg(feature = "cli")]
pub mod svg;
#[cfg(feature = "cli")]
pub mod table;
#[cfg(test)]
mod toy;
pub mod trace;

pub use exported::{Exported, Format};

/// Every format that any result can be written in.
pub const FORMATS: &[Format] = &[
    json::FORMAT,
    #[cfg(feature = "cli")]
    csv::FORMAT,
    markdown::FORMAT,
    #[cfg(feature = "cli")]
    html::FORMAT,
    #[cfg(feature = "cli")]
    junit::FORMAT,
    #[cfg(feature = "cli")]
    github::FORMAT,
    #[cfg(test)]
    toy::FORMAT,
];
