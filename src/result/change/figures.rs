//! What a kernel and what a line of its source cost, as two runs of kernels are held against each other by.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{
    observe::Spread,
    op::{Convention, OpCounts},
};

/// What a kernel costs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct KernelFigures {
    /// Executed FLOPs.
    pub flops: u64,
    /// Bytes that cross to or from storage buffers.
    pub bytes: u64,
    /// Median time, where it was timed.
    pub seconds: Option<f64>,
    /// How far apart its runs were, where there were several.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub spread: Option<Spread>,
}

impl KernelFigures {
    /// Two of them together, of which nobody timed the runs.
    pub(super) fn and(self, other: Self) -> Self {
        Self {
            flops: self.flops.saturating_add(other.flops),
            bytes: self.bytes.saturating_add(other.bytes),
            seconds: self.seconds.zip(other.seconds).map(|(a, b)| a + b),
            spread: None,
        }
    }
}

/// What a line costs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct LineFigures {
    /// The file that it is in, where that is not the first; of a suite always, from the folder in which it ran.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub file: Option<String>,
    /// Its number there, from 1.
    pub line: u32,
    /// How often it was executed.
    pub executions: u64,
    /// Executed FLOPs.
    pub flops: u64,
    /// Bytes loaded from and stored to storage buffers and textures.
    pub bytes: u64,
}

/// The FLOPs of some operations; `stated` are those under `own`.
pub(super) fn priced(
    own: Convention,
    stated: u64,
    ops: Option<OpCounts>,
    convention: Convention,
) -> u64 {
    match ops.filter(|_| own != convention) {
        Some(ops) => u64::try_from(ops.wide_flops(convention)).unwrap_or(u64::MAX),
        None => stated,
    }
}
