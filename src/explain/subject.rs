//! What an operation that ran or a term of an estimator is about, and what is said where the two differ.

use std::fmt;

use super::facts::{Facts, HEAD};
use crate::{
    estimate::Term,
    op::{Convention, Op},
    operation::{
        EmbeddingStep, Function, LossStep, MixtureStep, Norm, NormStep, Operation, ResolventStep,
    },
    plan::{ComponentName, Pass, Phase},
};

/// What was measured and estimated about one subject in one phase.
#[derive(Clone, Copy, Default)]
pub(super) struct Entry {
    pub(super) measured: u64,
    pub(super) estimate: u64,
    pub(super) extrapolated: bool,
    /// How many elements, tokens or parameters it was done to; 0 where they are not counted.
    pub(super) units: u64,
    /// Multiply-adds of its products.
    pub(super) multiply_adds: u64,
    /// What its products are charged by the rule (2b - 1) a c.
    pub(super) by_rule: u64,
}

/// What an operation or a term is about.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Subject {
    Embedding,
    LayerNorm,
    /// The multiply-adds of a matrix product, by its component in any layer.
    Product(ComponentName),
    Biases,
    GateSoftmax,
    Gates,
    Gather,
    Relu,
    VProj,
    BkCore,
    Mix,
    Loss,
    Optimizer,
    RmsNorm,
    /// Keys and values, which grouped queries share.
    KeysAndValues,
    /// The projection of SwiGLU that its estimator leaves out.
    Gate,
    SwiGlu,
    Adapters,
    Rope,
    /// Scores and values of attention.
    Attention,
    AttentionSoftmax,
    /// What attention's backward pass makes a second time.
    Recomputed,
    Residual,
    /// Gradients of weights that nothing trains.
    Frozen,
    /// Sorting and copying.
    Movement,
    /// What only one side has heard of, by its own name.
    Other(String),
}

impl Subject {
    pub(super) fn of_operation(pass: &Pass, op: Op) -> Self {
        let path = pass.component.parts();
        match pass.operation {
            Operation::Linear { .. } => match path[..] {
                ["v_proj"] => Self::VProj,
                // A product is multiply-adds; what a linear layer adds beside them is its bias.
                _ if op != Op::Fma => Self::Biases,
                ["attention", "k_proj" | "v_proj"] => Self::KeysAndValues,
                ["feed_forward", "gate_proj"] => Self::Gate,
                ["attention", "lora", ..] => Self::Adapters,
                ["moe", "experts", ..] => Self::Product(ComponentName::new(&["moe", "experts"])),
                _ => Self::Product(pass.component.in_any_layer()),
            },
            Operation::Attention { .. } if op == Op::Fma => Self::Attention,
            Operation::Attention { .. } => Self::AttentionSoftmax,
            Operation::Norm { norm: Norm::Layer, .. } => Self::LayerNorm,
            Operation::Norm { norm: Norm::Rms, .. } => Self::RmsNorm,
            Operation::Rope { .. } => Self::Rope,
            Operation::Pointwise { function, p: _ } => match function {
                Function::Relu | Function::ReluGradient => Self::Relu,
                Function::SwiGlu | Function::SwiGluGradient => Self::SwiGlu,
                Function::Multiple if path[..] == ["embedding"] => Self::Embedding,
                Function::Multiple => Self::Adapters,
                Function::GeGlu | Function::GeGluGradient => Self::SwiGlu,
                Function::SoftCap | Function::SoftCapGradient => Self::Loss,
                Function::PlusOne => Self::RmsNorm,
                Function::Sum if path[..] == ["residual"] => Self::Residual,
                Function::Sum | Function::ScaledSum | Function::ScaledSumGradient => Self::Mix,
            },
            Operation::DotProduct { .. } => Self::Mix,
            Operation::Loss { .. } => Self::Loss,
            Operation::Embedding { .. } | Operation::TokenSums { .. } | Operation::Rows { .. } => {
                Self::Embedding
            }
            Operation::Mixture { step, .. } => match step {
                MixtureStep::Route
                | MixtureStep::RouteGradient
                | MixtureStep::RouteOverAll
                | MixtureStep::RouteOverAllGradient => Self::GateSoftmax,
                MixtureStep::Gather | MixtureStep::GatherGradient => Self::Gather,
                MixtureStep::Combine | MixtureStep::CombineGradient | MixtureStep::GateGradient => {
                    Self::Gates
                }
            },
            Operation::SharedExpert { .. } => Self::Gates,
            Operation::Resolvent { .. } => Self::BkCore,
            Operation::Sort { .. } | Operation::Columns { .. } => Self::Movement,
            Operation::Update { .. } => Self::Optimizer,
        }
    }

