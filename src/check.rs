//! Where the independent arms meet: measured counts, closed forms and other executors' counts are
//! held against each other, with `==`. Nothing here prints or decides an exit code.

use std::{borrow::Cow, ops::Add};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{
    formula::forms,
    measure::Measurement,
    observe::Observed,
    op::{Cost, OpCounts},
    operation::{Operation, Precision},
    plan::{Pass, Plan},
};

/// What comparing two opinions on one pass gave.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case", tag = "verdict")]
pub enum Verdict {
    /// Every operation agrees.
    Match,
    /// At least one kind of operation differs.
    Mismatch {
        /// Whose counts were held against each other, and where they differ first.
        #[serde(rename = "why")]
        difference: String,
    },
    /// There is no second opinion.
    NotComparable {
        /// Why not.
        #[serde(rename = "why")]
        reason: String,
    },
    /// There is no first opinion: the pass did not run, and what another layer's pass cost stands for it.
    Extrapolated {
        /// Which layer's.
        layer: u32,
    },
}

impl Verdict {
    /// Where two opinions differ, or why there are not two.
    pub fn why(&self) -> Option<Cow<'_, str>> {
        match self {
            Self::Match => None,
            Self::Mismatch { difference } => Some(difference.into()),
            Self::NotComparable { reason } => Some(reason.into()),
            Self::Extrapolated { layer } => Some(format!("as measured in layer_{layer}").into()),
        }
    }
}

/// How many passes came out how.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Tally {
    /// Passes on which all opinions agree.
    pub r#match: u64,
    /// Passes on which two differ.
    pub mismatch: u64,
    /// Passes on which there is only one.
    pub not_comparable: u64,
    /// Passes that did not run themselves.
    #[serde(default, skip_serializing_if = "crate::op::is_zero")]
    pub extrapolated: u64,
}

impl Tally {
    /// Whether no opinions differ and none is missing: the crate's own kernels all have a closed form.
    pub const fn holds(&self) -> bool {
        self.mismatch == 0 && self.not_comparable == 0
    }
}

impl Add<&Verdict> for Tally {
    type Output = Self;

    fn add(mut self, verdict: &Verdict) -> Self {
        match verdict {
            Verdict::Match => self.r#match += 1,
            Verdict::Mismatch { .. } => self.mismatch += 1,
            Verdict::NotComparable { .. } => self.not_comparable += 1,
            Verdict::Extrapolated { .. } => self.extrapolated += 1,
        }
        self
    }
}

/// The closed form of a pass against what was measured: what its kernel must execute by its schedule, and
/// floating-point operations only, since integer arithmetic is how a kernel finds its data.
pub fn against_formula(pass: &Pass, measured: &OpCounts) -> Verdict {
    let exact = forms(&pass.operation, &pass.schedule).schedule();
    compare("formula", &exact, "measured", &measured.floating())
}

/// Every pass of a measured plan that ran against its closed form.
pub fn passes(plan: &Plan, measurement: &Measurement) -> Vec<Verdict> {
    plan.passes
        .iter()
        .zip(&measurement.passes)
        .map(|(pass, measured)| match measured.from_layer {
            Some(layer) => Verdict::Extrapolated { layer },
            None => against_formula(pass, &measured.cost.ops),
        })
        .collect()
}

/// Two executors' counts of the same plan, pass by pass: every operation and every byte.
pub fn executors(plan: &Plan, one: &Measurement, other: &Measurement) -> Vec<Verdict> {
    let [here, there] = [one, other].map(|measurement| measurement.adapter.name.as_str());
    let passes = plan.passes.iter().zip(one.passes.iter().zip(&other.passes));
    passes.map(|(_, (a, b))| costs((here, &a.cost), (there, &b.cost))).collect()
}

