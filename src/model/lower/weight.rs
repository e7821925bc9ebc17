//! Parameters placed in a plan: each value with room for its gradient, several tensors of a
//! checkpoint stacked into one where a kernel takes them together.

use std::collections::BTreeMap;

use super::launch::Builder;
use crate::{
    model::ParameterSpec,
    plan::{Element, Init, Parameter, Slice},
};

/// A parameter tensor of the plan.
#[derive(Clone, Debug)]
pub(super) struct Weight {
    /// Where it stands in the report.
    pub(super) component: String,
    pub(super) value: Slice,
    pub(super) grad: Option<Slice>,
}

impl Weight {
    /// Where the gradient goes; there is one wherever a backward pass is lowered.
    pub(super) fn grad(&self) -> Slice {
        self.grad.expect("a backward pass is lowered with gradients")
    }
}

/// Places parameters by their names in the checkpoint.
pub(super) struct Placer {
    shapes: BTreeMap<String, Vec<usize>>,
    trained: bool,
}

impl Placer {
    /// For these parameters; with gradients where the plan trains.
    pub(super) fn new(specs: Vec<ParameterSpec>, trained: bool) -> Self {
        Self { shapes: specs.into_iter().map(|spec| (spec.name, spec.shape)).collect(), trained }
    }

    /// Places one tensor of the checkpoint.
    pub(super) fn one(&self, to: &mut Builder, component: &str, name: &str) -> Weight {
        self.stacked(to, component, name, std::slice::from_ref(&name.to_owned()))
    }

    /// Places tensors of the checkpoint one behind the other, under a name of the plan's own.
    pub(super) fn stacked(
        &self,
        to: &mut Builder,
        component: &str,
        name: &str,
        tensors: &[String],
    ) -> Weight {
        let elements =
            |tensor: &String| self.shapes[tensor].iter().map(|&e| e as u64).product::<u64>();
        let len = tensors.iter().map(elements).sum();
        let value = to.plan.buffer(name, Element::F32, len, Init::Input);
        let grad = self.trained.then(|| to.scratch(format!("grad/{name}"), len));
        let mut offset = 0;
        for tensor in tensors {
            let len = elements(tensor);
            to.plan.parameters.push(Parameter {
                name: tensor.clone(),
                shape: self.shapes[tensor].clone(),
                value: value.part(offset, len),
                grad: grad.map(|grad| grad.part(offset, len)),
            });
            offset += len;
        }
        Weight { component: component.to_owned(), value, grad }
    }
}
