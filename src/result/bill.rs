//! What one step costs, item by item, in the form in which several steps can be held against each
//! other: by phase and component, the layers of a model summed, so that models of any depth have the
//! same items. Made of a report, or of an estimate alone.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Component, Report, component};
use crate::{
    component::Phase,
    estimate::{Estimate, Term},
    exact::{Exact, ExactItem},
    family::{ModelConfig, Training},
    model::{self, ModelName, NotRun},
    op::{Convention, OpCounts},
    plan::Pass,
};

/// What one step costs.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Bill {
    /// What the model is called.
    #[serde(flatten)]
    pub model: ModelName,
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
    /// By phase, and within it in the order of the model.
    pub items: Vec<Item>,
    /// What a whole training step costs by closed forms, where the model is a decoder.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub exact: Option<Exact>,
    /// The algebra of that count by part and phase, and what is computed again.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub exact_items: Vec<ExactItem>,
}

/// What one component costs in one phase.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Item {
    /// Dotted path; `layer_*` stands for all layers together.
    pub name: String,
    /// Which phase.
    pub phase: Phase,
    /// What it costs.
    #[serde(flatten)]
    pub figures: Figures,
}

/// What something costs, as far as that is known.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Figures {
    /// FLOPs that the published estimator charges.
    pub estimate: u64,
    /// FLOPs that the device counted, where it ran.
    pub measured: Option<u64>,
    /// Bytes that crossed to or from storage buffers, where it ran.
    pub bytes: Option<u64>,
    /// Time of the plain kernels, where they were timed.
    pub seconds: Option<f64>,
}

/// One of a bill's figures.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "lowercase")]
pub enum Quantity {
    /// FLOPs that the mathematics asks for, with what is computed again, by closed forms.
    Exact,
    /// [`Figures::estimate`].
    Estimate,
    /// [`Figures::measured`].
    Measured,
    /// [`Figures::bytes`].
    Bytes,
    /// [`Figures::seconds`].
    Seconds,
}

impl Quantity {
    /// Every one, in the order of reports.
    pub const ALL: [Self; 5] =
        [Self::Exact, Self::Estimate, Self::Measured, Self::Bytes, Self::Seconds];

    /// The name in reports.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Exact => "exact",
            Self::Estimate => "estimate",
            Self::Measured => "measured",
            Self::Bytes => "bytes",
            Self::Seconds => "seconds",
        }
    }
}

impl Figures {
    /// One of them; a bill has the exact count apart, since its parts are others.
    pub fn get(&self, quantity: Quantity) -> Option<f64> {
        match quantity {
            Quantity::Exact => None,
            Quantity::Estimate => Some(self.estimate as f64),
            Quantity::Measured => self.measured.map(|flops| flops as f64),
            Quantity::Bytes => self.bytes.map(|bytes| bytes as f64),
            Quantity::Seconds => self.seconds,
        }
    }

    /// Two of them together; what one lacks, the sum lacks.
    fn and(self, other: Self) -> Self {
        let both = |a: Option<u64>, b: Option<u64>| a.zip(b).map(|(a, b)| a + b);
        Self {
            estimate: self.estimate + other.estimate,
            measured: both(self.measured, other.measured),
            bytes: both(self.bytes, other.bytes),
            seconds: self.seconds.zip(other.seconds).map(|(a, b)| a + b),
        }
    }

    /// All of them together; none where there are none.
    pub fn sum(figures: impl IntoIterator<Item = Self>) -> Option<Self> {
        figures.into_iter().reduce(Self::and)
    }
}

impl Bill {
    /// What an estimate alone says of such a step.
    pub fn estimated(model: ModelName, training: Training, estimate: &Estimate) -> Self {
        let terms: Vec<&Term> =
            estimate.terms().iter().filter(|term| training.scope.has(term.phase)).collect();
        // No pass: no convention matters.
        let rows = component::components(&[], &terms, Convention::default());
        Self {
            model,
            model_config: estimate.config().clone(),
            batch: estimate.shape().batch(),
            seq: estimate.shape().seq(),
            training,
            not_run: estimate.not_run().clone(),
            items: items(&rows, |row| Figures { estimate: row.estimate, ..Figures::default() }),
            exact: estimate.exact(),
            exact_items: estimate.exact_items().to_vec(),
        }
    }

