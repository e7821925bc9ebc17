//! How an estimate is written down and read back: the layout of the file that `estimate --json` writes.
//! Its first four fields after the schema are the published estimator's own export. Sums stand there
//! beside what they are sums of, and a file in which they are not is refused.

use indexmap::IndexMap;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{FieldFormula, PerFunction, Term, checked_sum};
use crate::{
    family::decoder::Exact,
    forecast::{Budget, Experiment, Forecast, Peak, Times},
    model::{AskedShape, BatchShape, ModelConfig, Optimizer},
};

/// FLOPs of the three phases of a step, and of the whole step.
#[derive(Serialize, Deserialize, JsonSchema)]
pub(super) struct PhaseFlops {
    /// From tokens to loss.
    forward: u64,
    /// From loss to gradients.
    backward: u64,
    /// From gradients to updated parameters.
    optimizer: u64,
    /// Their sum.
    total: u64,
}

impl From<super::PhaseFlops> for PhaseFlops {
    fn from(flops: super::PhaseFlops) -> Self {
        let super::PhaseFlops { forward, backward, optimizer } = flops;
        Self { forward, backward, optimizer, total: flops.total() }
    }
}

impl TryFrom<PhaseFlops> for super::PhaseFlops {
    type Error = String;

    fn try_from(written: PhaseFlops) -> Result<Self, String> {
        let PhaseFlops { forward, backward, optimizer, total } = written;
        let flops = Self { forward, backward, optimizer };
        if flops.checked_total() == Some(total) {
            Ok(flops)
        } else {
            Err(format!("forward, backward and optimizer do not add up to the total {total}"))
        }
    }
}

/// What an estimator says about one training step.
#[derive(Serialize, Deserialize, JsonSchema)]
pub(super) struct Estimate {
    /// Name and version of this layout.
    #[schemars(extend("const" = super::Estimate::SCHEMA))]
    schema: String,
    /// The model and the shape of a batch.
    model_config: Config,
    /// What the whole step costs.
    total_flops: super::PhaseFlops,
    /// What each component costs, in the order of the model.
    component_breakdown: IndexMap<String, super::PhaseFlops>,
    /// How parameters follow their gradients.
    optimizer: Optimizer,
    /// The forward pass function by function, where it was published so.
    #[serde(skip_serializing_if = "Option::is_none")]
    per_function: Option<PerFunction>,
    /// What many steps cost, where that was asked.
    #[serde(skip_serializing_if = "Option::is_none")]
    experiment: Option<Experiment>,
    /// How many steps a budget pays for, where that was asked.
    #[serde(skip_serializing_if = "Option::is_none")]
    budget: Option<Budget>,
    /// The peak that was stated, where one was.
    #[serde(skip_serializing_if = "Option::is_none")]
    peak: Option<Peak>,
    /// How long one step takes at it.
    #[serde(default, skip_serializing_if = "Times::are_unknown")]
    seconds: Times,
    /// What the step costs by closed forms, where the model is a decoder.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    exact: Option<Exact>,
    /// What that says about many steps, where that was asked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    exact_forecast: Option<Forecast>,
    /// What the field's rules of thumb give beside it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    field_formulas: Vec<FieldFormula>,
    /// Every summand.
    terms: Vec<Term>,
}

/// A model's configuration with the shape of its batch.
#[derive(Serialize, Deserialize, JsonSchema)]
struct Config {
    #[serde(flatten)]
    config: ModelConfig,
    /// N, tokens in a sequence.
    seq_len: u32,
    /// B, sequences in a batch.
    batch_size: u32,
}

impl From<super::Estimate> for Estimate {
    fn from(estimate: super::Estimate) -> Self {
        Self {
            schema: super::Estimate::SCHEMA.to_owned(),
            total_flops: estimate.total_flops(),
            exact: estimate.exact(),
            exact_forecast: estimate.exact_forecast.clone(),
            component_breakdown: breakdown(&estimate),
            model_config: Config {
                config: estimate.config,
                seq_len: estimate.shape.seq(),
                batch_size: estimate.shape.batch(),
            },
            optimizer: estimate.optimizer,
            per_function: estimate.per_function,
            experiment: estimate.experiment,
            budget: estimate.budget,
            peak: estimate.peak,
            seconds: estimate.seconds,
            field_formulas: estimate.field,
            terms: estimate.terms,
        }
    }
}

impl TryFrom<Estimate> for super::Estimate {
    type Error = String;

    fn try_from(written: Estimate) -> Result<Self, String> {
        let Config { config, seq_len, batch_size } = written.model_config;
        let asked = AskedShape { batch: Some(batch_size), seq: Some(seq_len) };
        let shape = BatchShape::resolve(asked, &config).map_err(|error| error.to_string())?;
        checked_sum(&written.terms).map_err(|error| error.to_string())?;
        let estimate = Self {
            config,
            shape,
            optimizer: written.optimizer,
            terms: written.terms,
            per_function: written.per_function,
            field: written.field_formulas,
            experiment: written.experiment,
            budget: written.budget,
            peak: written.peak,
            seconds: written.seconds,
            exact_forecast: written.exact_forecast,
        };
        // Files of before the exact count have none.
        if written.exact.is_some_and(|exact| Some(exact) != estimate.exact()) {
            return Err("its exact count is not that of its model and shape".to_owned());
        }
        if written.total_flops != estimate.total_flops()
            || written.component_breakdown != breakdown(&estimate)
        {
            return Err(
                "its terms do not add up to its total_flops and component_breakdown".to_owned()
            );
        }
        Ok(estimate)
    }
}

fn breakdown(estimate: &super::Estimate) -> IndexMap<String, super::PhaseFlops> {
    let components = estimate.component_breakdown().into_iter();
    components.map(|(name, flops)| (name.to_string(), flops)).collect()
}
