//! The sum of the hidden state and what half of a layer adds, multiplied by a factor where an architecture has one;
//! forward beside backward.

use super::{gradients::Gradients, place::Placing};
use crate::{
    blocks::launch::{Builder, Launch, sum},
    component::{ComponentName, Phase},
    operation::{Function, Operation},
    plan::Slice,
};

/// The sum behind half of a layer.
pub(super) struct Residual {
    component: ComponentName,
    /// Which half adds to the hidden state.
    half: &'static str,
    /// What that is multiplied by.
    factor: Option<f32>,
}

impl Residual {
    /// That of a layer of this name.
    pub(super) fn place(placing: &Placing<'_>, layer: &ComponentName, half: &'static str) -> Self {
        let factor = placing.config.residual_scale();
        Self { component: layer.part(&["residual"]), half, factor }
    }

    /// out = h + factor * added, all (T,H).
    pub(super) fn forward(&self, to: &mut Builder, [h, added, out]: [Slice; 3]) {
        let tensors = [("x", h), ("y", added), ("out", out)];
        match self.factor {
            Some(_) => self.launch(to, Phase::Forward, Function::AddMultiple, &tensors),
            None => sum(to, &self.component, self.half, [h, added, out]),
        }
    }

    /// The gradient by what is added, from that by the sum, which passes by the half as it is.
    pub(super) fn backward(&self, to: &mut Builder, by: &Gradients) -> Slice {
        let Some(ds) = by.added.filter(|_| self.factor.is_some()) else { return by.h };
        let tensors = [("dy", by.h), ("ds", ds)];
        self.launch(to, Phase::Backward, Function::AddMultipleGradient, &tensors);
        ds
    }

    fn launch(
        &self,
        to: &mut Builder,
        phase: Phase,
        function: Function,
        tensors: &[(&str, Slice)],
    ) {
        let p = tensors[0].1.len as u32;
        to.launch(&Launch {
            operation: Operation::Pointwise { function, p },
            component: &self.component,
            phase,
            window: self.half,
            scalars: &[("factor", self.factor.unwrap_or(1.0))],
            bindings: tensors,
        });
    }
}
