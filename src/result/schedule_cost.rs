//! Why the kernels of a step execute more than its mathematics asks for: by phase and reason, to the last
//! FLOP.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{
    component::Phase,
    formula::{Forms, Overhead},
    op::Convention,
};

/// What kernels execute beyond the mathematics for one reason in one phase.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ScheduleCost {
    /// Which phase.
    pub phase: Phase,
    /// Why.
    pub reason: Overhead,
    /// The reason in a sentence.
    pub text: String,
    /// FLOPs.
    pub flops: u64,
}

/// The costs of every reason that costs FLOPs under this convention, by phase.
pub(super) fn costs<'a>(
    passes: impl IntoIterator<Item = (Phase, &'a Forms)>,
    convention: Convention,
) -> Vec<ScheduleCost> {
    let mut costs: BTreeMap<(Phase, Overhead), u64> = BTreeMap::new();
    for (phase, forms) in passes {
        for (reason, more) in &forms.extra {
            *costs.entry((phase, *reason)).or_default() += more.flops(convention);
        }
    }
    let priced = costs.into_iter().filter(|&(_, flops)| flops > 0);
    let cost = |((phase, reason), flops): ((Phase, Overhead), u64)| ScheduleCost {
        phase,
        reason,
        text: reason.sentence().to_owned(),
        flops,
    };
    priced.map(cost).collect()
}
