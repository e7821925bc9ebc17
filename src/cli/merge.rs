//! `flopmeter merge`: the points of a sweep, wherever they were measured, as one report.

use flopmeter::result;

use super::{
    Outcome,
    args::{Common, Merge},
    export::{Formats, Places},
};

pub fn run(asked: &Merge, common: &Common) -> super::Result {
    let mut places = Places::default();
    let formats = Formats::claim(&mut places, &asked.exports)?;
    let report = result::merge(&asked.files, asked.partial)?;
    formats.write(&report, &places, common)?;
    Ok(Outcome::of(report.holds()))
}
