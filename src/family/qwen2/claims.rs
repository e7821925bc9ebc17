//! What was published about the costs of Qwen and of Transformers.

use crate::claim::{Claimed, Power, Says};

/// Where the claims come from.
const RESNET_BK: &str = "ResNet-BK's counter";
const QWEN: &str = "Qwen's estimator";

/// Every claim.
pub(super) fn claims() -> Vec<Claimed> {
    let claim = |text: &'static str, source, says| Claimed { text: text.into(), source, says };
    let square = Power::AtLeast(2.0);
    vec![
        claim(
            "attention grows with N^2",
            RESNET_BK,
            Says::Growth { component: Some("layer_*.attention.core"), power: square },
        ),
        claim(
            "a Transformer's step grows with N^2",
            RESNET_BK,
            Says::Growth { component: None, power: square },
        ),
        claim("backward costs 2 x forward", QWEN, Says::BackwardIsTwice),
        claim(
            "the optimizer is negligible, < 0.2 % of a step",
            RESNET_BK,
            Says::OptimizerBelow(0.002),
        ),
    ]
}
