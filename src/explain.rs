//! Why measured and estimated FLOPs differ: every operation that ran and every term of an estimator
//! belongs to exactly one cause, so the causes add up to the whole difference, to the last FLOP.
//! Knows what kernels and terms are called, and neither how they were measured nor how a report
//! looks.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{
    estimate::Term,
    formula,
    op::{Convention, Op, OpCounts},
    plan::{Pass, Phase},
};

/// One reason why what ran is not what was estimated, in one phase.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Cause {
    /// Which phase.
    pub phase: Phase,
    /// What it is about; the same words in every phase.
    pub subject: String,
    /// The reason in a sentence.
    pub text: String,
    /// FLOPs that ran.
    pub measured: u64,
    /// FLOPs that the estimator charges.
    pub estimate: u64,
    /// Measured less estimated.
    pub difference: i128,
    /// Whether some of what was measured is extrapolated.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub extrapolated: bool,
}

impl Cause {
    /// Whether it is about computing again what the step had and did not keep.
    pub fn is_recomputation(&self) -> bool {
        self.subject == Subject::Recomputed.to_string()
    }
}

/// Every cause of the difference between passes as measured, each with whether another ran in its place,
/// and terms as estimated: by phase, the largest difference first. Causes whose difference is zero are
/// among them.
pub fn causes<'a>(
    passes: impl IntoIterator<Item = (&'a Pass, OpCounts, bool)>,
    terms: impl IntoIterator<Item = &'a Term>,
    convention: Convention,
) -> Vec<Cause> {
    let mut ledger: BTreeMap<(Phase, Subject), Entry> = BTreeMap::new();
    // Components whose weight got a gradient; the others' are frozen.
    let mut trained: BTreeSet<&str> = BTreeSet::new();
    for (pass, ops, extrapolated) in passes {
        if pass.kernel.entry.starts_with("backward_weight") {
            trained.insert(without_layer(&pass.component));
        }
        let again = formula::recomputed(&pass.kernel, &pass.dims).unwrap_or_default();
        for (scalar, op, count) in ops.iter() {
            let again = again.get(scalar, op).min(count);
            for (subject, count) in
                [(Subject::of_operation(pass, op), count - again), (Subject::Recomputed, again)]
            {
                let flops = OpCounts::of(scalar, op, count).flops(convention);
                if flops > 0 {
                    let entry = ledger.entry((pass.phase, subject)).or_default();
                    entry.measured += flops;
                    entry.extrapolated |= extrapolated;
                }
            }
        }
        let subject = Subject::of_operation(pass, Op::Fma);
        let units = subject.units(pass);
        if units > 0 {
            ledger.entry((pass.phase, subject)).or_default().units += units;
        }
    }
    for term in terms {
        let subject = Subject::of_term(term, &trained);
        ledger.entry((term.phase, subject)).or_default().estimate += term.flops;
    }
    let mut causes: Vec<Cause> = ledger
        .into_iter()
        .filter(|(_, entry)| entry.measured > 0 || entry.estimate > 0)
        .map(|((phase, subject), entry)| Cause {
            phase,
            text: subject.sentence(phase, entry, convention),
            subject: subject.to_string(),
            measured: entry.measured,
            estimate: entry.estimate,
            difference: i128::from(entry.measured) - i128::from(entry.estimate),
            extrapolated: entry.extrapolated,
        })
        .collect();
    causes.sort_by_key(|cause| (cause.phase, std::cmp::Reverse(cause.difference.unsigned_abs())));
    causes
}

/// What was measured and estimated about one subject in one phase.
#[derive(Clone, Copy, Default)]
struct Entry {
    measured: u64,
    estimate: u64,
    extrapolated: bool,
    /// How many elements, tokens or parameters it was done to; 0 where nobody counts them.
    units: u64,
}

/// What an operation or a term is about.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Subject {
    Embedding,
    LayerNorm,
    /// The multiply-adds of a matrix product, by its component without the layer.
    Product(String),
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
    /// What only one side has heard of, by its own name.
    Other(String),
}

impl Subject {
    fn of_operation(pass: &Pass, op: Op) -> Self {
        match (pass.kernel.file.as_str(), pass.kernel.entry.as_str()) {
            ("embedding", _) => Self::Embedding,
            ("layer_norm", _) => Self::LayerNorm,
            ("moe", "route" | "backward_route") => Self::GateSoftmax,
            ("moe", "gather" | "backward_gather") => Self::Gather,
            ("moe", _) => Self::Gates,
            ("relu", _) => Self::Relu,
            ("bk_core", _) => Self::BkCore,
            ("rms_norm", _) => Self::RmsNorm,
            ("rope", _) => Self::Rope,
            ("swiglu", _) => Self::SwiGlu,
            ("attention" | "attention_subgroup", _) if op == Op::Fma => Self::Attention,
            ("attention" | "attention_subgroup", _) => Self::AttentionSoftmax,
            ("mix", "scale") => Self::Adapters,
            ("mix", _) if pass.component.ends_with(".residual") => Self::Residual,
            ("mix", _) => Self::Mix,
            ("cross_entropy", _) => Self::Loss,
            ("optimizer", _) => Self::Optimizer,
            ("linear" | "linear_subgroup", _) => match without_layer(&pass.component) {
                "v_proj" => Self::VProj,
                // A product is multiply-adds; what a linear layer adds beside them is its bias.
                _ if op != Op::Fma => Self::Biases,
                "attention.k_proj" | "attention.v_proj" => Self::KeysAndValues,
                "feed_forward.gate_proj" => Self::Gate,
                component if component.starts_with("attention.lora") => Self::Adapters,
                component if component.starts_with("moe.experts") => {
                    Self::Product("moe.experts".to_owned())
                }
                component => Self::Product(component.to_owned()),
            },
            (file, _) => Self::Other(file.to_owned()),
        }
    }

