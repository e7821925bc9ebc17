//! Causal attention with grouped queries: query i of S meets the keys up to itself, at most WINDOW of them,
//! in each of B HEADS heads of WIDTH elements. A product of two rows takes WIDTH multiply-adds.

use super::form::{Forms, Overhead, f32s};
use crate::{
    op::{Op, OpCounts},
    operation::{AttentionStep, Wanted},
    schedule::Schedule,
};

/// The sizes of attention, all heads of all sequences together.
pub(super) struct Shape {
    /// Tokens of a sequence.
    pub(super) s: u64,
    /// Heads of queries in all sequences.
    pub(super) heads: u64,
    /// Elements of a head.
    pub(super) width: u64,
    /// The keys that a query meets at most.
    pub(super) window: u64,
    /// Whether scores are kept within a bound.
    pub(super) capped: bool,
}

pub(super) fn forms(
    step: AttentionStep,
    shape: &Shape,
    wanted: Wanted,
    schedule: &Schedule,
) -> Forms {
    let (width, pairs, rows) = (shape.width, shape.pairs(), shape.heads * shape.s);
    let product = f32s([(Op::Fma, width * pairs)]);
    match step {
        // A pair takes q . k, the row's maximum, exp((q . k - maximum) * scale), its sum, and o += p v.
        // A row ends with o * (1 / sum) and lse = maximum + log(sum) / scale. Where it meets another
        // block of keys, shrink = exp((maximum before - now) * scale), the sum becomes sum * shrink +
        // the block's, and o * shrink.
        AttentionStep::Output => {
            let tile = schedule.tile.unwrap_or(1).into();
            let further = |block: u32| further_blocks(shape.s, shape.window, tile, block.into());
            let blocks = shape.heads * schedule.block.map_or(0, further);
            let rescaled = f32s([
                (Op::Fma, blocks),
                (Op::Mul, blocks * (width + 1)),
                (Op::Add, blocks),
                (Op::Exp, blocks),
            ]);
            let softmax = f32s([
                (Op::Mul, pairs + rows * width),
                (Op::Add, 2 * pairs + rows),
                (Op::MinMax, pairs),
                (Op::Exp, pairs),
                (Op::Div, 2 * rows),
                (Op::Log, rows),
            ]);
            Forms::algebra(product + product + softmax + shape.caps())
                .and(Overhead::RunningMaximum, rescaled)
        }
        AttentionStep::Delta => {
            let sums = f32s([(Op::Fma, rows * width)]);
            if wanted.query || wanted.key {
                Forms::algebra(sums)
            } else {
                Forms::default().and(Overhead::Unused, sums)
            }
        }
        // A pair takes ds = p * (dp - delta) * scale with dp = d_o . v, and dq += ds k; p, which the
        // forward pass had, is computed again because the S x S squares are not kept.
        AttentionStep::Query => Forms::algebra(shape.score_gradients() + product)
            .and(Overhead::Recomputation, shape.probabilities()),
        // A pair takes dk += ds q and dv += p d_o; p is computed again, and ds is where it was before.
        AttentionStep::KeyValue => {
            let asked = |is: bool, counts: OpCounts| if is { counts } else { OpCounts::ZERO };
            let Wanted { query, key, value } = wanted;
            let scores = shape.score_gradients();
            let again = shape.probabilities() + asked(key && query, scores);
            let unused = asked(!key, product + scores) + asked(!value, product);
            Forms::algebra(
                asked(key, product) + asked(value, product) + asked(key && !query, scores),
            )
            .and(Overhead::Recomputation, again)
            .and(Overhead::Unused, unused)
        }
    }
}

impl Shape {
    /// Pairs of a query and a key that it meets, in all heads.
    fn pairs(&self) -> u64 {
        let window = self.window.min(self.s);
        self.heads * (window * self.s - triangle(window))
    }

