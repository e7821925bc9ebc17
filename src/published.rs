//! Every formula for the FLOPs of a decoder's training that is in public use, exactly as published, held
//! against the exact count: value, ratio, and causes that add up to the difference. A row of a table is a
//! formula: who published it where, what it speaks of, when it applies, and what it charges for which part of
//! the decoder. Nothing is corrected here, and nothing runs.
//!
//! The sources were read or executed at the commit that is named; a repository's head may have moved since.

mod adapters;
mod bill;
mod case;
mod cause;
mod fault;
mod frameworks;
mod hub;
mod judge;
mod megatron;
mod papers;
mod profilers;
mod rules;

pub use bill::{Bill, What};
pub use case::Case;
pub use cause::Cause;
pub use fault::{FAULTS, Fault};
pub use judge::{FormulaRow, Judged, judge};

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
    pub charge: fn(&mut Bill<'_>),
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

/// Every formula, group by group.
pub fn formulas() -> impl Iterator<Item = &'static Formula> {
    let groups: [&[Formula]; 7] = [
        rules::FORMULAS,
        papers::FORMULAS,
        megatron::FORMULAS,
        hub::FORMULAS,
        frameworks::FORMULAS,
        adapters::FORMULAS,
        profilers::FORMULAS,
    ];
    groups.into_iter().flatten()
}

/// A repository at a commit, whose function was executed.
const fn run(name: &'static str, commit: &'static str, place: &'static str) -> Source {
    Source { name, commit, place, checked: Checked::Run }
}

/// A repository at a commit, which was read.
const fn read(name: &'static str, commit: &'static str, place: &'static str) -> Source {
    Source { name, commit, place, checked: Checked::Read }
}

/// A paper as others cite it.
const fn paper(name: &'static str, place: &'static str) -> Source {
    Source { name, commit: "", place, checked: Checked::Cited }
}
