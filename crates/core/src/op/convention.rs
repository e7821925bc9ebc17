//! What an operation costs, under one of the price lists that are in use.

use std::{fmt, str::FromStr};

#[cfg(feature = "schema")]
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::kind::Op;

/// A named price list that turns operations into FLOPs; printed with every number.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(JsonSchema))]
#[serde(rename_all = "lowercase")]
pub enum Convention {
    /// Arithmetic and elementary functions are 1, a fused multiply-add 2, the rest 0.
    #[default]
    Ieee,
    /// Arithmetic, `neg`, `abs` and `minmax` are 1, a fused multiply-add 2, elementary functions
    /// 10, the rest 0: the table behind the published Qwen estimator.
    Primitive,
    /// `add` and `mul` are 1, a fused multiply-add 2, the rest 0: what NVIDIA's roofline sums.
    Ncu,
}

impl Convention {
    /// Every convention.
    pub const ALL: [Self; 3] = [Self::Ieee, Self::Primitive, Self::Ncu];

    /// The name that a user types and a report prints.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Ieee => "ieee",
            Self::Primitive => "primitive",
            Self::Ncu => "ncu",
        }
    }

    /// The price list in one line, for the head of a report.
    pub const fn describe(self) -> &'static str {
        match self {
            Self::Ieee => {
                "add mul div rem sqrt rsqrt exp log pow trig tanh = 1, fma = 2, the rest 0"
            }
            Self::Primitive => {
                "add neg mul div abs minmax = 1, fma = 2, exp log pow sqrt rsqrt trig tanh = 10, the rest 0"
            }
            Self::Ncu => "add mul = 1, fma = 2, the rest 0",
        }
    }

    /// FLOPs for one operation.
    pub const fn price(self, op: Op) -> u64 {
        use Op::*;
        match (self, op) {
            (_, Fma) => 2,
            (_, Add | Mul) => 1,
            (Self::Ieee, Div | Rem | Sqrt | Rsqrt | Exp | Log | Pow | Trig | Tanh) => 1,
            (Self::Ieee, Neg | Abs | MinMax) => 0,
            (Self::Primitive, Div | Neg | Abs | MinMax) => 1,
            (Self::Primitive, Exp | Log | Pow | Sqrt | Rsqrt | Trig | Tanh) => 10,
            (Self::Primitive, Rem) => 0,
            (Self::Ncu, Div | Rem | Neg | Abs | MinMax) => 0,
            (Self::Ncu, Sqrt | Rsqrt | Exp | Log | Pow | Trig | Tanh) => 0,
            (_, Round | Compare | Select | Convert | Bit | Sample) => 0,
        }
    }
}

impl fmt::Display for Convention {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Convention {
    type Err = String;

    fn from_str(s: &str) -> Result<Self, String> {
        Self::ALL
            .into_iter()
            .find(|c| c.name() == s)
            .ok_or_else(|| format!("unknown convention '{s}': one of ieee, primitive, ncu"))
    }
}
