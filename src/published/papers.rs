//! Formulas of papers, as published there: shapes of their own models are taken for granted.

use super::{
    bill::{Charges, FOUR, THREE, What},
    case::dense,
    formula::{Checked, Covers, Formula, Source, TWO_MATRICES, WHOLE, paper, read},
};
use crate::family::decoder::{Part, Place, WorkPass};

const MLP: What = What::Part(Part::Linear(Place::Mlp));
const HEAD: What = What::Part(Part::Linear(Place::Head));
const SQUARE: What = What::Part(Part::Square);
const SOFTMAX: What = What::Part(Part::Softmax);
const FOUR_H: (What, &str) = (MLP, "the MLP is two matrices of width 4 H, whatever its own width");

/// Kaplan's forward pass, 2 N + 2 L S n d a token, N counted as 2 H L (2 n d + I), times each pass.
fn kaplan(bill: &mut Charges<'_>, backward: bool) {
    let passes = if backward { &THREE[..] } else { &THREE[..1] };
    bill.multi_head(passes);
    bill.weights(passes, MLP, 2 * bill.h * bill.i * bill.l);
    bill.square(2, if backward { 4 } else { 0 });
}

/// The same with N counted from the layers as they are.
fn kaplan_parameters(bill: &mut Charges<'_>, backward: bool) {
    let passes = if backward { &THREE[..] } else { &THREE[..1] };
    bill.parameters(passes);
    bill.weights(passes, What::Positions, -bill.positions);
    bill.weights(passes, HEAD, -bill.table());
    bill.square(2, if backward { 4 } else { 0 });
}

/// Chinchilla's appendix F without its two terms of the vocabulary.
fn chinchilla_layers(bill: &mut Charges<'_>, passes: &[WorkPass]) {
    bill.multi_head(passes);
    bill.weights(passes, MLP, 2 * bill.h * bill.i * bill.l);
    chinchilla_scores(bill, passes);
}

/// Two products over the whole square, and 3 a score for the softmax.
fn chinchilla_scores(bill: &mut Charges<'_>, passes: &[WorkPass]) {
    bill.square(4, if passes.len() > 1 { 8 } else { 0 });
    bill.each(passes, SOFTMAX, 3 * bill.l * bill.n * bill.square);
}

fn chinchilla_vocabulary(bill: &mut Charges<'_>, passes: &[WorkPass]) {
    bill.weights(passes, What::Table, bill.table());
    bill.weights(passes, HEAD, bill.table());
}

fn chinchilla(bill: &mut Charges<'_>) {
    chinchilla_layers(bill, &THREE);
    chinchilla_vocabulary(bill, &THREE);
}

/// 24 B S L H^2 a pass: four matrices of H by H and two of 4 H.
pub(super) fn megatron_2021(bill: &mut Charges<'_>, passes: &[WorkPass]) {
    let matrix = bill.l * bill.h * bill.h;
    for place in super::bill::PROJECTIONS {
        bill.weights(passes, place, matrix);
    }
    bill.weights(passes, MLP, 8 * matrix);
    bill.square_of(bill.h, 4, 8);
    if passes.contains(&WorkPass::Again) {
        bill.add(SQUARE, WorkPass::Again, 4 * bill.l * bill.h * bill.square);
    }
}

fn korthikanti(bill: &mut Charges<'_>) {
    megatron_2021(bill, &THREE);
    bill.weights(&THREE, HEAD, bill.table());
}

fn scaling_book(bill: &mut Charges<'_>) {
    bill.multi_head(&THREE);
    bill.weights(&THREE, MLP, 3 * bill.h * bill.i * bill.l);
    bill.weights(&THREE, HEAD, bill.table());
    bill.square(4, 8);
}

const CHINCHILLA: Source = Source {
    name: "Hoffmann et al. 2022 (Chinchilla), arXiv:2203.15556",
    commit: "",
    place: "appendix F; the part without vocabulary executed as nanoGPT's scaling_laws.ipynb states it",
    checked: Checked::Read,
};
const KAPLAN: Source = paper("Kaplan et al. 2020, arXiv:2001.08361", "table 1 and equation 2.2");
const KAPLAN_SQUARE: (What, &str) = (
    SQUARE,
    "2 L S n d a token: one of attention's products whole, or both causal, without the diagonal's half",
);

