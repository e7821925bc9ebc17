//! How cost grows: the points of a sweep with what each costs, the power laws fitted to them, and the
//! published claims judged on them. Made of whatever points there are; running them is somebody else's
//! business.

mod claims;

use std::{borrow::Cow, collections::BTreeMap};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub use claims::{Claim, Judgement, Ruling};

use super::{Bill, DEFINITION, Document, Figures, Item, Provenance, Quantity, Report};
use crate::{
    Error,
    check::Tally,
    estimate::Estimate,
    exact::Exact,
    execute::Adapter,
    family::BatchShape,
    fit::{Exponent, PowerLaw, Sample},
    observe::Timing,
    op::Convention,
    plan::Phase,
    sweep::{Coordinates, Point, Sweep},
};

/// How a model's cost grows along the axes of a sweep.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ScaleReport {
    /// Name and version of this layout.
    #[schemars(extend("const" = Self::SCHEMA))]
    pub schema: Cow<'static, str>,
    /// What is measured.
    pub definition: Cow<'static, str>,
    /// How operations became FLOPs, where any ran.
    pub convention: Convention,
    /// What was asked.
    pub sweep: Sweep,
    /// Who ran it, where it ran.
    pub adapter: Option<Adapter>,
    /// What each point costs, in the order of the sweep.
    pub points: Vec<ScalePoint>,
    /// Points that were not measured, or make no sense, and why.
    pub skipped: Vec<Skipped>,
    /// How each item, each phase and the whole grow.
    pub laws: Vec<Law>,
    /// What was published about this model's growth, judged on these points.
    pub claims: Vec<Claim>,
}

impl Document for ScaleReport {
    const SCHEMA: &'static str = "flopmeter.scale/1";
}

/// What one point costs.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ScalePoint {
    /// Where it stands.
    pub at: Coordinates,
    /// What a step costs there.
    #[serde(flatten)]
    pub bill: Bill,
    /// All of it together.
    pub total: Figures,
    /// What a whole training step costs there by closed forms, where the model is a decoder.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub exact: Option<Exact>,
    /// How many passes agree with their closed forms, where it ran.
    pub verdict: Option<Tally>,
    /// How times were taken, where it ran.
    pub timing: Option<Timing>,
    /// How its plan came to be run, where it ran.
    #[serde(flatten)]
    pub provenance: Option<Provenance>,
}

/// A point that was not measured although that was asked, or that makes no sense.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Skipped {
    /// Which point.
    #[serde(flatten)]
    pub point: Point,
    /// What kind of reason there is.
    pub reason: Reason,
    /// The reason in words.
    pub why: String,
}

/// Why a point was not measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Reason {
    /// It exceeds a limit or makes no sense: no run would change that.
    Refused,
    /// Its run broke off.
    Failed,
    /// The adapter did not run its kernels to their end.
    Cut,
    /// The user stopped the sweep before it came to an end.
    Interrupted,
    /// It is in none of the files that were joined.
    Missing,
}

/// How one quantity of an item, a phase or the whole grows along the axes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Law {
    /// The item's name; none for all items together.
    pub component: Option<String>,
    /// Which phase; none for all together.
    pub phase: Option<Phase>,
    /// What grows.
    pub of: Quantity,
    /// By axis: how the logarithm grows with the axis's.
    pub exponents: BTreeMap<String, Exponent>,
    /// Root mean square of what the law leaves of the logarithm.
    pub residual: f64,
    /// How many points it was fitted to.
    pub points: usize,
}

/// What became of a point.
#[derive(Clone, Debug, PartialEq)]
pub enum Fate {
    /// Nothing was to be run.
    Estimated,
    /// It ran.
    Measured(Box<Report>),
    /// It was to be run, and why it was not.
    Skipped(Reason, String),
}

impl ScalePoint {
    /// What the published estimator says of a point.
    ///
    /// # Errors
    /// Where no such model takes such a batch.
    pub fn estimated(sweep: &Sweep, point: &Point) -> Result<Self, Error> {
        let (model, asked) = sweep.resolve(point)?;
        let shape = BatchShape::resolve(asked, &model.config)?;
        let estimate = Estimate::new(&model.config, shape, sweep.optimizer)?;
        let bill = Bill::estimated(&model.name, sweep.training(point), &estimate);
        Ok(Self::new(point.at.clone(), bill))
    }

    /// What a run of a point said.
    pub fn measured(at: Coordinates, report: &Report) -> Self {
        Self {
            verdict: Some(report.verdict),
            timing: Some(report.timing.clone()),
            provenance: Some(report.provenance.clone()),
            ..Self::new(at, Bill::measured(report))
        }
    }

