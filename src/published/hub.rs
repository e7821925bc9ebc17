//! The Hugging Face libraries, and trainers that report through them.

use super::{
    bill::{Charges, PROJECTIONS, THREE, What},
    case::{Case, always, dense, llama_like},
    formula::{Covers, Formula, HALF, WHOLE, read, run},
};
use crate::family::decoder::{Architecture, LinearLayer, Part, Place};

const HEAD: What = What::Part(Part::Linear(Place::Head));
const QUERY: What = What::Part(Part::Linear(Place::Query));
const SQUARE: What = What::Part(Part::Square);

/// 6 for each parameter outside of the embedding's module; adapters are parameters like any other.
fn trainer(bill: &mut Charges<'_>) {
    bill.linears(&THREE, &PROJECTIONS);
    for what in [Place::Mlp, Place::Router, Place::Shared, Place::SharedGate] {
        bill.weights(&THREE, what, stored(bill, what));
    }
    bill.weights(&THREE, Part::Bias, bill.biases);
    bill.weights(&THREE, Part::Norm, bill.norms);
    if !bill.tied() {
        bill.linears(&THREE, &[Place::Head]);
    }
    bill.weights(&THREE, Part::Adapter, bill.adapters);
}

/// The weights of a place, those of experts that a token does not pass too.
fn stored(case: &Case<'_>, place: Place) -> i128 {
    let config = case.config;
    let kinds = config.kinds().into_iter();
    kinds
        .map(|(layer, count)| {
            let linears = LinearLayer::of_layer(config, layer).into_iter();
            let weights = linears.filter(|linear| linear.place == place).map(|linear| {
                i128::from(linear.copies) * i128::from(linear.k) * i128::from(linear.n)
            });
            i128::from(count) * weights.sum::<i128>()
        })
        .sum()
}

/// The projections as they are, an MLP with a gate, the head once, the whole square.
fn products(bill: &mut Charges<'_>) {
    bill.linears(&THREE, &PROJECTIONS);
    bill.three_matrices(&THREE);
    bill.linears(&THREE, &[Place::Head]);
    bill.square(4, 8);
}

fn trl(bill: &mut Charges<'_>) {
    products(bill);
    if !bill.tied() {
        bill.weights(&THREE, What::Table, bill.table());
    }
}

fn trl_adjusted(bill: &mut Charges<'_>) {
    trl(bill);
    bill.square(-2, -4);
}

fn llama_factory(bill: &mut Charges<'_>) {
    let Case { h, l, n, k, .. } = **bill;
    for (place, heads) in PROJECTIONS.into_iter().zip([n, k, k, n]) {
        bill.weights(&THREE, place, l * h * h * heads / n);
    }
    bill.three_matrices(&THREE);
    bill.square_of(h, 4, 8);
    // T H V once a pass where the head is tied, twice where it is not.
    let factor = if bill.tied() { 1 } else { 2 };
    bill.each(&THREE, HEAD, factor * bill.table() * bill.t);
}

fn accelerate(bill: &mut Charges<'_>) {
    let Case { l, n, k, d, .. } = **bill;
    for (place, heads) in PROJECTIONS.into_iter().zip([n, k, k, n]) {
        bill.weights(&THREE, place, l * heads * d);
    }
    bill.three_matrices(&THREE);
    bill.square(4, 8);
}

