//! Where the columns of a table go within the width of a terminal: beside each other, below their row, or
//! nowhere. No number and no name is broken in two. Knows no colours and draws nothing.

use crate::page::{Cell, Narrow, Row, Table};

/// What is between two columns.
pub(super) const BETWEEN: usize = 3;

/// Words of so many characters are not broken into lines, and are not worth a line of their own.
const SHORT: usize = 16;

/// How far what stands below a row stands in.
pub(super) const INDENT: usize = 6;

/// How many characters there are for what stands below a row.
pub(super) fn room_below(width: usize) -> usize {
    width.saturating_sub(INDENT).max(20)
}

/// Where the columns of a table go.
pub(super) struct Layout {
    /// The columns beside each other, and for how many characters each has room.
    pub beside: Vec<(usize, usize)>,
    /// Columns of words that stand on lines of their own, below their row.
    pub below: Vec<usize>,
    /// Columns that are not shown.
    pub left_out: Vec<usize>,
    /// Whether counts are rounded.
    pub rounded: bool,
}

impl Layout {
    /// The layout that gives up least of a table: columns that give way go first, then words go below their
    /// rows, then counts are rounded, and the columns at the right go last. Where all of a table is wanted,
    /// nothing goes but words.
    pub(super) fn of(table: &Table, width: Option<usize>, whole: bool) -> Self {
        let idle = |i: &usize| !whole && table.columns[*i].is_idle(*i, &table.rows);
        let mut shown: Vec<usize> = (0..table.columns.len()).filter(|i| !idle(i)).collect();
        let mut layout =
            Self { beside: Vec::new(), below: Vec::new(), left_out: Vec::new(), rounded: false };
        loop {
            let needs: Vec<Need> =
                shown.iter().map(|&i| Need::of(table, i, layout.rounded)).collect();
            let fits = width.is_none_or(|width| least(&needs) <= width);
            if fits || !layout.give_up(table, &mut shown, whole) {
                layout.beside = shown.into_iter().zip(shared_out(&needs, width)).collect();
                layout.left_out.sort_unstable();
                layout.below.sort_unstable();
                return layout;
            }
        }
    }

    /// Whether words are cut short that a reader does not know the rest of.
    pub(super) fn cuts(&self, table: &Table, width: Option<usize>) -> bool {
        let below = width.map(|width| (width, self.below.iter()));
        let below =
            below.into_iter().flat_map(|(width, at)| at.map(move |&i| (i, room_below(width))));
        let mut rooms = self.beside.iter().copied().chain(below);
        let is_cut = |(i, room): (usize, usize)| {
            let mut cells = table.rows.iter().map(|row| text(row, i, self.rounded));
            table.columns[i].narrow == Narrow::IsCut && cells.any(|cell| length(&cell) > room)
        };
        !table.code && rooms.any(is_cut)
    }

    /// Gives up what is needed least; false where nothing is left to give up.
    fn give_up(&mut self, table: &Table, shown: &mut Vec<usize>, whole: bool) -> bool {
        let order = |&i: &usize| match table.columns[i].narrow {
            Narrow::GivesWay(order) if !table.columns[i].joined => Some((order, i)),
            Narrow::GivesWay(_) | Narrow::Stays | Narrow::IsCut => None,
        };
        // Each column that can be shown by itself, with how many are joined to it.
        let joined = |at: usize| {
            shown[at..].iter().skip(1).take_while(|&&i| table.columns[i].joined).count()
        };
        let alone: Vec<usize> =
            (0..shown.len()).filter(|&at| !table.columns[shown[at]].joined).collect();
        let rounds = !whole && !self.rounded && shown.iter().any(|&i| is_rounded(table, i));
        // What is cut short stays beside the rest as long as there is a way.
        let words = |&&i: &&usize| {
            let column = &table.columns[i];
            let stays = rounds && column.narrow == Narrow::IsCut;
            !column.numeric && !stays && Need::of(table, i, false).full > SHORT
        };
        let gives_way = shown.iter().filter_map(order).max().filter(|_| !whole);
        if let Some((_, next)) = gives_way {
            let at = shown.iter().position(|&i| i == next).unwrap_or_default();
            let end = at + joined(at);
            self.left_out.extend(shown.drain(at..=end));
        } else if let Some(&next) =
            shown.iter().skip(1).filter(words).max_by_key(|&&i| Need::of(table, i, false).full)
        {
            shown.retain(|&i| i != next);
            self.below.push(next);
        } else if whole {
            return false;
        } else if rounds {
            self.rounded = true;
        } else if let &[_, .., at, _] = &alone[..] {
            // The last column is often a sum.
            let end = at + joined(at);
            self.left_out.extend(shown.drain(at..=end));
        } else if shown.len() > 2 {
            self.left_out.extend(shown.pop());
        } else {
            return false;
        }
        true
    }
}

