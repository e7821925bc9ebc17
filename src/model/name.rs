//! What reports call a model: as its user named it, and what was changed of it. Knows no configuration.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What a model is called in reports.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ModelName {
    /// The model as the user named it.
    #[serde(rename = "model")]
    pub as_given: String,
    /// What was changed of its configuration, each as `KEY=VALUE`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub set: Vec<String>,
}

impl From<&str> for ModelName {
    fn from(name: &str) -> Self {
        Self { as_given: name.to_owned(), set: Vec::new() }
    }
}

impl fmt::Display for ModelName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.as_given)?;
        if !self.set.is_empty() {
            write!(f, " with {}", self.set.join(", "))?;
        }
        Ok(())
    }
}
