//! Training code of laboratories and institutes.

use super::{
    bill::{Charges, FOUR, PROJECTIONS, THREE, TWO, What},
    case::{Case, always, dense},
    formula::{Covers, Formula, WHOLE, run},
    frameworks::windowed,
};
use crate::family::decoder::{Architecture, Part, Place, WorkPass};

const HEAD: What = What::Part(Part::Linear(Place::Head));
const SQUARE: What = What::Part(Part::Square);
const MLP: What = What::Part(Part::Linear(Place::Mlp));

/// The square is in the sum of the trained and in that of the frozen.
fn litgpt(bill: &mut Charges<'_>) {
    let passes: &[WorkPass] = if bill.has_adapters() { &TWO } else { &THREE };
    bill.parameters(passes);
    if !bill.tied() {
        bill.weights(passes, What::Table, bill.table());
    }
    bill.weights(&THREE, Part::Adapter, bill.adapters);
    bill.square_of(bill.h, 4, 8);
    bill.square_of(bill.h, 4, 4);
}

/// The modules that are asked are OLMo-core's own.
fn olmo_knows(case: &Case<'_>) -> Option<&'static str> {
    match case.architecture() {
        Architecture::Starcoder2
        | Architecture::Gpt2
        | Architecture::Opt
        | Architecture::GptNeoX
        | Architecture::Phi => Some("OLMo-core has no MLP without a gate and no norm with a bias"),
        Architecture::StableLm => Some("it was executed on models with RMS norms"),
        _ => None,
    }
}

fn olmo(bill: &mut Charges<'_>) {
    bill.linears(&THREE, &PROJECTIONS);
    bill.linears(&THREE, &[Place::Mlp, Place::Head, Place::Router, Place::Shared]);
    bill.weights(&THREE, Part::Bias, bill.biases);
    // The norms of head, queries and keys.
    let widths = bill.config.query_key_norms().into_iter().flatten();
    let heads = bill.l * widths.map(i128::from).sum::<i128>();
    bill.weights(&THREE, Part::Norm, bill.h + heads);
    windowed(bill);
}

fn levanter(bill: &mut Charges<'_>, passes: &[WorkPass]) {
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
fn cookbook(bill: &mut Charges<'_>, passes: &[WorkPass]) {
    let Case { h, l, n, k, .. } = **bill;
    let matrix = l * h * h;
    for (place, heads) in PROJECTIONS.into_iter().zip([n, k, k, n]) {
        bill.weights(passes, place, matrix * heads / n);
    }
    bill.weights(passes, MLP, 12 * matrix);
    bill.square_of(h, 4, 8);
    if passes.contains(&WorkPass::Again) {
        bill.add(SQUARE, WorkPass::Again, 4 * l * h * bill.square);
    }
    bill.add(Part::Norm, WorkPass::Forward, 4 * h * bill.t);
    bill.linears(&[WorkPass::Forward], &[Place::Head]);
}

fn lingua(bill: &mut Charges<'_>) {
    bill.parameters(&THREE);
    if bill.tied() {
        bill.weights(&THREE, HEAD, -bill.table());
    }
    bill.square_of(bill.h, 2, 5);
}

fn open_instruct(bill: &mut Charges<'_>) {
    // The function knows the width of these by no name.
    let is_unknown = matches!(bill.architecture(), Architecture::Gpt2 | Architecture::Opt);
    let width = if is_unknown { 4 * bill.h } else { bill.i };
    bill.linears(&THREE, &PROJECTIONS);
    bill.three_matrices_of(width, &THREE);
    bill.linears(&THREE, &[Place::Head]);
    bill.square(4, 8);
    bill.each(&THREE, Part::Softmax, 4 * bill.l * bill.n * bill.square);
    bill.each(&THREE, Part::Activation, bill.l * width * bill.t);
}

pub(super) const FORMULAS: &[Formula] = &[
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
        why_not: olmo_knows,
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
        formula: "3 (L ((glu ? 6 : 4) H I (K + shared) + 2 H (n + 2 k) d + 2 H^2 + 4 S n d + 3 S n) + 2 H V) T",
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
        formula: "(L ((glu ? 6 : 4) H I (K + shared) + 2 H (n + 2 k) d + 2 H^2 + 4 S n d + 3 S n) + 2 H V) T",
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
        because: &[
            WHOLE,
            (
                MLP,
                "the MLP is charged as three matrices, 4 H wide where the function finds no intermediate_size",
            ),
        ],
    },
];

const COOKBOOK: &[(What, &str)] = &[
    WHOLE,
    (HEAD, "the head is charged for the forward pass alone"),
    (
        MLP,
        "the option ffn-hidden-size is read and never used: the MLP is three matrices of width 4 H",
    ),
];
