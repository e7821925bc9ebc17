//! Reports for a terminal: a page's facts a line each, its tables in columns. Rendered into a string;
//! where it goes is the command line's business.

use std::fmt::Write as _;

mod layout;

use comfy_table::{
    Attribute, Cell, CellAlignment, Color, ContentArrangement, LineStyle, Table, presets,
};

use self::layout::Layout;
use crate::page::{self, Content, Fact, Narrow, Page, Row, Section, Shown, Tone};

/// What a page is shown on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Terminal {
    /// Whether it has colours.
    pub color: bool,
    /// How many characters a line has room for; `None` where lines may be as long as they are.
    pub width: Option<usize>,
    /// Whether all columns are wanted, those that say nothing new included.
    pub whole: bool,
    /// Where a reader finds what there is no room for, in words; empty where that is not stated.
    pub elsewhere: &'static str,
}

impl Terminal {
    /// A file or a pipe: nothing is left out, and lines stay whole.
    pub const PIPE: Self = Self { color: false, width: None, whole: true, elsewhere: "" };

    /// Where the rest is, as it stands behind what is not shown.
    fn elsewhere(&self) -> String {
        match self.elsewhere {
            "" => String::new(),
            place => format!(" ({place})"),
        }
    }
}

/// So many lines are taken to be seen at once.
const SCREEN: usize = 40;

