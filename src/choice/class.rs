//! Classes of operations whose kernels of one set are faster or slower than those of another together: what is
//! measured for one of a class is taken for all of it. Knows no device and no time.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::spread::{
    ATTENTION_TILE, MANY_OUTPUTS, SHARED_ATTENTION, STAGED_SIDE, has_long_sums, product,
};
use crate::operation::{
    AttentionStep, LinearResult, LossStep, Norm, NormStep, Operation, Precision,
};

/// A class of operations.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Class {
    /// Matrix products.
    Product {
        /// What is computed; a layer with a bias and one without are one class.
        result: LinearResult,
        /// Whether inputs and outputs are multiples of four.
        by_four: bool,
        /// Whether outputs are many.
        large: bool,
        /// How wide the numbers are that are multiplied; a file that does not say it is of single ones.
        #[serde(default, skip_serializing_if = "Precision::is_single")]
        precision: Precision,
    },
    /// Steps of attention whose heads are multiples of four wide and that see all keys before them.
    Attention {
        /// Which step.
        step: AttentionStep,
        /// Whether sequences are long enough to share loads.
        long: bool,
    },
    /// Norms of rows and their gradients.
    Norm {
        /// By what a row is divided.
        norm: Norm,
        /// What is computed.
        step: NormStep,
        /// Whether rows are a multiple of four long.
        by_four: bool,
    },
    /// Cross entropy.
    Loss {
        /// What is computed.
        step: LossStep,
        /// Whether rows are a multiple of four long.
        by_four: bool,
    },
}

impl Class {
    /// The class of an operation; `None` where the default is taken without measuring: where all sets have one kernel,
    /// or what they have takes too little of a step to matter.
    pub fn of(operation: &Operation) -> Option<Self> {
        match *operation {
            Operation::Linear { result, m, k, n, g, accumulate: _, precision } => {
                let (result, outputs, least) = match result {
                    LinearResult::Output | LinearResult::PlainOutput => {
                        (LinearResult::Output, product([m, n]), m.min(n))
                    }
                    LinearResult::Input => (result, product([m, k]), m.min(k)),
                    // How long sums are shared was timed of no other.
                    LinearResult::Weight if has_long_sums([m, k, n, g]) => return None,
                    LinearResult::Weight => (result, product([g, n, k]), n.min(k)),
                    LinearResult::Bias => (result, n.into(), STAGED_SIDE),
                };
                // Outputs that are timed fill tiles, and say nothing of a few columns.
                if least < STAGED_SIDE {
                    return None;
                }
                let by_four = n.is_multiple_of(4) && k.is_multiple_of(4);
                Some(Self::Product { result, by_four, large: outputs >= MANY_OUTPUTS, precision })
            }
            Operation::Attention { step, s, width, window, .. } => {
                let tiled = width.is_multiple_of(ATTENTION_TILE) && window >= s;
                let shares = tiled && step != AttentionStep::Delta;
                shares.then_some(Self::Attention { step, long: s >= SHARED_ATTENTION })
            }
            Operation::Norm { norm, step, d, .. } => {
                Some(Self::Norm { norm, step, by_four: d.is_multiple_of(4) })
            }
            Operation::Loss { step: LossStep::Mean, .. } => None,
            Operation::Loss { step, v, .. } => {
                Some(Self::Loss { step, by_four: v.is_multiple_of(4) })
            }
            Operation::Rope { .. }
            | Operation::Pointwise { .. }
            | Operation::DotProduct { .. }
            | Operation::Embedding { .. }
            | Operation::TokenSums { .. }
            | Operation::Mixture { .. }
            | Operation::SharedExpert { .. }
            | Operation::Resolvent { .. }
            | Operation::Sort { .. }
            | Operation::Rows { .. }
            | Operation::Columns { .. }
            | Operation::Update { .. } => None,
        }
    }

    /// Whether numbers in half precision are multiplied.
    pub const fn is_narrow(self) -> bool {
        matches!(self, Self::Product { precision: Precision::Half, .. })
    }

    /// The same class of single numbers.
    #[must_use]
    pub const fn single(self) -> Self {
        match self {
            Self::Product { result, by_four, large, precision: _ } => {
                Self::Product { result, by_four, large, precision: Precision::Single }
            }
            Self::Attention { .. } | Self::Norm { .. } | Self::Loss { .. } => self,
        }
    }

    /// The class whose winner is taken where this one was not timed: of small products for large ones.
    pub(super) const fn kin(self) -> Option<Self> {
        match self {
            Self::Product { result, by_four, large: true, precision } => {
                Some(Self::Product { result, by_four, large: false, precision })
            }
            Self::Product { large: false, .. }
            | Self::Attention { .. }
            | Self::Norm { .. }
            | Self::Loss { .. } => None,
        }
    }
}

impl fmt::Display for Class {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let extents = |by_four| if by_four { "multiples of 4" } else { "odd" };
        match *self {
            Self::Product { result, by_four, large, precision } => {
                let of = match result {
                    LinearResult::Output | LinearResult::PlainOutput => "forward",
                    LinearResult::Input => "by input",
                    LinearResult::Weight => "by weight",
                    LinearResult::Bias => "by bias",
                };
                let size = if large { "large" } else { "small" };
                let product = match precision {
                    Precision::Single => "product",
                    Precision::Half => "f16 product",
                };
                write!(f, "{product} {of}, {}, {size}", extents(by_four))
            }
            Self::Attention { step, long } => {
                let of = match step {
                    AttentionStep::Output => "forward",
                    AttentionStep::Delta => "of outputs",
                    AttentionStep::Query => "by query",
                    AttentionStep::KeyValue => "by key and value",
                };
                write!(f, "attention {of}, {} sequences", if long { "long" } else { "short" })
            }
            Self::Norm { norm, step, by_four } => {
                let norm = match norm {
                    Norm::Layer => "layer norm",
                    Norm::Rms => "RMS norm",
                };
                let of = match step {
                    NormStep::Output => "forward",
                    NormStep::Input => "by input",
                    NormStep::Parameters => "by parameters",
                };
                write!(f, "{norm} {of}, {}", extents(by_four))
            }
            Self::Loss { step, by_four } => {
                let of = match step {
                    LossStep::Rows => "of rows",
                    LossStep::Gradient => "by logits",
                    LossStep::Mean => "mean",
                };
                write!(f, "cross entropy {of}, {}", extents(by_four))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn products_that_are_not_like_those_timed_have_no_class() {
        let wide = |precision, result, [m, k, n]: [u32; 3]| {
            Class::of(&Operation::Linear { result, m, k, n, g: 1, accumulate: false, precision })
        };
        let of = |result, shape| wide(Precision::Single, result, shape);
        let narrow = wide(Precision::Half, LinearResult::Output, [640, 639, 639]).unwrap();
        assert_eq!(narrow.to_string(), "f16 product forward, odd, small");
        assert_ne!(of(LinearResult::Output, [640, 639, 639]), Some(narrow));
        assert!(of(LinearResult::Output, [640, 639, 639]).is_some());
        assert_eq!(of(LinearResult::Output, [4096, 64, 1]), None, "a column");
        assert_eq!(of(LinearResult::Input, [4096, 2, 64]), None, "two columns");
        assert!(of(LinearResult::Weight, [32, 639, 639]).is_some());
        assert_eq!(of(LinearResult::Weight, [4096, 64, 3]), None, "long sums");
        assert!(of(LinearResult::Bias, [4096, 64, 1]).is_some(), "has no tiles");
    }
}
