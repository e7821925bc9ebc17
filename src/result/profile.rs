//! What a training step's run found out: each pass with its counts, cost, time and verdict, and what they
//! add up to by phase and component.

use std::borrow::Cow;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{
    Component, DEFINITION, Document, PassRow, Provenance, ScheduleCost, Watched, component,
    schedule_cost,
};
use crate::{
    Error,
    check::{self, Tally},
    component::Phase,
    estimate::{Estimate, FieldFormula, PhaseFlops, Term},
    execute::Adapter,
    explain::{self, Cause},
    family::{BatchShape, ModelConfig, Scope, Training},
    forecast::{Forecast, Question, Recomputed, Step},
    formula::{Forms, forms},
    measure::Measurement,
    model::{ModelName, NotRun, Sources},
    observe::Timing,
    op::{Convention, OpCounts},
    operation::Operation,
    plan::{Pass, Plan},
    roofline::Ceilings,
    sweep::SweepPoint,
};

/// What was profiled and how its numbers are to be read.
#[derive(Clone, Copy, Debug)]
pub struct Profiled<'a> {
    /// What the model is called.
    pub model: &'a ModelName,
    /// What it is.
    pub config: &'a ModelConfig,
    /// Where the values of its parameters and its tokens come from, in words.
    pub data: &'a str,
    /// B and N.
    pub shape: BatchShape,
    /// Which part of a training step ran, and how.
    pub training: Training,
    /// How operations become FLOPs.
    pub convention: Convention,
}

/// FLOPs of a whole run, by phase.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Totals {
    /// What the device counted.
    pub measured: PhaseFlops,
    /// What the kernels must execute by the closed forms of their schedules; `None` where a pass has no
    /// closed form.
    pub exact: Option<PhaseFlops>,
    /// What the mathematics asks for; `None` where a pass has no closed form.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub algebraic: Option<PhaseFlops>,
    /// What the published estimator says about the phases that ran.
    pub estimate: PhaseFlops,
    /// How much of `measured`, of its backward pass, made layers again that had been left.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub recomputed: u64,
    /// How much of `measured` is extrapolated; `None` where all of it ran.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub extrapolated: Option<PhaseFlops>,
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "serde hands over a reference")]
const fn is_zero(flops: &u64) -> bool {
    *flops == 0
}

/// A way to train a model, and what it costs by closed forms.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct WayToTrain {
    /// What is trained, in words.
    pub trained: String,
    /// FLOPs of the forward pass.
    pub forward: u64,
    /// FLOPs of the backward pass.
    pub backward: u64,
    /// `backward` / `forward`.
    pub ratio: f64,
}

/// How the measurement of a few layers came to stand for all of a model's.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Extrapolation {
    /// Layers of the model.
    pub layers: u32,
    /// How many of them ran, from the lowest.
    pub measured_layers: u32,
    /// What an extrapolated figure is.
    pub definition: Cow<'static, str>,
}

/// What the extrapolated numbers of a report are.
pub const EXTRAPOLATED: &str = "Embedding, head and the lowest layers ran. A pass of another layer has \
    the operations, traffic and time of the highest measured layer's pass that it equals in kernel, \
    dimensions and grid; it is marked, and not among the passes that match.";

/// What is added to that where experts are met.
const OF_EXPERTS: &str = " Experts cost the same FLOPs whichever are chosen; traffic and time are as the \
    measured layer's tokens chose.";

