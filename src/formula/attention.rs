//! Causal attention with grouped queries: query i of S meets the i + 1 keys up to itself, in each of
//! B HEADS heads of WIDTH elements. A product of two rows takes WIDTH multiply-adds.

use super::{dim, f32s};
use crate::{
    op::{Op, OpCounts},
    plan::Dims,
};

/// Keys that a block brings to a row at once.
const BLOCK: u64 = 32;

/// Rows that an invocation with vectors takes together.
const TILE: u64 = 4;

pub(super) fn exact(entry: &str, dims: &Dims) -> Option<OpCounts> {
    let shape = Shape::of(dims)?;
    let Shape { heads, s, width, pairs, rows } = shape;
    match entry.strip_suffix("_vec4").unwrap_or(entry) {
        // A pair takes q . k, the row's maximum, exp((q . k - maximum) * scale), its sum, and o += p v.
        // Where a row meets another block of keys, shrink = exp((maximum before - now) * scale), the sum
        // becomes sum * shrink + the block's, and o * shrink. A row ends with o * (1 / sum) and
        // lse = maximum + log(sum) / scale.
        "forward" => {
            let blocks =
                heads * if entry == "forward" { further_blocks(s) } else { tiled_blocks(s) };
            Some(f32s([
                (Op::Fma, 2 * width * pairs + blocks),
                (Op::Mul, pairs + blocks * (width + 1) + rows * width),
                (Op::Add, 2 * pairs + blocks + rows),
                (Op::MinMax, pairs),
                (Op::Exp, pairs + blocks),
                (Op::Div, 2 * rows),
                (Op::Log, rows),
            ]))
        }
        "backward_delta" => Some(f32s([(Op::Fma, rows * width)])),
        // A pair takes p again, ds = p * (dp - delta) * scale with dp = d_o . v, and dq += ds k.
        "backward_query" => {
            Some(shape.probabilities() + shape.score_gradients() + f32s([(Op::Fma, width * pairs)]))
        }
        // A pair takes p and ds again, dk += ds q and dv += p d_o.
        "backward_key_value" => Some(
            shape.probabilities() + shape.score_gradients() + f32s([(Op::Fma, 2 * width * pairs)]),
        ),
        _ => None,
    }
}

/// How much of [`exact`] is computed again because the S x S squares are not kept: p, which the forward
/// pass had, in both gradients, and in the second of them ds, which the first one had.
pub(super) fn recomputed(entry: &str, dims: &Dims) -> Option<OpCounts> {
    let shape = Shape::of(dims)?;
    match entry.strip_suffix("_vec4").unwrap_or(entry) {
        "forward" | "backward_delta" => Some(OpCounts::ZERO),
        "backward_query" => Some(shape.probabilities()),
        "backward_key_value" => Some(shape.probabilities() + shape.score_gradients()),
        _ => None,
    }
}

struct Shape {
    /// Heads of all sequences.
    heads: u64,
    s: u64,
    width: u64,
    /// Pairs of a query and a key, in all heads.
    pairs: u64,
    /// Queries in all heads.
    rows: u64,
}

impl Shape {
    fn of(dims: &Dims) -> Option<Self> {
        let heads = dim(dims, "B")? * dim(dims, "HEADS")?;
        let s = dim(dims, "S")?;
        let width = dim(dims, "WIDTH")?;
        Some(Self { heads, s, width, pairs: heads * (s * (s + 1) / 2), rows: heads * s })
    }

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

/// The sum over the S rows i of i / BLOCK: the blocks that a row alone meets after its first.
fn further_blocks(s: u64) -> u64 {
    let (whole, rest) = (s / BLOCK, s % BLOCK);
    BLOCK * triangle(whole) + rest * whole
}

/// The same where rows go in tiles. A row's first block holds the keys of its own tile up to itself
/// and the S % TILE keys before the first tile; those of the t tiles between follow in blocks, the
/// t % (BLOCK / TILE) left over a tile at a time.
fn tiled_blocks(s: u64) -> u64 {
    let per_block = BLOCK / TILE;
    let (whole, rest) = (s / TILE / per_block, s / TILE % per_block);
    let blocks = per_block * triangle(whole) + rest * whole;
    let tiles = whole * triangle(per_block) + triangle(rest);
    TILE * (blocks + tiles)
}

/// 0 + 1 + .. + (n - 1).
fn triangle(n: u64) -> u64 {
    n * n.saturating_sub(1) / 2
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_are_summed_over_rows() {
        for s in 1..300 {
            assert_eq!(further_blocks(s), (0..s).map(|i| i / BLOCK).sum::<u64>());
            let tile = |t: u64| TILE * (t / (BLOCK / TILE) + t % (BLOCK / TILE));
            assert_eq!(tiled_blocks(s), (0..s / TILE).map(tile).sum::<u64>());
        }
    }

    #[test]
    fn recomputation_is_three_of_seven_products() {
        let dims = [("B", 1), ("S", 10), ("HEADS", 2), ("KV_HEADS", 1), ("WIDTH", 8)];
        let dims: Dims = dims.map(|(name, value)| (name.to_owned(), value)).into();
        let fma = |counts: Option<OpCounts>| counts.map(|c| c.get(crate::op::Scalar::F32, Op::Fma));
        let product = 2 * 55 * 8;
        assert_eq!(fma(exact("backward_query", &dims)), Some(3 * product));
        assert_eq!(fma(recomputed("backward_query", &dims)), Some(product));
        assert_eq!(fma(exact("backward_key_value_vec4", &dims)), Some(4 * product));
        assert_eq!(fma(recomputed("backward_key_value_vec4", &dims)), Some(2 * product));
    }
}
