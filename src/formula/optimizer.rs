//! One optimizer step over P parameters. Under `ieee` that is 2 a parameter for SGD, 15 for Adam and
//! 14 for AdamW, the factors common to all parameters being worked out once elsewhere.

use super::form::{Forms, f32s};
use crate::{op::Op, operation::Optimizer};

pub(super) fn forms(rule: Optimizer, p: u64) -> Forms {
    // The mean (mul, fma), the mean square (2 mul, fma), the scale from it (sqrt, fma), and the
    // step along their ratio (div, fma).
    let moments = f32s([(Op::Mul, 3), (Op::Fma, 4), (Op::Sqrt, 1), (Op::Div, 1)]);
    let each = match rule {
        Optimizer::Sgd => f32s([(Op::Fma, 1)]),
        Optimizer::Adam => moments + f32s([(Op::Fma, 1)]), // the decay enters the gradient
        Optimizer::AdamW => moments + f32s([(Op::Mul, 1)]), // the decay scales the parameter
    };
    Forms::algebra(each.times(p))
}
