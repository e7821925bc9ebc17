//! The mixture around its experts: T tokens, E experts, K chosen for each token, width D. What is
//! counted does not depend on which experts are chosen.

use super::form::{Forms, f32s, products};
use crate::{
    op::Op,
    operation::{MixtureStep, SharedExpertStep},
    schedule::Schedule,
};

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
        // The same choices; exp(logit - largest) of all E logits, their sum, and each divided by it.
        MixtureStep::RouteOverAll => Forms::algebra(f32s([
            (Op::Compare, choices * e),
            (Op::Select, choices * (e + 1)),
            (Op::Add, 2 * t * e),
            (Op::Exp, t * e),
            (Op::Div, t * e),
        ])),
        MixtureStep::Gather => Forms::default(),
        MixtureStep::Combine => Forms::algebra(f32s([(Op::Fma, choices * d)])),
        MixtureStep::CombineGradient => Forms::algebra(f32s([(Op::Mul, choices * d)])),
        // A dot product over D for each assignment.
        MixtureStep::GateGradient => Forms::algebra(products(choices, d, schedule.team)),
        MixtureStep::GatherGradient => Forms::algebra(f32s([(Op::Add, choices * d)])),
        // The weighted mean of dgate takes K fma; then gate * (dgate - mean) for each choice.
        MixtureStep::RouteGradient => {
            Forms::algebra(f32s([(Op::Fma, choices), (Op::Add, choices), (Op::Mul, choices)]))
        }
        // The weighted sum of dgate takes K fma; all E logits get -sum times their probability, those that
        // were chosen gate * dgate besides.
        MixtureStep::RouteOverAllGradient => {
            Forms::algebra(f32s([(Op::Fma, 2 * choices), (Op::Neg, t), (Op::Mul, t * e)]))
        }
    }
}

/// An expert that all T tokens pass, weighted by a sigmoid.
pub(super) fn shared(step: SharedExpertStep, [t, d]: [u64; 2]) -> Forms {
    match step {
        SharedExpertStep::Weight => {
            Forms::algebra(f32s([(Op::Neg, t), (Op::Exp, t), (Op::Add, t), (Op::Div, t)]))
        }
        SharedExpertStep::Output => Forms::algebra(f32s([(Op::Fma, t * d)])),
        SharedExpertStep::Input => Forms::algebra(f32s([(Op::Mul, t * d)])),
        // A dot product over D for each token, times s (1 - s).
        SharedExpertStep::WeightGradient => {
            Forms::algebra(f32s([(Op::Fma, t * d), (Op::Add, t), (Op::Mul, 2 * t)]))
        }
    }
}
