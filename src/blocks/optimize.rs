//! The optimizer as launches: one for each parameter tensor of the plan.

use super::{
    launch::{Builder, Launch, window_name},
    weight::Weight,
};
use crate::{
    component::Phase,
    operation::{Function, Operation, Optimizer},
    plan::{Element, Init, Slice},
};

impl Optimizer {
    /// Tensors of state beside a parameter and its gradient, as `optimizer.wgsl` calls them.
    const fn moments(self) -> &'static [&'static str] {
        match self {
            Self::AdamW | Self::Adam => &["m", "v"],
            Self::Sgd => &[],
        }
    }

    /// The kernel's floating-point uniforms at step 1, in double precision until the last. Rates are
    /// PyTorch's defaults, and 1e-2 for plain gradient descent, which has none.
    fn scalars(self) -> Vec<(&'static str, f32)> {
        let (lr, weight_decay): (f64, f64) = match self {
            Self::AdamW => (1e-3, 0.01),
            Self::Adam => (1e-3, 0.0),
            Self::Sgd => (1e-2, 0.0),
        };
        let (beta1, beta2): (f64, f64) = (0.9, 0.999);
        let moments = [
            ("beta1", beta1),
            ("rest1", 1.0 - beta1),
            ("beta2", beta2),
            ("rest2", 1.0 - beta2),
            ("correction2", 1.0 / (1.0 - beta2).sqrt()),
            ("eps", 1e-8),
            ("step", -lr / (1.0 - beta1)),
        ];
        let scalars = match self {
            Self::AdamW => [&[("decay", 1.0 - lr * weight_decay)], &moments[..]].concat(),
            Self::Adam => [&[("weight_decay", weight_decay)], &moments[..]].concat(),
            Self::Sgd => vec![("step", -lr)],
        };
        scalars.into_iter().map(|(name, value)| (name, value as f32)).collect()
    }
}

/// Takes the scale of the loss out of each gradient, window by window.
pub(crate) fn unscale<'a>(to: &mut Builder, weights: impl IntoIterator<Item = &'a Weight>) {
    for weight in weights {
        let Some(grad) = weight.grad else { continue };
        let name = to.plan.buffer_of(weight.value).name.clone();
        for &window in weight.windows() {
            let scaled = weight.part(grad, window);
            let p = u32::try_from(scaled.len).unwrap_or(u32::MAX);
            to.launch(&Launch {
                operation: Operation::Pointwise { function: Function::Unscale, p },
                component: &weight.component,
                phase: Phase::Backward,
                window: format!("{name} {}", window_name("rows", window, weight.count()))
                    .trim_end(),
                scalars: &[("factor", 1.0 / to.loss_scale)],
                bindings: &[("scaled", scaled)],
            });
        }
    }
}

/// Adds one update of each weight that is trained, window by window. Moments start at zero,
/// as before a first step.
pub(crate) fn optimize<'a>(
    to: &mut Builder,
    optimizer: Optimizer,
    weights: impl IntoIterator<Item = &'a Weight>,
) {
    for weight in weights {
        let Some(grad) = weight.grad else { continue };
        let name = to.plan.buffer_of(weight.value).name.clone();
        let mut tensors = vec![("param", weight.value), ("grad", grad)];
        for &moment in optimizer.moments() {
            let buffer = format!("{moment}/{name}");
            let slice = to.plan.buffer(buffer, Element::F32, weight.value.len, Init::Zeros);
            tensors.push((moment, slice));
        }
        for &window in weight.windows() {
            let part = |slice: Slice| weight.part(slice, window);
            // More elements than that are more than can be bound, which the plan's last check says.
            let elements = u32::try_from(part(grad).len).unwrap_or(u32::MAX);
            let bindings: Vec<_> =
                tensors.iter().map(|&(tensor, slice)| (tensor, part(slice))).collect();
            to.launch(&Launch {
                operation: Operation::Update { rule: optimizer, p: elements },
                component: &weight.component,
                phase: Phase::Optimizer,
                window: format!("{name} {}", window_name("rows", window, weight.count()))
                    .trim_end(),
                scalars: &optimizer.scalars(),
                bindings: &bindings,
            });
        }
    }
}
