//! A published estimator, exactly as published and evaluated for a shape, with nothing corrected; and what it
//! says about many steps. Its terms are the family's. What a step really executes is measured elsewhere; this
//! arm never sees a plan.

mod file;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub use crate::term::{FieldFormula, PerFunction, PhaseFlops, Priced, Term};

use crate::{
    Error,
    component::ComponentName,
    exact::{Exact, ExactItem},
    family::{BatchShape, ModelConfig, Scope, Training},
    forecast::{Forecast, Question, Recomputed, Step},
    model::{self, ModelName, NotRun},
    op::Convention,
    operation::Optimizer,
    term::{Published, overflow},
};

/// What the estimate is called among other counts of a step.
const ESTIMATE: &str = "estimate";

/// What an estimator says about one training step.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "file::WrittenEstimate", into = "file::WrittenEstimate")]
pub struct Estimate {
    model: Option<ModelName>,
    not_run: NotRun,
    config: ModelConfig,
    shape: BatchShape,
    training: Training,
    terms: Vec<Term>,
    per_function: Option<PerFunction>,
    field: Vec<FieldFormula>,
    exact: Option<Exact>,
    exact_items: Vec<ExactItem>,
    convention: Convention,
    forecasts: Vec<Forecast>,
}

impl Estimate {
    /// Name and version of the layout of its JSON file.
    pub const SCHEMA: &'static str = "flopmeter.estimate/1";

    /// The estimator that was published for the model's family, evaluated for this shape. It charges the optimizer
    /// of `training`; the exact count beside it is of a step by all that `training` says. Both have the phases that its
    /// scope has. The exact count is by the default convention.
    ///
    /// # Errors
    /// [`Error::Config`] naming the term, where one or their sum overflows u64.
    pub fn new(
        config: &ModelConfig,
        shape: BatchShape,
        training: impl Into<Training>,
    ) -> Result<Self, Error> {
        Self::under(config, shape, training.into(), Convention::default())
    }

    /// [`Self::new`] beside the exact count by another convention.
    ///
    /// # Errors
    /// As [`Self::new`].
    pub fn under(
        config: &ModelConfig,
        shape: BatchShape,
        training: Training,
        convention: Convention,
    ) -> Result<Self, Error> {
        shape.check_packed(training.packed, config)?;
        training.check()?;
        let Published { mut terms, per_function, field } = config.estimate(shape, training)?;
        checked_sum(&terms)?;
        terms.retain(|term| training.scope.has(term.phase));
        Ok(Self {
            model: None,
            not_run: NotRun::default(),
            config: config.clone(),
            shape,
            training,
            terms,
            per_function,
            field,
            exact: model::exact(config, [shape.batch(), shape.seq()], training, convention),
            exact_items: model::exact_items(
                config,
                [shape.batch(), shape.seq()],
                training,
                convention,
            ),
            convention,
            forecasts: Vec::new(),
        })
    }

    /// The same estimate beside the exact count by another convention, without what counts say of many steps.
    #[must_use]
    pub fn priced_by(self, convention: Convention) -> Self {
        if convention == self.convention {
            return self;
        }
        let shape = [self.shape.batch(), self.shape.seq()];
        let exact = model::exact(&self.config, shape, self.training, convention);
        let exact_items = model::exact_items(&self.config, shape, self.training, convention);
        Self { exact, exact_items, convention, forecasts: Vec::new(), ..self }
    }

    /// The same estimate, and what each count of a step says about many: the exact one where there is one, the
    /// estimate, and for a whole step the rule by which PaLM defines MFU.
    ///
    /// # Errors
    /// [`Error::Config`] where the question makes no sense for such a step.
    pub fn with_forecast(mut self, question: Question) -> Result<Self, Error> {
        let training = self.training.scope == Scope::Step;
        let narrow = |flops| u64::try_from(flops).map_err(|_| overflow("the exact count"));
        let again = self.exact.filter(|_| training).map_or(0, |exact| exact.recomputed);
        let again = narrow(again)?;
        let exact = self.exact.map(|exact| narrow(self.training.scope.flops(&exact)[0]));
        let exact = exact.transpose()?.map(|flops| ("exact", flops, Recomputed::Among(again)));
        let estimated = self.total_flops().total();
        let rule = self.field.iter().find(|rule| rule.is_palms() && training);
        let beside = Recomputed::Beside(again);
        let rule = rule.map(|rule| (&*rule.name, rule.flops, beside));
        let counts = exact.into_iter().chain([(ESTIMATE, estimated, beside)]).chain(rule);
        let tokens = self.shape.tokens();
        let forecasts = counts.map(|(count, flops, recomputed)| {
            let step = Step { flops, recomputed, tokens, training, seconds: None };
            Forecast::new(count, step, question)
        });
        self.forecasts = forecasts.collect::<Result<_, _>>()?;
        Ok(self)
    }

    /// The same estimate, with what its model is called.
    #[must_use]
    pub fn of_model(self, name: ModelName) -> Self {
        Self { model: Some(name), ..self }
    }

    /// The same estimate, with what the model's files hold or ask for that is in no figure.
    #[must_use]
    pub fn without(self, not_run: NotRun) -> Self {
        Self { not_run, ..self }
    }

    /// What the model is called.
    pub fn model(&self) -> Option<&ModelName> {
        self.model.as_ref()
    }

    /// What the model's files hold or ask for that is in no figure.
    pub fn not_run(&self) -> &NotRun {
        &self.not_run
    }

    /// Who published the estimator, and where.
    pub fn source(&self) -> &'static str {
        self.config.estimator()
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

    /// The optimizer that updates the parameters.
    pub fn optimizer(&self) -> Optimizer {
        self.training.optimizer
    }

    /// The part of a training step that is estimated, and its options.
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

    /// The parts of that count by phase, and what is computed again.
    pub fn exact_items(&self) -> &[ExactItem] {
        &self.exact_items
    }

    /// How operations become FLOPs in the exact count.
    pub fn convention(&self) -> Convention {
        self.convention
    }

    /// What each count of a step says about many, where that was asked.
    pub fn forecasts(&self) -> &[Forecast] {
        &self.forecasts
    }

    /// What the estimate itself says about many steps, where that was asked.
    pub fn forecast(&self) -> Option<&Forecast> {
        self.forecasts.iter().find(|forecast| forecast.count == ESTIMATE)
    }

    /// What the field's rules of thumb give beside it.
    pub fn field(&self) -> &[FieldFormula] {
        &self.field
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