    pub(super) fn of_term(term: &Term, facts: &Facts) -> Self {
        // Where a term charges the gradient by a weight alone, it belongs to the weight's product.
        let product = term.product();
        if term.term.by_weight && !facts.trained.contains(&product) {
            return Self::Frozen;
        }
        match term.term.parts()[..] {
            ["embedding"] => Self::Embedding,
            ["layer_norm"] => Self::LayerNorm,
            ["moe", "router" | "experts"]
            | ["output_proj" | "lm_head"]
            | ["attention", "q_proj" | "o_proj"]
            | ["feed_forward", "up_proj" | "down_proj"] => Self::Product(product),
            ["attention", "k_proj" | "v_proj"] => Self::KeysAndValues,
            ["attention", "lora"] => Self::Adapters,
            ["attention", "scores" | "values"] => Self::Attention,
            ["attention", "softmax"] => Self::AttentionSoftmax,
            ["feed_forward", "swiglu"] => Self::SwiGlu,
            ["norm"] => Self::RmsNorm,
            ["residual"] => Self::Residual,
            ["cross_entropy"] => Self::Loss,
            ["moe", "softmax"] => Self::GateSoftmax,
            ["moe", "relu"] => Self::Relu,
            ["optimizer"] => Self::Optimizer,
            ["bk_core", ..] => Self::BkCore,
            _ => Self::Other(term.term.to_string()),
        }
    }

    /// How many of its units a pass works through, where it is the pass by which they are counted:
    /// one such pass for each time that the estimator charges.
    pub(super) fn units(pass: &Pass) -> u64 {
        let product = |factors: &[u32]| factors.iter().map(|&factor| u64::from(factor)).product();
        match pass.operation {
            Operation::Embedding { step, b, n, d, .. } => match step {
                EmbeddingStep::Output | EmbeddingStep::Tokens => product(&[b, n, d]),
                EmbeddingStep::Positions => 0,
            },
            Operation::Norm { step, m, d, .. } => match step {
                NormStep::Output | NormStep::Input => product(&[m, d]),
                NormStep::Parameters => 0,
            },
            Operation::Loss { step, m, v } => match step {
                LossStep::Rows | LossStep::Gradient => product(&[m, v]),
                LossStep::Mean => 0,
            },
            Operation::Mixture { step, t, .. } => match step {
                MixtureStep::Route
                | MixtureStep::RouteGradient
                | MixtureStep::RouteOverAll
                | MixtureStep::RouteOverAllGradient => product(&[t]),
                MixtureStep::Gather
                | MixtureStep::GatherGradient
                | MixtureStep::Combine
                | MixtureStep::CombineGradient
                | MixtureStep::GateGradient => 0,
            },
            Operation::Pointwise { function, p } => match function {
                Function::Relu
                | Function::ReluGradient
                | Function::SwiGlu
                | Function::SwiGluGradient
                | Function::GeGlu
                | Function::GeGluGradient => product(&[p]),
                Function::PlusOne
                | Function::SoftCap
                | Function::SoftCapGradient
                | Function::ScaledSum
                | Function::ScaledSumGradient
                | Function::Sum
                | Function::Multiple => 0,
            },
            Operation::Resolvent { step, b, n } => match step {
                ResolventStep::Diagonal | ResolventStep::DiagonalGradient => product(&[b, n]),
                ResolventStep::Potential
                | ResolventStep::PotentialGradient
                | ResolventStep::Couple
                | ResolventStep::Theta
                | ResolventStep::Phi
                | ResolventStep::HybridGradient
                | ResolventStep::ExactLeft
                | ResolventStep::ExactGradient => 0,
            },
            Operation::Update { p, .. } => product(&[p]),
            Operation::Linear { .. }
            | Operation::Attention { .. }
            | Operation::SharedExpert { .. }
            | Operation::Rope { .. }
            | Operation::DotProduct { .. }
            | Operation::TokenSums { .. }
            | Operation::Rows { .. }
            | Operation::Sort { .. }
            | Operation::Columns { .. } => 0,
        }
    }

    /// Whether its name is a plural.
    fn is_many(&self) -> bool {
        matches!(
            self,
            Self::Biases
                | Self::Gates
                | Self::KeysAndValues
                | Self::Adapters
                | Self::Rope
                | Self::Attention
                | Self::Residual
                | Self::Frozen
                | Self::Mix
        )
    }