/// How many characters a column needs.
struct Need {
    /// Where its words are broken into lines.
    least: usize,
    /// Where nothing is.
    full: usize,
}

impl Need {
    fn of(table: &Table, i: usize, rounded: bool) -> Self {
        /// Words in fewer characters are hard to read, and so is a line of a source in fewer than these.
        const READABLE: usize = 24;
        const TELLING: usize = 36;
        /// Words are broken into about so many lines at most.
        const LINES: usize = 3;
        let column = &table.columns[i];
        let cells = || table.rows.iter().map(|row| text(row, i, rounded));
        let longest = cells().map(|cell| length(&cell)).max().unwrap_or(0);
        // The side of a comparison may stand below what is compared.
        let header = if column.joined || length(&column.name) > SHORT {
            longest_word(&column.name)
        } else {
            length(&column.name)
        };
        let cells = match (column.numeric, column.narrow) {
            (true, _) => longest,
            (false, Narrow::IsCut) => longest.min(if table.code { TELLING } else { READABLE }),
            (false, Narrow::Stays | Narrow::GivesWay(_)) => {
                let word = cells().map(|cell| longest_word(&cell)).max().unwrap_or(0);
                longest.min(READABLE.max(longest / LINES)).max(word)
            }
        };
        Self { least: cells.max(header), full: longest.max(length(&column.name)) }
    }
}

/// How many characters columns need at least, beside each other.
fn least(needs: &[Need]) -> usize {
    let words: usize = needs.iter().map(|need| need.least).sum();
    words + BETWEEN * needs.len().saturating_sub(1) + 1
}

/// Whether a column has a count that is shorter where it is rounded.
fn is_rounded(table: &Table, i: usize) -> bool {
    table.rows.iter().any(|row| text(row, i, true) != text(row, i, false))
}

/// The room of each column: those that lack least have all that they need first.
fn shared_out(needs: &[Need], width: Option<usize>) -> Vec<usize> {
    let Some(width) = width else { return needs.iter().map(|need| need.full).collect() };
    let mut spare = width.saturating_sub(least(needs));
    let mut rooms: Vec<usize> = needs.iter().map(|need| need.least).collect();
    let mut order: Vec<usize> = (0..needs.len()).collect();
    let lacks = |i: usize| needs[i].full.saturating_sub(needs[i].least);
    order.sort_by_key(|&i| lacks(i));
    for (served, i) in order.into_iter().enumerate() {
        let given = lacks(i).min(spare / (needs.len() - served));
        rooms[i] += given;
        spare -= given;
    }
    rooms
}

/// What is shown of a cell; what is part of a group stands in from its sum.
pub(super) fn text(row: &Row, i: usize, rounded: bool) -> String {
    let cell: &Cell = &row.cells[i];
    let text = if rounded { cell.rounded() } else { cell.formatted() };
    let part = i == 0 && row.group.is_some() && !row.sum && !text.is_empty();
    if part { format!("  {text}") } else { text }
}

/// Words in lines of so many characters, broken at blanks; only a word that is longer by itself is cut up.
pub(super) fn lines(words: &str, width: usize) -> Vec<String> {
    if length(words) <= width {
        return vec![words.to_owned()];
    }
    let mut lines: Vec<String> = Vec::new();
    for word in words.split(' ') {
        let mut word: Vec<char> = word.chars().collect();
        match lines.last_mut() {
            Some(line) if length(line) + 1 + word.len() <= width => {
                line.push(' ');
                line.extend(word);
            }
            _ => {
                while word.len() > width.max(1) {
                    lines.push(word.drain(..width.max(1)).collect());
                }
                lines.push(word.into_iter().collect());
            }
        }
    }
    lines
}

/// The first characters of a line that is longer, and that it goes on.
pub(super) fn cut(text: &str, room: usize) -> String {
    if length(text) <= room {
        return text.to_owned();
    }
    text.chars().take(room.saturating_sub(1)).chain(['…']).collect()
}

fn longest_word(text: &str) -> usize {
    text.trim_start().split(' ').map(length).max().unwrap_or(0)
}

fn length(text: &str) -> usize {
    text.chars().count()
}
