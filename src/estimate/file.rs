//! How an estimate is written down and read back: the layout of the file that an estimate is saved in.
//! Its first four fields after the schema are the published estimator's own export. Sums stand there
//! beside what they are sums of, and a file in which they are not is refused.

use std::{collections::BTreeMap, fmt};

use schemars::JsonSchema;
use serde::{
    Deserialize, Deserializer, Serialize, Serializer,
    de::{MapAccess, Visitor},
};

use crate::{
    exact::{Exact, ExactItem},
    family::{BatchShape, ModelConfig, Packing, Recompute, Scope, Training, is_one, one},
    forecast::{Budget, Experiment, Forecast, Peak, Times},
    model::{self, ModelName, NotRun},
    op::Convention,
    operation::Optimizer,
    term::{FieldFormula, PerFunction, PhaseFlops, Term},
};

/// What an estimator says about one training step.
#[derive(Serialize, Deserialize, JsonSchema)]
#[schemars(rename = "Estimate")]
pub(super) struct WrittenEstimate {
    /// Name and version of this layout.
    #[schemars(extend("const" = super::Estimate::SCHEMA))]
    schema: String,
    /// Who published the estimator, and where.
    #[serde(default)]
    source: String,
    /// The model as the user named it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    model: Option<String>,
    /// What was changed of its configuration, each as `KEY=VALUE`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    set: Vec<String>,
    /// What the model's files hold or ask for that is in no figure.
    #[serde(flatten)]
    not_run: NotRun,
    /// The model and the shape of a batch.
    model_config: Config,
    /// What the whole step costs.
    total_flops: PhaseFlops,
    /// What each component costs, in the order of the model.
    #[schemars(with = "BTreeMap<String, PhaseFlops>")]
    component_breakdown: Breakdown,
    /// How parameters follow their gradients.
    optimizer: Optimizer,
    /// Micro-batches that the batch is taken apart into.
    #[serde(default = "one", skip_serializing_if = "is_one")]
    accumulate: u32,
    /// Forward only, or the whole training step.
    #[serde(default, skip_serializing_if = "Scope::is_step")]
    scope: Scope,
    /// What of the forward pass runs again in the backward pass.
    #[serde(default, skip_serializing_if = "Recompute::is_none")]
    recompute: Recompute,
    /// Sequences that are packed into each row of the batch.
    #[serde(default, skip_serializing_if = "Packing::is_none")]
    packed: Packing,
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
    /// How operations become FLOPs in the exact count.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    convention: Option<Convention>,
    /// What the step costs by closed forms.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    exact: Option<Exact>,
    /// Its parts by phase, and what is computed again.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    exact_items: Vec<ExactItem>,
    /// What that says about many steps, where that was asked: the first of `forecasts`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    exact_forecast: Option<Forecast>,
    /// What each count of a step says about many, where that was asked.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    forecasts: Vec<Forecast>,
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

impl From<super::Estimate> for WrittenEstimate {
    fn from(estimate: super::Estimate) -> Self {
        let own = estimate.forecast();
        let (model, set) = match estimate.model.clone() {
            Some(ModelName { as_given, set }) => (Some(as_given), set),
            None => (None, Vec::new()),
        };
        Self {
            schema: super::Estimate::SCHEMA.to_owned(),
            source: estimate.source().to_owned(),
            total_flops: estimate.total_flops(),
            convention: estimate.exact().map(|_| estimate.convention),
            exact: estimate.exact(),
            exact_forecast: estimate.forecasts.iter().find(|of| of.count == "exact").cloned(),
            experiment: own.and_then(|own| own.experiment),
            budget: own.and_then(|own| own.budget),
            peak: own.and_then(|own| own.peak),
            seconds: own.map_or_else(Times::default, |own| own.seconds),
            component_breakdown: breakdown(&estimate),
            exact_items: estimate.exact_items,
            model,
            set,
            not_run: estimate.not_run,
            model_config: Config {
                config: estimate.config,
                seq_len: estimate.shape.seq(),
                batch_size: estimate.shape.batch(),
            },
            optimizer: estimate.training.optimizer,
            scope: estimate.training.scope,
            accumulate: estimate.training.accumulate,
            recompute: estimate.training.recompute,
            packed: estimate.training.packed,
            per_function: estimate.per_function,
            field_formulas: estimate.field,
            forecasts: estimate.forecasts,
            terms: estimate.terms,
        }
    }
}

impl TryFrom<WrittenEstimate> for super::Estimate {
    type Error = String;

