//! A report for a log of GitHub Actions: the whole of it folded away, then an annotation for each finding, in the file
//! and line that it has. Nothing that a user named is taken for a command.

use std::fmt::Write as _;

use super::{Format, table};
use crate::{
    page,
    result::{Examined, Finding},
};

pub(super) const FORMAT: Format = Format {
    name: "github",
    about: "Write what was judged as annotations of GitHub Actions",
    render: |result, _, every_layer| {
        let page = result.page(every_layer);
        render(&page.title, &result.judged(), &table::render(&page, table::Terminal::PIPE))
    },
};

fn render(title: &str, checks: &[Examined], printed: &str) -> String {
    let mut text = format!("::group::{}\n", data(title));
    for line in printed.lines() {
        let start = line.trim_start();
        // What begins a command is no longer at the beginning.
        let guard = if start.starts_with("::") || start.starts_with("##[") { "| " } else { "" };
        let _ = writeln!(text, "{guard}{line}");
    }
    text.push_str("::endgroup::\n");
    for finding in checks.iter().flat_map(|check| &check.findings) {
        text.push_str(&annotation(finding));
    }
    if !checks.is_empty() && checks.iter().all(Examined::holds) {
        let _ = writeln!(text, "::notice title=flopmeter::{}", data(&page::holding(checks)));
    }
    text
}

fn annotation(finding: &Finding) -> String {
    let level = if finding.allowed { "warning" } else { "error" };
    let file = finding.file.as_ref().map(|file| format!("file={},", property(file)));
    let line = finding.line.map(|line| format!("line={line},"));
    let column = finding.column.map(|column| format!("col={column},"));
    let place = [file, line, column].into_iter().flatten().collect::<String>();
    format!("::{level} {place}title=flopmeter::{}\n", data(&finding.text))
}

/// What stands behind a command.
fn data(text: &str) -> String {
    text.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A")
}

/// A value within a command.
fn property(text: &str) -> String {
    data(text).replace(':', "%3A").replace(',', "%2C")
}
