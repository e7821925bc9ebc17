//! A report for spreadsheets and data frames: its main table, one record a row, numbers unrounded and
//! without units (a column's name has them), sums left out because a reader makes its own.

use csv::Writer;

use super::Format;
use crate::page::Page;

pub(super) const FORMAT: Format = Format {
    name: "csv",
    about: "Write the report's main table as CSV, a row for each of what it lists: a component in a phase, a kernel, a line",
    // A reader adds up for itself, so that layers are never summed.
    render: |result, _, _| render(&result.page(true)),
};

/// The main table of a page; nothing where it has none.
pub fn render(page: &Page) -> String {
    let Some(table) = page.main_table() else { return String::new() };
    let (columns, rows) = table.flat();
    let header = columns.iter().map(|column| column.key.to_string()).collect();
    let records = rows.iter().filter(|row| !row.sum);
    let records = records.map(|row| row.cells.iter().map(|cell| cell.raw()).collect());
    let mut writer = Writer::from_writer(Vec::new());
    for record in std::iter::once(header).chain(records) {
        let record: Vec<String> = record;
        writer.write_record(record).expect("memory takes any record, and all are equally long");
    }
    let bytes = writer.into_inner().expect("memory can be flushed");
    String::from_utf8(bytes).expect("fields of text make text")
}