pub(super) const FORMULAS: &[Formula] = &[
    Formula {
        id: "kaplan-literal",
        name: "Kaplan 2020, 3 x C_forward, N as its table states it",
        source: KAPLAN,
        per: "token",
        covers: Covers::Step,
        formula: "3 (2 N + 2 L S n d) T, N = 2 H L (2 n d + I)",
        why_not: dense,
        charge: |bill| kaplan(bill, true),
        because: &[TWO_MATRICES, KAPLAN_SQUARE],
    },
    Formula {
        id: "kaplan",
        name: "Kaplan 2020, 3 x C_forward, N without embedding and head",
        source: KAPLAN,
        per: "token",
        covers: Covers::Step,
        formula: "3 (2 N0 + 2 L S n d) T",
        why_not: dense,
        charge: |bill| kaplan_parameters(bill, true),
        because: &[KAPLAN_SQUARE],
    },
    Formula {
        id: "kaplan-literal-forward",
        name: "Kaplan 2020, C_forward, N as its table states it",
        source: KAPLAN,
        per: "token",
        covers: Covers::Forward,
        formula: "(2 N + 2 L S n d) T, N = 2 H L (2 n d + I)",
        why_not: dense,
        charge: |bill| kaplan(bill, false),
        because: &[TWO_MATRICES, KAPLAN_SQUARE],
    },
    Formula {
        id: "kaplan-forward",
        name: "Kaplan 2020, C_forward, N without embedding and head",
        source: KAPLAN,
        per: "token",
        covers: Covers::Forward,
        formula: "(2 N0 + 2 L S n d) T",
        why_not: dense,
        charge: |bill| kaplan_parameters(bill, false),
        because: &[KAPLAN_SQUARE],
    },
    Formula {
        id: "chinchilla",
        name: "Chinchilla, appendix F",
        source: CHINCHILLA,
        per: "sequence",
        covers: Covers::Step,
        formula: "3 B (2 S V H + L (8 S H n d + 4 S^2 n d + 3 n S^2 + 4 S H I) + 2 S H V)",
        why_not: dense,
        charge: chinchilla,
        because: &[TWO_MATRICES, WHOLE],
    },
    Formula {
        id: "chinchilla-forward",
        name: "Chinchilla, appendix F, forward",
        source: CHINCHILLA,
        per: "sequence",
        covers: Covers::Forward,
        formula: "B (2 S V H + L (8 S H n d + 4 S^2 n d + 3 n S^2 + 4 S H I) + 2 S H V)",
        why_not: dense,
        charge: |bill| {
            chinchilla_layers(bill, &THREE[..1]);
            chinchilla_vocabulary(bill, &THREE[..1]);
        },
        because: &[TWO_MATRICES, WHOLE],
    },
    Formula {
        id: "chinchilla-layers",
        name: "Chinchilla without vocabulary, as its table A4 has it",
        source: CHINCHILLA,
        per: "sequence",
        covers: Covers::Step,
        formula: "3 B L (8 S H n d + 4 S^2 n d + 3 n S^2 + 4 S H I)",
        why_not: dense,
        charge: |bill| chinchilla_layers(bill, &THREE),
        because: &[
            TWO_MATRICES,
            WHOLE,
            (HEAD, "the terms of the vocabulary are left out, the head's too"),
        ],
    },
    Formula {
        id: "chinchilla-gqa",
        name: "Chinchilla with grouped queries and SwiGLU put in",
        source: CHINCHILLA,
        per: "sequence",
        covers: Covers::Step,
        formula: "3 B (2 S V H + L (2 A S + 4 S^2 n d + 3 n S^2 + 6 S H I) + 2 S H V)",
        why_not: dense,
        charge: |bill| {
            bill.linears(&THREE, &super::bill::PROJECTIONS);
            bill.three_matrices(&THREE);
            chinchilla_scores(bill, &THREE);
            chinchilla_vocabulary(bill, &THREE);
        },
        because: &[WHOLE],
    },
    Formula {
        id: "megatron-2021",
        name: "Narayanan et al. 2021, equation 3",
        source: Source {
            name: "Narayanan et al. 2021 (Megatron-LM), arXiv:2104.04473",
            commit: "",
            place: "equation 3; executed as GPT-NeoX's get_actual_flops states it",
            checked: Checked::Run,
        },
        per: "step, recomputation in it",
        covers: Covers::Step,
        formula: "96 B S L H^2 (1 + S / 6 H + V / 16 L H)",
        why_not: dense,
        charge: |bill| {
            megatron_2021(bill, &FOUR);
            bill.weights(&THREE, HEAD, bill.table());
        },
        because: &[FOUR_H, WHOLE],
    },
    Formula {
        id: "korthikanti",
        name: "Korthikanti et al. 2022, model FLOPs",
        source: paper("Korthikanti et al. 2022, arXiv:2205.05198", "appendix A"),
        per: "step",
        covers: Covers::Step,
        formula: "72 B S L H^2 (1 + S / 6 H + V / 12 L H)",
        why_not: dense,
        charge: korthikanti,
        because: &[FOUR_H, WHOLE],
    },
    Formula {
        id: "korthikanti-selective",
        name: "Korthikanti et al. 2022, selective recomputation",
        source: paper("Korthikanti et al. 2022, arXiv:2205.05198", "appendix A"),
        per: "step, recomputation in it",
        covers: Covers::Step,
        formula: "72 B S L H^2 (1 + S / 3 H + V / 12 L H)",
        why_not: dense,
        charge: |bill| {
            korthikanti(bill);
            let again = 12 * bill.l * bill.h * bill.square;
            bill.add(SQUARE, WorkPass::Again, again);
        },
        because: &[
            FOUR_H,
            (
                SQUARE,
                "attention is charged over the whole square, and its second forward pass as three",
            ),
        ],
    },
    Formula {
        id: "deepseek-llm",
        name: "DeepSeek LLM, M D",
        source: paper("DeepSeek-AI 2024 (DeepSeek LLM), arXiv:2401.02954", "section 3"),
        per: "token",
        covers: Covers::Step,
        formula: "(72 L H^2 + 12 L H S) T",
        why_not: dense,
        charge: |bill| megatron_2021(bill, &THREE),
        because: &[FOUR_H, WHOLE, (HEAD, "the vocabulary is left out, the head's product too")],
    },
    Formula {
        id: "scaling-book",
        name: "How to Scale Your Model",
        source: read("jax-ml/scaling-book", "0819a7d8c55d", "transformers.md"),
        per: "step",
        covers: Covers::Step,
        formula: "L (18 T H I + 24 T H n d + 12 S T n d) + 6 T H V",
        why_not: dense,
        charge: scaling_book,
        because: &[WHOLE],
    },
    Formula {
        id: "flash-attention",
        name: "FlashAttention's benchmark, causal",
        source: read(
            "Dao-AILab/flash-attention",
            "",
            "benchmarks; discussed in issues 594 and 1525",
        ),
        per: "call",
        covers: Covers::Attention,
        formula: "3.5 x 4 B S^2 n d / 2, every layer",
        why_not: |_| None,
        charge: |bill| bill.square(2, 5),
        because: &[(
            SQUARE,
            "the backward pass is charged at 2.5 forward passes, scores computed again among them",
        )],
    },
    Formula {
        id: "mla",
        name: "DeepSeek-V3's attention (verl, NeMo)",
        source: read("verl-project/verl; NVIDIA/NeMo", "1dda039b9c63; 8cfedd720346", "deepseek_v3"),
        per: "step",
        covers: Covers::Step,
        formula: "6 T (...) + 3 L n (dn + dr + dv) sum S^2",
        why_not: |_| Some("the model has no latent attention (MLA)"),
        charge: |_| {},
        because: &[],
    },
];
