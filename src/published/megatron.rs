//! Megatron-LM and what descends from it.

use super::{
    bill::{Charges, FOUR, PROJECTIONS, THREE, What},
    case::{Case, always, dense, llama_like},
    formula::{Covers, Formula, HALF, WHOLE, read, run},
    papers::megatron_2021,
};
use crate::family::decoder::{Architecture, Part, Place, WorkPass};

const HEAD: What = What::Part(Part::Linear(Place::Head));
const SQUARE: What = What::Part(Part::Square);
const KEY: What = What::Part(Part::Linear(Place::Key));
const ROUTER: What = What::Part(Part::Linear(Place::Router));
/// What Megatron-LM pads a vocabulary to.
const PADDING: i128 = 128;

/// Projections and MLP as they are, experts that a token passes, shared ones too, without routers.
fn layers(bill: &mut Charges<'_>) {
    bill.linears(&THREE, &PROJECTIONS);
    bill.linears(&THREE, &[Place::Mlp]);
}

fn padded(bill: &mut Charges<'_>) {
    layers(bill);
    bill.linears(&THREE, &[Place::Shared]);
    let vocabulary = (bill.v + PADDING - 1) / PADDING * PADDING;
    bill.weights(&THREE, HEAD, bill.h * vocabulary);
    bill.square(2, 4);
}

/// Heads taken to be together H wide.
fn nemo(bill: &mut Charges<'_>) {
    let Case { h, l, n, k, .. } = **bill;
    for (place, heads) in PROJECTIONS.into_iter().zip([n, k, k, n]) {
        bill.weights(&THREE, place, l * h * h * heads / n);
    }
    bill.linears(&THREE, &[Place::Mlp, Place::Head]);
    bill.square_of(h, 2, 4);
}

fn automodel(bill: &mut Charges<'_>) {
    layers(bill);
    bill.linears(&THREE, &[Place::Head]);
    bill.square(2, 4);
}

fn slime(bill: &mut Charges<'_>) {
    bill.linears(&THREE, &[Place::Query, Place::Key, Place::Value, Place::Head]);
    bill.three_matrices(&THREE);
    bill.weights(&THREE, Place::Output, bill.l * bill.h * bill.h);
    bill.square(2, 4);
}

/// Four matrices of H by H, three of the MLP, the head, half the square.
fn multi_head(bill: &mut Charges<'_>, passes: &[WorkPass]) {
    for place in PROJECTIONS {
        bill.weights(passes, place, bill.l * bill.h * bill.h);
    }
    bill.three_matrices(passes);
    bill.linears(&THREE, &[Place::Head]);
    bill.square_of(bill.h, 2, 4);
    if passes.contains(&WorkPass::Again) {
        bill.add(SQUARE, WorkPass::Again, 2 * bill.l * bill.h * bill.square);
    }
}

fn xtuner(bill: &mut Charges<'_>) {
    multi_head(bill, if bill.training.recompute { &FOUR } else { &THREE });
}

