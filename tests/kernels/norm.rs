//! What the tests of both norms share: shapes, launches, and gradients that are added to what is there or not.

use proptest::prelude::*;

use crate::launch::{Launch, noise};

/// M, D, LANES, LANES_PER_COLUMN.
pub type Shape = [usize; 4];

/// Shapes that always run: one element, rows and columns that fill no workgroup, rows of fours and not.
pub const SHAPES: [Shape; 8] = [
    [1, 1, 1, 1],
    [3, 5, 64, 1],
    [7, 16, 64, 16],
    [5, 13, 32, 32],
    [67, 3, 16, 4],
    [67, 4, 16, 4],
    [2, 131, 64, 1],
    [2, 132, 64, 1],
];

/// Any shape whose rows have at least so many elements.
pub fn any(least: usize) -> impl Strategy<Value = Shape> {
    let teams = prop::sample::select(vec![[32, 4], [32, 32], [64, 1], [128, 8]]);
    (1..40_usize, least..40_usize, teams).prop_map(|(m, d, [lanes, team])| [m, d, lanes, team])
}

/// A launch of a norm's kernel.
pub fn launch(
    kernel: &str,
    [m, d, lanes, per_column]: Shape,
    eps: f64,
    accumulate: bool,
) -> Launch {
    let dims = [
        ("M", m),
        ("D", d),
        ("LANES", lanes),
        ("LANES_PER_COLUMN", per_column),
        ("accumulate", accumulate.into()),
    ];
    Launch::new(kernel, &dims).scalar("eps", eps)
}

/// What lies where a gradient goes: numbers that it is added to, or what must not be read.
pub fn before(gradient: &[f64], accumulate: bool) -> Vec<f64> {
    if accumulate { noise(5, gradient.len()) } else { vec![f64::NAN; gradient.len()] }
}

/// What lies there then.
pub fn after(gradient: &[f64], accumulate: bool) -> Vec<f64> {
    let before = noise(5, gradient.len());
    let before = before.into_iter().map(|value| if accumulate { value } else { 0.0 });
    before.zip(gradient).map(|(before, gradient)| before + gradient).collect()
}
