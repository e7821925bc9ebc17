//! What an operation that ran or a term of an estimator is about, and what is said where the two differ.

use std::{borrow::Cow, fmt};

use crate::{
    component::ComponentName,
    op::{Convention, Op},
    operation::{
        EmbeddingStep, Function, LossStep, MixtureStep, Norm, NormStep, Operation, ResolventStep,
    },
    plan::Pass,
};

/// What was measured and estimated about one subject in one phase.
#[derive(Clone, Copy, Debug, Default)]
pub struct Balance {
    /// FLOPs that ran.
    pub measured: u64,
    /// FLOPs that the estimator charges.
    pub estimate: u64,
    pub(super) extrapolated: bool,
    /// Whether any operation ran, priced or not.
    pub(super) ran: bool,
    /// How many elements, tokens or parameters it was done to; 0 where they are not counted.
    pub(super) units: u64,
    /// Multiply-adds of its products.
    pub(super) multiply_adds: u64,
    /// What its products are charged by the rule (2b - 1) a c.
    pub(super) by_rule: u64,
}

/// What an operation or a term is about.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Subject {
    /// Rows of tables looked up and added, and their gradients summed.
    Embedding,
    /// A norm by mean and variance.
    LayerNorm,
    /// The multiply-adds of a matrix product, by its component in any layer.
    Product(ComponentName),
    /// What a linear layer adds beside its product.
    Biases,
    /// The softmax over the experts that a token was sent to.
    GateSoftmax,
    /// The weights of experts' outputs.
    Gates,
    /// Rows copied for experts, and their gradients summed.
    Gather,
    /// ReLU.
    Relu,
    /// The diagonal of a tridiagonal matrix's resolvent.
    Resolvent,
    /// Cross entropy.
    Loss,
    /// The optimizer.
    Optimizer,
    /// A norm by the mean square.
    RmsNorm,
    /// SwiGLU's activation.
    SwiGlu,
    /// Both products of low-rank adapters, and their scale.
    Adapters,
    /// Rotary positions.
    Rope,
    /// Scores and values of attention.
    Attention,
    /// The softmax over scores.
    AttentionSoftmax,
    /// What attention's backward pass makes a second time.
    Recomputed,
    /// What a layer made in the forward pass, made a second time in the backward pass.
    Layers,
    /// Sums of what a half of a layer was given and what it makes.
    Residual,
    /// Gradients of weights that nothing trains.
    Frozen,
    /// Sorting and copying.
    Movement,
    /// What only one family or one side has.
    Named(Named),
}

/// A subject that is known by its name alone.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Named {
    /// The name.
    pub name: Cow<'static, str>,
    /// Whether it is a plural.
    pub many: bool,
}

impl Named {
    /// A name in the singular.
    pub const fn one(name: &'static str) -> Self {
        Self { name: Cow::Borrowed(name), many: false }
    }

    /// A name in the plural.
    pub const fn many(name: &'static str) -> Self {
        Self { name: Cow::Borrowed(name), many: true }
    }
}

