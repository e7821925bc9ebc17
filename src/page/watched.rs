//! What the executor saw beside the counts, in a line each, and what it found below.

use std::fmt;

use super::number::{DASH, grouped, several, share_of};
use super::{Fact, Tone};
use crate::{
    execute::{Adapter, DeviceType, OutOfBounds, Race},
    result::Watched,
};

/// What no reader of the embedded executor's times may overlook.
pub(super) fn embedded_times(adapter: &Adapter) -> Option<Fact> {
    let said = "the embedded executor interprets: its times are this machine's CPU, not a GPU's";
    (adapter.device_type == DeviceType::Embedded).then(|| Fact::new("", said))
}

/// Lane use, accesses out of bounds, and races where they were looked for.
pub(super) fn facts(watched: &Watched) -> Vec<Fact> {
    let lanes = watched.lane_use.map_or_else(|| DASH.to_owned(), share_of);
    let mut facts = vec![Fact::new("lanes", format!("{lanes} of the lanes issued were active"))];
    facts.extend(problems("", watched));
    facts
}

/// What no kernel means to do; `whose` stands before it.
pub(super) fn problems(whose: &str, watched: &Watched) -> Vec<Fact> {
    let races = watched.races.as_deref().map(|found| races(whose, found));
    [out_of_bounds(whose, watched)].into_iter().chain(races).collect()
}

/// Accesses out of bounds, by kernel and line.
fn out_of_bounds(whose: &str, watched: &Watched) -> Fact {
    let accesses = watched.accesses_out_of_bounds();
    let said = match accesses {
        0 => "no access out of bounds".to_owned(),
        _ => several(accesses, "access out of bounds", "accesses out of bounds"),
    };
    let line = |OutOfBounds { kernel, file, line, accesses, first }: &OutOfBounds| {
        let line =
            line.map_or_else(String::new, |line| format!(", {}", place(file.as_ref(), line)));
        let first = first.as_ref().map_or_else(String::new, |its| format!("; the first {its}"));
        format!("{kernel}{line}: {}{first}", grouped(*accesses))
    };
    Fact {
        details: watched.out_of_bounds.iter().map(line).collect(),
        ..Fact::new("bounds", format!("{whose}{said}")).toned(tone(accesses == 0))
    }
}

/// Races, by pair of lines.
fn races(whose: &str, races: &[Race]) -> Fact {
    let said = match races.len() {
        0 => "no races".to_owned(),
        pairs => several(pairs as u64, "pair of lines races", "pairs of lines race"),
    };
    Fact {
        details: races.iter().map(|race| format!("{}: {race}", race.kernel)).collect(),
        ..Fact::new("races", format!("{whose}{said}")).toned(tone(races.is_empty()))
    }
}

/// A line, with its file where that is not the first.
fn place(file: Option<&String>, line: impl fmt::Display) -> String {
    file.map_or_else(|| format!("line {line}"), |file| format!("line {line} of {file}"))
}

fn tone(holds: bool) -> Tone {
    if holds { Tone::Good } else { Tone::Bad }
}
