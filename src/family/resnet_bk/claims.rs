//! What was published about ResNet-BK's costs.

use super::gradient;
use crate::{
    claim::{Claimed, Power, PrintedTable, PublishedModel, Says},
    component::Phase,
};

/// Where the claims come from.
const SOURCE: &str = "ResNet-BK's counter";

/// The model of the published figures, but for how many positions it has learned.
const PUBLISHED: PublishedModel =
    &[("d_model", 64), ("n_layers", 4), ("vocab_size", 30_000), ("num_experts", 4), ("top_k", 1)];

/// The published scaling table.
const TABLE: [(u32, f64); 5] =
    [(128, 48.918), (256, 97.779), (512, 202.014), (1024, 410.218), (2048, 826.626)];

/// The batch of that table.
const TABLE_BATCH: u32 = 32;

/// Every claim.
pub(super) fn claims() -> Vec<Claimed> {
    let [(first, least), .., (last, most)] = TABLE;
    let table = format!(
        "scaling table: a step of batch {TABLE_BATCH} is {least} GFLOPs at N = {first}, {most} at {last}"
    );
    let claim = |text: &'static str, says| Claimed { text: text.into(), source: SOURCE, says };
    let linear = Power::AtMost(1.0);
    vec![
        claim("a step costs O(N) in the sequence", Says::Growth { component: None, power: linear }),
        claim(
            "BK-Core costs O(N) in the sequence",
            Says::Growth { component: Some("layer_*.bk_core"), power: linear },
        ),
        Claimed {
            text: table.into(),
            source: SOURCE,
            says: Says::Table(PrintedTable {
                rows: &TABLE,
                batch: TABLE_BATCH,
                of: PUBLISHED,
                points: "resnet-bk at batch 32 and seq 128, 256, 512, 1024 or 2048",
            }),
        },
        claim("the LM head dominates the forward pass", Says::Dominates { component: "lm_head" }),
        claim(
            "the LM head is 96.6 % of the forward pass (d_model 64, 4 layers, vocabulary 30,000)",
            Says::Share { component: "lm_head", percent: 96.6, of: PUBLISHED },
        ),
        claim("backward costs about 2 x forward", Says::BackwardIsTwice),
        claim(
            "the hybrid BK-Core gradient costs less than the exact one",
            Says::Cheaper {
                option: gradient::OPTION.key,
                values: [gradient::HYBRID, gradient::EXACT],
                component: "layer_*.bk_core",
                phase: Phase::Backward,
                needs: "runs of whole steps with both gradients",
            },
        ),
        claim("the optimizer is negligible, < 0.2 % of a step", Says::OptimizerBelow(0.002)),
    ]
}
