//! What the executor saw beside the counts, in a line each, and what it found below.

use std::fmt::Write as _;

use super::{Style, painted_verdict};
use crate::{
    execute::OutOfBounds,
    report::{
        Watched,
        number::{DASH, grouped, percent},
    },
};

/// Lane use, and accesses out of bounds.
pub(super) fn watched(watched: &Watched, style: Style) -> String {
    let lanes = watched.lane_use.map_or_else(|| DASH.to_owned(), percent);
    let mut text = format!("lanes     {lanes} of the lanes issued were active\n");
    text.push_str(&out_of_bounds("bounds    ", watched, style));
    text
}

/// Accesses out of bounds, by kernel and line, behind a heading.
pub(super) fn out_of_bounds(heading: &str, watched: &Watched, style: Style) -> String {
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
