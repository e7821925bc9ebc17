//! The adapters of this machine, one a row.

use super::{Cell, Column, Page, Paged, Row, Section, Table};
use crate::result::AdapterList;

impl Paged for AdapterList {
    fn page(&self, _every_layer: bool) -> Page {
        let rows = self.adapters.iter().enumerate().map(|(i, adapter)| {
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
            "binding" => Column::number(name, "binding_bytes"),
            _ => Column::text(name, name),
        };
        let table =
            Table { columns: columns.map(column).into(), rows: rows.collect(), ..Table::default() };
        Page { title: "Adapters".to_owned(), sections: vec![Section::table("Adapters", table)] }
    }
}