    fn of_term(term: &Term, trained: &BTreeSet<&str>) -> Self {
        // Where a term charges the gradient by a weight alone, it belongs to the weight's product.
        let product = match term.term.strip_suffix(".weight") {
            Some(product) if !trained.contains(product) => return Self::Frozen,
            Some(product) => product,
            None => &*term.term,
        };
        match product {
            "embedding" => Self::Embedding,
            "layer_norm" => Self::LayerNorm,
            "moe.router"
            | "moe.experts"
            | "output_proj"
            | "lm_head"
            | "attention.q_proj"
            | "attention.o_proj"
            | "feed_forward.up_proj"
            | "feed_forward.down_proj" => Self::Product(product.to_owned()),
            "attention.k_proj" | "attention.v_proj" => Self::KeysAndValues,
            "attention.lora" => Self::Adapters,
            "attention.scores" | "attention.values" => Self::Attention,
            "attention.softmax" => Self::AttentionSoftmax,
            "feed_forward.swiglu" => Self::SwiGlu,
            "norm" => Self::RmsNorm,
            "residual" => Self::Residual,
            "cross_entropy" => Self::Loss,
            "moe.softmax" => Self::GateSoftmax,
            "moe.relu" => Self::Relu,
            "optimizer" => Self::Optimizer,
            other if other.starts_with("bk_core.") => Self::BkCore,
            other => Self::Other(other.to_owned()),
        }
    }

    /// How many of its units a pass works through, where it is the pass by which they are counted:
    /// one such pass for each time that the estimator charges.
    fn units(&self, pass: &Pass) -> u64 {
        let product = |letters: &[&str]| {
            letters
                .iter()
                .map(|&letter| u64::from(pass.dims.get(letter).copied().unwrap_or_default()))
                .product()
        };
        match (self, pass.kernel.entry.as_str()) {
            (Self::Embedding, "forward" | "backward_token") => product(&["B", "N", "D"]),
            (Self::LayerNorm, "forward" | "backward_input") => product(&["M", "D"]),
            (Self::RmsNorm, entry) if !entry.starts_with("backward_params") => product(&["M", "D"]),
            (Self::SwiGlu, _) => product(&["P"]),
            (Self::Loss, entry) if entry != "mean" => product(&["M", "V"]),
            (Self::GateSoftmax, _) => product(&["T"]),
            (Self::Relu | Self::Optimizer, _) => product(&["P"]),
            (Self::BkCore, "resolvent" | "backward_features") => product(&["B", "N"]),
            _ => 0,
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

    fn sentence(&self, phase: Phase, entry: Entry, convention: Convention) -> String {
        let Entry { measured, estimate, units, .. } = entry;
        let aside = match (self, phase) {
            (Self::Embedding, Phase::Backward) if measured > estimate => {
                ": one for the token's row, one for the position's"
            }
            (Self::Product(component), _) if component == "lm_head" => ": for another vocabulary",
            (Self::Product(component), Phase::Backward)
                if component.starts_with("attention.") && measured < estimate =>
            {
                ": nothing flows below the lowest adapter"
            }
            (Self::GateSoftmax, _) => ": over all E experts there, over the K chosen here",
            (Self::Biases, Phase::Backward) => ": summing their gradients",
            (Self::VProj, _) => ", neither product nor bias",
            (Self::Mix, Phase::Forward) => ": h + f + bk_scale s",
            (Self::Gather, _) => ": the sum over a token's K experts",
            (Self::KeysAndValues, _) => ": they are as wide as the kv heads, not as the queries",
            (Self::Gate, _) => ": SwiGLU has three projections, not two",
            (Self::Attention, Phase::Forward) => {
                ": a query meets the keys up to itself, half of the square"
            }
            (Self::Attention, _) => {
                ": half of the square, in four products and the sums of o times its gradient"
            }
            (Self::AttentionSoftmax, _) => ": over half of the square",
            (Self::Recomputed, _) => ": what the forward pass did not keep, S x S",
            (Self::Adapters, Phase::Forward) => ": both products of each, as wide as they are",
            (Self::Embedding, Phase::Forward) if measured == 0 => {
                ": a token's row is copied, not added"
            }
            (Self::Frozen, _) => ": adapters alone are trained",
            (Self::Residual, Phase::Backward) => ": its gradient is summed where norms have theirs",
            _ => "",
        };
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
        let near = measured.abs_diff(estimate) < estimate / 20;
        if matches!(self, Self::Product(_)) && near {
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
            Self::Other(name) => name,
        })
    }
}

/// A component without the `layer_3.` in front of it.
fn without_layer(component: &str) -> &str {
    match component.split_once('.') {
        Some((first, rest)) if first.starts_with("layer_") => rest,
        _ => component,
    }
}

/// A ratio with at most two decimals.
fn rate(numerator: u64, denominator: u64) -> String {
    let text = format!("{:.2}", numerator as f64 / denominator as f64);
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}
