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
        let line = problem.match_indices(&place).find_map(|(at, place)| {
            let rest = &problem[at + place.len()..];
            let digits = rest.find(|letter: char| !letter.is_ascii_digit()).unwrap_or(rest.len());
            Some((file.to_owned(), rest[..digits].parse().ok()?))
        });
        let finding = Finding::new(FindingKind::NotRun, problem);
        let finding = match line {
            None => Finding { file: Some(file.to_owned()), ..finding },
            place => finding.at(place),
        };
        let check = Examined { what: "it can be run".to_owned(), findings: vec![finding] };
        Self { subject: file.to_owned(), check }
    }
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
}
