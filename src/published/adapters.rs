//! Formulas of low-rank adapters by themselves. Those of frameworks that know adapters stand with the
//! frameworks.

use super::{
    bill::{Charges, PROJECTIONS, THREE, TWO, What},
    case::Case,
    formula::{Covers, Formula, paper, run},
};
use crate::family::decoder::{Part, Place, WorkPass};

const SQUARE: What = What::Part(Part::Square);

fn wanted(case: &Case<'_>) -> Option<&'static str> {
    (!case.has_adapters()).then_some("no adapters are trained")
}

fn dense_adapters(case: &Case<'_>) -> Option<&'static str> {
    wanted(case).or_else(|| super::case::dense(case))
}

/// 2/3 of the products of a full step: two of a matrix's three passes, and 8 of the square's 12.
fn two_thirds(bill: &mut Charges<'_>) {
    bill.every_linear(&TWO);
    bill.square(4, 4);
}

/// 2/3 of the linear part, and the whole square.
fn bridge(bill: &mut Charges<'_>) {
    bill.every_linear(&TWO);
    bill.square_of(bill.h, 4, 8);
}

/// (2 + P/N)/3 of the causal step, rounded down.
fn automodel(bill: &mut Charges<'_>) {
    let Case { parameters, adapters, l, n, d, square, .. } = **bill;
    let (part, whole) = (2 * parameters + adapters, 3 * parameters);
    bill.linears(&TWO, &PROJECTIONS);
    bill.linears(&TWO, &[Place::Mlp, Place::Head]);
    let linears: i128 = bill.value() / 2 * 3;
    let half = l * n * d * square;
    let total = (linears + 6 * half) * part / whole;
    // The square shrinks by the same factor as the matrices.
    let forward = 2 * half * part / whole;
    let backward = 4 * half * part / whole;
    bill.add(Part::Square, WorkPass::Forward, forward);
    bill.add(Part::Square, WorkPass::Input, backward);
    let rest = total - bill.value();
    bill.add(Part::Adapter, WorkPass::Weight, rest);
}

/// For each H by H matrix and token 2 H^2 + 6 H R multiply-adds.
fn without_regret(bill: &mut Charges<'_>) {
    bill.every_linear(&TWO);
    bill.weights(&THREE, Part::Adapter, bill.adapters);
}

pub(super) const FORMULAS: &[Formula] = &[
    Formula {
        id: "lora-two-thirds",
        name: "LoRA is 2/3 of full training",
        source: paper(
            "Thinking Machines 2025, LoRA Without Regret; huggingface/trl's guide",
            "\"about 67 % of the compute\"",
        ),
        per: "step",
        covers: Covers::Step,
        formula: "2/3 (6 W T + 12 L n d B S^2)",
        why_not: wanted,
        charge: two_thirds,
        because: &[(SQUARE, "2/3 of the whole square; adapters shrink none of attention's passes")],
    },
    Formula {
        id: "lora-without-regret",
        name: "LoRA Without Regret, matrix by matrix",
        source: paper("Thinking Machines 2025, LoRA Without Regret", "2 H^2 + 6 H R a matrix"),
        per: "token and matrix",
        covers: Covers::Step,
        formula: "4 W T + 6 P T",
        why_not: wanted,
        charge: without_regret,
        because: &[(SQUARE, "attention's products are not considered")],
    },
    Formula {
        id: "automodel-lora",
        name: "NeMo Automodel's LoRA benchmark",
        source: run("NVIDIA-NeMo/Automodel", "36044ad3d139", "benchmark recipe"),
        per: "step",
        covers: Covers::Step,
        formula: "(2 + P/N) / 3 (6 W T + 6 L n d B S^2), rounded down",
        why_not: dense_adapters,
        charge: automodel,
        because: &[(SQUARE, "half of the square, shrunk by the factor of the matrices too")],
    },
    Formula {
        id: "megatron-bridge-lora",
        name: "Megatron-Bridge, path of LoRA on Llama-3-70B",
        source: run("NVIDIA-NeMo/Megatron-Bridge", "067f987df03b", "training/utils/flop_utils.py"),
        per: "step",
        covers: Covers::Step,
        formula: "2/3 (6 W T) + 12 L H sum S^2; every other LoRA run counts as full",
        why_not: dense_adapters,
        charge: bridge,
        because: &[(SQUARE, "attention over the whole square, which the other paths halve")],
    },
];
