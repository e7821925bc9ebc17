//! Closed forms of BK-Core: two rescaled complex recursions, their product over `theta_N`, and the
//! two gradients. A complex product is 2 mul, 2 fma and a neg; a complex square 2 mul, 1 fma, 1 add
//! and a neg; the couplings `-b c` are made once for all rows. How a power of two is found and how
//! rows are spread over invocations is none of this file's business.

use super::dim;
use crate::{
    op::{Op, OpCounts},
    plan::Dims,
};

/// Steps between two rescalings of a recursion.
const RESCALE: u64 = 4;

pub(super) fn exact(entry: &str, dims: &Dims) -> Option<OpCounts> {
    let (rows, n) = (dim(dims, "B")?, dim(dims, "N")?);
    let steps = n.checked_sub(1)?;
    let row = match entry {
        "potential" => per_element(&[(Op::MinMax, 2), (Op::Add, 1)]).times(n),
        "backward_potential" => masked().times(n),
        "couple" => return Some(per_element(&[(Op::Neg, 1), (Op::Mul, 1)]).times(steps)),
        "theta_recursion" => {
            // theta_1, then a step for each further diagonal element, theta_N rescaled, then
            // 1 / |theta_N|^2 and conj(theta_N) times it.
            recursion(n, steps)
                + per_element(&[(Op::Add, 1), (Op::Mul, 2)])
                + norm()
                + per_element(&[(Op::Div, 1), (Op::Mul, 2), (Op::Neg, 1)])
        }
        // phi_{N-1} is given, phi_{N-2} is a - z, the rest are steps.
        "phi_recursion" if steps == 0 => OpCounts::ZERO,
        "phi_recursion" => recursion(n, steps - 1) + per_element(&[(Op::Add, 1)]),
        "resolvent" => {
            // theta phi, over theta_N, by the power of two, then the two limits.
            (product().times(2)
                + per_element(&[(Op::Mul, 2)])
                + norm()
                + per_element(&[(Op::Rsqrt, 1), (Op::Mul, 3), (Op::Compare, 1), (Op::Select, 1)])
                + per_element(&[(Op::MinMax, 4)]))
            .times(n)
        }
        "backward_features" => masked().times(2 * n),
        "backward_hybrid" => hybrid().times(n),
        "backward_exact_left" => {
            // left_0 is conj(dg_0); each further one a carry, a square, conj(dg) times it, a sum.
            per_element(&[(Op::Neg, 1)])
                + (carry() + square() + conjugate_product_sum()).times(steps)
        }
        "backward_exact" => {
            // The last element has phi = 1 and nothing to its right.
            let last = square() + per_element(&[(Op::Neg, 2)]) + projection();
            let step = carry()
                + square().times(2)
                + product()
                + per_element(&[(Op::Neg, 1), (Op::Fma, 4)])
                + projection();
            last + step.times(steps) + conjugate_product_sum().times(steps.saturating_sub(1))
        }
        _ => return None,
    };
    Some(row.times(rows))
}

fn per_element(operations: &[(Op, u64)]) -> OpCounts {
    operations.iter().fold(OpCounts::ZERO, |sum, &(op, count)| sum + OpCounts::f32(op, count))
}

/// `steps` steps of a three-term recursion that ends at element `n`: a real difference, a complex
/// product with a shared imaginary part, a real multiple of the element before; two elements
/// rescaled at every fourth; the imaginary part negated once.
fn recursion(n: u64, steps: u64) -> OpCounts {
    per_element(&[(Op::Add, 1), (Op::Mul, 2), (Op::Fma, 4)]).times(steps)
        + per_element(&[(Op::Mul, 4)]).times(n / RESCALE)
        + per_element(&[(Op::Neg, 1)])
}

/// A complex product.
fn product() -> OpCounts {
    per_element(&[(Op::Mul, 2), (Op::Fma, 2), (Op::Neg, 1)])
}

/// A complex square.
fn square() -> OpCounts {
    per_element(&[(Op::Mul, 2), (Op::Fma, 1), (Op::Add, 1), (Op::Neg, 1)])
}

/// `|x|^2`.
fn norm() -> OpCounts {
    per_element(&[(Op::Mul, 1), (Op::Fma, 1)])
}

/// A value kept where another's magnitude is within a bound.
fn masked() -> OpCounts {
    per_element(&[(Op::Abs, 1), (Op::Compare, 1), (Op::Select, 1)])
}

/// `b c` in the next element's frame, times a running sum.
fn carry() -> OpCounts {
    per_element(&[(Op::Neg, 1), (Op::Mul, 1), (Op::Mul, 2)])
}

/// `conj(x) y + z`.
fn conjugate_product_sum() -> OpCounts {
    per_element(&[(Op::Neg, 2), (Op::Fma, 4)])
}

/// The real part of a complex product, times a power of two.
fn projection() -> OpCounts {
    per_element(&[(Op::Mul, 2), (Op::Fma, 1)])
}

fn hybrid() -> OpCounts {
    let square_and_magnitude = [(Op::Mul, 2), (Op::Fma, 2), (Op::Neg, 1), (Op::Add, 1)];
    let by_square = [(Op::Mul, 1), (Op::Fma, 1), (Op::Neg, 1)];
    let kept_from_zero =
        [(Op::Add, 1), (Op::Div, 1), (Op::Compare, 1), (Op::Select, 1), (Op::Mul, 2), (Op::Add, 1)];
    let by_inverse = [(Op::Mul, 1), (Op::Fma, 1), (Op::Div, 1)];
    let blend = [(Op::Mul, 1), (Op::Fma, 1), (Op::Select, 1), (Op::MinMax, 2)];
    per_element(&square_and_magnitude)
        + per_element(&by_square)
        + per_element(&kept_from_zero)
        + norm()
        + per_element(&by_inverse)
        + per_element(&blend)
}
