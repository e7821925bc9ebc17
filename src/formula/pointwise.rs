//! Functions of single elements, P of them. The sigmoid in SwiGLU takes a negation, an exponential, an
//! addition and a division.

use super::form::{Forms, Overhead, f32s};
use crate::{
    op::{Op, OpCounts, Scalar},
    operation::Function,
};

pub(super) fn forms(function: Function, p: u64) -> Forms {
    let sigmoid = f32s([(Op::Neg, p), (Op::Exp, p), (Op::Add, p), (Op::Div, p)]);
    if function == Function::Unscale {
        return Forms::default().and(Overhead::LossScale, f32s([(Op::Mul, p)]));
    }
    Forms::algebra(match function {
        Function::Relu | Function::ReluGradient => f32s([(Op::Compare, p), (Op::Select, p)]),
        // gate * sigmoid * up.
        Function::SwiGlu => sigmoid + f32s([(Op::Mul, 2 * p)]),
        // silu = gate * sigmoid; dup = dy * silu; dgate = dy * up * (silu * (1 - sigmoid) + sigmoid).
        Function::SwiGluGradient => sigmoid + f32s([(Op::Mul, 4 * p), (Op::Add, p), (Op::Fma, p)]),
        Function::ScaledSum => f32s([(Op::Add, p), (Op::Fma, p)]),
        Function::AddMultiple => f32s([(Op::Fma, p)]),
        Function::ScaledSumGradient | Function::AddMultipleGradient | Function::Multiple => {
            f32s([(Op::Mul, p)])
        }
        Function::Unscale => OpCounts::ZERO,
        Function::Narrow => OpCounts::of(Scalar::F16, Op::Convert, p),
        Function::Sum | Function::Accumulate | Function::PlusOne => f32s([(Op::Add, p)]),
        // u = x (a + b x^2), t = tanh(u), (x/2) (1 + t).
        Function::TanhGelu => f32s([(Op::Mul, 3 * p), (Op::Fma, 2 * p), (Op::Tanh, p)]),
        // dy ((1 + t)/2 + (x/2) (1 - t^2) (a + 3 b x^2)).
        Function::TanhGeluGradient => {
            f32s([(Op::Mul, 6 * p), (Op::Add, p), (Op::Fma, 4 * p), (Op::Tanh, p)])
        }
        // x m.
        Function::ErfGelu => erf(p) + f32s([(Op::Mul, p)]),
        // dy (m + x d).
        Function::ErfGeluGradient => erf(p) + f32s([(Op::Mul, p), (Op::Fma, p)]),
        // gelu by tanh, times up.
        Function::GeGlu => f32s([(Op::Mul, 4 * p), (Op::Fma, 2 * p), (Op::Tanh, p)]),
        // The same gelu; dup = dy * gelu; its slope is (1 + t)/2 + (x/2) (1 - t^2) (a + 3 b x^2), and
        // dgate = dy * up * slope.
        Function::GeGluGradient => {
            f32s([(Op::Mul, 8 * p), (Op::Add, p), (Op::Fma, 5 * p), (Op::Tanh, p)])
        }
        Function::SoftCap => f32s([(Op::Mul, 2 * p), (Op::Tanh, p)]),
        // dy (1 - (y / c)^2), with -1 / c^2 as one number.
        Function::SoftCapGradient => f32s([(Op::Mul, 2 * p), (Op::Fma, p)]),
    })
}

/// What gelu by erf and its slope have in common: the density d = a exp(-x^2/2), t = 1 / (1 + b |x|), and m, which is d times
/// a polynomial of t where x is negative, and 1 less that elsewhere.
fn erf(p: u64) -> OpCounts {
    let density = f32s([(Op::Mul, 3 * p), (Op::Exp, p)]);
    let polynomial = f32s([(Op::Abs, p), (Op::Fma, 5 * p), (Op::Div, p), (Op::Mul, p)]);
    let side = f32s([(Op::Mul, p), (Op::Add, p), (Op::Compare, p), (Op::Select, p)]);
    density + polynomial + side
}
