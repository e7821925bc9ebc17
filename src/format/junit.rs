//! A report for a continuous integration's list of tests, as JUnit's XML has it: a test for each thing that the report
//! was judged by, and the whole report as what the suite printed.

use std::fmt::Write as _;

use super::{Format, table};
use crate::result::{Examined, FindingKind};

pub(super) const FORMAT: Format = Format {
    name: "junit",
    about: "Write what was judged as JUnit XML, as a test runner's report",
    render: |result, origin, every_layer| {
        let page = result.page(every_layer);
        render(
            &page.title,
            &origin.date,
            &result.judged(),
            &table::render(&page, table::Terminal::PIPE),
        )
    },
};

/// A suite of a test for each thing that was judged; what was not judged at all is one test that passes.
fn render(title: &str, date: &str, checks: &[Examined], printed: &str) -> String {
    let nothing = [Examined { what: "it ran".to_owned(), findings: Vec::new() }];
    let checks = if checks.is_empty() { &nothing } else { checks };
    let ran = |check: &&Examined| check.findings.iter().all(|its| its.kind != FindingKind::NotRun);
    let failures = checks.iter().filter(ran).filter(|check| !check.holds()).count();
    let errors = checks.iter().filter(|check| !ran(check)).count();
    let mut text = String::from("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n");
    let (title, count) = (escaped(title), checks.len());
    let _ = writeln!(
        text,
        "<testsuites tests=\"{count}\" failures=\"{failures}\" errors=\"{errors}\">"
    );
    let _ = writeln!(
        text,
        "  <testsuite name=\"{title}\" tests=\"{count}\" failures=\"{failures}\" errors=\"{errors}\" skipped=\"0\" \
         timestamp=\"{}\">",
        escaped(date)
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
    text.push_str("  </testsuite>\n</testsuites>\n");
    text
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
