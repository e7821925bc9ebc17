//! The optimizers a training step may end with.

use std::{fmt, str::FromStr};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Turns gradients into updated parameters, as PyTorch's class of the same name does.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Optimizer {
    /// Adam with decoupled weight decay.
    #[default]
    AdamW,
    /// First and second moments with bias correction.
    Adam,
    /// The gradient times the learning rate, without momentum.
    Sgd,
}

impl Optimizer {
    /// Every optimizer.
    pub const ALL: [Self; 3] = [Self::AdamW, Self::Adam, Self::Sgd];

    /// The name that a user types and a report prints.
    pub const fn name(self) -> &'static str {
        match self {
            Self::AdamW => "adamw",
            Self::Adam => "adam",
            Self::Sgd => "sgd",
        }
    }
}

impl fmt::Display for Optimizer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Optimizer {
    type Err = String;

    fn from_str(s: &str) -> Result<Self, String> {
        Self::ALL
            .into_iter()
            .find(|optimizer| optimizer.name() == s)
            .ok_or_else(|| format!("unknown optimizer '{s}': one of adamw, adam, sgd"))
    }
}
