//! What a sweep found out: its points, the laws fitted to them, and the claims judged on them.

use std::{borrow::Cow, collections::BTreeMap};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{
    check::Tally,
    component::Phase,
    execute::Adapter,
    fit::Exponent,
    observe::Timing,
    op::Convention,
    result::{Bill, Document, Figures, Provenance, Quantity},
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
    /// What outgrows the sequence, and from where on that is half of a step.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub crossover: Option<Crossover>,
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

/// The parts of a step that cost more than twice as much with sequences of twice the length, and from which length on they
/// are half of it, by the exact count.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Crossover {
    /// What they are called; what is computed again of them is among them.
    pub parts: Vec<String>,
    /// The power of the sequence with which they grow between `half_from` and twice that: 2 of attention to all tokens before,
    /// less where windows end.
    pub power: f64,
    /// The point with the longest sequence, which all that follows is about.
    pub at: Coordinates,
    /// The FLOPs of these parts there.
    pub flops: u128,
    /// The FLOPs of all parts there.
    pub total: u128,
    /// The shortest sequence, however much longer it is than the model can take, of which these parts are at least half of
    /// a step, with everything else as at that point.
    pub half_from: u32,
}

/// Something that was published.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Claim {
    /// What is claimed.
    pub claim: String,
    /// Who claims it.
    pub source: String,
    /// Whether it is so, by each kind of figures that is at hand.
    pub judged: Vec<Judgement>,
}

/// Whether a claim is borne out by one kind of figures.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Judgement {
    /// Which figures it is judged by.
    pub by: Quantity,
    /// How it came out.
    pub ruling: Ruling,
    /// By which numbers, or what is needed to judge it.
    pub why: String,
    /// The numbers.
    pub numbers: BTreeMap<String, f64>,
}

/// How a claim came out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Ruling {
    /// It is as claimed.
    Holds,
    /// It is not.
    DoesNotHold,
    /// These points cannot tell.
    NotJudged,
}

impl ScaleReport {
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
    pub(in crate::result) fn first_choice(&self) -> impl Iterator<Item = &ScalePoint> {
        let first = self.sweep.options.0.first();
        self.points.iter().filter(move |point| Some(&point.bill.training.options) == first)
    }
}
