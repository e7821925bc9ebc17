//! Two steps side by side: what each costs by phase and component, and how many times the one costs the
//! other. Made of two bills, wherever they come from.

mod unlike;

use std::{
    borrow::Cow,
    path::{Path, PathBuf},
};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{
    Bill, DEFINITION, Document, Examined, Figures, GrowthLimit, Provenance, Quantity,
    document::{load, schema_of},
    limit::Limited,
};
use crate::{
    Error, Remedy,
    check::Tally,
    component::Phase,
    estimate::Estimate,
    exact::{Exact, ExactItem},
    execute::Adapter,
    family::{ModelConfig, Training},
    model::{ModelName, NotRun},
    op::Convention,
    result::Report,
};

/// One of two steps, and where its figures come from.
#[derive(Clone, Debug, PartialEq)]
pub struct Candidate {
    /// What it costs.
    pub bill: Bill,
    /// How operations became FLOPs, those that ran and those of the exact count; none where there are neither.
    pub convention: Option<Convention>,
    /// The convention that its saved report is under, where that is another.
    pub saved_under: Option<Convention>,
    /// What is known of its run, where it ran.
    pub run: Option<CandidateRun>,
    /// The saved report that it was read from, if it was.
    pub file: Option<PathBuf>,
}

/// What is known of a run.
#[derive(Clone, Debug, PartialEq)]
pub struct CandidateRun {
    /// Who ran it.
    pub adapter: Adapter,
    /// How many passes agree with their closed forms.
    pub verdict: Tally,
    /// How its plan came to be run.
    pub provenance: Provenance,
}

/// Two steps side by side.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct CompareReport {
    /// Name and version of this layout.
    #[schemars(extend("const" = Self::SCHEMA))]
    pub schema: Cow<'static, str>,
    /// What is measured.
    pub definition: Cow<'static, str>,
    /// How operations became FLOPs, where either step ran or both have an exact count.
    pub convention: Option<Convention>,
    /// The first step.
    pub a: Side,
    /// The second step.
    pub b: Side,
    /// What each component costs in each phase.
    pub components: Vec<Pair>,
    /// What each phase costs.
    pub phases: Vec<Pair>,
    /// What the whole step costs.
    pub total: Pair,
    /// What the second step was judged by, beside its own closed forms.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub checks: Vec<Examined>,
}

impl Document for CompareReport {
    const SCHEMA: &'static str = "flopmeter.compare/1";
}

/// What one of two steps is.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Side {
    /// What the model is called.
    #[serde(flatten)]
    pub model: ModelName,
    /// The saved report that it was read from, if it was.
    pub file: Option<PathBuf>,
    /// What it is.
    pub model_config: ModelConfig,
    /// B.
    pub batch: u32,
    /// N.
    pub seq: u32,
    /// Which part of a training step it is, and how.
    #[serde(flatten)]
    pub training: Training,
    /// What the model's files hold or ask for that is in no figure.
    #[serde(flatten)]
    pub not_run: NotRun,
    /// The convention that its saved report is under, where that is another than the comparison's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub saved_under: Option<Convention>,
    /// Who ran it, where it ran.
    pub adapter: Option<Adapter>,
    /// How many passes agree with their closed forms, where it ran.
    pub verdict: Option<Tally>,
    /// How its plan came to be run, where it ran.
    #[serde(flatten)]
    pub provenance: Option<Provenance>,
    /// What a whole training step of it costs by closed forms, where it is a decoder.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub exact: Option<Exact>,
    /// The algebra of that count by part and phase, and what is computed again.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub exact_items: Vec<ExactItem>,
}

/// The same part of both steps.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Pair {
    /// The component, the phase, or `total`.
    pub name: String,
    /// Which phase; none for the whole step.
    pub phase: Option<Phase>,
    /// What it costs in the first step, where it has it.
    pub a: Option<Figures>,
    /// What it costs in the second.
    pub b: Option<Figures>,
    /// How many times the second's cost the first one's is; of times, the speedup of going from the first to
    /// the second.
    pub speedup: Ratios,
}

