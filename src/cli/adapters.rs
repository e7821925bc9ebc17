//! `flopmeter adapters`: what can run here, and what `auto` would pick.

use flopmeter::{execute, report::table};

use super::{Outcome, args::Common, output};

pub fn run(common: &Common) -> super::Result {
    let adapters = execute::adapters()?;
    output::print(&table::adapters(&adapters, output::style(common)))?;
    Ok(Outcome::Holds)
}
