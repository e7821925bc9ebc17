//! RMS norm as launches: rows divided by their root mean square and scaled by a weight, or by one more than it.

use super::{
    launch::{Builder, Launch},
    weight::{Placer, Weight},
};
use crate::{
    component::{ComponentName, Phase},
    operation::{Function, Norm, NormStep, Operation},
    plan::Slice,
};

/// An RMS norm with its parameter placed.
pub(crate) struct RmsNorm {
    pub(crate) component: ComponentName,
    /// Tells norms of one component apart.
    pub(crate) place: &'static str,
    pub(crate) weight: Weight,
    /// Where 1 + weight goes, of a norm that scales by that.
    scale: Option<Slice>,
    eps: f32,
}

/// What an RMS norm leaves for its backward pass.
#[derive(Clone, Copy)]
pub(crate) struct Normed {
    pub(crate) x: Slice,
    pub(crate) y: Slice,
    rstd: Slice,
}

impl RmsNorm {
    /// Places the norm whose weight is `tensor`; one that scales by `one_more` than it has a place for the
    /// sum.
    pub(crate) fn place(
        to: &mut Builder,
        placer: &Placer,
        (component, place): (ComponentName, &'static str),
        tensor: &str,
        one_more: bool,
        eps: f32,
    ) -> Self {
        let weight = placer.one(to, &component, tensor);
        let scale = one_more.then(|| to.scratch(format!("1 + {tensor}"), weight.value.len));
        Self { component, place, weight, scale, eps }
    }

    /// Elements of a row.
    const fn width(&self) -> u32 {
        self.weight.value.len as u32
    }

    /// What rows are multiplied by.
    fn scale(&self) -> Slice {
        self.scale.unwrap_or(self.weight.value)
    }

    /// y from rows x.
    pub(crate) fn forward(&self, to: &mut Builder, x: Slice) -> Normed {
        if let Some(out) = self.scale {
            to.launch(&Launch {
                operation: Operation::Pointwise { function: Function::PlusOne, p: self.width() },
                component: &self.component,
                phase: Phase::Forward,
                window: self.place,
                scalars: &[],
                bindings: &[("x", self.weight.value), ("out", out)],
            });
        }
        let name = format!("{} {}", self.component, self.place);
        let name = name.trim_end();
        let y = to.scratch(format!("{name}.y"), x.len);
        let rstd = to.scratch(format!("{name}.rstd"), x.len / u64::from(self.width()));
        let bindings = [("x", x), ("weight", self.scale()), ("y", y), ("rstd", rstd)];
        self.launch(to, NormStep::Output, x, false, &bindings);
        Normed { x, y, rstd }
    }

    /// dx from dy, the gradient by the rows that came out, and the gradient of the weight where that is
    /// trained. `onto` says whether dx is added to what is there; without a use for dx, it is left out.
    pub(crate) fn backward(
        &self,
        to: &mut Builder,
        normed: &Normed,
        dy: Slice,
        dx: Option<(Slice, bool)>,
    ) {
        let Normed { x, rstd, .. } = *normed;
        if let Some((dx, onto)) = dx {
            let bindings =
                [("dy", dy), ("x", x), ("weight", self.scale()), ("dx", dx), ("rstd", rstd)];
            self.launch(to, NormStep::Input, x, onto, &bindings);
        }
        if let Some(dweight) = self.weight.grad {
            let bindings = [("dy", dy), ("x", x), ("dweight", dweight), ("rstd", rstd)];
            self.launch(to, NormStep::Parameters, x, false, &bindings);
        }
    }

    fn launch(
        &self,
        to: &mut Builder,
        step: NormStep,
        x: Slice,
        accumulate: bool,
        bindings: &[(&str, Slice)],
    ) {
        let d = self.width();
        let m = (x.len / u64::from(d)) as u32;
        to.launch(&Launch {
            operation: Operation::Norm { norm: Norm::Rms, step, m, d, accumulate },
            component: &self.component,
            phase: match step {
                NormStep::Output => Phase::Forward,
                NormStep::Input | NormStep::Parameters => Phase::Backward,
            },
            window: self.place,
            scalars: &[("eps", self.eps)],
            bindings,
        });
    }
}
