//! The parts of which operations consist: what of one a pass computes.

use serde::{Deserialize, Serialize};

use crate::op::Op;

/// What of a linear layer is computed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LinearResult {
    /// x w^T + b.
    Output,
    /// x w^T, of a layer without bias.
    PlainOutput,
    /// The gradient by x: dy w.
    Input,
    /// The gradient by w: dy^T x, group by group.
    Weight,
    /// The gradient by b: the sum of dy over the rows of a group.
    Bias,
}

impl LinearResult {
    /// Whether such an operation belongs to the product of the layer, and not to its bias. A product is multiply-adds, or,
    /// where lanes share its sums, multiplications and additions too; what is added to it is the bias of an output.
    pub fn is_product(self, op: Op) -> bool {
        match self {
            Self::Output => op == Op::Fma,
            Self::PlainOutput | Self::Input | Self::Weight => true,
            Self::Bias => false,
        }
    }
}

/// What of attention is computed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AttentionStep {
    /// softmax(q k^T scale) v, and the logarithm of each row's sum.
    Output,
    /// Each row's product of the output and its gradient.
    Delta,
    /// The gradient by q.
    Query,
    /// The gradients by k and v.
    KeyValue,
}

/// How wide the numbers are that a product multiplies. Sums are single either way.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Precision {
    /// As wide as they are kept: a product and its sum are one multiply-add.
    #[default]
    Single,
    /// Rounded to half precision, as the product of two of them is before it is added.
    Half,
}

impl Precision {
    /// Whether nothing is rounded.
    #[allow(clippy::trivially_copy_pass_by_ref, reason = "serde hands over a reference")]
    pub const fn is_single(&self) -> bool {
        matches!(self, Self::Single)
    }
}

/// Which gradients of attention have a use; whatever is computed beside them is the kernel's own affair.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Wanted {
    /// By q.
    pub query: bool,
    /// By k.
    pub key: bool,
    /// By v.
    pub value: bool,
}

impl Wanted {
    /// All three.
    pub const ALL: Self = Self { query: true, key: true, value: true };

    /// Whether any has a use.
    pub const fn any(self) -> bool {
        self.query || self.key || self.value
    }
}

/// A way to normalise a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Norm {
    /// Less its mean, by its standard deviation, scaled and shifted.
    Layer,
    /// By its root mean square, scaled.
    Rms,
}

/// What of a normalisation is computed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum NormStep {
    /// The normalised rows.
    Output,
    /// The gradient by the rows.
    Input,
    /// The gradients by scale and shift.
    Parameters,
}

/// Forth or back.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Direction {
    /// As stated.
    Forward,
    /// The gradient of that.
    Backward,
}

/// A function of single elements.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Function {
    /// max(x, 0).
    Relu,
    /// dy where y > 0.
    ReluGradient,
    /// silu(gate) * up.
    SwiGlu,
    /// Its gradients by gate and up.
    SwiGluGradient,
    /// h + f + scale * s.
    ScaledSum,
    /// Its gradient by s: scale * dy.
    ScaledSumGradient,
    /// x + y.
    Sum,
    /// x + factor * y.
    AddMultiple,
    /// Its gradient by y: factor * dy.
    AddMultipleGradient,
    /// factor * x.
    Multiple,
    /// y + x, in the place of y.
    Accumulate,
    /// factor * x, of a gradient whose loss was multiplied by the inverse.
    Unscale,
    /// x in half precision.
    Narrow,
    /// x + 1.
    PlusOne,
    /// gelu(x) by erf, which an exponential times a polynomial approximates.
    ErfGelu,
    /// Its gradient.
    ErfGeluGradient,
    /// gelu(x), with gelu's approximation by tanh.
    TanhGelu,
    /// Its gradient.
    TanhGeluGradient,
    /// gelu(gate) * up, with the same approximation.
    GeGlu,
    /// Its gradients by gate and up.
    GeGluGradient,
    /// c tanh(x / c).
    SoftCap,
    /// Its gradient.
    SoftCapGradient,
}

/// A stage of a sum of products.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DotStage {
    /// Sums of some products each.
    Shares,
    /// The sum of those.
    Total,
}

/// What of cross entropy is computed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LossStep {
    /// Each row's loss and exponentials.
    Rows,
    /// The mean over rows.
    Mean,
    /// The gradient by the logits.
    Gradient,
}

/// What of an embedding is computed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EmbeddingStep {
    /// The sums.
    Output,
    /// The gradient by the tokens' table.
    Tokens,
    /// The gradient by the positions' table.
    Positions,
}

/// What of a mixture of experts is computed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MixtureStep {
    /// Which experts a token goes to, and the softmax of their logits.
    Route,
    /// The gradient by the router's logits.
    RouteGradient,
    /// Which experts a token goes to, and their part of the softmax over all logits.
    RouteOverAll,
    /// The gradient of that by the router's logits.
    RouteOverAllGradient,
    /// Tokens in the order of their experts.
    Gather,
    /// The gradient by the tokens: the sum over their experts.
    GatherGradient,
    /// The weighted sum of a token's experts.
    Combine,
    /// Its gradient by the experts' outputs.
    CombineGradient,
    /// Its gradient by the weights.
    GateGradient,
}

/// What of an expert that all tokens pass is computed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SharedExpertStep {
    /// Each token's weight: the sigmoid of its logit.
    Weight,
    /// The weighted output, added to what the other experts give.
    Output,
    /// The gradient by the expert's output.
    Input,
    /// The gradient by each token's logit.
    WeightGradient,
}

/// What of BK-Core is computed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ResolventStep {
    /// The matrix's diagonal from v.
    Potential,
    /// Its gradient by v.
    PotentialGradient,
    /// The products of off-diagonals, which all matrices share.
    Couple,
    /// The leading minors.
    Theta,
    /// The trailing minors.
    Phi,
    /// The diagonal of the resolvent, limited, and its features.
    Diagonal,
    /// The gradient by the diagonal of the resolvent.
    DiagonalGradient,
    /// The published approximation of the gradient by the matrix's diagonal.
    HybridGradient,
    /// Sums over what lies left of an element, for the exact gradient.
    ExactLeft,
    /// The exact gradient.
    ExactGradient,
}

/// A part of a stable sort.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SortStep {
    /// Counts set to zero.
    Clear,
    /// Items of each key counted.
    Count,
    /// Where each key's items begin.
    Scan,
    /// Items put into their places.
    Place,
}

/// A direction in which data move.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Transfer {
    /// Out of the larger tensor.
    Take,
    /// Into the larger tensor.
    Place,
}
