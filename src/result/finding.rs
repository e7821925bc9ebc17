//! What was held to be so and is not: each finding with its kind and, where it has one, its place in a file. Plain
//! data; whoever judges makes them.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Something that a report was judged by, and what speaks against it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Examined {
    /// What was held to be so.
    pub what: String,
    /// Where it is not.
    pub findings: Vec<Finding>,
}

/// Something that is not as it should be.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Finding {
    /// What kind of thing it is.
    pub kind: FindingKind,
    /// What is wrong, in a sentence.
    pub text: String,
    /// The file that it is in, where it is in one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub file: Option<String>,
    /// Its line there, from 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub line: Option<u32>,
    /// What there is to know of it beside that, a line each.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub details: Vec<String>,
    /// The column in that line, from 1, where it is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub column: Option<u32>,
    /// Whether the user allows it: it is said, and fails nothing.
    #[serde(default, skip_serializing_if = "is_false")]
    pub allowed: bool,
}

/// Kinds of findings.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "lowercase")]
pub enum FindingKind {
    /// Accesses out of bounds.
    Bounds,
    /// Accesses that nothing orders, one of them writing.
    Race,
    /// A barrier to which not all invocations of a workgroup came.
    Barrier,
    /// An executor's own tally is not what its counters say.
    Tally,
    /// Two executors count otherwise.
    Counts,
    /// Two executors leave other values.
    Values,
    /// A buffer does not hold what it should.
    Expected,
    /// Counts or traffic are not those of the baseline.
    Baseline,
    /// A figure is more than it may be.
    More,
    /// An executor could not run it.
    Missing,
    /// Nobody could run it, so that nothing was judged.
    NotRun,
    /// Anything else that a report's last line says.
    Answer,
}

/// By reference, as serde passes it.
fn is_false(value: &bool) -> bool {
    !value
}

impl Examined {
    /// Whether nothing speaks against it that is not allowed.
    pub fn holds(&self) -> bool {
        self.findings.iter().all(|finding| finding.allowed)
    }
}

impl Finding {
    /// A finding that is in no file.
    pub fn new(kind: FindingKind, text: impl Into<String>) -> Self {
        Self {
            kind,
            text: text.into(),
            file: None,
            line: None,
            details: Vec::new(),
            column: None,
            allowed: false,
        }
    }

    /// The same, where this executor found it.
    #[must_use]
    pub(super) fn on(&self, executor: &str) -> Self {
        Self { text: format!("{}: {}", executor, self.text), ..self.clone() }
    }

    /// The same, in a line of a file.
    #[must_use]
    pub fn at(self, place: Option<(String, u32)>) -> Self {
        let (file, line) = place.unzip();
        Self { file, line, ..self }
    }
}

/// As a compiler begins a message: the place, where it has one, then what is wrong.
impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (&self.file, self.line) {
            (Some(file), Some(line)) => write!(f, "{file}:{line}: {}", self.text),
            (Some(file), None) => write!(f, "{file}: {}", self.text),
            (None, _) => f.write_str(&self.text),
        }
    }
}
