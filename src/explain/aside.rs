//! What more there is to say of a subject whose measurement and estimate differ: a reason, as far as what ran bears it
//! out.

use super::{
    facts::{Facts, HEAD},
    subject::{Balance, Subject},
};
use crate::component::Phase;

impl Subject {
    /// What more there is to say, as far as it is true of what ran and what was charged.
    pub(super) fn aside(&self, phase: Phase, entry: Balance, facts: &Facts) -> &'static str {
        let Balance { measured, estimate, .. } = entry;
        let said = |holds: bool, text: &'static str| if holds { text } else { "" };
        match (self, phase) {
            (Self::Embedding, Phase::Backward) => said(
                measured > estimate && facts.both_tables,
                ": one for the token's row, one for the position's",
            ),
            (Self::Embedding, Phase::Forward) => {
                said(measured == 0 && facts.copies_rows, ": a token's row is copied, not added")
            }
            (Self::Product(component), _) if *component == HEAD => {
                said(facts.charges_another_vocabulary(), ": for another vocabulary")
            }
            (Self::Loss, _) => said(facts.charges_another_vocabulary(), ": for another vocabulary"),
            (Self::Product(_), Phase::Backward) => said(
                measured < estimate && facts.stops_below_adapters(),
                ": nothing flows below the lowest adapter",
            ),
            (Self::GateSoftmax, _) => {
                let charged = facts.chooses_experts && estimate > 0;
                said(charged, ": over all E experts there, over the K chosen here")
            }
            (Self::Biases, Phase::Backward) => ": summing their gradients",
            (Self::Gather, _) => ": the sum over a token's K experts",
            (Self::Attention, Phase::Forward) => {
                facts.masked(": a query meets the keys up to itself, half of the square")
            }
            (Self::Attention | Self::AttentionSoftmax, Phase::Backward)
                if facts.attention_stops_below_adapters() =>
            {
                facts.masked_above_adapters()
            }
            (Self::Attention, _) if facts.attention_is_whole() => facts.masked(
                ": half of the square, in four products and the sums of o times its gradient",
            ),
            (Self::Attention | Self::AttentionSoftmax, _) => {
                facts.masked(": over half of the square")
            }
            (Self::Layers, _) => ": their forward passes run again, since nothing of them was kept",
            (Self::Recomputed, _) => {
                ": what the forward pass did not keep, a score for each key that a query meets"
            }
            (Self::Adapters, Phase::Forward) => ": both products of each, as wide as they are",
            (Self::Frozen, _) => {
                said(facts.trains_adapters_alone(), ": adapters alone are trained")
            }
            (Self::Residual, Phase::Backward) => {
                said(facts.norms_accumulate, ": its gradient is summed where norms have theirs")
            }
            (
                Self::LayerNorm
                | Self::RmsNorm
                | Self::Relu
                | Self::SwiGlu
                | Self::Resolvent
                | Self::Gates
                | Self::Rope
                | Self::Optimizer
                | Self::Movement
                | Self::Named(_),
                _,
            )
            | (Self::Embedding, Phase::Optimizer)
            | (Self::Product(_), Phase::Forward | Phase::Optimizer)
            | (Self::Biases | Self::Residual, Phase::Forward | Phase::Optimizer)
            | (Self::Adapters, Phase::Backward | Phase::Optimizer) => "",
        }
    }
}
