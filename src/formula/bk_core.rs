//! Closed forms of BK-Core: two complex recursions, their product over `theta_N`, and the two gradients.
//! A complex product is 2 mul, 2 fma and a neg; a complex square 2 mul, 1 fma, 1 add and a neg; the
//! couplings `-b c` are made once for all rows. Multiplying by powers of two keeps the recursions within
//! range and is the kernel's own; how a power is found is integer arithmetic and not counted here.

use super::form::{Forms, Overhead};
use crate::{
    op::{Op, OpCounts},
    operation::ResolventStep,
    schedule::Schedule,
};

pub(super) fn forms(step: ResolventStep, rows: u64, n: u64, schedule: &Schedule) -> Forms {
    let steps = n.saturating_sub(1);
    let muls = |count: u64| OpCounts::f32(Op::Mul, count);
    // A recursion rescales two complex elements every so many steps, of which the first is step 0.
    let rescalings = |first: u64| {
        let before = |step: u64| schedule.rescale.map_or(0, |every| step / u64::from(every));
        4 * before(n).saturating_sub(before(first))
    };
    // What a row takes: of its mathematics, for powers of two, and again.
    let (algebra, powers, again) = match step {
        ResolventStep::Potential => {
            (per_element(&[(Op::MinMax, 2), (Op::Add, 1)]).times(n), 0, OpCounts::ZERO)
        }
        ResolventStep::PotentialGradient => (masked().times(n), 0, OpCounts::ZERO),
        ResolventStep::Couple => {
            return Forms::algebra(per_element(&[(Op::Neg, 1), (Op::Mul, 1)]).times(steps));
        }
        ResolventStep::Theta => {
            // theta_1, then a step for each further diagonal element, then 1 / |theta_N|^2 and
            // conj(theta_N) times it. Powers of two in the recursion, from step 1, and once for theta_N.
            let row = recursion(steps)
                + per_element(&[(Op::Add, 1)])
                + norm()
                + per_element(&[(Op::Div, 1), (Op::Mul, 2), (Op::Neg, 1)]);
            (row, rescalings(1) + 2, OpCounts::ZERO)
        }
        // phi_{N-1} is given, phi_{N-2} is a - z, the rest are steps, from step 2.
        ResolventStep::Phi if steps == 0 => return Forms::default(),
        ResolventStep::Phi => {
            (recursion(steps - 1) + per_element(&[(Op::Add, 1)]), rescalings(2), OpCounts::ZERO)
        }
        ResolventStep::Diagonal => {
            // theta phi, over theta_N, then the two limits; one power of two.
            let element = product().times(2)
                + norm()
                + per_element(&[(Op::Rsqrt, 1), (Op::Mul, 3), (Op::Compare, 1), (Op::Select, 1)])
                + per_element(&[(Op::MinMax, 4)]);
            (element.times(n), 2 * n, OpCounts::ZERO)
        }
        ResolventStep::DiagonalGradient => (masked().times(2 * n), 0, OpCounts::ZERO),
        ResolventStep::HybridGradient => (hybrid().times(n), 0, OpCounts::ZERO),
        ResolventStep::ExactLeft => {
            // left_0 is conj(dg_0); each further one a carry, a square, conj(dg) times it, a sum.
            let row = per_element(&[(Op::Neg, 1)])
                + (carry() + square() + conjugate_product_sum()).times(steps);
            (row, steps, OpCounts::ZERO)
        }
        ResolventStep::ExactGradient => {
            // The last element has phi = 1 and nothing to its right. The squares of theta are those of
            // the sweep from the left but for the first, which it does not need.
            let repeated = steps.saturating_sub(1);
            let last = square() + per_element(&[(Op::Neg, 2)]) + projection();
            let step = carry()
                + square()
                + product()
                + per_element(&[(Op::Neg, 1), (Op::Fma, 4)])
                + projection();
            let row = last
                + step.times(steps)
                + square().times(steps - repeated)
                + conjugate_product_sum().times(repeated);
            (row, 2 * steps + 1, square().times(repeated))
        }
    };
    Forms::algebra(algebra.times(rows))
        .and(Overhead::Rescaling, muls(powers).times(rows))
        .and(Overhead::Recomputation, again.times(rows))
        .and(Overhead::Chunks, chunks(step, n, schedule).times(rows))
}