/// Quotients of figures, where both are known and the divisor is not 0.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Ratios {
    /// Of estimated FLOPs.
    pub estimate: Option<f64>,
    /// Of measured FLOPs.
    pub measured: Option<f64>,
    /// Of bytes.
    pub bytes: Option<f64>,
    /// Of times.
    pub seconds: Option<f64>,
}

impl Ratios {
    fn new(a: Option<Figures>, b: Option<Figures>, is_one_estimator: bool) -> Self {
        let ratio = |of| {
            let (a, b) = (a?.get(of)?, b?.get(of)?);
            Some(a / b).filter(|ratio| ratio.is_finite())
        };
        Self {
            // Two estimators charge different things: their quotient says nothing of two models.
            estimate: ratio(Quantity::Estimate).filter(|_| is_one_estimator),
            measured: ratio(Quantity::Measured),
            bytes: ratio(Quantity::Bytes),
            seconds: ratio(Quantity::Seconds),
        }
    }

    /// One of them.
    pub const fn get(&self, quantity: Quantity) -> Option<f64> {
        match quantity {
            Quantity::Exact => None,
            Quantity::Estimate => self.estimate,
            Quantity::Measured => self.measured,
            Quantity::Bytes => self.bytes,
            Quantity::Seconds => self.seconds,
        }
    }
}

impl Candidate {
    /// A step that is only estimated.
    pub fn estimated(model: ModelName, training: Training, estimate: &Estimate) -> Self {
        let convention = estimate.exact().map(|_| estimate.convention());
        let bill = Bill::estimated(model, training, estimate);
        Self { bill, convention, saved_under: None, run: None, file: None }
    }

    /// A step that ran.
    pub fn measured(report: &Report) -> Self {
        Self::measured_under(report, report.convention)
    }

    /// The same with its operations priced by another convention than its report's.
    fn measured_under(report: &Report, convention: Convention) -> Self {
        let run = CandidateRun {
            adapter: report.adapter.clone(),
            verdict: report.verdict,
            provenance: report.provenance.clone(),
        };
        Self {
            bill: Bill::measured(report, convention),
            convention: Some(convention),
            saved_under: Some(report.convention).filter(|own| *own != convention),
            run: Some(run),
            file: None,
        }
    }

    /// A step whose report, or whose estimate, was saved; its operations are priced by `convention`, or as in the report
    /// where that is `None`.
    ///
    /// # Errors
    /// As [`load`].
    pub fn load(path: &Path, convention: Option<Convention>) -> Result<Self, Error> {
        let candidate = if schema_of(path)? == Estimate::SCHEMA {
            let estimate: Estimate = load(path)?;
            let name = estimate.model().cloned().unwrap_or_else(|| "estimate".into());
            let own = estimate.convention();
            let estimate = estimate.priced_by(convention.unwrap_or(own));
            let candidate = Self::estimated(name, estimate.training(), &estimate);
            let saved_under = candidate.convention.filter(|its| *its != own).map(|_| own);
            Self { saved_under, ..candidate }
        } else {
            let report: Report = load(path)?;
            Self::measured_under(&report, convention.unwrap_or(report.convention))
        };
        Ok(Self { file: Some(path.to_owned()), ..candidate })
    }
}

impl Pair {
    fn new(
        name: &str,
        phase: Option<Phase>,
        [a, b]: [Option<Figures>; 2],
        is_one_estimator: bool,
    ) -> Self {
        Self { name: name.to_owned(), phase, a, b, speedup: Ratios::new(a, b, is_one_estimator) }
    }
}

