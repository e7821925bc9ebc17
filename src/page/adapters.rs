//! The adapters of this machine, one a row, and which kernels won where they were timed.

use super::{Cell, Column, Fact, Page, Paged, Row, Section, Table, Tone};
use crate::{
    execute::Adapter,
    result::{AdapterList, TunedAdapter},
};

impl Paged for AdapterList {
    fn page(&self, every_layer: bool) -> Page {
        let mut sections = vec![Section::table("Adapters", adapters(&self.adapters))];
        if every_layer {
            sections.push(Section::table("Limits", limits(&self.adapters)));
            if self.adapters.iter().any(|adapter| adapter.limits.matrix_side.is_some()) {
                let title = "Cooperative matrices of f16 onto f32";
                sections.push(Section::table(title, matrices(&self.adapters)));
            }
            for tuned in &self.tuned {
                sections.push(Section::table("Timed kernels", timed(tuned)));
            }
        }
        let facts: Vec<Fact> = self.tuned.iter().flat_map(facts).collect();
        if !facts.is_empty() {
            sections.push(Section::facts("Kernels", facts));
        }
        Page { title: "Adapters".to_owned(), sections }
    }
}

fn adapters(adapters: &[Adapter]) -> Table {
    let rows = adapters.iter().enumerate().map(|(i, adapter)| {
        Row::new([
            Cell::text(&adapter.name),
            Cell::text(if i == 0 { "yes" } else { "" }),
            Cell::text(adapter.backend.to_string()),
            Cell::text(adapter.device_type.to_string()),
            Cell::Bytes(adapter.limits.binding_bytes),
            Cell::text(&adapter.driver),
        ])
    });
    let columns = ["adapter", "auto", "backend", "type", "binding", "driver"];
    let column = |name| match name {
        "binding" => Column::number(name, "binding_bytes").gives_way(2),
        "backend" => Column::text(name, name).gives_way(1),
        "driver" => Column::text(name, name).gives_way(3),
        _ => Column::text(name, name),
    };
    // What a format shows that has room for one table.
    let main = true;
    Table { columns: columns.map(column).into(), rows: rows.collect(), main, ..Table::default() }
}

/// The limits that decide which kernels run.
fn limits(adapters: &[Adapter]) -> Table {
    let rows = adapters.iter().map(|Adapter { name, limits, .. }| {
        Row::new([
            Cell::text(name),
            limits.subgroup_lanes.map_or(Cell::Missing, Cell::whole),
            Cell::whole(limits.invocations),
            Cell::text(if limits.parallel { "side by side" } else { "one vector after another" }),
            Cell::Bytes(limits.workgroup_bytes.into()),
            Cell::Bytes(limits.buffer_bytes),
            Cell::whole(limits.storage_bindings),
        ])
    });
    let columns = vec![
        Column::text("adapter", "adapter"),
        Column::number("subgroup", "subgroup_lanes"),
        Column::number("workgroup", "invocations"),
        Column::text("its invocations run", "parallel"),
        Column::number("its memory", "workgroup_bytes"),
        Column::number("buffer", "buffer_bytes"),
        Column::number("bindings", "storage_bindings"),
    ];
    Table { columns, rows: rows.collect(), ..Table::default() }
}

/// The matrices that kernels of this crate multiply there.
fn matrices(adapters: &[Adapter]) -> Table {
    let rows = adapters.iter().filter_map(|Adapter { name, limits, .. }| {
        Some(Row::new([Cell::text(name), Cell::whole(limits.matrix_side?)]))
    });
    let columns = vec![
        Column::text("adapter", "adapter"),
        Column::number("rows and columns of matrices", "matrix_side"),
    ];
    Table { columns, rows: rows.collect(), ..Table::default() }
}

/// Every kernel that was timed on an adapter, by class.
fn timed(tuned: &TunedAdapter) -> Table {
    let rows = tuned.classes.iter().flat_map(|class| {
        class.timed.iter().map(|timed| {
            let seconds = timed.seconds;
            let is_taken = timed.kernels == class.taken;
            Row::new([
                Cell::text(&tuned.adapter),
                Cell::text(&class.class),
                Cell::text(timed.kernels.name()),
                Cell::text(timed.kernel.to_string()),
                Cell::text(if is_taken { "yes" } else { "" }),
                Cell::Seconds(seconds.median),
                Cell::rate(timed.flops as f64 / seconds.median * 1e-9, 1),
                Cell::Part((seconds.max - seconds.min) / seconds.median),
            ])
        })
    });
    let columns = vec![
        Column::text("adapter", "adapter"),
        Column::text("class", "class"),
        Column::text("kernels", "kernels"),
        Column::text("kernel", "kernel"),
        Column::text("taken", "taken"),
        Column::number("time", "seconds"),
        Column::number("GFLOP/s", "gflops"),
        Column::number("spread", "spread"),
    ];
    Table { columns, rows: rows.collect(), ..Table::default() }
}

/// What came of timing the kernels of an adapter, in words.
fn facts(tuned: &TunedAdapter) -> Vec<Fact> {
    let won = tuned.classes.iter().filter(|class| class.taken != Default::default()).count();
    let all = tuned.classes.len();
    let said = format!(
        "{}: of {all} classes of operations, {won} have faster kernels than the default",
        tuned.adapter
    );
    let dropped = tuned.classes.iter().flat_map(|class| &class.dropped);
    let dropped = dropped.map(|dropped| {
        let said = format!("{} on {}: {}", dropped.kernel, tuned.adapter, dropped.why);
        Fact { prose: true, ..Fact::new("left out", said).toned(Tone::Doubtful) }
    });
    [Fact::new("timed", said)].into_iter().chain(dropped).collect()
}