    /// What a run said, its operations and those of the exact count priced by `convention`.
    pub fn measured(report: &Report, convention: Convention) -> Self {
        let priced = |ops: &OpCounts| match convention == report.convention {
            true => None,
            false => Some(u64::try_from(ops.wide_flops(convention)).unwrap_or(u64::MAX)),
        };
        let figures = |row: &Component| Figures {
            estimate: row.estimate,
            measured: Some(priced(&row.ops).unwrap_or(row.measured)),
            bytes: Some(row.traffic.storage_bytes()),
            // A row that only the estimator has takes no time, timed or not.
            seconds: row.seconds.filter(|_| report.timing.plain_seconds.is_some()),
        };
        Self {
            model: report.model.clone(),
            model_config: report.model_config.clone(),
            batch: report.batch,
            seq: report.seq,
            training: report.training,
            not_run: report.not_run.clone(),
            items: items(&report.components, figures),
            exact: model::exact(
                &report.model_config,
                [report.batch, report.seq],
                report.training,
                convention,
            ),
            exact_items: model::exact_items(
                &report.model_config,
                [report.batch, report.seq],
                report.training,
                convention,
            ),
        }
    }

    /// Whether it ran.
    pub fn is_measured(&self) -> bool {
        self.items.iter().all(|item| item.figures.measured.is_some())
    }

    /// What the items of a phase, or of all, cost together.
    pub fn total(&self, phase: Option<Phase>) -> Option<Figures> {
        self.sum(|item| phase.is_none_or(|phase| item.phase == phase))
    }

    /// What the items of a name cost in a phase, or in all.
    pub fn of(&self, name: &str, phase: Option<Phase>) -> Option<Figures> {
        self.sum(|item| item.name == name && phase.is_none_or(|phase| item.phase == phase))
    }

    /// The exact count of a phase, or of all phases that the bill is about; of one part, or of all parts. What is computed
    /// again is in the backward pass, and all of it a part of its own.
    pub fn exact(&self, part: Option<&str>, phase: Option<Phase>) -> Option<u128> {
        let exact = self.exact.as_ref()?;
        if part == Some(Pass::RECOMPUTED) {
            return self.recomputed().filter(|_| phase.is_none_or(|its| its == Phase::Backward));
        }
        if let Some(name) = part {
            let is_wanted = |item: &&ExactItem| {
                item.name == name && phase.is_none_or(|phase| item.phase == Some(phase))
            };
            let flops: Vec<u128> =
                self.exact_items.iter().filter(is_wanted).map(|item| item.flops).collect();
            return (!flops.is_empty()).then(|| flops.iter().sum());
        }
        self.training.scope.exact(exact, phase)
    }

    /// What is computed again of the exact count, where anything is.
    pub fn recomputed(&self) -> Option<u128> {
        let exact = self.exact.filter(|_| self.training.scope.is_step())?;
        (exact.recomputed > 0).then_some(exact.recomputed)
    }

    /// One figure of a component, or of all, in a phase, or in all.
    pub fn value(
        &self,
        component: Option<&str>,
        phase: Option<Phase>,
        of: Quantity,
    ) -> Option<f64> {
        if of == Quantity::Exact {
            return self.exact(component, phase).map(|flops| flops as f64);
        }
        let figures = match component {
            Some(name) => self.of(name, phase),
            None => self.total(phase),
        };
        figures?.get(of)
    }

    fn sum(&self, wanted: impl Fn(&Item) -> bool) -> Option<Figures> {
        Figures::sum(self.items.iter().filter(|item| wanted(item)).map(|item| item.figures))
    }
}

/// The rows of a report with all layers in one.
fn items(rows: &[Component], figures: impl Fn(&Component) -> Figures) -> Vec<Item> {
    let rows = rows.iter().map(|row| ((row.phase, row.name.with_layers("*")), figures(row)));
    let items = component::merged(rows, Figures::and).into_iter();
    items.map(|((phase, name), figures)| Item { name, phase, figures }).collect()
}
