//! That something could not be judged, and why: what a continuous integration's log or list of tests has of it.

use std::path::Path;

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
            let behind = rest.trim_start_matches(|letter: char| letter.is_ascii_digit());
            let column = behind.strip_prefix(':').and_then(number);
            Some((line, column))
        });
        // A place in another file, which it includes or imports, is said as compilers say one.
        let elsewhere = || {
            let mut said =
                problem.lines().filter_map(|line| line.trim_start().strip_prefix("--> "));
            let (other, line) = said.find_map(|place| place.rsplit_once(':'))?;
            let folder = Path::new(file).parent().filter(|folder| *folder != Path::new(""));
            let other = match folder {
                Some(folder) if !Path::new(other).starts_with(folder) => folder.join(other),
                _ => other.into(),
            };
            Some((other.display().to_string(), number(line)?))
        };
        let in_other = if found.is_none() { elsewhere() } else { None };
        let first = problem.lines().next().unwrap_or_default();
        let error = problem.lines().find_map(|line| line.strip_prefix("error: "));
        let text = error.map_or_else(|| message(first, &place), str::to_owned);
        // What a compiler draws is for who reads the whole.
        let drawn = problem.lines().skip(1).filter(|line| !line.trim().is_empty());
        let finding = Finding {
            line: found.map(|(line, _)| line).or(in_other.as_ref().map(|(_, line)| *line)),
            file: Some(in_other.map_or_else(|| file.to_owned(), |(other, _)| other)),
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
        let later = Unchecked::new("a.comp", "a.comp: line 1\n  --> a.comp:5\n    5 | y ? 1:17;");
        assert_eq!(later.check.findings[0].column, None);
        let imported =
            "kernel 'sum.wgsl' is not valid:\nerror: wrong\n  --> lib/two.wesl:4\n    4 | x\n";
        assert_eq!(place(imported), (Some("lib/two.wesl".to_owned()), Some(4)));
        let within = |place: &str| {
            let problem = format!("kernel 'k/sum.wesl':\nerror: wrong\n  --> {place}:4");
            Unchecked::new("k/sum.wesl", &problem).check.findings.remove(0).file.unwrap()
        };
        assert_eq!(within("lib/two.wesl"), "k/lib/two.wesl");
        assert_eq!(within("k/lib/two.wesl"), "k/lib/two.wesl");
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
