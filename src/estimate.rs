//! A published estimator, exactly as published and evaluated for a shape, with nothing corrected; and what it
//! says about many steps. Its terms are the family's. What a step really executes is measured elsewhere; this
//! arm never sees a plan.

mod file;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub use crate::term::{FieldFormula, PerFunction, PhaseFlops, Priced, Term};

use crate::{
    Error,
    exact::Exact,
    family::{BatchShape, ModelConfig, Training},
    forecast::{Budget, Experiment, Forecast, Peak, Question, Recomputed, Step, Times},
    model,
    operation::Optimizer,
    plan::ComponentName,
    term::{Published, overflow},
};

/// What an estimator says about one training step.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "file::WrittenEstimate", into = "file::WrittenEstimate")]
pub struct Estimate {
    config: ModelConfig,
    shape: BatchShape,
    training: Training,
    terms: Vec<Term>,
    per_function: Option<PerFunction>,
    field: Vec<FieldFormula>,
    experiment: Option<Experiment>,
    budget: Option<Budget>,
    peak: Option<Peak>,
    /// Of one step.
    seconds: Times,
    exact: Option<Exact>,
    /// What the exact count of a step says about many.
    exact_forecast: Option<Forecast>,
}

impl Estimate {
    /// Name and version of the layout of its JSON file.
    pub const SCHEMA: &'static str = "flopmeter.estimate/1";

    /// The estimator that was published for the model's family, evaluated for this shape. It charges the optimizer
    /// of `training`; the exact count beside it is of a whole step by all that `training` says.
    ///
    /// # Errors
    /// [`Error::Config`] naming the term, where one or their sum overflows u64.
    pub fn new(
        config: &ModelConfig,
        shape: BatchShape,
        training: impl Into<Training>,
    ) -> Result<Self, Error> {
        let training = training.into();
        shape.check_packed(training.packed, config)?;
        training.check()?;
        let Published { terms, per_function, field } =
            config.estimate(shape, training.optimizer)?;
        checked_sum(&terms)?;
        Ok(Self {
            config: config.clone(),
            shape,
            training,
            terms,
            per_function,
            field,
            experiment: None,
            budget: None,
            peak: None,
            seconds: Times::default(),
            exact: model::exact(config, [shape.batch(), shape.seq()], training),
            exact_forecast: None,
        })
    }

    /// The same estimate, and what it says about many of its steps, which train or are forward passes
    /// only.
    ///
    /// # Errors
    /// [`Error::Config`] where the question makes no sense for such a step.
    pub fn with_forecast(self, question: Question, training: bool) -> Result<Self, Error> {
        let flops = self.total_flops();
        let exact = self.exact();
        let again = exact.filter(|_| training).map_or(0, |exact| exact.recomputed);
        let again = u64::try_from(again).map_err(|_| overflow("the exact count"))?;
        let step = Step {
            flops: if training { flops.total() } else { flops.forward },
            recomputed: Recomputed::Beside(again),
            tokens: self.shape.tokens(),
            training,
            seconds: None,
        };
        let Forecast { seconds, peak, experiment, budget, .. } =
            Forecast::new("estimate", step, question)?;
        let exact = exact.map(|exact| {
            let flops = if training { exact.algebraic.total } else { exact.algebraic.forward };
            let flops = u64::try_from(flops).map_err(|_| overflow("the exact count"))?;
            Forecast::new("exact", Step { flops, ..step }, question)
        });
        Ok(Self { seconds, peak, experiment, budget, exact_forecast: exact.transpose()?, ..self })
    }

    /// Every summand, component by component.
    pub fn terms(&self) -> &[Term] {
        &self.terms
    }

    /// What is estimated.
    pub fn config(&self) -> &ModelConfig {
        &self.config
    }

    /// B and N.
    pub fn shape(&self) -> BatchShape {
        self.shape
    }

    /// How parameters follow their gradients.
    pub fn optimizer(&self) -> Optimizer {
        self.training.optimizer
    }

    /// Which part of a training step is asked about, and how it trains.
    pub fn training(&self) -> Training {
        self.training
    }

    /// What the whole step costs.
    pub fn total_flops(&self) -> PhaseFlops {
        self.terms.iter().fold(PhaseFlops::default(), include)
    }

    /// What each component costs, in the order of the model.
    pub fn component_breakdown(&self) -> Vec<(&ComponentName, PhaseFlops)> {
        let mut breakdown: Vec<(&ComponentName, PhaseFlops)> = Vec::new();
        for term in &self.terms {
            match breakdown.last_mut() {
                Some((component, flops)) if **component == term.component => {
                    *flops = include(*flops, term);
                }
                _ => breakdown.push((&term.component, include(PhaseFlops::default(), term))),
            }
        }
        breakdown
    }

    /// The published estimator function by function, where it was published so.
    pub fn per_function(&self) -> Option<&PerFunction> {
        self.per_function.as_ref()
    }

    /// What the step costs by closed forms, which need no device, where the model is a decoder.
    pub fn exact(&self) -> Option<Exact> {
        self.exact
    }

    /// What that says about many steps, where that was asked.
    pub fn exact_forecast(&self) -> Option<&Forecast> {
        self.exact_forecast.as_ref()
    }

    /// What the field's rules of thumb give beside it.
    pub fn field(&self) -> &[FieldFormula] {
        &self.field
    }

    /// How many steps fit a budget, where that was asked.
    pub fn budget(&self) -> Option<Budget> {
        self.budget
    }

    /// What many steps cost, where that was asked.
    pub fn experiment(&self) -> Option<Experiment> {
        self.experiment
    }

    /// The peak that was stated, and how long one step takes at it.
    pub fn stated(&self) -> Option<(Peak, f64)> {
        self.peak.zip(self.seconds.stated)
    }
}

/// The sum of all terms.
fn checked_sum(terms: &[Term]) -> Result<PhaseFlops, Error> {
    terms
        .iter()
        .try_fold(PhaseFlops::default(), |sum, term| {
            sum.checked_add(term.phase, term.flops).filter(|sum| sum.checked_total().is_some())
        })
        .ok_or_else(|| overflow("the sum of all terms"))
}

/// `flops` and one term of an estimate whose sum is known to fit.
fn include(flops: PhaseFlops, term: &Term) -> PhaseFlops {
    flops.checked_add(term.phase, term.flops).expect("an estimate's sum fits in u64")
}