/// What lanes that share a row of n elements execute besides the recursion, or the sweep, itself.
fn chunks(step: ResolventStep, n: u64, schedule: &Schedule) -> OpCounts {
    let Some(chunk) = schedule.chunk.map(u64::from) else {
        return OpCounts::ZERO;
    };
    let (steps, is_sweep) = match step {
        ResolventStep::Theta => (n, false),
        ResolventStep::Phi => (n.saturating_sub(1), false),
        ResolventStep::ExactLeft | ResolventStep::ExactGradient => (n, true),
        ResolventStep::Potential
        | ResolventStep::PotentialGradient
        | ResolventStep::Couple
        | ResolventStep::Diagonal
        | ResolventStep::DiagonalGradient
        | ResolventStep::HybridGradient => return OpCounts::ZERO,
    };
    // What a chunk makes of any start, which the last one need not find; what finds the start of each from the third one on,
    // as the second one has it from the first; and what every lane computes that one lane has for all of a row.
    let (reduced, walked, again) = match is_sweep {
        true => {
            // A sum, and a factor that is carried and rescaled; a carry has a power of two.
            let step_of_chunk =
                carry() + square() + conjugate_product_sum() + per_element(&[(Op::Mul, 3)]);
            let again = if step == ResolventStep::ExactGradient {
                square() + per_element(&[(Op::Neg, 1)])
            } else {
                OpCounts::ZERO
            };
            (step_of_chunk.times(chunk), per_element(&[(Op::Mul, 4), (Op::Fma, 2)]), again)
        }
        false => {
            // Two pairs over the same differences, which are rescaled at a chunk's end, too.
            let rescalings = schedule.rescale.map_or(0, |every| chunk.div_ceil(every.into()));
            let reduced = per_element(&[(Op::Add, 1), (Op::Mul, 4), (Op::Fma, 8)]).times(chunk)
                + per_element(&[(Op::Mul, 8)]).times(rescalings);
            // The pair with which a chunk begins is the sum of both, each times a part of the pair before: four products,
            // of which two are added, and powers of two before and after.
            let walked = product().times(2)
                + per_element(&[(Op::Neg, 1), (Op::Fma, 4)]).times(2)
                + per_element(&[(Op::Mul, 8)]);
            // The imaginary part is negated.
            (reduced, walked, per_element(&[(Op::Neg, 1)]))
        }
    };
    let chunks = steps.div_ceil(chunk);
    (reduced + again).times(chunks.saturating_sub(1)) + walked.times(chunks.saturating_sub(2))
}

fn per_element(operations: &[(Op, u64)]) -> OpCounts {
    operations.iter().fold(OpCounts::ZERO, |sum, &(op, count)| sum + OpCounts::f32(op, count))
}

/// `steps` steps of a three-term recursion: a real difference, a complex product with a shared imaginary
/// part, a real multiple of the element before; the imaginary part negated once.
fn recursion(steps: u64) -> OpCounts {
    per_element(&[(Op::Add, 1), (Op::Mul, 2), (Op::Fma, 4)]).times(steps)
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

/// `b c` times a running sum.
fn carry() -> OpCounts {
    per_element(&[(Op::Neg, 1), (Op::Mul, 2)])
}

/// `conj(x) y + z`.
fn conjugate_product_sum() -> OpCounts {
    per_element(&[(Op::Neg, 2), (Op::Fma, 4)])
}

/// The real part of a complex product.
fn projection() -> OpCounts {
    per_element(&[(Op::Mul, 1), (Op::Fma, 1)])
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
