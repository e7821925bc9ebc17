//! The adapters of this machine, as one serialisable value.

use std::borrow::Cow;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Document;
use crate::execute::Adapter;

/// What can run here, best first; `auto` takes the first.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct AdapterList {
    /// Name and version of this layout.
    #[schemars(extend("const" = Self::SCHEMA))]
    pub schema: Cow<'static, str>,
    /// Each of them.
    pub adapters: Vec<Adapter>,
}

impl Document for AdapterList {
    const SCHEMA: &'static str = "flopmeter.adapters/1";
}

impl AdapterList {
    /// A list of these.
    pub fn new(adapters: Vec<Adapter>) -> Self {
        Self { schema: Self::SCHEMA.into(), adapters }
    }
}