impl CompareReport {
    /// Holds two steps against each other.
    ///
    /// # Errors
    /// [`Error::Refused`] where their operations became FLOPs in different ways.
    pub fn new(a: Candidate, b: Candidate) -> Result<Self, Error> {
        let conventions = [a.convention, b.convention];
        if let [Some(one), Some(other)] = conventions
            && one != other
        {
            return Err(Error::Refused {
                problem: format!(
                    "the one was counted by the convention {one}, the other by {other}, and their FLOPs \
                     are not the same thing"
                ),
                remedy: Remedy::Convention(one),
            });
        }
        let is_one = a.bill.model_config.estimator() == b.bill.model_config.estimator();
        // One exact count beside none is not told.
        let sides = [&a, &b];
        let is_priced = sides.iter().any(|side| side.run.is_some())
            || sides.iter().all(|side| side.bill.exact.is_some());
        let mut components: Vec<Pair> = Vec::new();
        for phase in Phase::ALL {
            let items = a.bill.items.iter().chain(&b.bill.items).filter(|i| i.phase == phase);
            for item in items {
                let of = |bill: &Bill| bill.of(&item.name, Some(phase));
                let met = |pair: &Pair| pair.name == item.name && pair.phase == Some(phase);
                if !components.iter().any(met) {
                    let both = [of(&a.bill), of(&b.bill)];
                    components.push(Pair::new(&item.name, Some(phase), both, is_one));
                }
            }
        }
        let phases = Phase::ALL.into_iter().filter_map(|phase| {
            let [a, b] = [&a, &b].map(|side| side.bill.total(Some(phase)));
            a.or(b)?;
            Some(Pair::new(phase.name(), Some(phase), [a, b], is_one))
        });
        let phases = phases.collect();
        let total = [&a, &b].map(|side| side.bill.total(None));
        let total = Pair::new("total", None, total, is_one);
        Ok(Self {
            schema: Self::SCHEMA.into(),
            definition: DEFINITION.into(),
            convention: conventions[0].or(conventions[1]).filter(|_| is_priced),
            components,
            phases,
            total,
            checks: Vec::new(),
            a: Side::of(a),
            b: Side::of(b),
        })
    }

    /// Judges the second step by how much its figures may have grown: FLOPs as measured, else as estimated.
    pub fn judge(&mut self, limits: &[GrowthLimit]) {
        let both = [self.total.a, self.total.b];
        let measured = both.iter().flatten().all(|figures| figures.measured.is_some());
        let exact = [&self.a, &self.b].map(|side| {
            let exact = side.exact.filter(|_| !measured)?;
            let [flops, _] = side.training.scope.flops(&exact);
            u64::try_from(flops).ok()
        });
        let (flops, flops_by) = match exact {
            [Some(a), Some(b)] => ([Some(a), Some(b)], " (by the exact count)"),
            _ if measured => (both.map(|figures| figures?.measured), ""),
            _ if self.is_one_estimator() => {
                let estimate = both.map(|figures| Some(figures?.estimate));
                (estimate, " (by the estimate)")
            }
            _ => ([None; 2], ""),
        };
        let adapters = [&self.a, &self.b].map(|side| {
            let name = side.adapter.as_ref().map(|adapter| adapter.name.clone());
            name.into_iter().collect::<Vec<String>>()
        });
        let [before, after] = [0, 1].map(|side| Limited {
            flops: flops[side],
            flops_by,
            bytes: both[side].and_then(|its| its.bytes),
            seconds: both[side].and_then(|its| its.seconds),
            timed_on: Some(&adapters[side]),
            spread: None,
        });
        self.checks.extend(limits.iter().map(|limit| limit.judge(&before, &after)));
    }

    /// Whether what was published for both models is the same estimator.
    pub fn is_one_estimator(&self) -> bool {
        self.a.model_config.estimator() == self.b.model_config.estimator()
    }

    /// Whether every pass of either that ran agrees with its closed form, an executor's own tally with its counters,
    /// and the second step holds by what it was judged by.
    pub fn holds(&self) -> bool {
        self.checks.iter().all(Examined::holds)
            && [&self.a, &self.b].into_iter().all(|side| {
                side.verdict.is_none_or(|verdict| verdict.holds())
                    && side.provenance.as_ref().is_none_or(Provenance::holds)
            })
    }
}

impl Side {
    fn of(Candidate { bill, convention: _, saved_under, run, file }: Candidate) -> Self {
        let Bill {
            model,
            model_config,
            batch,
            seq,
            training,
            not_run,
            items: _,
            exact,
            exact_items,
        } = bill;
        let (adapter, verdict, provenance) = match run {
            Some(CandidateRun { adapter, verdict, provenance }) => {
                (Some(adapter), Some(verdict), Some(provenance))
            }
            None => (None, None, None),
        };
        Self {
            model,
            file,
            model_config,
            batch,
            seq,
            training,
            not_run,
            saved_under,
            adapter,
            verdict,
            provenance,
            exact,
            exact_items,
        }
    }
}
