//! Norms of rows as launches. An RMS norm divides a row by its root mean square and multiplies it by a weight, or by
//! one more than that; a layer norm takes the row's mean away first, divides by its standard deviation, and adds a bias
//! behind the weight.

use super::{
    launch::{Builder, Launch},
    weight::{Placer, Weight},
};
use crate::{
    component::{ComponentName, Phase},
    operation::{Function, Norm, NormStep, Operation},
    plan::Slice,
};

/// What rows are divided and multiplied by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum NormRule {
    /// The root mean square, and a weight.
    Rms,
    /// The root mean square, and one more than a weight.
    RmsOneMore,
    /// The standard deviation, and a weight, between the mean that is taken away and the bias that is added.
    Layer,
}

/// A norm with its parameters placed.
pub(crate) struct RowNorm {
    pub(crate) component: ComponentName,
    /// Tells norms of one component apart.
    pub(crate) place: &'static str,
    weight: Weight,
    /// Of a layer norm.
    bias: Option<Weight>,
    /// Where 1 + weight goes, of a norm that multiplies by that.
    scale: Option<Slice>,
    eps: f32,
}

/// What a norm leaves for its backward pass.
#[derive(Clone, Copy)]
pub(crate) struct Normed {
    pub(crate) x: Slice,
    pub(crate) y: Slice,
    /// Of a layer norm.
    mean: Option<Slice>,
    rstd: Slice,
}

impl RowNorm {
    /// Places the norm of a module, whose parameters are called `weight` and `bias` there. One that multiplies by one
    /// more than its weight has a place for the sum.
    pub(crate) fn place(
        to: &mut Builder,
        placer: &Placer,
        (component, place): (ComponentName, &'static str),
        module: &str,
        rule: NormRule,
        eps: f32,
    ) -> Self {
        let tensor = format!("{module}.weight");
        let weight = placer.one(to, &component, &tensor);
        let bias = match rule {
            NormRule::Layer => Some(placer.one(to, &component, &format!("{module}.bias"))),
            NormRule::Rms | NormRule::RmsOneMore => None,
        };
        let scale = match rule {
            NormRule::RmsOneMore => Some(to.scratch(format!("1 + {tensor}"), weight.value.len)),
            NormRule::Rms | NormRule::Layer => None,
        };
        Self { component, place, weight, bias, scale, eps }
    }

    /// Every parameter tensor.
    pub(crate) fn weights(&self) -> impl Iterator<Item = &Weight> {
        [&self.weight].into_iter().chain(&self.bias)
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
        let rows = x.len / u64::from(self.width());
        let y = to.scratch(format!("{name}.y"), x.len);
        let mean = self.bias.as_ref().map(|_| to.scratch(format!("{name}.mean"), rows));
        let rstd = to.scratch(format!("{name}.rstd"), rows);
        let mut bindings = vec![("x", x), ("weight", self.scale())];
        bindings.extend(self.bias.as_ref().map(|bias| ("bias", bias.value)));
        bindings.push(("y", y));
        bindings.extend(mean.map(|mean| ("mean", mean)));
        bindings.push(("rstd", rstd));
        self.launch(to, NormStep::Output, x, false, &bindings);
        Normed { x, y, mean, rstd }
    }

    /// dx from dy, the gradient by the rows that came out, and the gradients of the parameters where those are
    /// trained. `onto` says whether dx is added to what is there; without a use for dx, it is left out.
    pub(crate) fn backward(
        &self,
        to: &mut Builder,
        normed: &Normed,
        dy: Slice,
        dx: Option<(Slice, bool)>,
    ) {
        let Normed { x, mean, rstd, .. } = *normed;
        let mut saved = vec![("dy", dy), ("x", x)];
        saved.extend(mean.map(|mean| ("mean", mean)));
        saved.push(("rstd", rstd));
        if let Some((dx, onto)) = dx {
            let bindings = [&saved[..], &[("weight", self.scale()), ("dx", dx)]].concat();
            self.launch(to, NormStep::Input, x, onto, &bindings);
        }
        if let Some(dweight) = self.weight.grad {
            let mut bindings = [&saved[..], &[("dweight", dweight)]].concat();
            bindings.extend(self.bias.as_ref().map(|bias| ("dbias", bias.grad())));
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
        let norm = if self.bias.is_some() { Norm::Layer } else { Norm::Rms };
        let d = self.width();
        let m = (x.len / u64::from(d)) as u32;
        to.launch(&Launch {
            operation: Operation::Norm { norm, step, m, d, accumulate },
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
