//! Training frameworks outside of Megatron's and Hugging Face's circles.

use super::{
    bill::{Charges, PROJECTIONS, THREE, TWO, What},
    case::{Case, Keys, always, dense, llama_like},
    formula::{Covers, Formula, HALF, WHOLE, read, run},
};
use crate::family::decoder::{Architecture, Part, Place, WorkPass};

const SQUARE: What = What::Part(Part::Square);
const SHARED: What = What::Part(Part::Linear(Place::Shared));
const NO_SHARED: (What, &str) = (SHARED, "the expert that every token passes is not charged");

/// Linear layers as they are, experts with their router but without a shared one.
fn routed(bill: &mut Charges<'_>, passes: &[WorkPass]) {
    bill.linears(passes, &PROJECTIONS);
    bill.linears(passes, &[Place::Mlp, Place::Head, Place::Router]);
}

fn whole(bill: &mut Charges<'_>) {
    bill.every_linear(&THREE);
    bill.square(4, 8);
}

/// Frozen weights cost two passes, adapters three.
fn adapters_apart(bill: &mut Charges<'_>) {
    routed(bill, if bill.has_adapters() { &TWO } else { &THREE });
    bill.weights(&THREE, Part::Adapter, bill.adapters);
    bill.square(4, 8);
}

fn prime_rl(bill: &mut Charges<'_>) {
    let passes: &[WorkPass] = if bill.has_adapters() { &TWO } else { &THREE };
    bill.linears(passes, &PROJECTIONS);
    bill.three_matrices(passes);
    bill.linears(passes, &[Place::Head, Place::Router]);
    bill.weights(&THREE, Part::Adapter, bill.adapters);
    bill.square_of(bill.h, 4, 8);
}

/// The products under each query's window, or under all keys.
pub(super) fn windowed(bill: &mut Charges<'_>) {
    bill.attention(Keys::Window, bill.n * bill.d, 4, 8);
}

fn nanochat(bill: &mut Charges<'_>) {
    bill.every_linear(&THREE);
    windowed(bill);
}

fn maxtext(bill: &mut Charges<'_>) {
    routed(bill, &THREE);
    bill.square(2, 4);
}

fn maxtext_shared(bill: &mut Charges<'_>) {
    routed(bill, &THREE);
    bill.linears(&THREE, &[Place::Shared]);
    bill.square(2, 4);
}

fn torchtitan(bill: &mut Charges<'_>) {
    bill.parameters(&THREE);
    bill.square(4, 8);
}

fn torchtitan_transformers(bill: &mut Charges<'_>) {
    bill.parameters(&THREE);
    if !bill.tied() {
        bill.weights(&THREE, What::Table, bill.table());
    }
    bill.square(2, 4);
}

fn torchtitan_transformers_since(bill: &mut Charges<'_>) {
    bill.parameters(&THREE);
    windowed(bill);
}

fn verl(bill: &mut Charges<'_>) {
    routed(bill, &THREE);
    bill.weights(&THREE, What::Table, bill.table());
    bill.square(2, 4);
}

fn verl_until(bill: &mut Charges<'_>) {
    verl(bill);
    bill.square(2, 4);
}