/// Everything that a run found out.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Report {
    /// Name and version of this layout.
    #[schemars(extend("const" = Self::SCHEMA))]
    pub schema: Cow<'static, str>,
    /// What is measured.
    pub definition: Cow<'static, str>,
    /// How operations became FLOPs.
    pub convention: Convention,
    /// Who ran it.
    pub adapter: Adapter,
    /// What the model is called.
    #[serde(flatten)]
    pub model: ModelName,
    /// What it is.
    pub model_config: ModelConfig,
    /// Where the values of its parameters and its tokens come from, in words.
    pub data: String,
    /// What the files of its model and its data hold, where it is a point of a sweep that is kept.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sources: Option<Sources>,
    /// What the model's files hold or ask for that is in no figure.
    #[serde(flatten)]
    pub not_run: NotRun,
    /// B.
    pub batch: u32,
    /// N.
    pub seq: u32,
    /// Which part of a training step ran, and how.
    #[serde(flatten)]
    pub training: Training,
    /// What stands for layers that did not run; `None` where all did.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub extrapolation: Option<Extrapolation>,
    /// The point of a sweep that it is, if it is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sweep: Option<SweepPoint>,
    /// FLOPs by phase.
    pub totals: Totals,
    /// FLOPs, operations, traffic and time by component and phase.
    pub components: Vec<Component>,
    /// What the field quotes beside the published estimator.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub field_formulas: Vec<FieldFormula>,
    /// What a training step of this model costs by closed forms, whatever of it is trained.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub ways_to_train: Vec<WayToTrain>,
    /// Why measured and estimate differ; adds up to their difference.
    pub causes: Vec<Cause>,
    /// Why the kernels execute more than the mathematics asks for; adds up to `totals.exact` less
    /// `totals.algebraic`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub schedule_costs: Vec<ScheduleCost>,
    /// What was asked about many such steps: by each count of one.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub forecasts: Vec<Forecast>,
    /// Every launch, in order.
    pub passes: Vec<PassRow>,
    /// How many passes agree with their closed forms.
    pub verdict: Tally,
    /// The loss; none in JSON where it is not finite.
    pub loss: Option<f32>,
    /// Whether the loss is a finite number; `None` where it is not known, since it takes every layer and
    /// some were extrapolated.
    pub loss_is_finite: Option<bool>,
    /// How times were taken.
    pub timing: Timing,
    /// What the executor saw beside the counts, where it looks.
    #[serde(flatten)]
    pub watched: Option<Watched>,
    /// How the plan came to be run.
    #[serde(flatten)]
    pub provenance: Provenance,
    /// The adapter's ceilings, where they were asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ceilings: Option<Ceilings>,
}

impl Report {
    /// Puts together what a run of `plan` found out. Of the estimate, only the phases that the plan
    /// has are compared.
    pub fn new(
        subject: Profiled<'_>,
        plan: &Plan,
        measurement: &Measurement,
        estimate: &Estimate,
        loss: Option<f32>,
    ) -> Self {
        let Profiled { model, config, data, shape, training, convention } = subject;
        let terms: Vec<&Term> =
            estimate.terms().iter().filter(|term| training.scope.has(term.phase)).collect();
        let forms: Vec<Forms> = plan.passes.iter().map(forms_of).collect();
        let passes: Vec<PassRow> = plan
            .passes
            .iter()
            .zip(&measurement.passes)
            .zip(check::passes(plan, measurement))
            .zip(&forms)
            .map(|(((pass, measured), verdict), forms)| PassRow {
                label: pass.label.clone(),
                kernel: pass.kernel.name(),
                component: pass.component.clone(),
                phase: pass.phase,
                recomputed: pass.recomputed,
                dims: pass.dims(),
                grid: pass.grid,
                ops: measured.cost.ops,
                exact_ops: Some(forms.schedule()),
                algebraic_ops: Some(forms.algebraic),
                flops: measured.cost.ops.flops(convention),
                traffic: measured.cost.traffic,
                verdict,
                seconds: measured.seconds,
                lane_use: measured.witness.as_ref().and_then(|witness| witness.lanes.share()),
                roofline: None,
            })
            .collect();
        let stated = |ops: fn(&PassRow) -> Option<OpCounts>| {
            let flops = |pass: &PassRow| Some((pass.phase, ops(pass)?.flops(convention)));
            passes.iter().map(flops).collect::<Option<Vec<_>>>().map(by_phase)
        };
        let extrapolation = extrapolation(plan, measurement);
        let mut causes = explain::causes(
            config.account(),
            !training.packed.is_none(),
            plan.passes
                .iter()
                .zip(&measurement.passes)
                .map(|(pass, m)| (pass, m.cost.ops, m.from_layer.is_some())),
            terms.iter().copied(),
            convention,
        );
        // Why a wrong number is not another one, no cause can say.
        let is_right = |phase| !passes.iter().any(|pass| pass.phase == phase && pass.is_wrong());
        causes.retain(|cause| is_right(cause.phase));
        let extrapolated = passes.iter().filter(|pass| pass.is_extrapolated());
        let extrapolated = by_phase(extrapolated.map(|pass| (pass.phase, pass.flops)));
        Self {
            schema: Self::SCHEMA.into(),
            definition: DEFINITION.into(),
            convention,
            adapter: Adapter::clone(&measurement.adapter),
            model: model.clone(),
            model_config: config.clone(),
            data: data.to_owned(),
            sources: None,
            not_run: NotRun::default(),
            batch: shape.batch(),
            seq: shape.seq(),
            training: Training {
                options: training.options.or_first(config.family().options),
                ..training
            },
            sweep: None,
            totals: Totals {
                measured: by_phase(passes.iter().map(|pass| (pass.phase, pass.flops))),
                exact: stated(|pass| pass.exact_ops),
                algebraic: stated(|pass| pass.algebraic_ops),
                estimate: by_phase(terms.iter().map(|term| (term.phase, term.flops))),
                recomputed: passes.iter().filter(|p| p.recomputed).map(|p| p.flops).sum(),
                extrapolated: extrapolation.is_some().then_some(extrapolated),
            },
            extrapolation,
            components: component::components(&passes, &terms, convention),
            field_formulas: estimate.field().to_vec(),
            ways_to_train: Vec::new(),
            causes,
            schedule_costs: schedule_cost::costs(
                plan.passes.iter().map(|pass| pass.phase).zip(&forms),
                convention,
            ),
            forecasts: Vec::new(),
            verdict: passes.iter().fold(Tally::default(), |tally, pass| tally + &pass.verdict),
            passes,
            loss,
            loss_is_finite: loss.map(f32::is_finite),
            timing: measurement.timing.clone(),
            watched: Watched::new(measurement.passes.iter().map(|pass| pass.witness.as_ref())),
            provenance: Provenance::new(plan, measurement),
            ceilings: None,
        }
    }

