//! Causal attention with grouped queries: query i of S meets the i + 1 keys up to itself, in each of
//! B HEADS heads of WIDTH elements. A product of two rows takes WIDTH multiply-adds.

use super::form::{Forms, Overhead, f32s};
use crate::{
    op::{Op, OpCounts},
    operation::AttentionStep,
    schedule::Schedule,
};

/// Keys that a block brings to a row at once.
const BLOCK: u64 = 32;

pub(super) fn forms(
    step: AttentionStep,
    [b, s, heads, width]: [u64; 4],
    schedule: &Schedule,
) -> Forms {
    let heads = b * heads;
    let shape = Shape { width, pairs: heads * (s * (s + 1) / 2) };
    let (pairs, rows) = (shape.pairs, heads * s);
    match step {
        // A pair takes q . k, the row's maximum, exp((q . k - maximum) * scale), its sum, and o += p v.
        // A row ends with o * (1 / sum) and lse = maximum + log(sum) / scale. Where it meets another
        // block of keys, shrink = exp((maximum before - now) * scale), the sum becomes sum * shrink +
        // the block's, and o * shrink.
        AttentionStep::Output => {
            let blocks = heads * further_blocks(s, schedule.tile.unwrap_or(1).into());
            let rescaled = f32s([
                (Op::Fma, blocks),
                (Op::Mul, blocks * (width + 1)),
                (Op::Add, blocks),
                (Op::Exp, blocks),
            ]);
            Forms::algebra(f32s([
                (Op::Fma, 2 * width * pairs),
                (Op::Mul, pairs + rows * width),
                (Op::Add, 2 * pairs + rows),
                (Op::MinMax, pairs),
                (Op::Exp, pairs),
                (Op::Div, 2 * rows),
                (Op::Log, rows),
            ]))
            .and(Overhead::RunningMaximum, rescaled)
        }
        AttentionStep::Delta => Forms::algebra(f32s([(Op::Fma, rows * width)])),
        // A pair takes ds = p * (dp - delta) * scale with dp = d_o . v, and dq += ds k; p, which the
        // forward pass had, is computed again because the S x S squares are not kept.
        AttentionStep::Query => {
            Forms::algebra(shape.score_gradients() + f32s([(Op::Fma, width * pairs)]))
                .and(Overhead::Recomputation, shape.probabilities())
        }
        // A pair takes dk += ds q and dv += p d_o; both p and ds are computed again.
        AttentionStep::KeyValue => Forms::algebra(f32s([(Op::Fma, 2 * width * pairs)]))
            .and(Overhead::Recomputation, shape.probabilities() + shape.score_gradients()),
    }
}

struct Shape {
    width: u64,
    /// Pairs of a query and a key, in all heads.
    pairs: u64,
}

impl Shape {
    /// p = exp((q . k - lse) * scale) of every pair.
    fn probabilities(&self) -> OpCounts {
        let pairs = self.pairs;
        f32s([(Op::Fma, self.width * pairs), (Op::Add, pairs), (Op::Mul, pairs), (Op::Exp, pairs)])
    }

    /// ds = p * (d_o . v - delta) * scale of every pair.
    fn score_gradients(&self) -> OpCounts {
        let pairs = self.pairs;
        f32s([(Op::Fma, self.width * pairs), (Op::Add, pairs), (Op::Mul, 2 * pairs)])
    }
}

/// How many blocks all rows of a head meet after their first, in tiles of so many rows. A row alone meets
/// i / BLOCK. A tile's first block holds the keys of its own rows up to themselves and the S % TILE keys
/// before the first tile; those of the t tiles between follow in blocks, the t % (BLOCK / TILE) left over a
/// tile at a time.
fn further_blocks(s: u64, tile: u64) -> u64 {
    if tile == 1 {
        let (whole, rest) = (s / BLOCK, s % BLOCK);
        return BLOCK * triangle(whole) + rest * whole;
    }
    let per_block = BLOCK / tile;
    let (whole, rest) = (s / tile / per_block, s / tile % per_block);
    let blocks = per_block * triangle(whole) + rest * whole;
    let tiles = whole * triangle(per_block) + triangle(rest);
    tile * (blocks + tiles)
}

/// 0 + 1 + .. + (n - 1).
fn triangle(n: u64) -> u64 {
    n * n.saturating_sub(1) / 2
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::op::Scalar;

    #[test]
    fn blocks_are_summed_over_rows() {
        for s in 1..300 {
            assert_eq!(further_blocks(s, 1), (0..s).map(|i| i / BLOCK).sum::<u64>());
            let tile = |t: u64| 4 * (t / (BLOCK / 4) + t % (BLOCK / 4));
            assert_eq!(further_blocks(s, 4), (0..s / 4).map(tile).sum::<u64>());
        }
    }

    #[test]
    fn recomputation_is_three_of_seven_products() {
        let product = 2 * 55 * 8;
        let products = |step| {
            let forms = forms(step, [1, 10, 2, 8], &Schedule::default());
            let [all, again] = [forms.schedule(), forms.extra(Overhead::Recomputation)]
                .map(|counts| counts.get(Scalar::F32, Op::Fma));
            assert_eq!(forms.algebraic.get(Scalar::F32, Op::Fma), all - again);
            (all / product, again / product)
        };
        assert_eq!(products(AttentionStep::Query), (3, 1));
        assert_eq!(products(AttentionStep::KeyValue), (4, 2));
    }
}
