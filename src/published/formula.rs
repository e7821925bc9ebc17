//! What a published formula is: a row of the tables beside this file. Knows no formula.

use super::{
    bill::{Charges, What},
    case::Case,
};
use crate::family::decoder::{Part, Place};

/// A published formula.
pub struct Formula {
    /// Its name in reports and on a command line.
    pub id: &'static str,
    /// What it is called.
    pub name: &'static str,
    /// Who published it.
    pub source: Source,
    /// For what the source states a value; values here are always of a whole step, or of its forward pass.
    pub per: &'static str,
    /// Of what it is a count.
    pub covers: Covers,
    /// The formula in symbols, as the glossary of `docs/formulas.md` has them.
    pub formula: &'static str,
    /// Why it cannot be applied to a case; nothing where it can.
    pub why_not: fn(&Case<'_>) -> Option<&'static str>,
    /// What it charges.
    pub charge: fn(&mut Charges<'_>),
    /// What of it deserves an explanation of its own: the part, and why its charge is what it is. Printed
    /// only where the charge differs from the exact count.
    pub because: &'static [(What, &'static str)],
}

/// Who published a formula.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Source {
    /// A paper, or a repository.
    pub name: &'static str,
    /// The commit or version that was looked at; empty for a paper.
    pub commit: &'static str,
    /// Where in it.
    pub place: &'static str,
    /// How its value was established.
    pub checked: Checked,
}

/// How a formula was established.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Checked {
    /// The public function was executed, and gave the values of this crate's tests.
    Run,
    /// The source was read.
    Read,
    /// A paper was not at hand; the formula is as code that cites it has it.
    Cited,
}

impl Checked {
    /// The word in reports.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Run => "executed",
            Self::Read => "read",
            Self::Cited => "cited",
        }
    }
}

/// Why attention is charged too much by most formulas.
pub(super) const WHOLE: (What, &str) = (
    What::Part(Part::Square),
    "attention is charged over the whole square: a query meets the keys up to itself",
);

/// Why attention is charged too little by those that halve the square.
pub(super) const HALF: (What, &str) = (
    What::Part(Part::Square),
    "half of S^2 is charged: a query meets itself too, S (S + 1) / 2 pairs",
);

/// Why the MLP is charged too little by formulas of a time without gates.
pub(super) const TWO_MATRICES: (What, &str) =
    (What::Part(Part::Linear(Place::Mlp)), "the MLP is charged as two matrices: it has three");

/// Of what a formula is a count, and so what it is held against.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Covers {
    /// A training step.
    Step,
    /// Its forward pass.
    Forward,
    /// The matrix products of a training step, attention's over the whole square.
    Products,
    /// Those of the forward pass.
    ForwardProducts,
    /// The two products of attention in a training step.
    Attention,
}

impl Covers {
    /// Every one.
    const ALL: [Self; 5] =
        [Self::Step, Self::Forward, Self::Products, Self::ForwardProducts, Self::Attention];

    /// In one word, of what a report has in words; the pass of products is in their formula's name.
    pub fn in_short(words: &str) -> &'static str {
        match Self::ALL.into_iter().find(|covers| covers.words() == words) {
            Some(Self::Step) => "step",
            Some(Self::Forward) => "forward",
            Some(Self::Products | Self::ForwardProducts) => "products",
            Some(Self::Attention) => "attention",
            None => "",
        }
    }

    /// In words.
    pub const fn words(self) -> &'static str {
        match self {
            Self::Step => "a training step: forward, backward and optimizer",
            Self::Forward => "the forward pass",
            Self::Products => "the matrix products of a training step, attention's whole square",
            Self::ForwardProducts => {
                "the matrix products of the forward pass, attention's whole square"
            }
            Self::Attention => "attention's two products in forward and backward pass",
        }
    }
}

/// A repository at a commit, whose function was executed.
pub(super) const fn run(name: &'static str, commit: &'static str, place: &'static str) -> Source {
    Source { name, commit, place, checked: Checked::Run }
}

/// A repository at a commit, which was read.
pub(super) const fn read(name: &'static str, commit: &'static str, place: &'static str) -> Source {
    Source { name, commit, place, checked: Checked::Read }
}

/// A paper as others cite it.
pub(super) const fn paper(name: &'static str, place: &'static str) -> Source {
    Source { name, commit: "", place, checked: Checked::Cited }
}