/// A page as text. It ends with the answer, where there is one, since the end is what a terminal shows; where the report
/// is longer than a screen, it begins with it too.
pub fn render(page: &Page, terminal: Terminal) -> String {
    let section = |section: &Section| match &section.content {
        Content::Facts(facts) => Some(facts.iter().map(|fact| line(fact, terminal)).collect()),
        Content::Table(table) if table.rows.is_empty() => None,
        Content::Table(table) => Some(tabled(table, terminal)),
        Content::Plot(_) => None,
    };
    let (mut begin, mut text, mut end) = (Vec::new(), Vec::new(), Vec::new());
    let mut hidden = Vec::new();
    for its in &page.sections {
        match its.shown {
            Shown::Detail if !terminal.whole => hidden.push(its.title),
            Shown::Always | Shown::Detail => text.extend(section(its)),
            Shown::Answer => begin.extend(section(its)),
            Shown::Again => end.extend(section(its)),
        }
    }
    if !hidden.is_empty() {
        let said = format!("{}{}", hidden.join("; "), terminal.elsewhere());
        text.push(line(&Fact::new("more", said), terminal));
    }
    let parts = match text.join("\n").lines().count() > SCREEN {
        true => [begin, text, end].concat(),
        false => [text, begin].concat(),
    };
    parts.join("\n")
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
    layout::lines(words, width).join(&format!("\n{:NAME_WIDTH$} ", ""))
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

/// A table with what there is room for, and what is not shown of it.
fn tabled(table: &page::Table, terminal: Terminal) -> String {
    let layout = Layout::of(table, terminal.width, terminal.whole);
    let mut text = drawn(table, &layout, terminal);
    let mut said = Vec::new();
    if layout.rounded {
        said.push("counts are rounded".to_owned());
    }
    if !terminal.whole && layout.cuts(table, terminal.width) {
        said.push("words are cut short".to_owned());
    }
    if !layout.left_out.is_empty() {
        let columns = || layout.left_out.iter().map(|&i| &table.columns[i]);
        // Those that are joined to one stand with it.
        let between = if columns().any(|column| column.joined) { "; " } else { ", " };
        let names = columns().filter(|column| !column.name.is_empty()).enumerate();
        let names = names.map(|(place, column)| match (place, column.joined) {
            (0, _) => column.name.to_string(),
            (_, true) => format!(", {}", column.name),
            (_, false) => format!("{between}{}", column.name),
        });
        said.push(format!("no room for: {}", names.collect::<String>()));
    }
    if !said.is_empty() {
        let said = format!("{}{}", said.join("; "), terminal.elsewhere());
        let width = terminal.width.unwrap_or(usize::MAX);
        let _ = writeln!(text, " {}", wrapped(&said, width.saturating_sub(NAME_WIDTH + 1).max(20)));
    }
    text
}

/// A table, its columns where a layout has them.
fn drawn(table: &page::Table, layout: &Layout, terminal: Terminal) -> String {
    let mut columns = Table::new();
    columns
        .load_style(presets::NOTHING.header_separator(LineStyle::none().fill('-').junction('-')))
        .set_content_arrangement(ContentArrangement::Disabled)
        .force_no_tty();
    if terminal.color {
        columns.enforce_styling();
    }
    let about = || layout.beside.iter().map(|&(i, room)| (&table.columns[i], room));
    let header = about().map(|(column, room)| layout::lines(&column.name, room));
    let header: Vec<Vec<String>> = header.collect();
    let height = |lines: &Vec<String>| lines.iter().map(|line| line.lines().count().max(1)).sum();
    let tall = |cells: &[Vec<String>]| cells.iter().map(height).max().unwrap_or(1);
    let mut heights = vec![tall(&header) + 1];
    let header = header.into_iter().map(|lines| Cell::new(lines.join("\n")));
    columns.set_header(header.map(|cell| cell.add_attribute(Attribute::Bold)));
    for (column, (about, _)) in columns.column_iter_mut().zip(about()) {
        if about.numeric {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    for row in &table.rows {
        let cells = layout.beside.iter().map(|&(i, room)| {
            let text = layout::text(row, i, layout.rounded);
            let is_cut = table.columns[i].narrow == Narrow::IsCut;
            match terminal.width {
                Some(_) if is_cut && !terminal.whole => vec![layout::cut(&text, room)],
                Some(_) if !is_cut && !table.columns[i].numeric => layout::lines(&text, room),
                _ => vec![text],
            }
        });
        let cells: Vec<Vec<String>> = cells.collect();
        heights.push(tall(&cells));
        columns.add_row(cells.iter().map(|lines| toned(row, &lines.join("\n"))));
    }
    let text = columns.trim_fmt();
    with_below(table, layout, terminal, &text, &heights)
}

/// A drawn table, of which the header and each row have so many lines, with what stands below the rows.
fn with_below(
    table: &page::Table,
    layout: &Layout,
    terminal: Terminal,
    drawn: &str,
    heights: &[usize],
) -> String {
    let width = terminal.width.unwrap_or(usize::MAX);
    let room = layout::room_below(width);
    let below = |cell: &dyn Fn(usize) -> String| -> Vec<String> {
        let said = layout.below.iter().map(|&i| (i, cell(i))).filter(|(_, said)| !said.is_empty());
        let lines = said.flat_map(|(i, said)| match table.columns[i].narrow {
            Narrow::IsCut if terminal.whole => vec![said],
            Narrow::IsCut => vec![layout::cut(&said, room)],
            Narrow::Stays | Narrow::GivesWay(_) => layout::lines(&said, room),
        });
        lines.map(|line| format!("{:1$}{line}", "", layout::INDENT)).collect()
    };
    let mut lines = drawn.lines();
    let mut text = String::new();
    for (number, &height) in heights.iter().enumerate() {
        let mut own: Vec<String> = lines.by_ref().take(height).map(str::to_owned).collect();
        match number.checked_sub(1).map(|number| &table.rows[number]) {
            None => {
                // The rule reaches a character beyond the last column.
                let rule = own.pop().map(|rule| rule.chars().take(width).collect());
                own.extend(below(&|i| table.columns[i].name.clone().into_owned()));
                own.extend(rule);
            }
            Some(row) => {
                let said = below(&|i| layout::text(row, i, layout.rounded));
                own.extend(said.iter().map(|line| painted(line, row.tone, terminal.color)));
            }
        }
        for line in own {
            let _ = writeln!(text, "{}", without_last_blanks(&line));
        }
    }
    text
}

/// A line without the blanks behind its last column, which a colour may keep.
fn without_last_blanks(line: &str) -> String {
    match line.rfind("\x1b[").map(|at| line.split_at(at)) {
        Some((said, code)) if code.ends_with('m') => format!("{}{code}", said.trim_end()),
        _ => line.to_owned(),
    }
}

/// A cell of a row.
fn toned(row: &Row, text: &str) -> Cell {
    let cell = Cell::new(text);
    let cell = if row.sum { cell.add_attribute(Attribute::Bold) } else { cell };
    match hue(row.tone) {
        Some((_, hue)) => cell.fg(hue),
        None => cell,
    }
}
