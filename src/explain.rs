//! Why measured and estimated FLOPs differ: every operation that ran and every term of an estimator
//! belongs to exactly one cause, so the causes add up to the whole difference, to the last FLOP.
//! Goes by operations and by where they stand; knows neither how they were measured nor how a report
//! looks.

mod facts;
mod subject;

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use facts::{Facts, HEAD, product};
use subject::{Entry, Subject};

use crate::{
    estimate::Term,
    formula::{Overhead, forms},
    op::{Convention, Op, OpCounts},
    operation::Operation,
    plan::{ComponentName, Pass, Phase},
};

/// One reason why what ran is not what was estimated, in one phase.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Cause {
    /// Which phase.
    pub phase: Phase,
    /// What it is about; the same words in every phase.
    pub subject: String,
    /// The reason in a sentence.
    pub text: String,
    /// FLOPs that ran.
    pub measured: u64,
    /// FLOPs that the estimator charges.
    pub estimate: u64,
    /// Measured less estimated.
    pub difference: i128,
    /// Whether some of what was measured is extrapolated.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub extrapolated: bool,
}

impl Cause {
    /// Whether it is about computing again what the step had and did not keep.
    pub fn is_recomputation(&self) -> bool {
        self.subject == Subject::Recomputed.to_string()
    }
}

/// Every cause of the difference between passes as measured, each with whether another ran in its place,
/// and terms as estimated: by phase, the largest difference first. Causes whose difference is zero are
/// among them.
pub fn causes<'a>(
    passes: impl IntoIterator<Item = (&'a Pass, OpCounts, bool)>,
    terms: impl IntoIterator<Item = &'a Term>,
    convention: Convention,
) -> Vec<Cause> {
    let mut ledger: BTreeMap<(Phase, Subject), Entry> = BTreeMap::new();
    let mut facts = Facts::default();
    for (pass, ops, extrapolated) in passes {
        facts.learn(pass);
        // BK-Core's gradient repeats a few squares, which its estimator charges with the rest of it.
        let again = match pass.operation {
            Operation::Attention { .. } => {
                forms(&pass.operation, &pass.schedule).extra(Overhead::Recomputation)
            }
            _ => OpCounts::ZERO,
        };
        for (scalar, op, count) in ops.iter() {
            let again = again.get(scalar, op).min(count);
            for (subject, count) in
                [(Subject::of_operation(pass, op), count - again), (Subject::Recomputed, again)]
            {
                let flops = OpCounts::of(scalar, op, count).flops(convention);
                if flops > 0 {
                    let entry = ledger.entry((pass.phase, subject)).or_default();
                    entry.measured += flops;
                    entry.extrapolated |= extrapolated;
                }
            }
        }
        let (units, [multiply_adds, by_rule]) = (Subject::units(pass), product(&pass.operation));
        if units > 0 || multiply_adds > 0 {
            let subject = Subject::of_operation(pass, Op::Fma);
            let entry = ledger.entry((pass.phase, subject)).or_default();
            entry.units += units;
            entry.multiply_adds += multiply_adds;
            entry.by_rule += by_rule;
        }
    }
    for term in terms {
        let subject = Subject::of_term(term, &facts);
        ledger.entry((term.phase, subject)).or_default().estimate += term.flops;
    }
    let head = Subject::Product(ComponentName::new(&[HEAD]));
    if let Some(entry) = ledger.get(&(Phase::Forward, head)) {
        facts.learn_head(entry.estimate, entry.by_rule);
    }
    let mut causes: Vec<Cause> = ledger
        .into_iter()
        .filter(|(_, entry)| entry.measured > 0 || entry.estimate > 0)
        .map(|((phase, subject), entry)| Cause {
            phase,
            text: subject.sentence(phase, entry, &facts, convention),
            subject: subject.to_string(),
            measured: entry.measured,
            estimate: entry.estimate,
            difference: i128::from(entry.measured) - i128::from(entry.estimate),
            extrapolated: entry.extrapolated,
        })
        .collect();
    causes.sort_by_key(|cause| (cause.phase, std::cmp::Reverse(cause.difference.unsigned_abs())));
    causes
}