    fn try_from(written: WrittenEstimate) -> Result<Self, String> {
        let Config { config, seq_len, batch_size } = written.model_config;
        let WrittenEstimate { optimizer, scope, accumulate, recompute, packed, convention, .. } =
            written;
        let longest = packed.longest().unwrap_or(seq_len);
        let shape = BatchShape::checked(batch_size, seq_len, accumulate, longest, &config)?;
        super::checked_sum(&written.terms).map_err(|error| error.to_string())?;
        let training = Training { scope, accumulate, recompute, packed, ..optimizer.into() };
        let convention = convention.unwrap_or_default();
        // Files of before the exact count have none, and those of before the schedule no schedule.
        let exact = model::exact(&config, [shape.batch(), shape.seq()], training, convention);
        let exact_items =
            model::exact_items(&config, [shape.batch(), shape.seq()], training, convention);
        // Those of forward passes had a whole step in them.
        let known = |written: Exact| {
            let written = if scope.is_step() { written } else { written.forward() };
            let schedule = written.schedule.or(exact.and_then(|exact| exact.schedule));
            Some(Exact { schedule, ..written })
        };
        let of_scope = |flops: PhaseFlops| match scope {
            Scope::Step => flops,
            Scope::Forward => PhaseFlops { forward: flops.forward, ..PhaseFlops::default() },
        };
        let mut terms = written.terms;
        terms.retain(|term| scope.has(term.phase));
        if written.exact.is_some_and(|written| known(written) != exact) {
            return Err("its exact count is not that of its model and shape".to_owned());
        }
        let estimate = Self {
            model: written.model.map(|as_given| ModelName { as_given, set: written.set }),
            not_run: written.not_run,
            config,
            shape,
            training,
            exact,
            exact_items,
            convention,
            terms,
            per_function: written.per_function,
            field: written.field_formulas,
            // Files of before these have the exact count's alone.
            forecasts: match written.forecasts.is_empty() {
                true => written.exact_forecast.into_iter().collect(),
                false => written.forecasts,
            },
        };
        let told = |breakdown: Breakdown| -> Vec<(String, PhaseFlops)> {
            let told = breakdown.0.into_iter().map(|(name, flops)| (name, of_scope(flops)));
            told.filter(|(_, flops)| *flops != PhaseFlops::default()).collect()
        };
        if of_scope(written.total_flops) != estimate.total_flops()
            || told(written.component_breakdown) != told(breakdown(&estimate))
        {
            return Err(
                "its terms do not add up to its total_flops and component_breakdown".to_owned()
            );
        }
        Ok(estimate)
    }
}

fn breakdown(estimate: &super::Estimate) -> Breakdown {
    let components = estimate.component_breakdown().into_iter();
    Breakdown(components.map(|(name, flops)| (name.to_string(), flops)).collect())
}

/// FLOPs by component: an object in JSON, whose order is that of the model.
#[derive(PartialEq)]
struct Breakdown(Vec<(String, PhaseFlops)>);

impl Serialize for Breakdown {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().map(|(name, flops)| (name, flops)))
    }
}

impl<'de> Deserialize<'de> for Breakdown {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Entries;

        impl<'de> Visitor<'de> for Entries {
            type Value = Breakdown;

            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("FLOPs by component")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Breakdown, A::Error> {
                let mut entries = Vec::new();
                while let Some(entry) = map.next_entry()? {
                    entries.push(entry);
                }
                Ok(Breakdown(entries))
            }
        }

        deserializer.deserialize_map(Entries)
    }
}
