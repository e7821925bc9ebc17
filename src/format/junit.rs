//! A report for a continuous integration's list of tests, as JUnit's XML has it: a suite for each thing that it is
//! about, a test for each that this was judged by, and its report as what the suite printed.

use std::fmt::Write as _;

use super::{Format, table};
use crate::{
    page::JudgedPart,
    result::{Examined, FindingKind},
};

pub(super) const FORMAT: Format = Format {
    name: "junit",
    about: "Write what was judged as JUnit XML, as a test runner's report",
    render: |result, origin, every_layer| {
        let suites = result.parts(every_layer).into_iter();
        let suites = suites.map(|JudgedPart { name, mut checks, page }| {
            if checks.is_empty() {
                checks.push(Examined { what: "it ran".to_owned(), findings: Vec::new() });
            }
            Suite { name, checks, printed: table::render(&page, table::Terminal::PIPE) }
        });
        render(&suites.collect::<Vec<_>>(), &origin.date)
    },
};

/// A test for each thing that was judged; what was not judged at all is one test that passes.
struct Suite {
    name: String,
    checks: Vec<Examined>,
    printed: String,
}

/// How many tests there are, how many of them failed, and how many could not be run.
fn tally<'a>(checks: impl Iterator<Item = &'a Examined> + Clone) -> String {
    let ran = |check: &&Examined| check.findings.iter().all(|its| its.kind != FindingKind::NotRun);
    let failures = checks.clone().filter(ran).filter(|check| !check.holds()).count();
    let errors = checks.clone().filter(|check| !ran(check)).count();
    format!("tests=\"{}\" failures=\"{failures}\" errors=\"{errors}\"", checks.count())
}

fn render(suites: &[Suite], date: &str) -> String {
    let mut text = String::from("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n");
    let all = suites.iter().flat_map(|suite| &suite.checks);
    let _ = writeln!(text, "<testsuites {}>", tally(all));
    for suite in suites {
        written(&mut text, suite, date);
    }
    text.push_str("</testsuites>\n");
    text
}

fn written(text: &mut String, Suite { name, checks, printed }: &Suite, date: &str) {
    let (title, date) = (escaped(name), escaped(date));
    let _ = writeln!(
        text,
        "  <testsuite name=\"{title}\" {} skipped=\"0\" timestamp=\"{date}\">",
        tally(checks.iter())
    );
    for Examined { what, findings } in checks {
        let _ = write!(text, "    <testcase classname=\"{title}\" name=\"{}\">", escaped(what));
        let (allowed, failed): (Vec<_>, Vec<_>) = findings.iter().partition(|its| its.allowed);
        if let Some(first) = failed.first() {
            let all: Vec<String> = failed.iter().map(ToString::to_string).collect();
            let element = if first.kind == FindingKind::NotRun { "error" } else { "failure" };
            let _ = write!(
                text,
                "\n      <{element} message=\"{}\">{}</{element}>\n    ",
                escaped(&first.text),
                escaped(&all.join("\n"))
            );
        }
        if !allowed.is_empty() {
            let all: Vec<String> = allowed.iter().map(|its| format!("allowed: {its}")).collect();
            let _ =
                write!(text, "\n      <system-out>{}</system-out>\n    ", escaped(&all.join("\n")));
        }
        text.push_str("</testcase>\n");
    }
    let _ = writeln!(text, "    <system-out>{}</system-out>", escaped(printed));
    text.push_str("  </testsuite>\n");
}

/// Text that means itself, of characters that XML may hold.
fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '&' => escaped.push_str("&amp;"),
            '"' => escaped.push_str("&quot;"),
            '\n' | '\t' => escaped.push(letter),
            '\u{fffe}' | '\u{ffff}' => {}
            letter if letter.is_control() => {}
            _ => escaped.push(letter),
        }
    }
    escaped
}
