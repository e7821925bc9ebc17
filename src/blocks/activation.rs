//! The function between the matrices of a feed-forward network, as the kernels that compute it and its gradient. Knows
//! no matrix.

use super::launch::{Builder, Launch};
use crate::{
    component::{ComponentName, Phase},
    operation::{Function, Operation},
    plan::Slice,
};

/// The function between the matrices of a feed-forward network.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Activation {
    /// x sigmoid(x) of a gate, times what it gates.
    SwiGlu,
    /// gelu by tanh of a gate, times what it gates.
    GeGlu,
    /// gelu by erf, x times how much of a normal distribution lies below x.
    ErfGelu,
    /// gelu by tanh, which approximates it.
    TanhGelu,
    /// x where it is positive, else 0.
    Relu,
}

impl Activation {
    /// What its component is called.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::SwiGlu => "swiglu",
            Self::GeGlu => "geglu",
            Self::ErfGelu => "erf_gelu",
            Self::TanhGelu => "tanh_gelu",
            Self::Relu => "relu",
        }
    }

    /// The function itself, or its gradient, of `len` elements.
    pub(crate) fn launch(
        self,
        to: &mut Builder,
        component: &ComponentName,
        phase: Phase,
        len: u64,
        bindings: &[(&str, Slice)],
    ) {
        // More elements than that are more than can be bound, which the plan's last check says.
        let p = u32::try_from(len).unwrap_or(u32::MAX);
        to.launch(&Launch {
            operation: Operation::Pointwise { function: self.function(phase), p },
            component,
            phase,
            window: "",
            scalars: &[],
            bindings,
        });
    }

    const fn function(self, phase: Phase) -> Function {
        let [function, gradient] = match self {
            Self::SwiGlu => [Function::SwiGlu, Function::SwiGluGradient],
            Self::GeGlu => [Function::GeGlu, Function::GeGluGradient],
            Self::ErfGelu => [Function::ErfGelu, Function::ErfGeluGradient],
            Self::TanhGelu => [Function::TanhGelu, Function::TanhGeluGradient],
            Self::Relu => [Function::Relu, Function::ReluGradient],
        };
        match phase {
            Phase::Forward => function,
            Phase::Backward | Phase::Optimizer => gradient,
        }
    }
}