    /// tanh(q . k * inner) of every pair, where scores are bounded.
    fn caps(&self) -> OpCounts {
        let pairs = if self.capped { self.pairs() } else { 0 };
        f32s([(Op::Mul, pairs), (Op::Tanh, pairs)])
    }

    /// p = exp((score - lse) * scale) of every pair.
    fn probabilities(&self) -> OpCounts {
        let pairs = self.pairs();
        let softmax = [(Op::Add, pairs), (Op::Mul, pairs), (Op::Exp, pairs)];
        f32s([(Op::Fma, self.width * pairs)]) + f32s(softmax) + self.caps()
    }

    /// ds = p * (d_o . v - delta) * slope of every pair, times 1 - tanh^2 where scores are bounded.
    fn score_gradients(&self) -> OpCounts {
        let pairs = self.pairs();
        let bent = if self.capped { pairs } else { 0 };
        f32s([
            (Op::Fma, self.width * pairs),
            (Op::Add, pairs + bent),
            (Op::Mul, 2 * pairs + 2 * bent),
        ])
    }
}

/// How many blocks of so many keys all rows of a head meet after their first, in tiles of so many rows. A row alone
/// meets one for each BLOCK keys before its last. A tile's first block holds the keys of its own rows up to
/// themselves and the S % TILE keys before the first tile; those of the t tiles between follow in blocks, the
/// t % (BLOCK / TILE) left over a tile at a time. Tiles are not for windows.
fn further_blocks(s: u64, window: u64, tile: u64, block: u64) -> u64 {
    if tile == 1 {
        let window = window.min(s);
        let (whole, rest) = (window / block, window % block);
        let short = block * triangle(whole) + rest * whole;
        return short + (s - window) * (window.saturating_sub(1) / block);
    }
    let per_block = block / tile;
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
        for (s, block) in (1..300).flat_map(|s| [(s, 8), (s, 32)]) {
            for window in [1, 2, 31, 32, 33, 100, s] {
                let keys = |i: u64| (i + 1).min(window);
                let blocks = (0..s).map(|i| (keys(i) - 1) / block).sum::<u64>();
                assert_eq!(further_blocks(s, window, 1, block), blocks);
            }
            let tile = |t: u64| 4 * (t / (block / 4) + t % (block / 4));
            assert_eq!(further_blocks(s, s, 4, block), (0..s / 4).map(tile).sum::<u64>());
        }
    }

    fn shape(window: u64) -> Shape {
        Shape { s: 10, heads: 2, width: 8, window, capped: false }
    }

    #[test]
    fn pairs_are_summed_over_rows() {
        for window in 1..15 {
            let pairs = (0..10).map(|i| (i + 1).min(window)).sum::<u64>();
            assert_eq!(shape(window).pairs(), 2 * pairs);
        }
    }

    #[test]
    fn recomputation_is_three_of_seven_products() {
        let product = 2 * 55 * 8;
        let products = |step| {
            let forms = forms(step, &shape(10), Wanted::ALL, &Schedule::default());
            let [all, again] = [forms.schedule(), forms.extra(Overhead::Recomputation)]
                .map(|counts| counts.get(Scalar::F32, Op::Fma));
            assert_eq!(forms.algebraic.get(Scalar::F32, Op::Fma), all - again);
            (all / product, again / product)
        };
        assert_eq!(products(AttentionStep::Query), (3, 1));
        assert_eq!(products(AttentionStep::KeyValue), (4, 2));
    }

    #[test]
    fn what_is_executed_does_not_depend_on_what_is_wanted() {
        let ways = [false, true].map(|key| [false, true].map(|value| (key, value)));
        for (key, value) in ways.into_iter().flatten() {
            for query in [false, true] {
                let wanted = Wanted { query, key, value };
                for step in [AttentionStep::Delta, AttentionStep::KeyValue] {
                    let of = |wanted| forms(step, &shape(4), wanted, &Schedule::default());
                    assert_eq!(of(wanted).schedule(), of(Wanted::ALL).schedule());
                }
            }
        }
    }
}
