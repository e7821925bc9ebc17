//! Operands of products in half precision: rounded into buffers that nothing keeps, and not again as long as those hold
//! the same.

use super::launch::{Builder, Launch};
use crate::{
    operation::{Function, LinearResult, Operation},
    plan::{ComponentName, Element, Phase, Slice},
};

/// What products take in half precision, by the names that kernels have for it.
pub(super) const OPERANDS: [&str; 3] = ["x", "w", "dy"];

/// A tensor that was rounded, and as which operand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Narrowed {
    operand: &'static str,
    tensor: Slice,
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

impl Builder {
    /// A product's bindings with its operands in half precision, each rounded by a pass of the product's component.
    pub(super) fn narrowed<'a>(
        &mut self,
        bindings: &[(&'a str, Slice)],
        result: LinearResult,
        (component, phase, window): (&ComponentName, Phase, &str),
    ) -> Vec<(&'a str, Slice)> {
        let of = match result {
            LinearResult::Output | LinearResult::PlainOutput => "y",
            LinearResult::Input => "dx",
            LinearResult::Weight => "dw",
            LinearResult::Bias => "db",
        };
        let narrow = |&(name, tensor): &(&'a str, Slice)| {
            let operand = OPERANDS.into_iter().find(|operand| *operand == name);
            let Some(operand) = operand else { return (name, tensor) };
            let window = format!("{window} {operand} for {of}");
            (name, self.narrow(Narrowed { operand, tensor }, component, phase, window.trim_start()))
        };
        bindings.iter().map(narrow).collect()
    }

    fn narrow(
        &mut self,
        narrowed: Narrowed,
        component: &ComponentName,
        phase: Phase,
        window: &str,
    ) -> Slice {
        let Narrowed { operand, tensor } = narrowed;
        let name = format!("{operand} in half precision");
        let half = self.passing_of(Element::Halves, &name, tensor.len.div_ceil(2));
        self.begin(component, phase);
        if !self.narrowed.contains(&narrowed) {
            // More elements than that are more than can be bound, which the plan's last check says.
            let p = u32::try_from(tensor.len).unwrap_or(u32::MAX);
            self.launch(&Launch {
                operation: Operation::Pointwise { function: Function::Narrow, p },
                component,
                phase,
                window,
                scalars: &[],
                bindings: &[("full", tensor), ("half", half)],
            });
            self.narrowed.retain(|other| other.operand != operand);
            self.narrowed.push(narrowed);
        }
        half
    }
}
