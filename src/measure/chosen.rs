//! Which kernels a plan was run with.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::plan::KernelName;

/// A kernel of the crate's own, as it was chosen for an adapter.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ChosenKernel {
    /// Its name.
    pub kernel: KernelName,
    /// Lanes and extents of its tiles: the values of its overrides.
    pub tile: BTreeMap<String, u32>,
    /// How many passes it runs.
    pub passes: u64,
}
