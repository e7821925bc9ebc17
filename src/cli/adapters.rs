//! `flopmeter adapters`: what can run here, and what `auto` would pick.

use flopmeter::{
    execute::gpu::{self, Gpu},
    report::table,
};

use super::{Outcome, args::Common, output};

pub fn run(common: &Common) -> super::Result {
    let adapters = gpu::adapters();
    if adapters.is_empty() {
        // Opening one says what is missing and how to get it.
        Gpu::open("auto")?;
    }
    output::print(&table::adapters(&adapters, output::style(common)))?;
    Ok(Outcome::Holds)
}
