//! Why measured and estimated FLOPs differ: every operation that ran and every term of an estimator
//! belongs to exactly one cause, so the causes add up to the whole difference, to the last FLOP.
//! Goes by operations and by where they stand; knows neither how they were measured nor how a report
//! looks.

mod account;
mod aside;
mod facts;
mod subject;

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub use account::Account;
pub use facts::Facts;
pub use subject::{Balance, Named, Subject};

use facts::{HEAD, product};

use crate::{
    component::{ComponentName, Phase},
    formula::{Overhead, forms},
    op::{Convention, Op, OpCounts},
    operation::{LinearResult, Operation, Precision},
    plan::Pass,
    term::Term,
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
        [Subject::Recomputed, Subject::Layers].iter().any(|of| self.subject == of.to_string())
    }
}

/// Every cause of the difference between passes as measured, each with whether another ran in its place,
/// and terms as estimated: by phase, the largest difference first. Causes whose difference is zero are
/// among them. `account` is the family's, and `packs` says whether a row holds several sequences.
pub fn causes<'a>(
    account: &dyn Account,
    packs: bool,
    passes: impl IntoIterator<Item = (&'a Pass, OpCounts, bool)>,
    terms: impl IntoIterator<Item = &'a Term>,
    convention: Convention,
) -> Vec<Cause> {
    let mut ledger: BTreeMap<(Phase, Subject), Balance> = BTreeMap::new();
    let mut facts = Facts::of_rows(packs, account.charges_rows());
    for (pass, ops, extrapolated) in passes {
        if pass.recomputed {
            let flops = ops.flops(convention);
            let entry = ledger.entry((pass.phase, Subject::Layers)).or_default();
            entry.measured += flops;
            entry.extrapolated |= extrapolated && flops > 0;
            continue;
        }
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
            let [product, beside] = parts(&pass.operation, op, count - again);
            for (subject, count) in [
                (of_operation(account, pass, product.0), product.1),
                (of_operation(account, pass, beside.0), beside.1),
                (Subject::Recomputed, again),
            ] {
                let ops = OpCounts::of(scalar, op, count);
                let flops = ops.flops(convention);
                // Comparisons and copies are FLOPs by none of these.
                if flops > 0 || Convention::ALL.iter().any(|&known| ops.flops(known) > 0) {
                    let entry = ledger.entry((pass.phase, subject)).or_default();
                    entry.measured += flops;
                    entry.ran = true;
                    entry.extrapolated |= extrapolated && flops > 0;
                }
            }
        }
        let (units, [multiply_adds, by_rule]) = (Subject::units(pass), product(&pass.operation));
        if units > 0 || multiply_adds > 0 {
            let subject = of_operation(account, pass, Op::Fma);
            let entry = ledger.entry((pass.phase, subject)).or_default();
            entry.units += units;
            entry.multiply_adds += multiply_adds;
            entry.by_rule += by_rule;
        }
    }
    for term in terms {
        let subject = of_term(account, term, &facts);
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
            text: subject.sentence(
                entry,
                aside(account, &subject, phase, entry, &facts),
                convention,
            ),
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

/// How many of a pass's operations of a kind make its product, and how many are done beside it, each with an operation of
/// which that is told. A product of narrow operands is summed by additions, as its bias is added.
fn parts(operation: &Operation, op: Op, count: u64) -> [(Op, u64); 2] {
    match *operation {
        Operation::Linear { result, precision: Precision::Half, m, n, .. } => {
            let biases = op == Op::Add && result == LinearResult::Output;
            let biases = if biases { (u64::from(m) * u64::from(n)).min(count) } else { 0 };
            [(Op::Fma, count - biases), (Op::Add, biases)]
        }
        _ => [(op, count), (op, 0)],
    }
}

fn of_operation(account: &dyn Account, pass: &Pass, op: Op) -> Subject {
    account.of_pass(pass, op).unwrap_or_else(|| Subject::of_operation(pass, op))
}

fn of_term(account: &dyn Account, term: &Term, facts: &Facts) -> Subject {
    // Where a term charges the gradient by a weight alone, it belongs to the weight's product.
    let product = term.product();
    if term.term.by_weight && !facts.trains(&product) {
        return Subject::Frozen;
    }
    let unknown = || Named { name: term.term.to_string().into(), many: false };
    let known = account.of_term(&term.term.parts(), product);
    known.unwrap_or_else(|| Subject::Named(unknown()))
}

fn aside(
    account: &dyn Account,
    subject: &Subject,
    phase: Phase,
    entry: Balance,
    facts: &Facts,
) -> &'static str {
    match subject {
        Subject::Named(named) => account.aside(named, phase, entry, facts),
        other => other.aside(phase, entry, facts),
    }
}
