//! What model families are built of: parameters placed in a plan, and the passes of the blocks that more
//! than one family has. Every size, tile and dispatch extent is decided below, in `choice`. Knows no family.

pub(crate) mod activation;
pub(crate) mod adapter;
pub(crate) mod attention;
pub(crate) mod feed_forward;
pub(crate) mod gated;
pub(crate) mod grouping;
pub(crate) mod launch;
pub(crate) mod linear;
pub(crate) mod loss;
pub(crate) mod micro_batches;
pub(crate) mod mixture;
mod narrow;
pub(crate) mod norm;
pub(crate) mod optimize;
mod parameter;
pub(crate) mod projection;
pub(crate) mod rope;
pub(crate) mod shared_expert;
pub(crate) mod table;
pub(crate) mod weight;

pub use activation::Activation;
pub use parameter::{Fill, ParameterSpec};

use crate::{execute::Limits, plan::Plan};

/// A linear layer by itself: y (M,N) = x (M,K) w^T + b, and the gradients by x, w and b.
pub fn matrix_product(m: u32, k: u32, n: u32, limits: &Limits) -> Plan {
    linear::alone(m, k, n, limits)
}
