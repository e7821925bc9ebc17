//! The function between the matrices of a feed-forward network, as the kernels that compute it and its gradient. Knows
//! no matrix.

use crate::{component::Phase, operation::Function};

/// The function between the matrices of a feed-forward network.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Activation {
    /// x sigmoid(x) of a gate, times what it gates.
    SwiGlu,
    /// gelu by tanh of a gate, times what it gates.
    GeGlu,
    /// gelu by tanh.
    Gelu,
    /// x where it is positive, else 0.
    Relu,
}

impl Activation {
    /// What its component is called.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::SwiGlu => "swiglu",
            Self::GeGlu => "geglu",
            Self::Gelu => "gelu",
            Self::Relu => "relu",
        }
    }

    /// The function itself, or its gradient.
    pub(crate) const fn function(self, phase: Phase) -> Function {
        let [function, gradient] = match self {
            Self::SwiGlu => [Function::SwiGlu, Function::SwiGluGradient],
            Self::GeGlu => [Function::GeGlu, Function::GeGluGradient],
            Self::Gelu => [Function::Gelu, Function::GeluGradient],
            Self::Relu => [Function::Relu, Function::ReluGradient],
        };
        match phase {
            Phase::Forward => function,
            Phase::Backward | Phase::Optimizer => gradient,
        }
    }
}
