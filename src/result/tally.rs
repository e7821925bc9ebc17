//! The embedded executor's own tally of what it executed, held against the counters, as a report says it.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{
    check::{self, Tally, Verdict},
    observe::Observed,
};

/// How the tally of an executor compares with its counters: every operation and every byte.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct OwnTally {
    /// How many launches came out how.
    #[serde(flatten)]
    pub verdict: Tally,
    /// Those in which the two differ, and where first.
    pub differences: Vec<Difference>,
}

/// A launch in which an executor's tally and its counters differ.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Difference {
    /// The pass or the kernel.
    pub label: String,
    /// Where the two differ first.
    pub why: String,
}

impl OwnTally {
    /// Holds the tally of each launch that ran against its counters; `None` where none was tallied.
    pub fn new<'a>(launches: impl IntoIterator<Item = (&'a str, &'a Observed)>) -> Option<Self> {
        let mut own = Self { verdict: Tally::default(), differences: Vec::new() };
        let mut any = false;
        for (label, observed) in launches.into_iter().filter(|(_, o)| o.from_layer.is_none()) {
            let Some(verdict) = check::tally(observed) else { continue };
            any = true;
            if let Verdict::Mismatch { difference } = &verdict {
                let label = label.to_owned();
                own.differences.push(Difference { label, why: difference.clone() });
            }
            own.verdict = own.verdict + &verdict;
        }
        any.then_some(own)
    }

    /// Those of several runs together; `None` where there are none.
    pub fn sum<'a>(runs: impl IntoIterator<Item = &'a Self>) -> Option<Self> {
        runs.into_iter().cloned().reduce(|mut sum, run| {
            sum.verdict.r#match += run.verdict.r#match;
            sum.verdict.mismatch += run.verdict.mismatch;
            sum.differences.extend(run.differences);
            sum
        })
    }

    /// Whether the two never differ.
    pub const fn holds(&self) -> bool {
        self.verdict.holds()
    }
}