/// Two executors' counts of one launch: every operation and every byte. Where one of them counted SPIR-V as it is and
/// the other what naga reads of it ([`of_one_text`] does not hold), floating-point operations alone: naga states
/// integer arithmetic in other words.
pub fn observed((one, a): (&str, &Observed), (other, b): (&str, &Observed)) -> Verdict {
    if of_one_text(a, b) {
        return costs((one, &a.cost), (other, &b.cost));
    }
    compare(one, &a.cost.ops.floating(), other, &b.cost.ops.floating())
}

/// Whether two observations are of a kernel in the same words, be they SPIR-V's or naga's.
pub const fn of_one_text(a: &Observed, b: &Observed) -> bool {
    a.dead.is_some() == b.dead.is_some()
}

/// What the counters say of a launch against what the executor tallied itself while it ran the plain kernel:
/// every operation and every byte. `None` where it tallied nothing.
pub fn tally(observed: &Observed) -> Option<Verdict> {
    let (cost, tally) = (observed.cost, observed.witness.as_ref()?.tally);
    Some(costs(("the count", &cost), ("the tally", &tally)))
}

/// The same for each pass of a plan; `None` where one of them has no tally.
pub fn tallies(measurement: &Measurement) -> Option<Vec<Verdict>> {
    measurement.passes.iter().map(tally).collect()
}

/// Two costs: every operation and every byte.
fn costs((one, a): (&str, &Cost), (other, b): (&str, &Cost)) -> Verdict {
    match compare(one, &a.ops, other, &b.ops) {
        Verdict::Match if a.traffic != b.traffic => Verdict::Mismatch {
            difference: format!(
                "traffic: {one} says {:?}, {other} says {:?}",
                a.traffic, b.traffic
            ),
        },
        verdict => verdict,
    }
}

/// How far two executors' values of one tensor may lie apart, relative to the tensor's norm: they
/// round differently, and a step sums thousands of terms in single precision.
pub const TOLERANCE: f64 = 1e-4;

/// The same where products have operands in half precision: sums that differ by a rounding in single precision are rounded
/// to neighbouring halves, 2^-11 apart, and a gradient is some tens of products deep.
const NARROW_TOLERANCE: f64 = 1.0 / 128.0;

/// How far two executors' values of one tensor of a plan may lie apart.
pub fn tolerance(plan: &Plan) -> f64 {
    let narrow = |pass: &Pass| {
        matches!(pass.operation, Operation::Linear { precision: Precision::Half, .. })
    };
    if plan.passes.iter().any(narrow) { NARROW_TOLERANCE } else { TOLERANCE }
}

/// How large a gradient that is zero but for rounding may be, relative to the gradient of the whole step:
/// half a unit in the last place of single precision, as a norm over values without variance magnifies it,
/// which is by the square root of the 1e-5 that it adds to the variance.
pub const ROUNDING: f64 = 0.5 * f32::EPSILON as f64 / 3.162_277_660_168_379_5e-3;

/// The Euclidean norm of the finite ones of `values`.
pub fn norm(values: &[f32]) -> f64 {
    let finite = values.iter().filter(|x| x.is_finite()).map(|&x| f64::from(x));
    finite.map(|x| x * x).sum::<f64>().sqrt()
}

