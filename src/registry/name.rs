//! The name of a kernel, as reports and files have it. Knows no kernel.

use std::{fmt, str::FromStr};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A kernel by name: the stem of its file in `shaders/` and one entry point in it, `file.entry`.
#[derive(
    Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, JsonSchema,
)]
#[serde(try_from = "String", into = "String")]
pub struct KernelName {
    /// File stem.
    pub file: String,
    /// Entry point.
    pub entry: String,
}

impl fmt::Display for KernelName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.file, self.entry)
    }
}

impl FromStr for KernelName {
    type Err = String;

    fn from_str(s: &str) -> Result<Self, String> {
        let (file, entry) =
            s.split_once('.').ok_or_else(|| format!("'{s}' is not a kernel name FILE.ENTRY"))?;
        Ok(Self { file: file.to_owned(), entry: entry.to_owned() })
    }
}

impl TryFrom<String> for KernelName {
    type Error = String;

    fn try_from(s: String) -> Result<Self, String> {
        s.parse()
    }
}

impl From<KernelName> for String {
    fn from(name: KernelName) -> Self {
        name.to_string()
    }
}
