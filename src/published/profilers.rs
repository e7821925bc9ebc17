//! Profilers that count a model's products as it runs or as it is traced.

use super::{
    bill::{Charges, DENSE, THREE, What},
    case::{Case, dense},
    formula::{Covers, Formula, read, run},
};
use crate::family::decoder::{Architecture, Part, WorkPass};

const SQUARE: What = What::Part(Part::Square);
const ONCE: [WorkPass; 1] = [WorkPass::Forward];

fn eager(bill: &mut Charges<'_>) {
    bill.every_linear(&ONCE);
    bill.square(4, 0);
}

/// 1 an element of SiLU.
fn silu(bill: &mut Charges<'_>) {
    bill.add(Part::Activation, WorkPass::Forward, bill.l * bill.t * bill.i);
}

fn deepspeed_sdpa(bill: &mut Charges<'_>) {
    eager(bill);
    silu(bill);
}

/// 1 a score of softmax too.
fn deepspeed(bill: &mut Charges<'_>) {
    deepspeed_sdpa(bill);
    bill.add(Part::Softmax, WorkPass::Forward, bill.l * bill.n * bill.square);
}

fn calflops_sdpa(bill: &mut Charges<'_>) {
    bill.every_linear(&ONCE);
    silu(bill);
}

/// Multiply-adds.
fn fvcore(bill: &mut Charges<'_>, square: i128) {
    for place in DENSE {
        let weights = bill.case().weights(place);
        bill.each(&ONCE, place, weights * bill.t);
    }
    bill.square(square, 0);
}

fn full(case: &Case<'_>) -> Option<&'static str> {
    let why = "with adapters the backward pass is counted as it runs: the exact count's products";
    case.has_adapters().then_some(why)
}

fn plain(case: &Case<'_>) -> Option<&'static str> {
    if case.has_adapters() {
        return Some("it was executed without adapters");
    }
    if matches!(
        case.architecture(),
        Architecture::Starcoder2
            | Architecture::Gpt2
            | Architecture::Opt
            | Architecture::StableLm
            | Architecture::GptNeoX
            | Architecture::Phi
    ) {
        return Some(
            "it was executed on models with RMS norms: layer norms, which it counts, are not charged here",
        );
    }
    dense(case)
}

const MISSING: (What, &str) =
    (SQUARE, "scaled_dot_product_attention is not counted: no square at all");
const FUSED: (What, &str) = (
    SQUARE,
    "the backward pass of a fused kernel is charged at 2.5 forward passes: scores are computed again",
);

pub(super) const FORMULAS: &[Formula] = &[
    Formula {
        id: "flop-counter-mode",
        name: "PyTorch FlopCounterMode, three passes",
        source: run(
            "pytorch/pytorch",
            "torch 2.9.1",
            "torch.utils.flop_counter, on the meta device",
        ),
        per: "step",
        covers: Covers::Products,
        formula: "2 M N K of every product, attention's whole square",
        why_not: full,
        charge: |bill| {
            bill.every_linear(&THREE);
            bill.square(4, 8);
        },
        because: &[],
    },
    Formula {
        id: "flop-counter-mode-forward",
        name: "PyTorch FlopCounterMode, forward",
        source: run(
            "pytorch/pytorch",
            "torch 2.9.1",
            "torch.utils.flop_counter, on the meta device",
        ),
        per: "forward pass",
        covers: Covers::ForwardProducts,
        formula: "2 M N K of every product, attention's whole square",
        why_not: full,
        charge: eager,
        because: &[],
    },
    Formula {
        id: "flop-counter-mode-fused",
        name: "PyTorch FlopCounterMode where a fused attention kernel runs",
        source: run("pytorch/pytorch", "torch 2.9.1", "sdpa_backward_flop_count"),
        per: "step",
        covers: Covers::Products,
        formula: "6 W T + 14 L n d B S^2",
        why_not: full,
        charge: |bill| {
            bill.every_linear(&THREE);
            bill.square(4, 10);
        },
        because: &[FUSED],
    },
    Formula {
        id: "deepspeed-profiler",
        name: "DeepSpeed FlopsProfiler, eager attention",
        source: run("deepspeedai/DeepSpeed", "0.19.8", "profiling/flops_profiler, on the CPU"),
        per: "forward pass",
        covers: Covers::Forward,
        formula: "2 W T + 4 L n d B S^2 + L T I + L n B S^2",
        why_not: plain,
        charge: deepspeed,
        because: &[],
    },
    Formula {
        id: "deepspeed-profiler-sdpa",
        name: "DeepSpeed FlopsProfiler, sdpa",
        source: run("deepspeedai/DeepSpeed", "0.19.8", "profiling/flops_profiler, on the CPU"),
        per: "forward pass",
        covers: Covers::Forward,
        formula: "2 W T + 4 L n d B S^2 + L T I",
        why_not: plain,
        charge: deepspeed_sdpa,
        because: &[],
    },
    Formula {
        id: "calflops",
        name: "calflops, eager attention",
        source: run("MrYxJ/calculate-flops.pytorch", "0.3.2", "calculate_flops, on the CPU"),
        per: "forward pass",
        covers: Covers::Forward,
        formula: "2 W T + 4 L n d B S^2 + L T I + L n B S^2",
        why_not: plain,
        charge: deepspeed,
        because: &[],
    },
    Formula {
        id: "calflops-sdpa",
        name: "calflops, sdpa",
        source: run("MrYxJ/calculate-flops.pytorch", "0.3.2", "calculate_flops, on the CPU"),
        per: "forward pass",
        covers: Covers::Forward,
        formula: "2 W T + L T I",
        why_not: plain,
        charge: calflops_sdpa,
        because: &[MISSING],
    },
    Formula {
        id: "fvcore",
        name: "fvcore, eager attention, multiply-adds",
        source: run("facebookresearch/fvcore", "0.1.5", "FlopCountAnalysis"),
        per: "forward pass",
        covers: Covers::ForwardProducts,
        formula: "W T + 2 L n d B S^2",
        why_not: plain,
        charge: |bill| fvcore(bill, 2),
        because: FVCORE,
    },
    Formula {
        id: "fvcore-sdpa",
        name: "fvcore, sdpa, multiply-adds",
        source: run("facebookresearch/fvcore", "0.1.5", "FlopCountAnalysis"),
        per: "forward pass",
        covers: Covers::ForwardProducts,
        formula: "W T",
        why_not: plain,
        charge: |bill| fvcore(bill, 0),
        because: &[MISSING],
    },
    Formula {
        id: "torchtune",
        name: "torchtune, axolotl, PEFT",
        source: read(
            "meta-pytorch/torchtune; axolotl-ai-cloud/axolotl; huggingface/peft",
            "bd2a0fc7c314; 067b021c8b87; 5d602fdbff04",
            "no formula in the tree",
        ),
        per: "step",
        covers: Covers::Step,
        formula: "none",
        why_not: |_| Some("no formula was found in these repositories"),
        charge: |_| {},
        because: &[],
    },
];

const FVCORE: &[(What, &str)] = &[(SQUARE, "a multiply-add is counted as one")];
