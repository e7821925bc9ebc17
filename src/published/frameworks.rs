//! Training frameworks outside of Megatron's and Hugging Face's circles.

use super::{
    Bill, Case, Covers, Formula, What,
    bill::{FOUR, PROJECTIONS, THREE, TWO},
    case::{always, dense},
    read, run,
};
use crate::family::decoder::{Member, Part, Pass, Place};

const HEAD: What = What::Part(Part::Linear(Place::Head));
const SQUARE: What = What::Part(Part::Square);
const SHARED: What = What::Part(Part::Linear(Place::Shared));
const MLP: What = What::Part(Part::Linear(Place::Mlp));
const WHOLE: (What, &str) =
    (SQUARE, "attention over the whole square; a query meets the keys up to itself");
const HALF: (What, &str) =
    (SQUARE, "half of S^2 is charged; a query meets itself too, S (S + 1) / 2 pairs");
const NO_SHARED: (What, &str) = (SHARED, "the expert that every token passes is not charged");

/// Linear layers as they are, experts with their router but without a shared one.
fn routed(bill: &mut Bill<'_>, passes: &[Pass]) {
    bill.linears(passes, &PROJECTIONS);
    bill.linears(passes, &[Place::Mlp, Place::Head, Place::Router]);
}

fn whole(bill: &mut Bill<'_>) {
    bill.every_linear(&THREE);
    bill.square(4, 8);
}

/// Frozen weights cost two passes, adapters three.
fn adapters_apart(bill: &mut Bill<'_>) {
    routed(bill, if bill.has_adapters() { &TWO } else { &THREE });
    bill.weights(&THREE, Part::Adapter, bill.adapters);
    bill.square(4, 8);
}

fn prime_rl(bill: &mut Bill<'_>) {
    routed(bill, if bill.has_adapters() { &TWO } else { &THREE });
    bill.weights(&THREE, Part::Adapter, bill.adapters);
    bill.square_of(bill.h, 4, 8);
}

/// The products under each query's window, or under all keys.
fn windowed(bill: &mut Bill<'_>) {
    let windows = bill.config.layers.iter().map(|layer| layer.window.map_or(bill.s, i128::from));
    let keys: i128 = windows.map(|window| window.min(bill.s)).sum();
    let unit = keys * bill.n * bill.d * bill.t;
    bill.add(Part::Square, Pass::Forward, 4 * unit);
    bill.add(Part::Square, Pass::Input, 8 * unit);
}

fn nanochat(bill: &mut Bill<'_>) {
    bill.every_linear(&THREE);
    windowed(bill);
}

fn maxtext(bill: &mut Bill<'_>) {
    routed(bill, &THREE);
    bill.square(2, 4);
}

fn maxtext_shared(bill: &mut Bill<'_>) {
    routed(bill, &THREE);
    bill.linears(&THREE, &[Place::Shared]);
    bill.square(2, 4);
}

fn torchtitan(bill: &mut Bill<'_>) {
    bill.parameters(&THREE);
    bill.square(4, 8);
}

fn torchtitan_transformers(bill: &mut Bill<'_>) {
    bill.parameters(&THREE);
    if !bill.tied() {
        bill.weights(&THREE, What::Table, bill.table());
    }
    bill.square(2, 4);
}

fn torchtitan_transformers_since(bill: &mut Bill<'_>) {
    bill.parameters(&THREE);
    windowed(bill);
}

fn verl(bill: &mut Bill<'_>) {
    routed(bill, &THREE);
    bill.weights(&THREE, What::Table, bill.table());
    bill.square(2, 4);
}

fn verl_until(bill: &mut Bill<'_>) {
    verl(bill);
    bill.square(2, 4);
}

/// The square is in the sum of the trained and in that of the frozen.
fn litgpt(bill: &mut Bill<'_>) {
    let passes: &[Pass] = if bill.has_adapters() { &TWO } else { &THREE };
    bill.parameters(passes);
    if !bill.tied() {
        bill.weights(passes, What::Table, bill.table());
    }
    bill.weights(&THREE, Part::Adapter, bill.adapters);
    bill.square_of(bill.h, 4, 8);
    bill.square_of(bill.h, 4, 4);
}

