//! The mixture around its experts: T tokens, E experts, K chosen for each token, width D. What is
//! counted does not depend on which experts are chosen.

use super::form::{Forms, Overhead, f32s, joins};
use crate::{op::Op, operation::MixtureStep, schedule::Schedule};

pub(super) fn forms(step: MixtureStep, [t, e, k, d]: [u64; 4], schedule: &Schedule) -> Forms {
    let choices = t * k;
    match step {
        // Each of the K choices compares with all E logits and keeps the better, the first of them as the
        // largest; its weight is exp(logit - largest), which is added to the sum and divided by it.
        MixtureStep::Route => Forms::algebra(f32s([
            (Op::Compare, choices * e),
            (Op::Select, choices * (e + 1)),
            (Op::Add, 2 * choices),
            (Op::Exp, choices),
            (Op::Div, choices),
        ])),
        MixtureStep::Gather => Forms::default(),
        MixtureStep::Combine => Forms::algebra(f32s([(Op::Fma, choices * d)])),
        MixtureStep::CombineGradient => Forms::algebra(f32s([(Op::Mul, choices * d)])),
        // A dot product over D for each assignment.
        MixtureStep::GateGradient => Forms::algebra(f32s([(Op::Fma, choices * d)]))
            .and(Overhead::PartialSums, f32s([(Op::Add, choices * joins(schedule.lanes_per_row))])),
        MixtureStep::GatherGradient => Forms::algebra(f32s([(Op::Add, choices * d)])),
        // The weighted mean of dgate takes K fma; then gate * (dgate - mean) for each choice.
        MixtureStep::RouteGradient => {
            Forms::algebra(f32s([(Op::Fma, choices), (Op::Add, choices), (Op::Mul, choices)]))
        }
    }
}
