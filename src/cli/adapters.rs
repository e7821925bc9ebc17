//! `flopmeter adapters`: what can run here, and what `auto` would pick.

use flopmeter::{execute, result::AdapterList};

use super::{
    Outcome,
    args::{Adapters, Common},
    export::{Formats, Places},
};

pub fn run(asked: &Adapters, common: &Common) -> super::Result {
    let mut places = Places::default();
    let formats = Formats::claim(&mut places, &asked.exports)?;
    formats.write(&AdapterList::new(execute::adapters()?), &places, common)?;
    Ok(Outcome::Holds)
}