fn olmo(bill: &mut Bill<'_>) {
    bill.linears(&THREE, &PROJECTIONS);
    bill.linears(&THREE, &[Place::Mlp, Place::Head, Place::Router, Place::Shared]);
    bill.weights(&THREE, Part::Bias, bill.biases);
    // The norms of head, queries and keys.
    let heads = if bill.member().norms_heads() { 2 * bill.l * bill.d } else { 0 };
    bill.weights(&THREE, Part::Norm, bill.h + heads);
    windowed(bill);
}

fn levanter(bill: &mut Bill<'_>, passes: &[Pass]) {
    let Case { h, l, n, k, .. } = **bill;
    // H / n as the width of a head.
    for (place, heads) in PROJECTIONS.into_iter().zip([n, k, k, n]) {
        bill.weights(passes, place, l * h * h * heads / n);
    }
    bill.linears(passes, &[Place::Mlp, Place::Shared, Place::Router, Place::Head]);
    bill.square_of(h, 4, if passes.len() > 1 { 8 } else { 0 });
    bill.each(passes, Part::Softmax, 3 * l * n * bill.square);
}

/// Layers with an MLP of 4 H whatever was asked for, in three passes or four; the head in one.
fn cookbook(bill: &mut Bill<'_>, passes: &[Pass]) {
    let Case { h, l, n, k, .. } = **bill;
    let matrix = l * h * h;
    for (place, heads) in PROJECTIONS.into_iter().zip([n, k, k, n]) {
        bill.weights(passes, place, matrix * heads / n);
    }
    bill.weights(passes, MLP, 12 * matrix);
    bill.square_of(h, 4, 8);
    if passes.contains(&Pass::Again) {
        bill.add(SQUARE, Pass::Again, 4 * l * h * bill.square);
    }
    bill.add(Part::Norm, Pass::Forward, 4 * h * bill.t);
    bill.linears(&[Pass::Forward], &[Place::Head]);
}

fn lingua(bill: &mut Bill<'_>) {
    bill.parameters(&THREE);
    if bill.tied() {
        bill.weights(&THREE, HEAD, -bill.table());
    }
    bill.square_of(bill.h, 2, 5);
}

fn open_instruct(bill: &mut Bill<'_>) {
    bill.linears(&THREE, &PROJECTIONS);
    bill.linears(&THREE, &[Place::Mlp, Place::Head]);
    bill.square(4, 8);
    bill.each(&THREE, Part::Softmax, 4 * bill.l * bill.n * bill.square);
    bill.each(&THREE, Part::Activation, bill.l * bill.i * bill.t);
}

