//! What was published about how a model's cost grows and what it is made up of, as data: which quantity, of
//! which component, and what is claimed of it. Whether it is so is judged elsewhere, on the points of a sweep.

use std::borrow::Cow;

use crate::component::Phase;

/// FLOPs for which formulas, estimators and claims take a multiply-add, wherever they were published.
pub const MULTIPLY_ADD: u64 = 2;

/// Something that was published.
#[derive(Clone, Debug, PartialEq)]
pub struct Claimed {
    /// The claim in words.
    pub text: Cow<'static, str>,
    /// Who claims it.
    pub source: &'static str,
    /// What it says.
    pub says: Says,
}

/// What a claim says.
#[derive(Clone, Debug, PartialEq)]
pub enum Says {
    /// A component, or the whole step, grows with a power of the sequence.
    Growth {
        /// The component in any layer, as `layer_*.attention.core`; the whole step where there is none.
        component: Option<&'static str>,
        /// The power.
        power: Power,
    },
    /// The whole step costs so many GFLOPs, as printed in a table.
    Table(PrintedTable),
    /// A component has more than half of the forward pass.
    Dominates {
        /// The component.
        component: &'static str,
    },
    /// A component has this share of the forward pass of one model.
    Share {
        /// The component.
        component: &'static str,
        /// In percent, with one decimal.
        percent: f64,
        /// Which model.
        of: PublishedModel,
    },
    /// The backward pass costs about twice the forward pass.
    BackwardIsTwice,
    /// The optimizer has less than this share of a step.
    OptimizerBelow(f64),
    /// With one value of an option a component costs less than with another, as measured.
    Cheaper {
        /// The option of the family's training step.
        option: &'static str,
        /// The value that costs less, and the one that costs more.
        values: [&'static str; 2],
        /// The component.
        component: &'static str,
        /// In which phase.
        phase: Phase,
        /// What it takes to judge it.
        needs: &'static str,
    },
}

/// A claim about an exponent.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Power {
    /// It is at most this.
    AtMost(f64),
    /// It is at least this.
    AtLeast(f64),
}

/// Costs of a step as a publication's table has them.
#[derive(Clone, Debug, PartialEq)]
pub struct PrintedTable {
    /// N, and GFLOPs of a step with three decimals.
    pub rows: &'static [(u32, f64)],
    /// B.
    pub batch: u32,
    /// Which model.
    pub of: PublishedModel,
    /// Which points the table has, in words.
    pub points: &'static str,
}

/// The model that a claim is about: the fields that its configuration has; any other field may differ.
pub type PublishedModel = &'static [(&'static str, u64)];
