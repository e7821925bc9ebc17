//! What the tests of both norms share: shapes, launches, and gradients that are added to what is there or not.

use std::collections::BTreeSet;

use proptest::prelude::*;

use crate::launch::{Launch, noise};

/// M, D, LANES, LANES_PER_COLUMN.
pub type Shape = [usize; 4];

/// Shapes that always run: one element, rows and columns that fill no workgroup, rows of fours and not.
pub const SHAPES: [Shape; 9] = [
    [1, 1, 1, 1],
    [3, 5, 64, 1],
    [7, 16, 64, 16],
    [5, 13, 32, 32],
    [67, 3, 16, 4],
    [67, 4, 16, 4],
    [331, 12, 32, 4],
    [2, 131, 64, 1],
    [2, 132, 64, 1],
];

/// Any shape whose rows have at least so many elements.
pub fn any(least: usize) -> impl Strategy<Value = Shape> {
    let teams = prop::sample::select(vec![[32, 4], [32, 32], [64, 1], [128, 8]]);
    (1..40_usize, least..40_usize, teams).prop_map(|(m, d, [lanes, team])| [m, d, lanes, team])
}

/// A row that is shared by the longest team that a workgroup may have.
pub const LONG: Shape = [3, 1100, 256, 1];

/// A way to run a kernel that walks rows: its name, and how many lanes share a row where they do.
pub struct Walk {
    pub kernel: String,
    pub team: Option<usize>,
}

/// Every way to run such an entry of a norm on rows of `d` with so many lanes in a workgroup.
pub fn walks(norm: &str, entry: &str, [_, d, lanes, _]: Shape) -> Vec<Walk> {
    let mut walks = Vec::new();
    let fours = d.is_multiple_of(4).then_some(("_vec4", d / 4));
    for (suffix, loads) in [("", d)].into_iter().chain(fours) {
        if suffix.is_empty() || norm == "rms_norm" {
            walks.push(Walk { kernel: format!("{norm}.{entry}{suffix}"), team: None });
        }
        // As few lanes as there may be, as many, and one stage of sums between.
        let most = 1 << loads.min(lanes).ilog2();
        for team in BTreeSet::from([1, 8.min(most), most]) {
            let kernel = format!("{norm}_workgroup.{entry}{suffix}");
            walks.push(Walk { kernel, team: Some(team) });
        }
    }
    walks
}

impl Walk {
    /// A launch of it.
    pub fn launch(&self, shape: Shape, eps: f64, accumulate: bool) -> Launch {
        let launch = launch(&self.kernel, shape, eps, accumulate);
        self.team.into_iter().fold(launch, |launch, team| launch.dim("TEAM", team))
    }

    /// Rows that a workgroup takes.
    pub fn rows(&self, [_, _, lanes, _]: Shape) -> usize {
        lanes / self.team.unwrap_or(1)
    }
}

/// The fewest and the most lanes that may share a column where a norm's gradients are summed up: none where columns come
/// in no fours, or have too few rows.
pub fn teams([m, d, lanes, per_column]: Shape) -> BTreeSet<usize> {
    let most = 1 << m.min(lanes).ilog2();
    let some = d.is_multiple_of(4) && per_column <= most;
    [per_column, most].into_iter().filter(|_| some).collect()
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