/// The function asks for no heads.
fn xtuner_knows(case: &Case<'_>) -> Option<&'static str> {
    llama_like(case).filter(|_| case.architecture() != Architecture::GptNeoX)
}

/// Megatron 2021 with three passes, whose head then comes to 4.5 of 6, or with four.
fn neox(bill: &mut Charges<'_>) {
    if bill.training.recompute {
        megatron_2021(bill, &FOUR);
        return bill.weights(&THREE, HEAD, bill.table());
    }
    megatron_2021(bill, &THREE);
    bill.each(&THREE, HEAD, 3 * bill.table() * bill.t / 2);
}

fn megatron_deepspeed(bill: &mut Charges<'_>) {
    let Case { h, l, n, k, .. } = **bill;
    let matrix = l * h * h;
    bill.weights(&THREE, Place::Query, matrix);
    bill.weights(&THREE, Place::Output, matrix);
    // 2 // (n / k), in whole numbers, for keys and values together.
    let groups = 2 / (n / k);
    bill.each(&THREE, Place::Key, groups * matrix * bill.t);
    bill.each(&THREE, Place::Value, groups * matrix * bill.t);
    bill.linears(&THREE, &[Place::Mlp, Place::Head]);
    bill.square(4, 8);
}

fn nemo_knows(case: &Case<'_>) -> Option<&'static str> {
    match case.architecture() {
        Architecture::Llama
        | Architecture::Mistral
        | Architecture::Mixtral
        | Architecture::Qwen2
        | Architecture::Qwen3 => None,
        Architecture::Qwen2Moe
        | Architecture::Qwen3Moe
        | Architecture::Gemma2
        | Architecture::Gemma3
        | Architecture::Phi3
        | Architecture::SmolLm3
        | Architecture::StableLm
        | Architecture::Gemma
        | Architecture::Olmo2
        | Architecture::Granite
        | Architecture::Olmo3
        | Architecture::Starcoder2
        | Architecture::Gpt2
        | Architecture::Opt
        | Architecture::GptNeoX
        | Architecture::Phi => Some("the table of models read here has no entry with these terms"),
    }
}

fn without_adapters(case: &Case<'_>) -> Option<&'static str> {
    if case.has_adapters() {
        return Some("its callback refuses adapters (NotImplementedError)");
    }
    nemo_knows(case)
}

fn automodel_knows(case: &Case<'_>) -> Option<&'static str> {
    match case.architecture() {
        Architecture::Qwen2Moe => Some(
            "Qwen2MoeConfig is not in its table and falls to a fallback with two matrices, half of the \
             layers mixtures",
        ),
        Architecture::Gemma2
        | Architecture::Gemma3
        | Architecture::Phi3
        | Architecture::SmolLm3
        | Architecture::StableLm
        | Architecture::Gemma
        | Architecture::Olmo2
        | Architecture::Granite
        | Architecture::Olmo3
        | Architecture::Starcoder2
        | Architecture::Gpt2
        | Architecture::Opt
        | Architecture::GptNeoX
        | Architecture::Phi => Some("the table of models read here has no entry for it"),
        Architecture::Llama
        | Architecture::Mistral
        | Architecture::Qwen2
        | Architecture::Qwen3
        | Architecture::Mixtral
        | Architecture::Qwen3Moe => None,
    }
}

const NO_ROUTER: (What, &str) = (ROUTER, "the router is not charged");

pub(super) const FORMULAS: &[Formula] = &[
    Formula {
        id: "megatron-lm",
        name: "Megatron-LM num_floating_point_operations",
        source: run(
            "NVIDIA/Megatron-LM",
            "d98e8a64ddf3",
            "megatron/training/training.py num_floating_point_operations",
        ),
        per: "step",
        covers: Covers::Step,
        formula: "6 T (L (A + M) + H V) + 6 L n d sum S^2, V padded to a multiple of 128",
        why_not: always,
        charge: padded,
        because: &[HALF, NO_ROUTER],
    },
    Formula {
        id: "megatron-bridge",
        name: "Megatron-Bridge flop_utils",
        source: run("NVIDIA-NeMo/Megatron-Bridge", "067f987df03b", "training/utils/flop_utils.py"),
        per: "step",
        covers: Covers::Step,
        formula: "as Megatron-LM",
        why_not: always,
        charge: padded,
        because: &[HALF, NO_ROUTER],
    },
    Formula {
        id: "nemo",
        name: "NeMo 2 flops_formulas",
        source: run("NVIDIA/NeMo", "8cfedd720346", "nemo/utils/flops_formulas.py"),
        per: "step",
        covers: Covers::Step,
        formula: "T L H^2 (12 + 12 k/n + 18 I/H + 6 S/H + 6 V/LH)",
        why_not: without_adapters,
        charge: nemo,
        because: &[HALF, NO_ROUTER],
    },
    Formula {
        id: "automodel",
        name: "NeMo Automodel flops_utils",
        source: run("NVIDIA-NeMo/Automodel", "36044ad3d139", "components/utils/flops_utils.py"),
        per: "step",
        covers: Covers::Step,
        formula: "6 W T + 6 L n d B S^2, without routers",
        why_not: automodel_knows,
        charge: automodel,
        because: &[HALF, NO_ROUTER],
    },
    Formula {
        id: "nemo-rl-qwen2",
        name: "NeMo-RL flops_formulas, qwen2",
        source: run("NVIDIA-NeMo/RL", "7ea279abfbeb", "nemo_rl/utils/flops_formulas.py"),
        per: "step",
        covers: Covers::Step,
        formula: "6 T (L (4 H^2 + 3 H I + H S) + H V)",
        why_not: |case| {
            (case.architecture() != Architecture::Qwen2).then_some("the function is qwen2's alone")
        },
        charge: |bill| multi_head(bill, &THREE),
        because: &[HALF, (KEY, "keys are charged as wide as queries: grouped queries are ignored")],
    },
    Formula {
        id: "slime",
        name: "slime flops_utils",
        source: run("THUDM/slime", "624b824a898a", "slime/utils/flops_utils.py"),
        per: "step",
        covers: Covers::Step,
        formula: "3 x a causal forward pass, o as H by H",
        why_not: dense,
        charge: slime,
        because: &[HALF],
    },
    Formula {
        id: "gpt-neox",
        name: "GPT-NeoX get_flops",
        source: run("EleutherAI/gpt-neox", "ea7aefd8f8e1", "megatron/logging.py"),
        per: "step",
        covers: Covers::Step,
        formula: "24 c B S L H^2 (1 + S / 6 H + V / 16 L H), c = 3, or 4 with recomputation",
        why_not: dense,
        charge: neox,
        because: NEOX,
    },
    Formula {
        id: "colossalai",
        name: "ColossalAI performance_evaluator",
        source: run("hpcaitech/ColossalAI", "4f9953be335e", "performance_evaluator.py"),
        per: "step",
        covers: Covers::Step,
        formula: "24 c B S L H^2 (1 + S / 6 H + V / 16 L H), c = 3, or 4 with recomputation",
        why_not: dense,
        charge: neox,
        because: NEOX,
    },
    Formula {
        id: "megatron-deepspeed",
        name: "Megatron-DeepSpeed throughput_calculator",
        source: run("deepspeedai/Megatron-DeepSpeed", "4efb479d5317", "megatron/utils.py"),
        per: "step",
        covers: Covers::Step,
        formula: "6 (L (1 + 2 // (n/k) + 1) H^2 T + 2 L n d B S^2 + (swiglu ? 3 : 2) H I L T + V H T)",
        why_not: dense,
        charge: megatron_deepspeed,
        because: &[
            (
                KEY,
                "2 // (n/k) divides whole numbers: with n/k above 2 it is 0 and keys and values vanish",
            ),
            WHOLE,
        ],
    },
    Formula {
        id: "xtuner",
        name: "xtuner throughput_hook",
        source: run("InternLM/xtuner", "b934f462095c", "engine/hooks/throughput_hook.py"),
        per: "step",
        covers: Covers::Step,
        formula: "3 L (8 T H^2 + 2 B S^2 H + 6 T H I) + 6 T H V; 4 L with recomputation",
        why_not: |case| dense(case).or_else(|| xtuner_knows(case)),
        charge: xtuner,
        because: &[HALF],
    },
    Formula {
        id: "primus",
        name: "Primus and Pai-Megatron-Patch",
        source: read("AMD-AGI/Primus; alibaba/Pai-Megatron-Patch", "", "Megatron-LM's function"),
        per: "step",
        covers: Covers::Step,
        formula: "as Megatron-LM",
        why_not: always,
        charge: padded,
        because: &[HALF, NO_ROUTER],
    },
];

const NEOX: &[(What, &str)] = &[
    (HEAD, "V / 16 belongs to four passes: with three the head is charged at 4.5 instead of 6"),
    (
        What::Part(Part::Linear(Place::Mlp)),
        "the MLP is two matrices of width 4 H, whatever its own width",
    ),
    WHOLE,
];
