//! The two ways to compute BK-Core's gradient, as an option of the training step.

use crate::family::training::{EveryValue, StepOption, Training};

/// How BK-Core's gradient is computed.
pub(super) const OPTION: StepOption = StepOption {
    key: "bk_gradient",
    flag: "bk-gradient",
    plural: "bk_gradients",
    noun: "BK-Core gradient",
    title: "gradient",
    about: "how BK-Core's gradient is computed, as published (the default) or exactly",
    needs: "BK-Core",
    values: &[HYBRID, EXACT],
    forward: false,
    every: EveryValue {
        flag: "both-gradients",
        about: "measure each point with either BK-Core gradient, to hold one against the other",
    },
};

/// The published approximation, a mixture of two analytic terms.
pub(super) const HYBRID: &str = "hybrid";

/// The adjoint of both recursions.
pub(super) const EXACT: &str = "exact";

/// Whether a step computes it exactly.
pub(super) fn is_exact(training: Training) -> bool {
    training.options.of(&OPTION) == EXACT
}