impl Subject {
    /// What an operation of a pass is about, as the pass's operation says.
    pub(super) fn of_operation(pass: &Pass, op: Op) -> Self {
        match pass.operation {
            Operation::Linear { result, .. } if result.is_product(op) => {
                Self::Product(pass.component.in_any_layer())
            }
            Operation::Linear { .. } => Self::Biases,
            Operation::Attention { .. } if op == Op::Fma => Self::Attention,
            Operation::Attention { .. } => Self::AttentionSoftmax,
            Operation::Norm { norm: Norm::Layer, .. } => Self::LayerNorm,
            Operation::Norm { norm: Norm::Rms, .. } => Self::RmsNorm,
            Operation::Rope { .. } => Self::Rope,
            Operation::Pointwise { function, p: _ } => match function {
                Function::Relu | Function::ReluGradient => Self::Relu,
                Function::SwiGlu | Function::SwiGluGradient => Self::SwiGlu,
                Function::ErfGelu | Function::ErfGeluGradient => {
                    Self::Named(Named::one("gelu by erf"))
                }
                Function::TanhGelu | Function::TanhGeluGradient => {
                    Self::Named(Named::one("gelu by tanh"))
                }
                Function::GeGlu | Function::GeGluGradient => {
                    Self::Named(Named::one("GeGLU's activation"))
                }
                Function::SoftCap | Function::SoftCapGradient => {
                    Self::Named(Named::one("bound of the logits"))
                }
                Function::PlusOne => Self::RmsNorm,
                Function::Multiple => Self::Named(Named::one("scaling")),
                Function::Narrow => Self::Named(Named::one("rounding to half precision")),
                Function::Unscale => Self::Named(Named::one("loss scale")),
                Function::Sum | Function::AddMultiple | Function::AddMultipleGradient => {
                    Self::Residual
                }
                Function::Accumulate => Self::Named(Named::many("sums over micro-batches")),
                Function::ScaledSum | Function::ScaledSumGradient => {
                    Self::Named(Named::many("scaled sums"))
                }
            },
            Operation::DotProduct { .. } => Self::Named(Named::many("dot products")),
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
            Operation::Resolvent { .. } => Self::Resolvent,
            Operation::Sort { .. } | Operation::Columns { .. } => Self::Movement,
            Operation::Update { .. } => Self::Optimizer,
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
                | Function::ErfGelu
                | Function::ErfGeluGradient
                | Function::TanhGelu
                | Function::TanhGeluGradient
                | Function::GeGlu
                | Function::GeGluGradient => product(&[p]),
                Function::PlusOne
                | Function::SoftCap
                | Function::SoftCapGradient
                | Function::ScaledSum
                | Function::ScaledSumGradient
                | Function::Sum
                | Function::AddMultiple
                | Function::AddMultipleGradient
                | Function::Accumulate
                | Function::Unscale
                | Function::Narrow
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
        match self {
            Self::Biases
            | Self::Gates
            | Self::Adapters
            | Self::Rope
            | Self::Attention
            | Self::Residual
            | Self::Frozen => true,
            Self::Named(Named { many, .. }) => *many,
            _ => false,
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

    /// The reason why measured and estimate differ, with what more there is to say of it.
    pub(super) fn sentence(&self, entry: Balance, aside: &str, convention: Convention) -> String {
        let Balance { measured, estimate, units, .. } = entry;
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
        if measured == 0 && entry.ran {
            let (are, they) =
                if self.is_many() { ("are", "they cost") } else { ("is", "it costs") };
            return format!("{self} {are} charged, but {they} nothing by {convention}");
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
            let (cost, its) = if self.is_many() { ("cost", "their") } else { ("costs", "its") };
            let times = match rate(measured, estimate).as_str() {
                // What rounds to all of it is told by which side it lies on.
                "1" if measured > estimate => "a little more than".to_owned(),
                "1" => "a little less than".to_owned(),
                times => format!("{times}x"),
            };
            return format!("{self} {cost} {times} {its} charge{aside}");
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
            Self::Resolvent => "BK-Core",
            Self::Loss => "loss",
            Self::Optimizer => "optimizer",
            Self::RmsNorm => "RMS norm",
            Self::SwiGlu => "SwiGLU's activation",
            Self::Adapters => "adapters",
            Self::Rope => "rotary positions",
            Self::Attention => "attention's scores and values",
            Self::AttentionSoftmax => "attention's softmax",
            Self::Recomputed => "recomputing attention's probabilities",
            Self::Layers => "recomputing layers",
            Self::Residual => "residual sums",
            Self::Frozen => "gradients of frozen weights",
            Self::Movement => "sorting and copying",
            Self::Named(Named { name, .. }) => name,
        })
    }
}

/// A ratio with at most two decimals, or as many as its first digit takes.
fn rate(numerator: u64, denominator: u64) -> String {
    let ratio = numerator as f64 / denominator as f64;
    if numerator > 0 && ratio < 0.005 {
        return format!("{ratio:.0e}");
    }
    format!("{ratio:.2}").trim_end_matches('0').trim_end_matches('.').to_owned()
}
