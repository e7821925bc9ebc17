//! Functions of single elements, P of them. The sigmoid in SwiGLU takes a negation, an exponential, an
//! addition and a division.

use super::form::{Forms, f32s};
use crate::{op::Op, operation::Function};

pub(super) fn forms(function: Function, p: u64) -> Forms {
    let sigmoid = f32s([(Op::Neg, p), (Op::Exp, p), (Op::Add, p), (Op::Div, p)]);
    Forms::algebra(match function {
        Function::Relu | Function::ReluGradient => f32s([(Op::Compare, p), (Op::Select, p)]),
        // gate * sigmoid * up.
        Function::SwiGlu => sigmoid + f32s([(Op::Mul, 2 * p)]),
        // silu = gate * sigmoid; dup = dy * silu; dgate = dy * up * (silu * (1 - sigmoid) + sigmoid).
        Function::SwiGluGradient => sigmoid + f32s([(Op::Mul, 4 * p), (Op::Add, p), (Op::Fma, p)]),
        Function::ScaledSum => f32s([(Op::Add, p), (Op::Fma, p)]),
        Function::ScaledSumGradient | Function::Multiple => f32s([(Op::Mul, p)]),
        Function::Sum => f32s([(Op::Add, p)]),
    })
}
