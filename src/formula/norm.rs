//! Layer norm and RMS norm over M rows of D. A sum of n terms starts from 0 and takes n additions or
//! multiply-adds. Lanes that share a column start from 0 each, and adding up their partial sums takes one addition
//! more for every lane but the first; lanes of a team start from a term, and take none more.

use super::form::{Forms, Overhead, f32s, joins, products};
use crate::{
    op::{Op, OpCounts},
    operation::{Norm, NormStep},
    schedule::Schedule,
};

pub(super) fn forms(
    norm: Norm,
    step: NormStep,
    [m, d]: [u64; 2],
    accumulate: bool,
    schedule: &Schedule,
) -> Forms {
    // Mean and variance, or the mean square alone; the gradients by scale and shift, or by scale alone.
    let sums = match norm {
        Norm::Layer => 2,
        Norm::Rms => 1,
    };
    let joined = match step {
        NormStep::Output | NormStep::Input => 0,
        NormStep::Parameters => d * joins(schedule.lanes_per_column),
    };
    let algebraic = match norm {
        Norm::Layer => layer(step, m, d, schedule.team),
        Norm::Rms => rms(step, m, d, schedule.team),
    };
    let added = if step == NormStep::Input && accumulate { m * d } else { 0 };
    Forms::algebra(algebraic + f32s([(Op::Add, added)]))
        .and(Overhead::PartialSums, f32s([(Op::Add, sums * joined)]))
}

fn layer(step: NormStep, m: u64, d: u64, team: Option<u32>) -> OpCounts {
    match step {
        // A row sums x (D add), then the squares of x - mean (D add, D fma); each element of y is
        // two fma: x * rstd + shift, then * weight + bias. Once a row: two means (convert, div),
        // rstd = rsqrt(variance + eps), shift = -(mean * rstd).
        NormStep::Output => {
            products(m, d, team)
                + f32s([
                    (Op::Add, m * (2 * d + 1)),
                    (Op::Mul, m),
                    (Op::Div, 2 * m),
                    (Op::Fma, 2 * m * d),
                    (Op::Neg, m),
                    (Op::Rsqrt, m),
                    (Op::Convert, 2 * m),
                ])
        }
        // An element takes g = dy * weight, + into one sum, x - mean, fma into the other; then
        // dx = (rstd * dy) * weight + (slope * x + offset). Once a row: both means (convert, 2 div),
        // slope = -rstd^3 * mean(g (x - mean)) and offset = -(slope * mean + rstd * mean(g)).
        NormStep::Input => {
            products(m, d, team)
                + f32s([
                    (Op::Add, 2 * m * d),
                    (Op::Mul, m * (2 * d + 4)),
                    (Op::Div, 2 * m),
                    (Op::Fma, m * (2 * d + 1)),
                    (Op::Neg, 2 * m),
                    (Op::Convert, m),
                ])
        }
        // An element adds (dy * rstd) * (x - mean) to dweight and dy to dbias.
        NormStep::Parameters => {
            products(d, m, team) + f32s([(Op::Add, 2 * m * d), (Op::Mul, m * d)])
        }
    }
}

fn rms(step: NormStep, m: u64, d: u64, team: Option<u32>) -> OpCounts {
    match step {
        // A row sums the squares, rstd = rsqrt(sum / D + eps), and y = x * rstd * weight.
        NormStep::Output => {
            products(m, d, team)
                + f32s([
                    (Op::Add, m),
                    (Op::Mul, 2 * m * d),
                    (Op::Div, m),
                    (Op::Rsqrt, m),
                    (Op::Convert, m),
                ])
        }
        // A row sums g x with g = dy * weight, slope = -rstd^3 * sum / D, and
        // dx = (rstd * dy) * weight + slope * x.
        NormStep::Input => {
            products(m, d, team)
                + f32s([
                    (Op::Mul, m * (3 * d + 3)),
                    (Op::Div, m),
                    (Op::Fma, m * d),
                    (Op::Neg, m),
                    (Op::Convert, m),
                ])
        }
        // An element adds (dy * rstd) * x to dweight.
        NormStep::Parameters => products(d, m, team) + f32s([(Op::Mul, m * d)]),
    }
}
