//! Rules by the number of parameters: 6 N D and what PaLM made of it. N is read in three ways.

use super::{
    bill::{Charges, FOUR, THREE, What},
    case::{Case, Keys, always, dense},
    formula::{Covers, Formula, Source, WHOLE, paper, read, run},
};
use crate::family::decoder::{Part, Place, WorkPass};

/// 6 for each parameter and token, the table of an untied model and that of positions among them.
fn all(bill: &mut Charges<'_>) {
    every(bill, &THREE);
}

fn every(bill: &mut Charges<'_>, passes: &[WorkPass]) {
    bill.parameters(passes);
    if !bill.tied() {
        bill.weights(passes, What::Table, bill.table());
    }
}

/// 6 for each parameter of the layers.
fn without_vocabulary(bill: &mut Charges<'_>) {
    bill.parameters(&THREE);
    bill.weights(&THREE, What::Positions, -bill.positions);
    bill.weights(&THREE, Place::Head, -bill.table());
}

fn palm(bill: &mut Charges<'_>) {
    all(bill);
    bill.square(4, 8);
}

/// PaLM's with N but for the table of positions.
fn nanogpt(bill: &mut Charges<'_>) {
    palm(bill);
    bill.weights(&THREE, What::Positions, -bill.positions);
}

fn llm_foundry(bill: &mut Charges<'_>) {
    all(bill);
    bill.square_of(bill.h, 4, 8);
}

fn rematerialising(bill: &mut Charges<'_>) {
    palm(bill);
    // 0.73 of a forward pass, and one square.
    let again = 2 * bill.parameters * bill.t * 73 / 100;
    bill.add(Place::Mlp, WorkPass::Again, again);
    let square = bill.l * bill.n * bill.d * bill.square;
    bill.add(Part::Square, WorkPass::Again, square);
}

fn picotron(bill: &mut Charges<'_>) {
    all(bill);
    bill.attention(Keys::Positions, bill.h, 4, 8);
}

fn engineering(bill: &mut Charges<'_>) {
    let passes: &[WorkPass] = if bill.training.recompute { &FOUR } else { &THREE };
    every(bill, passes);
}

fn learned_once(case: &Case<'_>) -> Option<&'static str> {
    if case.has_experts() {
        return dense(case);
    }
    (!case.tied()).then_some(
        "nanoGPT's own model ties head and embedding; for an untied one see 'llm-foundry', the same \
         formula with the table in N",
    )
}

pub(super) const FORMULAS: &[Formula] = &[
    Formula {
        id: "6nt",
        name: "6 N T, N all parameters",
        source: read(
            "Epoch AI's model notes; EU guidelines on general-purpose AI (2025-07)",
            "",
            "training compute = 6 x parameters x tokens",
        ),
        per: "run",
        covers: Covers::Step,
        formula: "6 N T",
        why_not: always,
        charge: all,
        because: &[],
    },
    Formula {
        id: "kaplan-6nt",
        name: "6 N T, N without embedding and head",
        source: paper("Kaplan et al. 2020, arXiv:2001.08361", "C = 6 N D, N non-embedding"),
        per: "token",
        covers: Covers::Step,
        formula: "6 N0 T",
        why_not: always,
        charge: without_vocabulary,
        because: &[(
            What::Part(Part::Linear(Place::Head)),
            "the head is left out with the embedding, although it is a matrix product",
        )],
    },
    Formula {
        id: "palm",
        name: "PaLM, appendix B",
        source: Source::PALM,
        per: "token",
        covers: Covers::Step,
        formula: "(6 N + 12 L n d S) T",
        why_not: always,
        charge: palm,
        because: &[WHOLE],
    },
    Formula {
        id: "nanogpt",
        name: "nanoGPT estimate_mfu",
        source: run("karpathy/nanoGPT", "3adf61e154c3", "model.py estimate_mfu"),
        per: "token",
        covers: Covers::Step,
        formula: "(6 N + 12 L n d S) T, N without the position table",
        why_not: learned_once,
        charge: nanogpt,
        because: &[WHOLE],
    },
    Formula {
        id: "llm-foundry",
        name: "LLM Foundry flops_per_batch",
        source: run(
            "mosaicml/llm-foundry",
            "8c8dd48f7216",
            "models/mpt/modeling_mpt.py flops_per_batch",
        ),
        per: "batch",
        covers: Covers::Step,
        formula: "3 B (2 N S + 4 L H S^2)",
        why_not: always,
        charge: llm_foundry,
        because: &[WHOLE],
    },
    Formula {
        id: "oumi",
        name: "oumi MFU",
        source: run("oumi-ai/oumi", "d8ed07778d79", "performance/mfu.py"),
        per: "token",
        covers: Covers::Step,
        formula: "(6 N + 12 L n d S) T",
        why_not: dense,
        charge: palm,
        because: &[WHOLE],
    },
    Formula {
        id: "oumi-rematerialising",
        name: "oumi, rematerialising",
        source: read("oumi-ai/oumi", "d8ed07778d79", "performance/mfu.py"),
        per: "token",
        covers: Covers::Step,
        formula: "(6 N + 0.73 x 2 N + 13 L n d S) T",
        why_not: |case| {
            if case.training.recompute { dense(case) } else { Some("no layer is recomputed") }
        },
        charge: rematerialising,
        because: &[(
            What::Part(Part::Square),
            "attention is charged over the whole square, and its second forward pass as a quarter of one",
        )],
    },
    Formula {
        id: "picotron",
        name: "picotron",
        source: run("huggingface/picotron", "59714b1bf255", "picotron/utils.py"),
        per: "token",
        covers: Covers::Step,
        formula: "(6 N + 12 L H max_position_embeddings) T",
        why_not: dense,
        charge: picotron,
        because: &[(
            What::Part(Part::Square),
            "attention is charged for max_position_embeddings, the model's limit, and not for the sequence",
        )],
    },
    Formula {
        id: "ml-engineering",
        name: "ml-engineering",
        source: read("stas00/ml-engineering", "744d01e18b79", "6 N T, 8 N T with checkpointing"),
        per: "token",
        covers: Covers::Step,
        formula: "6 N T; 8 N T where layers are recomputed",
        why_not: always,
        charge: engineering,
        because: &[],
    },
];

impl Source {
    const PALM: Self = run(
        "Chowdhery et al. 2022 (PaLM), arXiv:2204.02311",
        "",
        "appendix B; executed as nanoGPT, LLM Foundry and oumi state it",
    );
}
