//! How cost grows: the points of a sweep with what each costs, the power laws fitted to them, and the
//! published claims judged on them. Made of whatever points there are; running them is somebody else's
//! business.

mod claims;
mod crossover;
mod report;

pub use report::{
    Claim, Crossover, Judgement, Law, Reason, Ruling, ScalePoint, ScaleReport, Skipped,
};

use super::{Bill, DEFINITION, Document, Quantity, Report};
use crate::{
    Error,
    component::Phase,
    estimate::Estimate,
    family::BatchShape,
    fit::{PowerLaw, Sample},
    op::Convention,
    plan::Pass,
    sweep::{Coordinates, Point, Sweep},
};

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
    /// What the estimator says of a point, and the exact count by a convention.
    ///
    /// # Errors
    /// Where no such model takes such a batch.
    pub fn estimated(sweep: &Sweep, point: &Point, convention: Convention) -> Result<Self, Error> {
        let (model, asked) = sweep.resolve(point)?;
        let shape = BatchShape::resolve(asked, &model.config)?;
        let estimate = Estimate::under(&model.config, shape, sweep.training(point), convention)?;
        let estimate = estimate.without(model.not_run);
        let bill = Bill::estimated(model.name, sweep.training(point), &estimate);
        Ok(Self::new(point.at.clone(), bill))
    }

    /// What a run of a point said.
    pub fn measured(at: Coordinates, report: &Report) -> Self {
        Self {
            verdict: Some(report.verdict),
            timing: Some(report.timing.clone()),
            provenance: Some(report.provenance.clone()),
            ..Self::new(at, Bill::measured(report, report.convention))
        }
    }

    fn new(at: Coordinates, bill: Bill) -> Self {
        let total = bill.total(None).unwrap_or_default();
        Self { at, bill, total, verdict: None, timing: None, provenance: None }
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
            let estimated = ScalePoint::estimated(&sweep, &point, convention);
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
            crossover: None,
            claims: Vec::new(),
        };
        report.laws = report.fitted();
        report.crossover = crossover::found(&report);
        report.claims = claims::judged(&report);
        report
    }

    fn fitted(&self) -> Vec<Law> {
        let mut laws = Vec::new();
        for of in Quantity::ALL {
            for phase in Phase::ALL {
                let names = self.names(phase, of);
                let subjects = names.into_iter().map(Some).chain([None]);
                laws.extend(subjects.filter_map(|name| self.fit(name, Some(phase), of)));
            }
            laws.extend(self.fit(None, None, of));
        }
        laws
    }

    /// What the parts of a phase are called whose quantity this is, in the order in which points have them.
    fn names(&self, phase: Phase, of: Quantity) -> Vec<&str> {
        let mut names: Vec<&str> = Vec::new();
        for bill in self.first_choice().map(|point| &point.bill) {
            let exact = bill.exact_items.iter().filter(|item| item.phase == Some(phase));
            let items = bill.items.iter().filter(|item| item.phase == phase);
            let of_bill: Vec<&str> = match of {
                Quantity::Exact => {
                    let again = bill.recomputed().filter(|_| phase == Phase::Backward);
                    exact.map(|item| &*item.name).chain(again.map(|_| Pass::RECOMPUTED)).collect()
                }
                Quantity::Estimate | Quantity::Measured | Quantity::Bytes | Quantity::Seconds => {
                    items.map(|item| &*item.name).collect()
                }
            };
            for name in of_bill {
                if !names.contains(&name) {
                    names.push(name);
                }
            }
        }
        names
    }

    /// The law of the points at which there is something of a quantity: nothing has no logarithm.
    fn fit(&self, component: Option<&str>, phase: Option<Phase>, of: Quantity) -> Option<Law> {
        let sample = |point: &ScalePoint| -> Option<Sample> {
            let value = point.bill.value(component, phase, of).filter(|value| *value > 0.0)?;
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