    fn new(at: Coordinates, bill: Bill) -> Self {
        let total = bill.total(None).unwrap_or_default();
        let exact = bill.model_config.exact([bill.batch, bill.seq], bill.training.optimizer);
        Self { at, bill, total, exact, verdict: None, timing: None, provenance: None }
    }
}

impl ScaleReport {
    /// Fits and judges what became of the points of a sweep. A point that was not measured is still
    /// estimated, where it makes sense.
    pub fn new(
        sweep: Sweep,
        convention: Convention,
        fates: impl IntoIterator<Item = (Point, Fate)>,
    ) -> Self {
        let mut adapter = None;
        let mut points = Vec::new();
        let mut skipped = Vec::new();
        for (point, fate) in fates {
            let estimated = ScalePoint::estimated(&sweep, &point);
            let refused =
                |(reason, why): (Reason, String)| Skipped { point: point.clone(), reason, why };
            match (fate, estimated) {
                (Fate::Measured(report), _) => {
                    points.push(ScalePoint::measured(point.at.clone(), &report));
                    adapter.get_or_insert(report.adapter);
                }
                (Fate::Estimated, Ok(estimated)) => points.push(estimated),
                (Fate::Estimated, Err(error)) => {
                    skipped.push(refused((Reason::Refused, error.to_string())));
                }
                (Fate::Skipped(reason, why), estimated) => {
                    points.extend(estimated);
                    skipped.push(refused((reason, why)));
                }
            }
        }
        let mut report = Self {
            schema: Self::SCHEMA.into(),
            definition: DEFINITION.into(),
            convention,
            sweep,
            adapter,
            points,
            skipped,
            laws: Vec::new(),
            claims: Vec::new(),
        };
        report.laws = report.fitted();
        report.claims = claims::judged(&report);
        report
    }

    /// Whether every pass of every point that ran agrees with its closed form, and an executor's own tally with its
    /// counters.
    pub fn holds(&self) -> bool {
        self.points.iter().all(|point| {
            point.verdict.is_none_or(|verdict| verdict.holds())
                && point.provenance.as_ref().is_none_or(Provenance::holds)
        })
    }

    /// Whether any point ran.
    pub fn is_measured(&self) -> bool {
        self.points.iter().any(|point| point.bill.is_measured())
    }

    /// How a quantity grows: of an item or of all, in a phase or in all.
    pub fn law(&self, component: Option<&str>, phase: Option<Phase>, of: Quantity) -> Option<&Law> {
        self.laws
            .iter()
            .find(|law| law.component.as_deref() == component && law.phase == phase && law.of == of)
    }

    /// The points whose growth is looked at: where each stands once for each value of an option, those with
    /// the value that is named first.
    pub(super) fn first_choice(&self) -> impl Iterator<Item = &ScalePoint> {
        let first = self.sweep.options.0.first();
        self.points.iter().filter(move |point| Some(&point.bill.training.options) == first)
    }

    fn fitted(&self) -> Vec<Law> {
        let mut subjects: Vec<(Option<&str>, Option<Phase>)> = Vec::new();
        for phase in Phase::ALL {
            let items = self.first_choice().flat_map(|point| &point.bill.items);
            for Item { name, .. } in items.filter(|item| item.phase == phase) {
                if !subjects.contains(&(Some(name), Some(phase))) {
                    subjects.push((Some(name), Some(phase)));
                }
            }
            subjects.push((None, Some(phase)));
        }
        subjects.push((None, None));
        let laws = subjects
            .into_iter()
            .flat_map(|(component, phase)| Quantity::ALL.map(|of| self.fit(component, phase, of)));
        laws.flatten().collect()
    }

    /// The law of the points at which there is something of a quantity: nothing has no logarithm.
    fn fit(&self, component: Option<&str>, phase: Option<Phase>, of: Quantity) -> Option<Law> {
        let sample = |point: &ScalePoint| -> Option<Sample> {
            let figures = match component {
                Some(name) => point.bill.of(name, phase),
                None => point.bill.total(phase),
            };
            let value = figures?.get(of).filter(|value| *value > 0.0)?;
            let at = self.sweep.axes.iter().map(|axis| point.at.get(&axis.key).copied());
            let at = at.map(|value| value.map(f64::from)).collect::<Option<Vec<f64>>>()?;
            Some((at, value))
        };
        let samples: Vec<Sample> = self.first_choice().filter_map(sample).collect();
        let PowerLaw { exponents, residual, samples: points } = PowerLaw::fit(&samples)?;
        let keys = self.sweep.axes.iter().map(|axis| axis.key.clone());
        Some(Law {
            component: component.map(str::to_owned),
            phase,
            of,
            exponents: keys.zip(exponents).collect(),
            residual,
            points,
        })
    }
}
