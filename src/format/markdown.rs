//! A report for a pull request: a page's facts as a list, its tables as GitHub renders them. What users
//! named is escaped: no name makes a link, a tag or a column.

use std::fmt::Write as _;

use super::Format;
use crate::page::{Content, Fact, Page, Row, Shown, Table};

pub(super) const FORMAT: Format = Format {
    name: "markdown",
    about: "Write the report as Markdown, as for a pull request",
    render: |result, origin, every_layer| render(&result.page(every_layer).signed(origin)),
};

/// A whole page.
pub fn render(page: &Page) -> String {
    let mut text = format!("# {}\n", escaped(&page.title));
    // The beginning has the answer in full.
    for section in page.sections.iter().filter(|its| its.shown != Shown::Again) {
        let heading = format!("\n## {}\n\n", section.title);
        match &section.content {
            Content::Facts(facts) => {
                text.push_str(&heading);
                facts.iter().for_each(|fact| item(&mut text, fact));
            }
            Content::Table(table) => {
                text.push_str(&heading);
                if table.code { code(&mut text, table) } else { columns(&mut text, table) }
            }
            Content::Plot(_) => {}
        }
    }
    text
}

fn item(text: &mut String, fact: &Fact) {
    let name = if fact.name.is_empty() { String::new() } else { format!("**{}** ", fact.name) };
    let _ = writeln!(text, "- {name}{}", escaped(&fact.whole()));
    for detail in &fact.details {
        let _ = writeln!(text, "  - {}", escaped(detail));
    }
}

fn columns(text: &mut String, table: &Table) {
    let (columns, rows) = table.flat();
    let line = |cells: Vec<String>| format!("| {} |\n", cells.join(" | "));
    text.push_str(&line(columns.iter().map(|column| escaped(&column.name)).collect()));
    let rule = |numeric| if numeric { "--:" } else { ":--" }.to_owned();
    text.push_str(&line(columns.iter().map(|column| rule(column.numeric)).collect()));
    for Row { cells, sum, .. } in &rows {
        let cells = cells.iter().map(|cell| {
            let cell = escaped(&cell.formatted());
            if *sum && !cell.is_empty() { format!("**{cell}**") } else { cell }
        });
        text.push_str(&line(cells.collect()));
    }
}

/// A table as a block of code: its columns are aligned, and its text means itself.
fn code(text: &mut String, table: &Table) {
    let header = table.columns.iter().map(|column| column.name.to_string()).collect();
    let rows = table.rows.iter();
    let rows = rows.map(|row| row.cells.iter().map(|cell| cell.formatted()).collect());
    let lines: Vec<Vec<String>> = std::iter::once(header).chain(rows).collect();
    let longest = |index: usize| {
        let cells = lines.iter().filter_map(|line| line.get(index));
        cells.map(|cell| cell.chars().count()).max().unwrap_or_default()
    };
    let widths: Vec<usize> = (0..table.columns.len()).map(longest).collect();
    let ticks = lines.iter().flatten().flat_map(|cell| cell.split(|letter| letter != '`'));
    let fence = "`".repeat(ticks.map(str::len).max().unwrap_or_default().max(2) + 1);
    let _ = writeln!(text, "{fence}text");
    for line in &lines {
        let cells = line.iter().zip(&widths).zip(&table.columns);
        let cells = cells.map(|((cell, &width), column)| match column.numeric {
            true => format!("{cell:>width$}"),
            false => format!("{cell:<width$}"),
        });
        let cells: Vec<String> = cells.collect();
        let _ = writeln!(text, "{}", cells.join("  ").replace(['\n', '\r'], " ").trim_end());
    }
    let _ = writeln!(text, "{fence}");
}

/// Text that means itself.
fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '\\' | '`' | '*' | '_' | '[' | ']' | '|' | '~' | '#' => escaped.extend(['\\', letter]),
            '<' => escaped.push_str("&lt;"),
            '&' => escaped.push_str("&amp;"),
            // What would end the row or the item.
            '\n' | '\r' => escaped.push(' '),
            _ => escaped.push(letter),
        }
    }
    escaped
}
