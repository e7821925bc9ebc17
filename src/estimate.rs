//! The published estimators, exactly as published: formulas over a model's shape, term by term, with
//! nothing corrected. What a step really executes is measured elsewhere; this arm never sees a plan.

mod field;
mod file;
mod priced;
mod qwen2;
mod resnet_bk;

use std::borrow::Cow;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub use field::FieldFormula;
pub use priced::Priced;
pub use qwen2::PerFunction;

use crate::{
    Error,
    family::decoder::Exact,
    forecast::{Budget, Experiment, Forecast, Peak, Question, Recomputed, Step, Times},
    model::{BatchShape, ModelConfig, Optimizer},
    plan::{ComponentName, Phase},
};

/// FLOPs of the three phases of a step; a file has their total beside them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "file::PhaseFlops", into = "file::PhaseFlops")]
pub struct PhaseFlops {
    /// From tokens to loss.
    pub forward: u64,
    /// From loss to gradients.
    pub backward: u64,
    /// From gradients to updated parameters.
    pub optimizer: u64,
}

impl PhaseFlops {
    /// The FLOPs of one phase.
    pub const fn get(&self, phase: Phase) -> u64 {
        match phase {
            Phase::Forward => self.forward,
            Phase::Backward => self.backward,
            Phase::Optimizer => self.optimizer,
        }
    }

    /// The whole step; none where it overflows.
    pub fn checked_total(&self) -> Option<u64> {
        self.forward.checked_add(self.backward)?.checked_add(self.optimizer)
    }

    /// The whole step.
    ///
    /// # Panics
    /// Where it overflows, which no part of an [`Estimate`] does.
    pub fn total(&self) -> u64 {
        self.checked_total().expect("the FLOPs of a step fit in u64")
    }

    /// These and `flops` more in one phase; none where the phase overflows.
    #[must_use]
    pub fn checked_add(mut self, phase: Phase, flops: u64) -> Option<Self> {
        let slot = match phase {
            Phase::Forward => &mut self.forward,
            Phase::Backward => &mut self.backward,
            Phase::Optimizer => &mut self.optimizer,
        };
        *slot = slot.checked_add(flops)?;
        Some(self)
    }
}

/// One summand of an estimator.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Term {
    /// The estimator's component: `embedding`, `layer_0`, ...
    pub component: ComponentName,
    /// What in the component it prices: `moe.router`, ...
    pub term: Priced,
    /// Which phase it belongs to.
    pub phase: Phase,
    /// Its value.
    pub flops: u64,
    /// Its formula in shape letters; P is the component's number of parameters.
    pub formula: Cow<'static, str>,
}

/// What one line of an estimator prices: its name, its phase, its formula, and the formula's factors.
type Line = (Priced, Phase, &'static str, Vec<u64>);

impl Term {
    fn new(
        component: &ComponentName,
        (term, phase, formula, factors): &Line,
    ) -> Result<Self, Error> {
        let flops = product(factors)
            .ok_or_else(|| overflow(&format!("{component} {term} ({phase}), {formula}")))?;
        Ok(Self {
            component: component.clone(),
            term: term.clone(),
            phase: *phase,
            flops,
            formula: (*formula).into(),
        })
    }

    /// The component of what it prices, in any layer: of a layer the part, and otherwise the whole.
    pub fn product(&self) -> ComponentName {
        match self.component.layer {
            Some(_) => self.term.part.clone(),
            None => self.component.clone(),
        }
    }

    /// Where the passes stand that do what it prices.
    pub fn place(&self) -> ComponentName {
        if self.component.layer.is_none() {
            return self.component.clone();
        }
        let elsewhere: &[&str] = match self.term.parts()[..] {
            ["attention", "scores" | "softmax" | "values"] => &["attention", "core"],
            ["moe", "softmax"] => &["moe", "route"],
            ["moe", "relu"] => &["moe", "experts"],
            ["optimizer"] => &[],
            _ => return ComponentName { layer: self.component.layer, ..self.term.part.clone() },
        };
        self.component.part(elsewhere)
    }
}

/// The product of all factors; none where it overflows.
fn product(factors: &[u64]) -> Option<u64> {
    factors.iter().try_fold(1, |product: u64, &factor| product.checked_mul(factor))
}

/// What an estimator says about one training step.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "file::Estimate", into = "file::Estimate")]
pub struct Estimate {
    config: ModelConfig,
    shape: BatchShape,
    optimizer: Optimizer,
    terms: Vec<Term>,
    per_function: Option<PerFunction>,
    field: Vec<FieldFormula>,
    experiment: Option<Experiment>,
    budget: Option<Budget>,
    peak: Option<Peak>,
    /// Of one step.
    seconds: Times,
    /// What the exact count of a step says about many.
    exact_forecast: Option<Forecast>,
}

impl Estimate {
    /// Name and version of the layout of its JSON file.
    pub const SCHEMA: &'static str = "flopmeter.estimate/1";

    /// The estimator that was published for the model's family, evaluated for this shape.
    ///
    /// # Errors
    /// [`Error::Config`] naming the term, where one or their sum overflows u64.
    pub fn new(
        config: &ModelConfig,
        shape: BatchShape,
        optimizer: Optimizer,
    ) -> Result<Self, Error> {
        let terms = match config {
            ModelConfig::ResNetBk(config) => resnet_bk::terms(config, shape, optimizer)?,
            ModelConfig::Qwen2(config) => qwen2::terms(config, shape)?,
        };
        checked_sum(&terms)?;
        let (per_function, field) = match config {
            ModelConfig::ResNetBk(_) => (None, Vec::new()),
            ModelConfig::Qwen2(config) => {
                (Some(PerFunction::of(&terms)?), field::formulas(config, shape)?)
            }
        };
        Ok(Self {
            config: config.clone(),
            shape,
            optimizer,
            terms,
            per_function,
            field,
            experiment: None,
            budget: None,
            peak: None,
            seconds: Times::default(),
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
        let step = Step {
            flops: if training { flops.total() } else { flops.forward },
            recomputed: Recomputed::Beside(0),
            tokens: self.shape.tokens(),
            training,
            seconds: None,
        };
        let Forecast { seconds, peak, experiment, budget, .. } =
            Forecast::new("estimate", step, question)?;
        let exact = self.exact().map(|exact| {
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
        self.optimizer
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
        self.config.exact([self.shape.batch(), self.shape.seq()], self.optimizer)
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

fn overflow(what: &str) -> Error {
    Error::Config(format!(
        "the estimate overflows 64 bits in {what}: lower batch, seq or the model's dimensions"
    ))
}
