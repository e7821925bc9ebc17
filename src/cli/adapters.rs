//! `flopmeter adapters`: what can run here, and what `auto` would pick.

use comfy_table::Cell;

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
    let mut listed = table::plain_table(output::style(common));
    listed.set_header(table::header(["adapter", "backend", "type", "one binding", "driver"]));
    for (i, adapter) in adapters.iter().enumerate() {
        let mark = if i == 0 { " (auto)" } else { "" };
        listed.add_row([
            Cell::new(format!("{}{mark}", adapter.name)),
            Cell::new(&adapter.backend),
            Cell::new(&adapter.device_type),
            Cell::new(format!("{} MiB", adapter.limits.binding_bytes >> 20)),
            Cell::new(&adapter.driver),
        ]);
    }
    output::print(&format!("{}\n", listed.trim_fmt()))?;
    Ok(Outcome::Holds)
}
