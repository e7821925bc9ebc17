//! That something could not be judged, and why: what a continuous integration's log or list of tests has of it.

use serde::Serialize;

use super::{Examined, Finding, FindingKind};

/// What was to be judged and could not be.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Unchecked {
    /// What it is called.
    pub subject: String,
    /// That it can be judged, and what is in the way.
    pub check: Examined,
}

impl Unchecked {
    /// A file, and what was wrong. Its line is that of the first place in the file that the text names, as compilers do:
    /// `FILE:LINE`.
    pub fn new(file: &str, problem: &str) -> Self {
        let place = format!("{file}:");
        let number = |text: &str| -> Option<u32> {
            let digits = text.find(|letter: char| !letter.is_ascii_digit()).unwrap_or(text.len());
            text[..digits].parse().ok()
        };
        let found = problem.match_indices(&place).find_map(|(at, place)| {
            let rest = &problem[at + place.len()..];
            let line = number(rest)?;
            let column = rest.split_once(':').and_then(|(_, rest)| number(rest));
            Some((line, column))
        });
        let first = problem.lines().next().unwrap_or_default();
        let error = problem.lines().find_map(|line| line.strip_prefix("error: "));
        let text = error.map_or_else(|| message(first, &place), str::to_owned);
        // What a compiler draws is for who reads the whole.
        let drawn = problem.lines().skip(1).filter(|line| !line.trim().is_empty());
        let finding = Finding {
            file: Some(file.to_owned()),
            line: found.map(|(line, _)| line),
            column: found.and_then(|(_, column)| column),
            details: drawn.map(str::to_owned).collect(),
            ..Finding::new(FindingKind::NotRun, text)
        };
        let check = Examined { what: "it can be run".to_owned(), findings: vec![finding] };
        Self { subject: file.to_owned(), check }
    }
}

/// What a compiler says, without the place that it says before and behind it; a report has that beside it.
fn message(line: &str, place: &str) -> String {
    let said = match line.find(place) {
        Some(at) if line[..at].ends_with(": ") || at == 0 => {
            let rest = &line[at + place.len()..];
            rest.trim_start_matches(|letter: char| letter.is_ascii_digit() || letter == ':')
        }
        _ => line,
    };
    said.trim_start().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_in_the_file_is_the_first_that_is_named() {
        let place = |problem| {
            let Unchecked { check, .. } = Unchecked::new("sum.wgsl", problem);
            (check.findings[0].file.clone(), check.findings[0].line)
        };
        let file = Some("sum.wgsl".to_owned());
        assert_eq!(
            place("kernel 'sum.wgsl': sum.wgsl:13:1: expected ';'"),
            (file.clone(), Some(13))
        );
        assert_eq!(place("sum.wgsl: it did not end"), (file, None));
    }

    #[test]
    fn what_is_said_is_one_line_and_what_is_drawn_stands_apart() {
        let said = |problem| {
            let finding = Unchecked::new("sum.wgsl", problem).check.findings.remove(0);
            (finding.text, finding.line, finding.column, finding.details.len())
        };
        let drawn = "kernel 'sum.wgsl' is not valid:\nerror: no definition in scope\n  ┌─ sum.wgsl:2:21\n  │\n\n";
        assert_eq!(said(drawn), ("no definition in scope".to_owned(), Some(2), Some(21), 3));
        let plain = "kernel 'sum.wgsl': sum.wgsl:13:1: expected ';'";
        assert_eq!(said(plain), ("expected ';'".to_owned(), Some(13), Some(1), 0));
        assert_eq!(said("sum.wgsl: it did not end").0, "it did not end");
        assert_eq!(said("no executor ran it").0, "no executor ran it");
    }
}
