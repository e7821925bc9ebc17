//! How a page looks: a format a file. Knows neither what a report is about nor where its text goes.

#[cfg(feature = "cli")]
pub mod csv;
#[cfg(feature = "cli")]
pub mod html;
pub mod json;
pub mod markdown;
#[cfg(feature = "cli")]
pub mod plot;
#[cfg(feature = "cli")]
pub mod table;
pub mod trace;
