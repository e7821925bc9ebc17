//! Why measured and estimated FLOPs differ: every operation that ran and every term of an estimator
//! belongs to exactly one cause, so the causes add up to the whole difference, to the last FLOP.
//! Knows what kernels and terms are called, and neither how they were measured nor how a report
//! looks.

use std::{collections::BTreeMap, fmt};

use serde::Serialize;

use crate::{
    estimate::Term,
    op::{Convention, Op, OpCounts},
    plan::{Pass, Phase},
};

/// One reason why what ran is not what was estimated, in one phase.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
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
}

/// Every cause of the difference between passes as measured and terms as estimated: by phase, the
/// largest difference first. Causes whose difference is zero are among them.
pub fn causes<'a>(
    passes: impl IntoIterator<Item = (&'a Pass, OpCounts)>,
    terms: impl IntoIterator<Item = &'a Term>,
    convention: Convention,
) -> Vec<Cause> {
    let mut ledger: BTreeMap<(Phase, Subject), Entry> = BTreeMap::new();
    for (pass, ops) in passes {
        for (scalar, op, count) in ops.iter() {
            let flops = OpCounts::of(scalar, op, count).flops(convention);
            if flops > 0 {
                ledger
                    .entry((pass.phase, Subject::of_operation(pass, op)))
                    .or_default()
                    .measured += flops;
            }
        }
        let subject = Subject::of_operation(pass, Op::Fma);
        let units = subject.units(pass);
        if units > 0 {
            ledger.entry((pass.phase, subject)).or_default().units += units;
        }
    }
    for term in terms {
        ledger.entry((term.phase, Subject::of_term(term))).or_default().estimate += term.flops;
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
            ("mix", _) => Self::Mix,
            ("cross_entropy", _) => Self::Loss,
            ("optimizer", _) => Self::Optimizer,
            ("linear" | "linear_subgroup", _) => match without_layer(&pass.component) {
                "v_proj" => Self::VProj,
                // A product is multiply-adds; what a linear layer adds beside them is its bias.
                _ if op != Op::Fma => Self::Biases,
                component if component.starts_with("moe.experts") => {
                    Self::Product("moe.experts".to_owned())
                }
                component => Self::Product(component.to_owned()),
            },
            (file, _) => Self::Other(file.to_owned()),
        }
    }

    fn of_term(term: &Term) -> Self {
        match term.term {
            "embedding" => Self::Embedding,
            "layer_norm" => Self::LayerNorm,
            "moe.router" | "moe.experts" | "output_proj" | "lm_head" => {
                Self::Product(term.term.to_owned())
            }
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
            (Self::GateSoftmax, _) => product(&["T"]),
            (Self::Relu | Self::Optimizer, _) => product(&["P"]),
            (Self::BkCore, "resolvent" | "backward_features") => product(&["B", "N"]),
            _ => 0,
        }
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
        let Entry { measured, estimate, units } = entry;
        let aside = match (self, phase) {
            (Self::Embedding, Phase::Backward) => {
                ": one for the token's row, one for the position's"
            }
            (Self::GateSoftmax, _) => ": over all E experts there, over the K chosen here",
            (Self::Biases, Phase::Backward) => ": summing their gradients",
            (Self::VProj, _) => ", neither product nor bias",
            (Self::Mix, Phase::Forward) => ": h + f + bk_scale s",
            (Self::Gather, _) => ": the sum over a token's K experts",
            _ => "",
        };
        if estimate == 0 {
            let (is, what) = match self {
                Self::Biases | Self::Gates | Self::Mix => ("are", self),
                _ => ("is", self),
            };
            return format!("{what} {is} not charged{aside}");
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
        if units == 0 {
            return if measured == 0 {
                format!("{self} is charged, but nothing of it ran")
            } else {
                format!("{self} costs {}x its charge", rate(measured, estimate))
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
