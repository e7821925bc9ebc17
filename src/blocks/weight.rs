//! Parameters placed in a plan: each value with room for its gradient, several tensors of a
//! checkpoint stacked into one where a kernel takes them together. A tensor longer than a binding is used in
//! windows of its rows, by every pass in the same.

use std::collections::BTreeMap;

use super::{
    launch::{Builder, windows},
    parameter::ParameterSpec,
};
use crate::{
    component::ComponentName,
    execute::Limits,
    plan::{Element, Init, Parameter, Slice},
};

/// A parameter tensor of the plan.
#[derive(Clone, Debug)]
pub(crate) struct Weight {
    /// Where it stands in the report.
    pub(crate) component: ComponentName,
    pub(crate) value: Slice,
    pub(crate) grad: Option<Slice>,
    /// Elements of a row.
    width: u32,
    /// First row and number of rows of each window.
    windows: Vec<(u32, u32)>,
}

impl Weight {
    /// A tensor with rows of `width` elements.
    pub(crate) fn new(
        component: ComponentName,
        value: Slice,
        grad: Option<Slice>,
        width: u32,
        limits: &Limits,
    ) -> Self {
        let mut weight = Self { component, value, grad, width, windows: Vec::new() };
        weight.cut(&[u64::from(width)], limits);
        weight
    }

    /// Cuts this tensor and another at the same rows, of which both have as many.
    pub(crate) fn cut_with(&mut self, other: &mut Self, limits: &Limits) {
        self.cut(&[self.width, other.width].map(u64::from), limits);
        other.windows.clone_from(&self.windows);
    }

    fn cut(&mut self, widths: &[u64], limits: &Limits) {
        // Of which no row fits a binding is refused when the plan is whole.
        self.windows =
            windows(self.count(), widths, limits).unwrap_or_else(|| vec![(0, self.count())]);
    }

    /// How many rows it has. More than 32 bits count belong to experts, who are bound all together, which
    /// the plan's last check says no adapter does.
    pub(crate) fn count(&self) -> u32 {
        u32::try_from(self.value.len / u64::from(self.width)).unwrap_or(u32::MAX)
    }

    /// First row and number of rows of each window; one where it is bound whole.
    pub(crate) fn windows(&self) -> &[(u32, u32)] {
        &self.windows
    }

    /// Rows `first .. first + rows` of this tensor, or of one that goes with it.
    pub(crate) fn part(&self, of: Slice, (first, rows): (u32, u32)) -> Slice {
        let [first, rows, width] = [first, rows, self.width].map(u64::from);
        of.part(first * width, rows * width)
    }

    /// A window as a tensor.
    pub(crate) fn rows(&self, window: (u32, u32)) -> Self {
        Self {
            value: self.part(self.value, window),
            grad: self.grad.map(|grad| self.part(grad, window)),
            windows: vec![(0, window.1)],
            ..self.clone()
        }
    }

    /// Where the gradient goes; there is one wherever a trained parameter's backward pass is lowered.
    pub(crate) fn grad(&self) -> Slice {
        self.grad.expect("a backward pass is lowered with gradients")
    }
}

/// Whether any of these is trained.
pub(crate) fn has_gradient<'a>(weights: impl IntoIterator<Item = &'a Weight>) -> bool {
    weights.into_iter().any(|weight| weight.grad.is_some())
}

/// Places parameters by their names in the checkpoint.
pub(crate) struct Placer {
    specs: BTreeMap<String, ParameterSpec>,
    trains: bool,
}

impl Placer {
    /// For these parameters; those that training changes have gradients where the plan `trains`.
    pub(crate) fn new(specs: Vec<ParameterSpec>, trains: bool) -> Self {
        let specs = specs.into_iter().map(|spec| (spec.name.clone(), spec));
        Self { specs: specs.collect(), trains }
    }

    /// Places one tensor of the checkpoint.
    pub(crate) fn one(&self, to: &mut Builder, component: &ComponentName, name: &str) -> Weight {
        self.stacked(to, component, name, std::slice::from_ref(&name.to_owned()))
    }

    /// Places the next rows of a tensor of the checkpoint as a weight by itself, in a buffer of its own: a binding may not
    /// begin where rows do.
    pub(crate) fn next_rows(
        &self,
        to: &mut Builder,
        component: &ComponentName,
        tensor: &str,
        rows: u32,
    ) -> Weight {
        let ParameterSpec { shape, trained, order, .. } = &self.specs[tensor];
        let width = shape.iter().skip(1).product::<usize>() as u64;
        let parameters = &to.plan.parameters;
        let begun = parameters.iter().rposition(|parameter| parameter.name == tensor);
        let placed = begun.map_or(0, |at| parameters[at].value.iter().map(|part| part.len).sum());
        let first = placed / width;
        let name = format!("{tensor} rows {first}..{}", first + u64::from(rows));
        let len = u64::from(rows) * width;
        let value = to.plan.buffer(&name, Element::F32, len, Init::Input);
        let grad = (self.trains && *trained).then(|| to.scratch(format!("grad/{name}"), len));
        match begun {
            Some(at) => {
                let parameter = &mut to.plan.parameters[at];
                parameter.value.push(value);
                parameter.grad.iter_mut().for_each(|parts| parts.extend(grad));
            }
            None => to.plan.parameters.push(Parameter {
                name: tensor.to_owned(),
                shape: shape.clone(),
                order: *order,
                value: vec![value],
                grad: grad.map(|grad| vec![grad]),
            }),
        }
        Weight::new(component.clone(), value, grad, width as u32, to.limits())
    }

    /// Places tensors of the checkpoint one behind the other, under a name of the plan's own. Their rows
    /// are as long as each other's.
    pub(crate) fn stacked(
        &self,
        to: &mut Builder,
        component: &ComponentName,
        name: &str,
        tensors: &[String],
    ) -> Weight {
        let elements = |tensor: &String| self.specs[tensor].elements();
        let len = tensors.iter().map(elements).sum();
        let value = to.plan.buffer(name, Element::F32, len, Init::Input);
        let trained = self.trains && tensors.iter().all(|tensor| self.specs[tensor].trained);
        let grad = trained.then(|| to.scratch(format!("grad/{name}"), len));
        let mut offset = 0;
        for tensor in tensors {
            let len = elements(tensor);
            to.plan.parameters.push(Parameter {
                name: tensor.clone(),
                shape: self.specs[tensor].shape.clone(),
                order: self.specs[tensor].order,
                value: vec![value.part(offset, len)],
                grad: grad.map(|grad| vec![grad.part(offset, len)]),
            });
            offset += len;
        }
        let width = self.specs[&tensors[0]].shape.iter().skip(1).product::<usize>();
        Weight::new(component.clone(), value, grad, width as u32, to.limits())
    }
}
