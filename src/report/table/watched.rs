//! What the executor saw beside the counts, in a line each, and what it found below.

use std::fmt::Write as _;

use super::{Style, painted_verdict};
use crate::{
    execute::{Access, Between, OutOfBounds, Race},
    report::{
        Watched,
        number::{DASH, grouped, percent},
    },
};

/// Lane use, accesses out of bounds, and races where they were looked for.
pub(super) fn watched(watched: &Watched, style: Style) -> String {
    let lanes = watched.lane_use.map_or_else(|| DASH.to_owned(), percent);
    let mut text = format!("lanes     {lanes} of the lanes issued were active\n");
    text.push_str(&problems("", watched, style));
    text
}

/// What no kernel means to do; `whose` stands before it.
pub(super) fn problems(whose: &str, watched: &Watched, style: Style) -> String {
    let mut text = out_of_bounds(&format!("bounds    {whose}"), watched, style);
    if let Some(found) = &watched.races {
        text.push_str(&races(&format!("races     {whose}"), found, style));
    }
    text
}

/// Accesses out of bounds, by kernel and line, behind a heading.
fn out_of_bounds(heading: &str, watched: &Watched, style: Style) -> String {
    let accesses = watched.accesses_out_of_bounds();
    let said = match accesses {
        0 => "no access out of bounds".to_owned(),
        1 => "1 access out of bounds".to_owned(),
        _ => format!("{} accesses out of bounds", grouped(accesses)),
    };
    let mut text = format!("{heading}{}\n", painted_verdict(&said, accesses == 0, style));
    for OutOfBounds { kernel, line, accesses } in &watched.out_of_bounds {
        let line = line.map_or_else(String::new, |line| format!(", line {line}"));
        let _ = writeln!(text, "  {kernel}{line}: {}", grouped(*accesses));
    }
    text
}

/// Races, by pair of lines, behind a heading.
fn races(heading: &str, races: &[Race], style: Style) -> String {
    let said = match races.len() {
        0 => "no races".to_owned(),
        1 => "1 pair of lines races".to_owned(),
        many => format!("{} pairs of lines race", grouped(many as u64)),
    };
    let mut text = format!("{heading}{}\n", painted_verdict(&said, races.is_empty(), style));
    for Race { kernel, lines, accesses, between, count, variable, byte } in races {
        let line = |line: Option<u32>| line.map_or_else(|| DASH.to_owned(), |l| l.to_string());
        let [one, two] = lines.map(line);
        let [does, other] = accesses.map(|access| match access {
            Access::Load => "loads",
            Access::Store => "stores",
            Access::AtomicLoad => "loads atomically",
            Access::AtomicUpdate => "updates atomically",
        });
        let between = match between {
            Between::Lanes => "no barrier between",
            Between::Workgroups => "in another workgroup",
        };
        let _ = writeln!(
            text,
            "  {kernel}: line {one} {does} what line {two} {other}, {between}: {} times, such as byte {byte} of \
             '{variable}'",
            grouped(*count)
        );
    }
    text
}
