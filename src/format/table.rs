//! Reports for a terminal: a page's facts a line each, its tables in columns. Rendered into a string;
//! where it goes is the command line's business.

use std::fmt::Write as _;

use comfy_table::{
    Attribute, Cell, CellAlignment, Color, ContentArrangement, LineStyle, Table, presets,
};

use crate::page::{self, Content, Fact, Page, Row, Tone};

/// A page, in colours if the terminal has them.
pub fn render(page: &Page, color: bool) -> String {
    let sections = page.sections.iter().filter_map(|section| match &section.content {
        Content::Facts(facts) => Some(facts.iter().map(|fact| line(fact, color)).collect()),
        Content::Table(table) => Some(format!("{}\n", columns(table, color).trim_fmt())),
        Content::Plot(_) => None,
    });
    sections.collect::<Vec<String>>().join("\n")
}

/// A fact, its name in front, what goes with it below.
fn line(fact: &Fact, color: bool) -> String {
    let text = if fact.prose { wrapped(&fact.text) } else { fact.text.clone() };
    let mut line = format!("{:<9} {}\n", fact.name, painted(&text, fact.tone, color));
    for detail in &fact.details {
        let _ = writeln!(line, "  {detail}");
    }
    line
}

/// Prose broken into lines that stand beside a fact's name.
fn wrapped(prose: &str) -> String {
    const WIDTH: usize = 100;
    let mut text = String::new();
    let mut column = 0;
    for word in prose.split_whitespace() {
        if column > 0 && column + 1 + word.len() > WIDTH {
            text.push_str("\n          ");
            column = 0;
        } else if column > 0 {
            text.push(' ');
            column += 1;
        }
        text.push_str(word);
        column += word.len();
    }
    text
}

fn painted(text: &str, tone: Tone, color: bool) -> String {
    match hue(tone) {
        Some((code, _)) if color => format!("\x1b[{code}m{text}\x1b[0m"),
        _ => text.to_owned(),
    }
}

/// The terminal's colour for a tone: its code, and what tables call it.
fn hue(tone: Tone) -> Option<(u8, Color)> {
    match tone {
        Tone::Plain => None,
        Tone::Good => Some((32, Color::Green)),
        Tone::Doubtful => Some((33, Color::Yellow)),
        Tone::Bad => Some((31, Color::Red)),
    }
}

/// A table as wide as it needs to be: who pipes a report wants its lines whole.
fn columns(table: &page::Table, color: bool) -> Table {
    let mut columns = Table::new();
    columns
        .load_style(presets::NOTHING.header_separator(LineStyle::none().fill('-').junction('-')))
        .set_content_arrangement(ContentArrangement::Disabled)
        .force_no_tty();
    if color {
        columns.enforce_styling();
    }
    let header = table.columns.iter().map(|column| Cell::new(&column.name));
    columns.set_header(header.map(|cell| cell.add_attribute(Attribute::Bold)));
    for (column, about) in columns.column_iter_mut().zip(&table.columns) {
        if about.numeric {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    for row in &table.rows {
        columns.add_row(cells(row));
    }
    columns
}

/// A row's cells; what is part of a group stands in from its sum.
fn cells(row: &Row) -> impl Iterator<Item = Cell> {
    row.cells.iter().enumerate().map(|(i, cell)| {
        let text = cell.formatted();
        let part = i == 0 && row.group.is_some() && !row.sum && !text.is_empty();
        let cell = Cell::new(if part { format!("  {text}") } else { text });
        let cell = if row.sum { cell.add_attribute(Attribute::Bold) } else { cell };
        match hue(row.tone) {
            Some((_, hue)) => cell.fg(hue),
            None => cell,
        }
    })
}