fn verl_knows(case: &Case<'_>) -> Option<&'static str> {
    match case.member() {
        Member::Mixtral => Some("it has no entry for mixtral, and reports an MFU of 0"),
        Member::Gemma2 | Member::Qwen3 | Member::Qwen3Moe => {
            Some("the function that was executed is that of qwen2, llama, mistral and qwen2_moe")
        }
        Member::Llama | Member::Mistral | Member::Qwen2 | Member::Qwen2Moe => None,
    }
}

fn veomni_knows(case: &Case<'_>) -> Option<&'static str> {
    match case.member() {
        Member::Qwen2 | Member::Qwen3 | Member::Qwen2Moe | Member::Qwen3Moe => None,
        _ if case.has_adapters() => Some("it counts adapters for the Qwen families alone"),
        Member::Llama | Member::Mistral | Member::Mixtral | Member::Gemma2 => None,
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
        why_not: always,
        charge: prime_rl,
        because: &[WHOLE, NO_SHARED],
    },
    Formula {
        id: "litgpt",
        name: "litgpt estimate_flops",
        source: run("Lightning-AI/litgpt", "26857050fe3f", "litgpt/utils.py estimate_flops"),
        per: "sample",
        covers: Covers::Step,
        formula: "3 (2 Nt S + 4 L H S^2) + 2 (2 Nf S + 4 L H S^2), Nt trained, Nf frozen",
        why_not: dense,
        charge: litgpt,
        because: &[(
            SQUARE,
            "the square stands in the sum of the trained and again in that of the frozen parameters: 20, \
             also where nothing is frozen, and whole",
        )],
    },
    Formula {
        id: "olmo-core",
        name: "OLMo-core num_flops_per_token",
        source: run("allenai/OLMo-core", "fa6c5014c9f6", "nn/*/num_flops_per_token"),
        per: "token",
        covers: Covers::Step,
        formula: "(6 (attention with biases + FFN + head with its norm) + 12 n d min(window, S) a layer) T",
        why_not: always,
        charge: olmo,
        because: &[WHOLE],
    },
    Formula {
        id: "levanter",
        name: "levanter and marin, times 3",
        source: run(
            "stanford-crfm/levanter; marin-community/marin",
            "9263f81e8b45; 0a2b32cd84a9",
            "utils/flop_utils.py",
        ),
        per: "token",
        covers: Covers::Step,
        formula: "3 (L (6 H I (K + shared) + 2 H (n + 2 k) d + 2 H^2 + 4 S n d + 3 S n) + 2 H V) T",
        why_not: always,
        charge: |bill| levanter(bill, &THREE),
        because: &[WHOLE],
    },
    Formula {
        id: "levanter-forward",
        name: "levanter and marin, forward",
        source: run(
            "stanford-crfm/levanter; marin-community/marin",
            "9263f81e8b45; 0a2b32cd84a9",
            "utils/flop_utils.py",
        ),
        per: "token",
        covers: Covers::Forward,
        formula: "(L (6 H I (K + shared) + 2 H (n + 2 k) d + 2 H^2 + 4 S n d + 3 S n) + 2 H V) T",
        why_not: always,
        charge: |bill| levanter(bill, &THREE[..1]),
        because: &[WHOLE],
    },
    Formula {
        id: "cookbook",
        name: "EleutherAI cookbook, -ca",
        source: run("EleutherAI/cookbook", "827ee3b293a6", "calc/calc_transformer_flops.py"),
        per: "step",
        covers: Covers::Step,
        formula: "3 (2 (1 + 2k/n) L T H^2 + 4 L T S H + 2 L T H^2 + 24 L T H^2) + T (4 H + 2 H V)",
        why_not: dense,
        charge: |bill| cookbook(bill, &THREE),
        because: COOKBOOK,
    },
    Formula {
        id: "cookbook-default",
        name: "EleutherAI cookbook, default",
        source: run("EleutherAI/cookbook", "827ee3b293a6", "calc/calc_transformer_flops.py"),
        per: "step, recomputation in it",
        covers: Covers::Step,
        formula: "4 (2 (1 + 2k/n) L T H^2 + 4 L T S H + 2 L T H^2 + 24 L T H^2) + T (4 H + 2 H V)",
        why_not: dense,
        charge: |bill| cookbook(bill, &FOUR),
        because: COOKBOOK,
    },
    Formula {
        id: "lingua",
        name: "lingua",
        source: run("facebookresearch/lingua", "437d680e5218", "apps/main/transformer.py"),
        per: "token",
        covers: Covers::Step,
        formula: "(6 (N - V H) + 7 L H S) T",
        why_not: dense,
        charge: lingua,
        because: &[
            (HEAD, "a tied head is lost when the embedding's parameters are subtracted"),
            (SQUARE, "7 is the work of a causal FlashAttention, which computes the scores again"),
        ],
    },
    Formula {
        id: "open-instruct",
        name: "open-instruct",
        source: run("allenai/open-instruct", "e6c3044aa620", "open_instruct/utils.py"),
        per: "step",
        covers: Covers::Step,
        formula: "3 B (L (2 A S + 4 n d S^2 + 4 n S^2 + 6 H I S + I S) + 2 S H V)",
        why_not: dense,
        charge: open_instruct,
        because: &[WHOLE],
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

const COOKBOOK: &[(What, &str)] = &[
    WHOLE,
    (HEAD, "the head is charged for the forward pass alone"),
    (MLP, "--ffn-hidden-size is read and never used: the MLP is three matrices of width 4 H"),
];