fn trl_knows(case: &Case<'_>) -> Option<&'static str> {
    match case.architecture() {
        Architecture::Mixtral | Architecture::Qwen2Moe => {
            Some("the helper raises on this configuration (huggingface/trl#7069)")
        }
        Architecture::Qwen3Moe => dense(case),
        Architecture::Llama
        | Architecture::Mistral
        | Architecture::Qwen2
        | Architecture::Qwen3
        | Architecture::Gemma2
        | Architecture::Gemma3 => None,
        Architecture::Gemma => Some("the helper was not run on its configuration"),
        Architecture::Gpt2 | Architecture::Opt => llama_like(case),
        Architecture::Phi3
        | Architecture::SmolLm3
        | Architecture::StableLm
        | Architecture::Olmo2
        | Architecture::Granite
        | Architecture::Olmo3
        | Architecture::Starcoder2
        | Architecture::GptNeoX
        | Architecture::Phi => {
            Some("the helper was not run on its configuration, which states no head_dim")
        }
    }
}

const LOST: (What, &str) = (
    HEAD,
    "a tied head is the embedding's tensor, and is lost when the embedding's parameters are subtracted",
);
const TRAINER: &[(What, &str)] = &[LOST, (SQUARE, "attention's products are not charged")];

pub(super) const FORMULAS: &[Formula] = &[
    Formula {
        id: "hf-trainer",
        name: "Transformers Trainer, total_flos",
        source: run("huggingface/transformers", "5.24.0", "trainer.py floating_point_ops"),
        per: "batch",
        covers: Covers::Step,
        formula: "6 T Nx, adapters among the parameters",
        why_not: always,
        charge: trainer,
        because: TRAINER,
    },
    Formula {
        id: "ms-swift",
        name: "ms-swift MFU, from total_flos",
        source: read("modelscope/ms-swift", "3602360a5623", "swift/callbacks/perf_log.py"),
        per: "batch",
        covers: Covers::Step,
        formula: "6 T Nx",
        why_not: always,
        charge: trainer,
        because: TRAINER,
    },
    Formula {
        id: "nanotron",
        name: "nanotron get_flops",
        source: run("huggingface/nanotron", "2411b022a75f", "models/qwen.py get_flops"),
        per: "step",
        covers: Covers::Step,
        formula: "6 W T + 12 L n d B S^2",
        why_not: dense,
        charge: products,
        because: &[WHOLE],
    },
    Formula {
        id: "trl",
        name: "TRL compute_flops_per_token",
        source: run(
            "huggingface/trl",
            "f2cd57710ae3",
            "trl/trainer/utils.py compute_flops_per_token",
        ),
        per: "token",
        covers: Covers::Step,
        formula: "3 (L (2 A + 4 n d S + 6 H I) + 2 V H + (tied ? 0 : 2 V H)) T",
        why_not: trl_knows,
        charge: trl,
        because: &[WHOLE],
    },
    Formula {
        id: "trl-adjusted",
        name: "TRL adjusted_mfu",
        source: read("huggingface/trl", "f2cd57710ae3", "trl/trainer/utils.py adjusted_mfu"),
        per: "token",
        covers: Covers::Step,
        formula: "the same with half the square",
        why_not: trl_knows,
        charge: trl_adjusted,
        because: &[HALF],
    },
    Formula {
        id: "llama-factory",
        name: "LLaMA-Factory cal_mfu",
        source: run("hiyouga/LLaMA-Factory", "ff6d4d12eeb0", "scripts/stat_utils/cal_mfu.py"),
        per: "step",
        covers: Covers::Step,
        formula: "3 (T L (6 H I + 4 H^2 (1 + k/n)) + 4 L H B S^2 + T H V (tied ? 1 : 2))",
        why_not: |case| dense(case).or_else(|| llama_like(case)),
        charge: llama_factory,
        because: &[WHOLE, (HEAD, "T H V of a tied head lacks the factor 2 of a multiply-add")],
    },
    Formula {
        id: "accelerate",
        name: "accelerate's example",
        source: run(
            "huggingface/accelerate",
            "16cb6eb80dd9",
            "examples/torch_native_parallelism/utils.py",
        ),
        per: "step",
        covers: Covers::Step,
        formula: "T L (18 H I + 12 d (n + k) + 12 n d S)",
        why_not: |case| dense(case).or_else(|| llama_like(case)),
        charge: accelerate,
        because: &[
            WHOLE,
            (QUERY, "the projection lacks its factor H: 12 d (n + k) a token and layer"),
            (HEAD, "the head is left out"),
        ],
    },
];
