//! How wide the operands of a decoder's products are, as an option of the training step.
//!
//! Half precision has 11 bits and reaches from 2^-24, the smallest that is not 0, to 65504. Activations and weights of
//! decoders lie well within that, gradients do not: they are means over all tokens, and probabilities among 150,000 words
//! begin at 1e-5. So the loss is scaled before gradients are taken, and what arrives at the parameters is scaled back. The
//! factor is fixed: 64 times the tokens, as a power of two. The largest gradient of a logit is then 64, and one of 1e-9 of
//! that is still not 0; inner gradients have a factor of 1000 above it. One that is larger than that becomes infinite, and
//! so do parameters and losses after it: nothing looks for that, and no step is left out.

use crate::{
    family::training::{EveryValue, StepOption, Training},
    operation::Precision,
};

/// How wide operands are.
pub(super) const OPTION: StepOption = StepOption {
    key: "precision",
    flag: "precision",
    plural: "precisions",
    noun: "products",
    title: "precision",
    about: "what matrix products of linear layers multiply: f32 (the default), or f16 with sums in f32",
    needs: "products in half precision",
    values: &[SINGLE, HALF],
    forward: true,
    every: EveryValue {
        flag: "both-precisions",
        about: "measure each point with products of either precision, to hold one against the other",
    },
};

const SINGLE: &str = "f32";
const HALF: &str = "f16";

/// Scaled gradients by the logits are no larger.
const LARGEST: u64 = 64;

/// What a step's products multiply.
pub(super) fn of(training: Training) -> Precision {
    match training.options.of(&OPTION) {
        HALF => Precision::Half,
        _ => Precision::Single,
    }
}

/// What the loss of so many tokens is multiplied by.
pub(super) fn loss_scale(precision: Precision, tokens: u64) -> f32 {
    match precision {
        Precision::Single => 1.0,
        Precision::Half => (LARGEST * tokens.next_power_of_two()) as f32,
    }
}