/// Two executors' values of one tensor: the norm of their difference, which may be so large, against the norm of either.
/// Values that are not finite must be the same in both: infinities of one sign, or no numbers.
pub fn values_within<T: Copy + Into<f64>>(
    one: (&str, &[T]),
    other: (&str, &[T]),
    tolerance: f64,
) -> Verdict {
    let ((one, a), (other, b)) = (one, other);
    if a.len() != b.len() {
        let difference = format!("{one} has {} values, {other} has {}", a.len(), b.len());
        return Verdict::Mismatch { difference };
    }
    let pairs = || a.iter().zip(b).map(|(&x, &y)| (x.into(), y.into()));
    let same = |x: f64, y: f64| x == y || x.is_nan() && y.is_nan();
    if let Some((x, y)) = pairs().find(|&(x, y)| !(x.is_finite() && y.is_finite() || same(x, y))) {
        return Verdict::Mismatch { difference: format!("{one} says {x}, {other} says {y}") };
    }
    // Squares of the largest and the smallest doubles are no numbers, so all are taken relative to the largest.
    let finite = || pairs().filter(|(x, _)| x.is_finite());
    let largest = finite().fold(0.0_f64, |most, (x, y)| most.max(x.abs()).max(y.abs()));
    let scale = if largest > 0.0 { largest } else { 1.0 };
    let mut squares = [0.0f64; 3];
    for (x, y) in finite() {
        let (x, y) = (x / scale, y / scale);
        squares = [squares[0] + x * x, squares[1] + y * y, squares[2] + (x - y) * (x - y)];
    }
    let [norm_a, norm_b, apart] = squares.map(f64::sqrt);
    if apart <= tolerance * norm_a.max(norm_b) {
        Verdict::Match
    } else {
        Verdict::Mismatch {
            difference: format!(
                "{one} and {other} are {:.1e} of the norm apart, more than {tolerance:e}",
                apart / norm_a.max(norm_b)
            ),
        }
    }
}

fn compare(one: &str, a: &OpCounts, other: &str, b: &OpCounts) -> Verdict {
    use crate::op::{Op, Scalar};
    let differing = Scalar::ALL
        .into_iter()
        .flat_map(|scalar| Op::ALL.into_iter().map(move |op| (scalar, op)))
        .find(|&(scalar, op)| a.get(scalar, op) != b.get(scalar, op));
    match differing {
        None => Verdict::Match,
        Some((scalar, op)) => Verdict::Mismatch {
            difference: format!(
                "{}.{}: {one} says {}, {other} says {}",
                scalar.name(),
                op.name(),
                a.get(scalar, op),
                b.get(scalar, op)
            ),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::op::Op;

    #[test]
    fn one_operation_more_is_a_mismatch_that_names_it() {
        let a = OpCounts::f32(Op::Fma, 10);
        assert_eq!(compare("a", &a, "b", &a), Verdict::Match);
        let Verdict::Mismatch { difference } =
            compare("a", &a, "b", &(a + OpCounts::f32(Op::Add, 1)))
        else {
            panic!("must differ");
        };
        assert_eq!(difference, "f32.add: a says 0, b says 1");
    }

    #[test]
    fn values_may_round_differently_and_no_more() {
        let verdict = |a: &[f32], b: &[f32]| values_within(("a", a), ("b", b), TOLERANCE);
        assert_eq!(verdict(&[1.0, f32::NAN], &[1.00001, f32::NAN]), Verdict::Match);
        assert_eq!(verdict(&[0.0], &[0.0]), Verdict::Match);
        assert_eq!(verdict(&[f32::INFINITY], &[f32::INFINITY]), Verdict::Match);
        let large = |b: f64| values_within(("a", &[8e200]), ("b", &[b]), TOLERANCE);
        let small = |b: f64| values_within(("a", &[8e-200]), ("b", &[b]), TOLERANCE);
        assert_eq!([large(8e200), small(8e-200)], [Verdict::Match, Verdict::Match]);
        for verdict in [large(3.2e201), small(3.2e-199)] {
            assert!(matches!(verdict, Verdict::Mismatch { .. }), "{verdict:?}");
        }
        let (inf, nan) = (f32::INFINITY, f32::NAN);
        let others: [(&[f32], &[f32]); 5] = [
            (&[1.0], &[1.001]),
            (&[1.0], &[nan]),
            (&[1.0], &[1.0, 1.0]),
            (&[inf], &[-inf]),
            (&[inf], &[nan]),
        ];
        for (a, b) in others {
            assert!(matches!(verdict(a, b), Verdict::Mismatch { .. }), "{a:?} {b:?}");
        }
    }
}
