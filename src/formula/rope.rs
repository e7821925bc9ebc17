//! Rotary positions: each pair of the ROTARY elements of a head that are turned is turned by an angle, forth or back.

use super::form::{Forms, f32s};
use crate::op::Op;

pub(super) fn forms([b, s, heads, rotary]: [u64; 4]) -> Forms {
    let pairs = b * s * heads * (rotary / 2);
    // a c - b s and b c + a s, or the other way round.
    Forms::algebra(f32s([(Op::Mul, 2 * pairs), (Op::Fma, 2 * pairs), (Op::Neg, pairs)]))
}
