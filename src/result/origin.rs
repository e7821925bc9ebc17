//! Where a report comes from: the program that made it, what it was asked, and when. Knows no report.

use std::borrow::Cow;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What made a report, which every format but a table of figures says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Origin {
    /// The program.
    pub tool: Tool,
    /// The command line that asked for the report, program first; empty where the report says itself what was run.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub command: Vec<String>,
    /// When it was made, as RFC 3339 has it, in UTC.
    pub date: String,
}

/// A program, by name and version.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Tool {
    /// Its name.
    pub name: Cow<'static, str>,
    /// Its version.
    pub version: Cow<'static, str>,
}

impl Tool {
    /// This program.
    pub const FLOPMETER: Self = Self {
        name: Cow::Borrowed("flopmeter"),
        version: Cow::Borrowed(env!("CARGO_PKG_VERSION")),
    };
}

impl Origin {
    /// The origin in one line: program, date, and the command line where there is one.
    pub fn line(&self) -> String {
        let Self { tool: Tool { name, version }, command, date } = self;
        let made = format!("{name} {version}, {date}");
        if command.is_empty() { made } else { format!("{made}: {}", command.join(" ")) }
    }
}

/// A report beside its origin, as a file has them.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "{D}")]
pub(super) struct Signed<'a, D> {
    #[serde(flatten)]
    origin: &'a Origin,
    #[serde(flatten)]
    report: &'a D,
}

/// A report and its origin as an indented JSON document that ends with a newline.
pub fn to_signed_json(report: &impl Serialize, origin: &Origin) -> String {
    super::to_json(&Signed { origin, report })
}