    /// What its units are called.
    fn unit(&self) -> &'static str {
        match self {
            Self::Optimizer => "a parameter",
            Self::GateSoftmax => "a token",
            _ => "an element",
        }
    }

    pub(super) fn sentence(
        &self,
        phase: Phase,
        entry: Entry,
        facts: &Facts,
        convention: Convention,
    ) -> String {
        let Entry { measured, estimate, units, .. } = entry;
        let aside = self.aside(phase, entry, facts);
        if estimate == 0 {
            let is = if self.is_many() { "are" } else { "is" };
            return format!("{self} {is} not charged{aside}");
        }
        if measured == estimate {
            return format!("{self}: as charged");
        }
        if *self == Self::Relu && measured == 0 && units > 0 {
            let each = rate(estimate, units);
            return format!(
                "{self} charged at {each} {}, but it compares and selects, which {convention} does \
                 not price",
                self.unit()
            );
        }
        if estimate == entry.by_rule && measured == 2 * entry.multiply_adds {
            return format!("{self} of (a,b) and (b,c): (2b - 1) a c charged, 2 a b c ran");
        }
        if measured == 0 {
            let are = if self.is_many() { "are" } else { "is" };
            let why = match self {
                Self::Embedding | Self::Frozen | Self::Residual => aside,
                _ => "",
            };
            return format!("{self} {are} charged, but nothing of it ran{why}");
        }
        if units == 0 {
            let times = rate(measured, estimate);
            return if self.is_many() {
                format!("{self} cost {times}x their charge{aside}")
            } else {
                format!("{self} costs {times}x its charge{aside}")
            };
        }
        format!(
            "{self} charged at {} {}, {} ran{aside}",
            rate(estimate, units),
            self.unit(),
            rate(measured, units)
        )
    }

    /// What more there is to say, as far as it is true of what ran and what was charged.
    fn aside(&self, phase: Phase, entry: Entry, facts: &Facts) -> &'static str {
        let Entry { measured, estimate, .. } = entry;
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
            (Self::Product(component), Phase::Backward) => {
                let attention = component.parts().first() == Some(&"attention");
                said(
                    attention && measured < estimate && facts.stops_below_adapters(),
                    ": nothing flows below the lowest adapter",
                )
            }
            (Self::GateSoftmax, _) => {
                said(facts.chooses_experts, ": over all E experts there, over the K chosen here")
            }
            (Self::Biases, Phase::Backward) => ": summing their gradients",
            (Self::VProj, _) => said(estimate == 0, ", neither product nor bias"),
            (Self::Mix, Phase::Forward) => said(facts.mixes, ": h + f + bk_scale s"),
            (Self::Gather, _) => ": the sum over a token's K experts",
            (Self::KeysAndValues, _) => {
                said(facts.shares_keys, ": they are as wide as the kv heads, not as the queries")
            }
            (Self::Gate, _) => said(estimate == 0, ": SwiGLU has three projections, not two"),
            (Self::Attention, Phase::Forward) => {
                said(facts.masks_keys, ": a query meets the keys up to itself, half of the square")
            }
            (Self::Attention, _) if facts.attention_is_whole() => said(
                facts.masks_keys,
                ": half of the square, in four products and the sums of o times its gradient",
            ),
            (Self::Attention | Self::AttentionSoftmax, _) => {
                said(facts.masks_keys, ": over half of the square")
            }
            (Self::Recomputed, _) => ": what the forward pass did not keep, S x S",
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
                | Self::BkCore
                | Self::Gates
                | Self::Rope
                | Self::Optimizer
                | Self::Movement
                | Self::Other(_),
                _,
            )
            | (Self::Embedding, Phase::Optimizer)
            | (Self::Product(_), Phase::Forward | Phase::Optimizer)
            | (Self::Biases | Self::Residual, Phase::Forward | Phase::Optimizer)
            | (Self::Mix | Self::Adapters, Phase::Backward | Phase::Optimizer) => "",
        }
    }
}

impl fmt::Display for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Embedding => "embedding",
            Self::LayerNorm => "layer norm",
            Self::Product(component) => return write!(f, "{component} product"),
            Self::Biases => "biases",
            Self::GateSoftmax => "softmax of the gates",
            Self::Gates => "gates on the experts' outputs",
            Self::Gather => "gradient by the experts' input",
            Self::Relu => "ReLU",
            Self::VProj => "v_proj",
            Self::BkCore => "BK-Core",
            Self::Mix => "residual and bk_scale mix",
            Self::Loss => "loss",
            Self::Optimizer => "optimizer",
            Self::RmsNorm => "RMS norm",
            Self::KeysAndValues => "projections to keys and values",
            Self::Gate => "SwiGLU's gate projection",
            Self::SwiGlu => "SwiGLU's activation",
            Self::Adapters => "adapters",
            Self::Rope => "rotary positions",
            Self::Attention => "attention's scores and values",
            Self::AttentionSoftmax => "attention's softmax",
            Self::Recomputed => "recomputing attention's probabilities",
            Self::Residual => "residual sums",
            Self::Frozen => "gradients of frozen weights",
            Self::Movement => "sorting and copying",
            Self::Other(name) => name,
        })
    }
}

/// A ratio with at most two decimals.
fn rate(numerator: u64, denominator: u64) -> String {
    let text = format!("{:.2}", numerator as f64 / denominator as f64);
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}
