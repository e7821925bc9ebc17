//! Rotary positions: each pair of a head's WIDTH elements is turned by an angle, forth or back.

use super::form::{Forms, f32s};
use crate::op::Op;

pub(super) fn forms([b, s, heads, width]: [u64; 4]) -> Forms {
    let pairs = b * s * heads * (width / 2);
    // a c - b s and b c + a s, or the other way round.
    Forms::algebra(f32s([(Op::Mul, 2 * pairs), (Op::Fma, 2 * pairs), (Op::Neg, pairs)]))
}
