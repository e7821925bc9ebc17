//! Reports for a terminal: a page's facts a line each, its tables in columns. Rendered into a string;
//! where it goes is the command line's business.

use std::fmt::Write as _;

use comfy_table::{
    Attribute, Cell, CellAlignment, Color, ContentArrangement, LineStyle, Table, presets,
};

use crate::page::{self, Content, Fact, Narrow, Page, Row, Tone};

/// What a page is shown on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Terminal {
    /// Whether it has colours.
    pub color: bool,
    /// How many characters a line has room for; `None` where lines may be as long as they are.
    pub width: Option<usize>,
    /// Whether all columns are wanted, those that say nothing new included.
    pub whole: bool,
}

impl Terminal {
    /// A file or a pipe: nothing is left out, and lines stay whole.
    pub const PIPE: Self = Self { color: false, width: None, whole: true };
}

/// A page as text.
pub fn render(page: &Page, terminal: Terminal) -> String {
    let sections = page.sections.iter().filter_map(|section| match &section.content {
        Content::Facts(facts) => Some(facts.iter().map(|fact| line(fact, terminal)).collect()),
        Content::Table(table) if table.rows.is_empty() => None,
        Content::Table(table) => Some(tabled(table, terminal)),
        Content::Plot(_) => None,
    });
    sections.collect::<Vec<String>>().join("\n")
}

/// How far facts stand in, for their names.
const NAME_WIDTH: usize = 9;

/// A fact, its name in front, what goes with it below.
fn line(fact: &Fact, terminal: Terminal) -> String {
    const PROSE_WIDTH: usize = 100;
    let room = terminal.width.map(|width| width.saturating_sub(NAME_WIDTH + 1).max(20));
    let within = match (fact.prose, room) {
        (true, room) => Some(room.unwrap_or(PROSE_WIDTH).min(PROSE_WIDTH)),
        (false, room) => room,
    };
    let wrapped = |text: &str| within.map_or_else(|| text.to_owned(), |room| wrapped(text, room));
    let said = if terminal.whole { fact.whole() } else { fact.text.clone() };
    let text = painted(&wrapped(&said), fact.tone, terminal.color);
    let mut line = format!("{:<NAME_WIDTH$} {text}\n", fact.name);
    for detail in &fact.details {
        let _ = writeln!(line, "  {}", wrapped(detail));
    }
    line
}

/// Words broken into lines that stand beside a fact's name.
fn wrapped(words: &str, width: usize) -> String {
    let mut text = String::new();
    let mut column = 0;
    for word in words.split(' ') {
        let length = word.chars().count();
        if column > 0 && column + 1 + length > width {
            let _ = write!(text, "\n{:NAME_WIDTH$} ", "");
            column = 0;
        } else if column > 0 {
            text.push(' ');
            column += 1;
        }
        text.push_str(word);
        column += length;
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
        Tone::Hot => Some((36, Color::Cyan)),
    }
}

/// A table with what there is room for, and which columns are not shown.
fn tabled(table: &page::Table, terminal: Terminal) -> String {
    let mut shown: Vec<usize> = (0..table.columns.len()).collect();
    if !terminal.whole {
        shown.retain(|&i| !table.columns[i].is_idle(i, &table.rows));
    }
    let mut text = drawn(table, &shown, terminal, None);
    let Some(width) = terminal.width else { return text };
    let mut left_out = Vec::new();
    while widest(&text) > width {
        let order = |&i: &usize| match table.columns[i].narrow {
            Narrow::GivesWay(order) => Some((order, i)),
            Narrow::Stays | Narrow::IsCut => None,
        };
        let Some((_, next)) = shown.iter().filter_map(order).max() else {
            text = drawn(table, &shown, terminal, Some(width));
            break;
        };
        shown.retain(|&i| i != next);
        left_out.push(next);
        text = drawn(table, &shown, terminal, None);
    }
    if !left_out.is_empty() {
        left_out.sort_unstable();
        let names: Vec<&str> = left_out.iter().map(|&i| &*table.columns[i].name).collect();
        let said = format!("no room for: {}", names.join(", "));
        let _ = writeln!(text, " {}", wrapped(&said, width.saturating_sub(NAME_WIDTH + 1).max(20)));
    }
    text
}

/// The length of the longest line.
fn widest(text: &str) -> usize {
    let visible = |line: &str| console::measure_text_width(line);
    text.lines().map(visible).max().unwrap_or(0)
}

/// Some of the columns: as wide as they need to be, or within so many characters.
fn drawn(
    table: &page::Table,
    shown: &[usize],
    terminal: Terminal,
    within: Option<usize>,
) -> String {
    let mut columns = Table::new();
    columns
        .load_style(presets::NOTHING.header_separator(LineStyle::none().fill('-').junction('-')))
        .set_content_arrangement(ContentArrangement::Disabled)
        .force_no_tty();
    if terminal.color {
        columns.enforce_styling();
    }
    if let Some(width) = within {
        columns.set_content_arrangement(ContentArrangement::Dynamic).set_width(width as u16);
    }
    let about = || shown.iter().map(|&i| &table.columns[i]);
    let header = about().map(|column| Cell::new(&column.name));
    columns.set_header(header.map(|cell| cell.add_attribute(Attribute::Bold)));
    for (column, about) in columns.column_iter_mut().zip(about()) {
        if about.numeric {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    let room = within.map(|width| room(table, shown, width));
    for row in &table.rows {
        columns.add_row(shown.iter().map(|&i| {
            let cut = room.filter(|_| table.columns[i].narrow == Narrow::IsCut);
            cell(row, i, cut)
        }));
    }
    format!("{}\n", columns.trim_fmt())
}

/// How many characters are left for a column that is cut short.
fn room(table: &page::Table, shown: &[usize], width: usize) -> usize {
    const BETWEEN: usize = 3;
    let longest = |i: usize| {
        let cells = table.rows.iter().map(|row| row.cells[i].formatted().chars().count());
        cells.max().unwrap_or(0).max(table.columns[i].name.chars().count()) + BETWEEN
    };
    let others = shown.iter().filter(|&&i| table.columns[i].narrow != Narrow::IsCut);
    width.saturating_sub(others.map(|&i| longest(i)).sum::<usize>() + BETWEEN).max(8)
}

/// A cell of a row, cut short if need be; what is part of a group stands in from its sum.
fn cell(row: &Row, i: usize, cut: Option<usize>) -> Cell {
    let text = row.cells[i].formatted();
    let part = i == 0 && row.group.is_some() && !row.sum && !text.is_empty();
    let text = match cut {
        Some(room) if text.chars().count() > room => {
            text.chars().take(room - 1).chain(['…']).collect()
        }
        _ => text,
    };
    let cell = Cell::new(if part { format!("  {text}") } else { text });
    let cell = if row.sum { cell.add_attribute(Attribute::Bold) } else { cell };
    match hue(row.tone) {
        Some((_, hue)) => cell.fg(hue),
        None => cell,
    }
}
