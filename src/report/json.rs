//! Reports as JSON, for other programs.

use serde::Serialize;

/// Any report as an indented JSON document that ends with a newline.
pub fn render(report: &impl Serialize) -> String {
    let mut text = serde_json::to_string_pretty(report)
        .expect("a report is plain data whose keys are strings");
    text.push('\n');
    text
}
