//! What a shader leaves to its host, as a report of its own: nothing ran.

use std::{borrow::Cow, collections::BTreeMap};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Document;
use crate::kernel::Outline;

/// The entry points of a shader, what they use, and what may be overridden.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ShaderListing {
    /// Name and version of this layout.
    #[schemars(extend("const" = Self::SCHEMA))]
    pub schema: Cow<'static, str>,
    /// The shader as the user named it.
    pub shader: String,
    /// Values that the user gave overrides.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub given: BTreeMap<String, f64>,
    /// What it leaves to its host.
    #[serde(flatten)]
    pub outline: Outline,
}

impl Document for ShaderListing {
    const SCHEMA: &'static str = "flopmeter.listing/1";
}

impl ShaderListing {
    /// Wraps the outline of a shader of this name, made with these values of overrides.
    pub fn new(shader: String, given: BTreeMap<String, f64>, outline: Outline) -> Self {
        Self { schema: Self::SCHEMA.into(), shader, given, outline }
    }
}