fn verl_knows(case: &Case<'_>) -> Option<&'static str> {
    match case.architecture() {
        Architecture::Mixtral => Some("it has no entry for mixtral, and reports an MFU of 0"),
        Architecture::Gemma2
        | Architecture::Qwen3
        | Architecture::Qwen3Moe
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
        | Architecture::Phi => {
            Some("the function that was executed is that of qwen2, llama, mistral and qwen2_moe")
        }
        Architecture::Gemma3 => Some(
            "it has a function for gemma3_text, which charges windows; the one that was executed is that of \
             qwen2, llama, mistral and qwen2_moe",
        ),
        Architecture::Llama
        | Architecture::Mistral
        | Architecture::Qwen2
        | Architecture::Qwen2Moe => None,
    }
}

fn veomni_knows(case: &Case<'_>) -> Option<&'static str> {
    match case.architecture() {
        Architecture::Qwen2
        | Architecture::Qwen3
        | Architecture::Qwen2Moe
        | Architecture::Qwen3Moe => None,
        Architecture::Gemma3
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
        _ if case.has_adapters() => Some("it counts adapters for the Qwen families alone"),
        Architecture::Llama
        | Architecture::Mistral
        | Architecture::Mixtral
        | Architecture::Gemma2 => None,
    }
}

pub(super) const FORMULAS: &[Formula] = &[
    Formula {
        id: "nanochat",
        name: "nanochat estimate_flops",
        source: run("karpathy/nanochat", "92d63d4e8bb4", "nanochat/gpt.py estimate_flops"),
        per: "token",
        covers: Covers::Step,
        formula: "6 W T + 12 n d min(window, S) T a layer",
        why_not: dense,
        charge: nanochat,
        because: &[WHOLE],
    },
    Formula {
        id: "maxtext",
        name: "MaxText",
        source: run(
            "AI-Hypercomputer/maxtext",
            "e591f30cbbf2",
            "src/maxtext/utils/maxtext_utils.py",
        ),
        per: "step",
        covers: Covers::Step,
        formula: "6 W T + 6 L n d B S^2, routers in, shared experts out",
        why_not: always,
        charge: maxtext,
        because: &[HALF, NO_SHARED],
    },
    Formula {
        id: "maxtext-shared",
        name: "MaxText, path of DeepSeek and Qwen3-Next",
        source: read(
            "AI-Hypercomputer/maxtext",
            "e591f30cbbf2",
            "src/maxtext/utils/maxtext_utils.py",
        ),
        per: "step",
        covers: Covers::Step,
        formula: "the same with shared experts",
        why_not: |case| if case.has_experts() { None } else { Some("the model has no experts") },
        charge: maxtext_shared,
        because: &[HALF],
    },
    Formula {
        id: "torchtitan",
        name: "torchtitan, native models",
        source: run("pytorch/torchtitan", "b5bcd76c66d0", "torchtitan/models/utils.py"),
        per: "token",
        covers: Covers::Step,
        formula: "(6 (tied ? N : N - V H) + 6 L n 2 d S) T, active parameters",
        why_not: always,
        charge: torchtitan,
        because: &[WHOLE],
    },
    Formula {
        id: "torchtitan-transformers-2026-08",
        name: "torchtitan, Transformers backend, until 2026-08",
        source: run("pytorch/torchtitan", "b5bcd76c66d0", "Transformers backend"),
        per: "token",
        covers: Covers::Step,
        formula: "(6 N + 6 L n d S) T",
        why_not: dense,
        charge: torchtitan_transformers,
        because: &[(SQUARE, "d instead of 2 d: half the square, which is nearly the causal count")],
    },
    Formula {
        id: "torchtitan-transformers",
        name: "torchtitan, Transformers backend, since #4300",
        source: read("pytorch/torchtitan", "pull request 4300 (2026-08)", "Transformers backend"),
        per: "token",
        covers: Covers::Step,
        formula: "(6 (active, table out unless tied) + 12 n d min(S, window) a layer) T",
        why_not: always,
        charge: torchtitan_transformers_since,
        because: &[WHOLE],
    },
    Formula {
        id: "verl",
        name: "verl flops_counter, since 2026-01",
        source: run("verl-project/verl", "1dda039b9c63", "verl/utils/flops_counter.py"),
        per: "step",
        covers: Covers::Step,
        formula: "6 T (L (A + M) + 2 V H) + 6 L n d sum S^2",
        why_not: verl_knows,
        charge: verl,
        because: &[HALF, NO_SHARED],
    },
    Formula {
        id: "verl-2026-01",
        name: "verl flops_counter, until 2026-01",
        source: run("verl-project/verl", "before pull request 4959", "verl/utils/flops_counter.py"),
        per: "step",
        covers: Covers::Step,
        formula: "6 T (L (A + M) + 2 V H) + 12 L n d sum S^2",
        why_not: verl_knows,
        charge: verl_until,
        because: &[WHOLE, NO_SHARED],
    },
    Formula {
        id: "veomni",
        name: "VeOmni count_flops",
        source: run("ByteDance-Seed/VeOmni", "d9774494f5d8", "veomni/utils/count_flops.py"),
        per: "step",
        covers: Covers::Step,
        formula: "6 W T + 12 L n d sum S^2; with adapters 4 W T + 6 P T + 12 L n d sum S^2",
        why_not: veomni_knows,
        charge: adapters_apart,
        because: &[WHOLE, NO_SHARED],
    },
    Formula {
        id: "prime-rl",
        name: "prime-rl perf",
        source: run("PrimeIntellect-ai/prime-rl", "559b44772e47", "src/prime_rl/trainer/perf.py"),
        per: "step",
        covers: Covers::Step,
        formula: "6 W T + 12 L H S T; with adapters 4 W T + 6 P T + 12 L H S T",
        why_not: llama_like,
        charge: prime_rl,
        because: &[WHOLE, NO_SHARED],
    },
    Formula {
        id: "w-whole",
        name: "6 W T + 12 L n d B S^2, every weight of a product",
        source: read(
            "this crate",
            "",
            "the rule that nanochat, VeOmni, prime-rl and nanotron share",
        ),
        per: "step",
        covers: Covers::Step,
        formula: "6 W T + 12 L n d B S^2",
        why_not: always,
        charge: whole,
        because: &[WHOLE],
    },
];
