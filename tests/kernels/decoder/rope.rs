//! Rotary positions, forth and back.

use proptest::prelude::*;

use crate::launch::{Launch, dot, gradient, noise, on_shapes};

/// B, S, HEADS, WIDTH.
const SHAPES: [[usize; 4]; 5] =
    [[1, 1, 1, 2], [2, 5, 3, 6], [1, 7, 2, 8], [2, 3, 1, 16], [1, 13, 7, 64]];

fn rotated(x: &[f64], tables: &[Vec<f64>; 2], [_, s, heads, width]: [usize; 4]) -> Vec<f64> {
    let half = width / 2;
    let rotated = |(row, x): (usize, &[f64])| -> Vec<f64> {
        let at = row / heads % s * half;
        let turn = |d: usize| {
            let other = if d < half { -x[d + half] } else { x[d - half] };
            x[d] * tables[0][at + d % half] + other * tables[1][at + d % half]
        };
        (0..width).map(turn).collect()
    };
    x.chunks(width).enumerate().flat_map(rotated).collect()
}

#[test]
fn rope_and_its_gradient() {
    let any = (1..3_usize, 1..9_usize, 1..4_usize, 1..13_usize)
        .prop_map(|(b, s, heads, half)| [b, s, heads, 2 * half]);
    on_shapes(&SHAPES, any, |gpu, shape| {
        let [b, s, heads, width] = shape;
        let angle = |i: usize| {
            let (position, d) = (i / (width / 2), i % (width / 2));
            position as f64 * 1e4_f64.powf(-2.0 * d as f64 / width as f64)
        };
        let turn = |f: fn(f64) -> f64| (0..s * width / 2).map(|i| f(angle(i))).collect();
        let tables = [turn(f64::cos), turn(f64::sin)];
        let [x, dy] = [1, 2].map(|seed| noise(seed, b * s * heads * width));
        let dx = gradient(&x, |x| dot(&rotated(x, &tables, shape), &dy));
        for (suffix, each) in [("", 2), ("_vec4", 8)] {
            if !width.is_multiple_of(each) {
                continue;
            }
            let launch = |entry: &str| {
                let dims = [("B", b), ("S", s), ("HEADS", heads), ("WIDTH", width), ("LANES", 16)];
                Launch::new(&format!("rope.{entry}{suffix}"), &dims)
                    .floats("cosine", &tables[0])
                    .floats("sine", &tables[1])
            };
            let items = b * s * heads * width / each;
            launch("forward")
                .floats("x", &x)
                .run(gpu, items, 16)
                .assert_close("x", &rotated(&x, &tables, shape));
            launch("backward").floats("dx", &dy).run(gpu, items, 16).assert_close("dx", &dx);
        }
    });
}
