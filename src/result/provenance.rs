//! How a model's plan came to be run, which every report of a run says beside its numbers.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::OwnTally;
use crate::{
    choice::KernelSet,
    measure::{ChosenKernel, Measurement},
    observe::Moved,
    plan::Plan,
};

/// How a plan was run.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Provenance {
    /// The set of kernels that the crate was to choose from.
    #[serde(default, skip_serializing_if = "KernelSet::is_auto")]
    pub kernel_set: KernelSet,
    /// The kernels that the crate chose for the adapter, with what it chose of them. FLOPs are the same whichever
    /// they are; integers and bytes are not.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub kernels_chosen: Vec<ChosenKernel>,
    /// The executor's own tally held against its counters, pass by pass, where it has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tally: Option<OwnTally>,
    /// The adapter that was asked first, where that could not run the plan right. All of it then ran again, since
    /// everything that follows a wrong pass is wrong.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub moved: Option<Moved>,
}

impl Provenance {
    /// What a measurement of a plan says of it.
    pub fn new(plan: &Plan, measurement: &Measurement) -> Self {
        let labels = plan.passes.iter().map(|pass| pass.label.as_str());
        Self {
            kernel_set: KernelSet::default(),
            kernels_chosen: measurement.kernels.clone(),
            tally: OwnTally::new(labels.zip(&measurement.passes)),
            moved: None,
        }
    }

    /// Whether the executor's own tally, where it has one, is what its counters say.
    pub fn holds(&self) -> bool {
        self.tally.as_ref().is_none_or(OwnTally::holds)
    }
}