    /// The same report, and what it says about many such steps: as measured, as estimated, and for a
    /// whole step by the field's rule of 6 N T with attention, which PaLM's definition of MFU counts by.
    ///
    /// # Errors
    /// [`Error::Config`] where the question makes no sense for such a step.
    pub fn with_forecast(mut self, question: Question) -> Result<Self, Error> {
        let Totals { measured, estimate, .. } = self.totals;
        let training = self.training.scope == Scope::Step;
        let again = self.causes.iter().filter(|cause| cause.is_recomputation());
        let again = again.map(|cause| cause.measured).sum();
        let rule = self.field_formulas.iter().find(|rule| rule.is_palms() && training);
        let counts = [
            ("measured", measured.total(), Recomputed::Among(again)),
            ("estimate", estimate.total(), Recomputed::Beside(again)),
        ];
        let rule = rule.map(|rule| (&*rule.name, rule.flops, Recomputed::Beside(again)));
        let forecasts = counts.into_iter().chain(rule).map(|(count, flops, recomputed)| {
            let step = Step {
                flops,
                recomputed,
                tokens: self.batch * self.seq,
                training,
                seconds: self.timing.plain_seconds,
            };
            Forecast::new(count, step, question)
        });
        self.forecasts = forecasts.collect::<Result<_, _>>()?;
        Ok(self)
    }

    /// The same report beside other ways to train the model.
    #[must_use]
    pub fn beside(mut self, ways_to_train: Vec<WayToTrain>) -> Self {
        self.ways_to_train = ways_to_train;
        self
    }

    /// Whether every pass agrees with its closed form, the executor's own tally with its counters, and no executor
    /// that looks saw what a kernel should not do.
    pub fn holds(&self) -> bool {
        self.verdict.holds()
            && self.provenance.holds()
            && self.watched.as_ref().is_none_or(Watched::holds)
    }
}

/// How many layers there are, and how many of them ran, where that is not all.
fn extrapolation(plan: &Plan, measurement: &Measurement) -> Option<Extrapolation> {
    let layers = plan.passes.iter().zip(&measurement.passes);
    let layers = layers.filter_map(|(pass, measured)| Some((pass.component.layer? + 1, measured)));
    let count = layers.clone().map(|(count, _)| count).max()?;
    let ran = layers.filter(|(_, measured)| measured.from_layer.is_none());
    let measured_layers = ran.map(|(count, _)| count).max().unwrap_or_default();
    (measured_layers < count).then_some(Extrapolation {
        layers: count,
        measured_layers,
        definition: match plan
            .passes
            .iter()
            .any(|p| matches!(p.operation, Operation::Mixture { .. }))
        {
            true => format!("{EXTRAPOLATED}{OF_EXPERTS}").into(),
            false => EXTRAPOLATED.into(),
        },
    })
}

/// The forms of a pass; of one that makes something again, all of it is more than the mathematics asks for.
fn forms_of(pass: &Pass) -> Forms {
    let forms = forms(&pass.operation, &pass.schedule);
    if pass.recomputed { forms.again() } else { forms }
}

/// FLOPs summed up by phase.
fn by_phase(flops: impl IntoIterator<Item = (Phase, u64)>) -> PhaseFlops {
    flops.into_iter().fold(PhaseFlops::default(), |sum, (phase, flops)| {
        sum.checked_add(phase, flops).expect("the FLOPs of a plan fit in u64")
    })
}
