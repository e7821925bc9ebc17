//! What a plan has in half precision, in buffers that nothing keeps: of which tensor, and how long it stays true.

use crate::{
    operation::{Function, Operation},
    plan::Slice,
};

/// What products take in half precision, by the names that kernels have for it.
pub(super) const OPERANDS: [&str; 3] = ["x", "w", "dy"];

/// A tensor that was rounded, and as which operand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Narrowed {
    pub(super) operand: &'static str,
    pub(super) tensor: Slice,
}

impl Narrowed {
    /// Whether a pass may write to what was rounded: any that binds its buffer, but as what a product or a rounding reads.
    pub(super) fn is_changed_by(&self, operation: &Operation, bindings: &[(&str, Slice)]) -> bool {
        let reads = |name: &str| match operation {
            Operation::Linear { .. } => OPERANDS.contains(&name),
            Operation::Pointwise { function: Function::Narrow, .. } => name == "full",
            _ => false,
        };
        bindings.iter().any(|(name, slice)| slice.buffer == self.tensor.buffer && !reads(name))
    }
}
