//! What a section found, as lines for a reader and as JSON for a program. Knows no kernel and measures nothing.

use flopmeter::execute::Adapter;
use serde_json::{Map, Value, json};

/// A value in a row, and how a reader sees it.
pub enum Cell {
    /// Text, aligned to the left.
    Text(String),
    /// A number with so many decimals.
    Number(f64, usize),
    /// A number that could not be had.
    Missing,
}

impl From<&str> for Cell {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

impl From<String> for Cell {
    fn from(text: String) -> Self {
        Self::Text(text)
    }
}

/// What is printed, and in the end written.
pub struct Report {
    file: Option<String>,
    json: Map<String, Value>,
    section: String,
    rows: Vec<Value>,
    /// The names of the columns of the row before, whose header is not printed again.
    columns: Vec<String>,
}

impl Report {
    /// An empty report on an adapter, written to `file` after each section.
    pub fn new(adapter: &Adapter, file: Option<String>) -> Self {
        let Adapter { name, backend, device_type, driver, limits } = adapter;
        println!("{name} ({backend}, {device_type}; {driver})");
        let lanes = limits.subgroup_lanes.map_or("unknown".to_owned(), |lanes| lanes.to_string());
        println!(
            "subgroups of {lanes}, {} invocations and {} bytes of memory a workgroup, bindings of {} bytes",
            limits.invocations, limits.workgroup_bytes, limits.binding_bytes
        );
        let json = Map::from_iter([("adapter".to_owned(), json!(adapter))]);
        Self { file, json, section: String::new(), rows: Vec::new(), columns: Vec::new() }
    }

    /// Begins a section.
    pub fn begin(&mut self, section: &str) {
        println!("\n== {section}");
        section.clone_into(&mut self.section);
        self.columns.clear();
    }

    /// Says something about the section that is no row.
    pub fn say(&mut self, text: &str) {
        println!("{text}");
    }

    /// Adds a row: the name and the value of each of its columns. A header is printed where the columns change.
    pub fn row(&mut self, cells: &[(&str, Cell)]) {
        let names: Vec<String> = cells.iter().map(|(name, _)| (*name).to_owned()).collect();
        let width = |cell: &Cell, name: &str| match cell {
            Cell::Text(_) => 46,
            Cell::Number(..) | Cell::Missing => name.len().max(9),
        };
        if names != self.columns {
            let header = cells.iter().map(|(name, cell)| match cell {
                Cell::Text(_) => format!("{name:<0$}", width(cell, name)),
                Cell::Number(..) | Cell::Missing => format!("{name:>0$}", width(cell, name)),
            });
            println!("{}", header.collect::<Vec<_>>().join(" ").trim_end());
            self.columns = names;
        }
        let line = cells.iter().map(|(name, cell)| {
            let width = width(cell, name);
            match cell {
                Cell::Text(text) => format!("{text:<width$}"),
                Cell::Number(number, decimals) => format!("{number:>width$.decimals$}"),
                Cell::Missing => format!("{:>width$}", "-"),
            }
        });
        println!("{}", line.collect::<Vec<_>>().join(" ").trim_end());
        let object = cells.iter().map(|(name, cell)| {
            let value = match cell {
                Cell::Text(text) => json!(text),
                Cell::Number(number, _) => json!(number),
                Cell::Missing => Value::Null,
            };
            ((*name).to_owned(), value)
        });
        self.rows.push(Value::Object(object.collect()));
    }

    /// Says why the section ended early.
    pub fn failed(&mut self, why: &str) {
        println!("not measured any further: {why}");
        self.rows.push(json!({ "error": why }));
    }

    /// Ends the section, which took so many seconds, and writes what there is so far.
    pub fn end(&mut self, seconds: f64) {
        println!("-- {seconds:.1} s");
        let rows = std::mem::take(&mut self.rows);
        self.json.insert(self.section.clone(), json!({ "rows": rows, "took_seconds": seconds }));
        if let Some(file) = &self.file {
            std::fs::write(file, serde_json::to_string_pretty(&self.json).unwrap()).unwrap();
        }
    }
}
