//! What a family says of its own parts, where neither an operation nor a term by itself tells what it is about.

use super::{
    facts::Facts,
    subject::{Balance, Named, Subject},
};
use crate::{
    component::{ComponentName, Phase},
    op::Op,
    plan::Pass,
};

/// How the causes of a family's difference between measurement and estimate are told apart.
pub trait Account: Sync {
    /// What an operation of a pass is about, where the pass's operation does not tell.
    fn of_pass(&self, pass: &Pass, op: Op) -> Option<Subject>;

    /// What a term of the family's estimator is about, by its path within a component and by the product that
    /// it is about if it is about one. `None` where it is about nothing that runs.
    fn of_term(&self, path: &[&str], product: ComponentName) -> Option<Subject>;

    /// Whether the family's estimator charges attention for whole rows, whatever sequences are packed into them.
    fn charges_rows(&self) -> bool {
        false
    }

    /// What more there is to say of a subject that it named, as far as it is true of what ran and what was
    /// charged; nothing, or what follows a sentence.
    fn aside(&self, subject: &Named, phase: Phase, entry: Balance, facts: &Facts) -> &'static str;
}
