//! Rotary positions, forth and back.

use proptest::prelude::*;

use crate::launch::{Launch, dot, gradient, noise, on_shapes};

/// B, S, HEADS, WIDTH, ROTARY.
const SHAPES: [[usize; 5]; 8] = [
    [1, 1, 1, 2, 2],
    [2, 5, 3, 6, 6],
    [1, 7, 2, 8, 8],
    [2, 3, 1, 16, 16],
    [1, 13, 7, 64, 64],
    [2, 3, 2, 9, 4],
    [1, 5, 3, 12, 8],
    [2, 4, 1, 64, 48],
];

fn rotated(x: &[f64], tables: &[Vec<f64>; 2], shape: [usize; 5]) -> Vec<f64> {
    let [_, s, heads, width, rotary] = shape;
    let half = rotary / 2;
    let rotated = |(row, x): (usize, &[f64])| -> Vec<f64> {
        let at = row / heads % s * half;
        let turn = |d: usize| {
            if d >= rotary {
                return x[d];
            }
            let other = if d < half { -x[d + half] } else { x[d - half] };
            x[d] * tables[0][at + d % half] + other * tables[1][at + d % half]
        };
        (0..width).map(turn).collect()
    };
    x.chunks(width).enumerate().flat_map(rotated).collect()
}

#[test]
fn rope_and_its_gradient() {
    let any = (1..3_usize, 1..9_usize, 1..4_usize, 1..13_usize, 0..9_usize)
        .prop_map(|(b, s, heads, half, rest)| [b, s, heads, 2 * half + rest, 2 * half]);
    on_shapes(&SHAPES, any, |gpu, shape| {
        let [b, s, heads, width, rotary] = shape;
        let angle = |i: usize| {
            let (position, d) = (i / (rotary / 2), i % (rotary / 2));
            position as f64 * 1e4_f64.powf(-2.0 * d as f64 / rotary as f64)
        };
        let turn = |f: fn(f64) -> f64| (0..s * rotary / 2).map(|i| f(angle(i))).collect();
        let tables = [turn(f64::cos), turn(f64::sin)];
        let [x, dy] = [1, 2].map(|seed| noise(seed, b * s * heads * width));
        let dx = gradient(&x, |x| dot(&rotated(x, &tables, shape), &dy));
        for (suffix, each) in [("", 2), ("_vec4", 8)] {
            if !rotary.is_multiple_of(each) || each == 8 && !width.is_multiple_of(4) {
                continue;
            }
            let launch = |entry: &str| {
                let heads = [("HEADS", heads), ("WIDTH", width), ("ROTARY", rotary)];
                let dims = [&[("B", b), ("S", s), ("LANES", 16)][..], &heads].concat();
                Launch::new(&format!("rope.{entry}{suffix}"), &dims)
                    .floats("cosine", &tables[0])
                    .floats("sine", &tables[1])
            };
            let items = b * s * heads * rotary / each;
            launch("forward")
                .floats("x", &x)
                .run(gpu, items, 16)
                .assert_close("x", &rotated(&x, &tables, shape));
            launch("backward").floats("dx", &dy).run(gpu, items, 16).assert_close("dx", &dx);
        }
    });
}
