//! Sums of columns over groups of rows, however many lanes share a column: more lanes than a group has rows, groups
//! without rows, and columns that fill no workgroup.

use proptest::prelude::*;

use crate::launch::{Launch, noise, on_shapes};

/// M, N, LANES, TEAM.
type Shape = [usize; 4];

const SHAPES: [Shape; 8] = [
    [1, 1, 1, 1],
    [5, 1, 64, 64],
    [700, 1, 256, 256],
    [700, 2, 256, 128],
    [90, 4, 16, 16],
    [301, 36, 64, 8],
    [130, 13, 32, 2],
    [67, 260, 256, 32],
];

#[test]
fn columns_are_summed_group_by_group() {
    let teams = prop::sample::select(vec![[32, 1], [32, 16], [64, 64], [128, 4], [256, 32]]);
    let any = (1..300_usize, 1..40_usize, teams)
        .prop_map(|(m, n, [lanes, team])| [m, if m % 2 == 0 { 4 * n } else { n }, lanes, team]);
    on_shapes(&SHAPES, any, |gpu, [m, n, lanes, team]| {
        // The first group is empty, and so is one between; the third has few rows.
        let bounds = [0, 0, m - m / 3, m - m / 3, m - m / 3 + m.min(3) / 3, m];
        let g = bounds.len() - 1;
        let (dy, old) = (noise(1, m * n), noise(2, g * n));
        for accumulate in [false, true] {
            let mut sums = if accumulate { old.clone() } else { vec![0.0; g * n] };
            for (group, rows) in bounds.windows(2).enumerate() {
                for (i, value) in dy[rows[0] * n..rows[1] * n].iter().enumerate() {
                    sums[group * n + i % n] += value;
                }
            }
            for (entry, each) in [("backward_bias", 1), ("backward_bias_vec4", 4)] {
                if !n.is_multiple_of(each) {
                    continue;
                }
                let dims = [
                    ("M", m),
                    ("K", 1),
                    ("N", n),
                    ("G", g),
                    ("accumulate", accumulate.into()),
                    ("LANES", lanes),
                    ("TEAM", team),
                ];
                let start = if accumulate { old.clone() } else { vec![f64::NAN; g * n] };
                let grid = [(n / each).div_ceil(lanes / team), 1, g].map(|extent| extent as u32);
                Launch::new(&format!("linear_sums.{entry}"), &dims)
                    .words("groups", bounds.iter().map(|&bound| bound as u32).collect())
                    .floats("dy", &dy)
                    .floats("db", &start)
                    .run_grid(gpu, grid)
                    .assert_near("db", &sums, 1e-5);
            }
        }
    });
}
