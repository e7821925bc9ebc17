//! The matrix products on a device against double precision: every entry, with shapes that are odd,
//! prime, smaller than a tile and larger than several, and rows in one group or in many, empty ones
//! among them. Values, counts and what lies beside the outputs are all held.

use std::{iter, ops::Range};

use common::{
    Watched,
    bench::{Bench, noise},
};
use flopmeter::execute::Executor;
use half::f16;
use proptest::{collection::vec, prelude::*};

use crate::launch::on_shapes;

/// M, K, N.
const SHAPES: [[usize; 3]; 11] = [
    [1, 1, 1],
    [7, 13, 11],
    [53, 64, 1],
    [40, 2, 64],
    [3, 4, 4],
    [29, 64, 4],
    [32, 32, 32],
    [37, 36, 68],
    [131, 68, 132],
    [133, 135, 131],
    [530, 18, 17],
];

/// What each way to run the family may have.
const ENTRIES: [&str; 5] =
    ["forward", "forward_plain", "backward_input", "backward_weight", "backward_bias"];

/// One way to run the family: kernel file, suffix, outputs of an invocation, lanes, lanes along
/// the columns (all of them where the file leaves no choice), and slices of a workgroup that share a sum.
#[derive(Clone, Copy)]
struct Variant {
    file: &'static str,
    suffix: &'static str,
    tile: [usize; 2],
    lanes: usize,
    column_lanes: usize,
    shares: usize,
}

const fn staged(file: &'static str, suffix: &'static str, tile: usize) -> Variant {
    Variant { file, suffix, tile: [tile, tile], lanes: 256, column_lanes: 16, shares: 1 }
}

/// Of as many lanes as a subgroup has, which [`Variant::on`] knows.
const fn subgroup(file: &'static str, suffix: &'static str) -> Variant {
    Variant { file, suffix, tile: [32, 4], lanes: 8, column_lanes: 8, shares: 1 }
}

const fn shared(file: &'static str, suffix: &'static str) -> Variant {
    Variant { file, suffix, tile: [4, 4], lanes: 256, column_lanes: 4, shares: 16 }
}

const fn output(file: &'static str, suffix: &'static str, tile: [usize; 2]) -> Variant {
    Variant { file, suffix, tile, lanes: 64, column_lanes: 8, shares: 1 }
}

/// As many lanes as are chosen for each.
const VARIANTS: [Variant; 20] = [
    output("linear", "", [1, 1]),
    Variant { file: "linear", suffix: "", tile: [1, 1], lanes: 64, column_lanes: 1, shares: 1 },
    output("linear", "_columns", [1, 4]),
    output("linear", "_vec4", [8, 8]),
    subgroup("linear_subgroup", "_vec4"),
    subgroup("linear_subgroup_4", "_vec4"),
    subgroup("linear_odd_subgroup", ""),
    staged("linear_workgroup", "_vec4", 8),
    staged("linear_workgroup", "_vec4", 4),
    staged("linear_odd", "", 8),
    staged("linear_odd", "", 4),
    shared("linear_shares", "_vec4"),
    shared("linear_shares", ""),
    output("linear_f16", "", [1, 1]),
    output("linear_f16", "_columns", [1, 4]),
    output("linear_f16", "_vec4", [8, 8]),
    staged("linear_workgroup_f16", "_vec4", 8),
    staged("linear_odd_f16", "", 8),
    shared("linear_shares_f16", "_vec4"),
    shared("linear_shares_f16", ""),
];

/// A product's operands, and what double precision makes of them: of narrow ones, with each product narrow, too.
#[derive(Clone)]
pub(crate) struct Case {
    pub(crate) narrow: bool,
    pub(crate) m: usize,
    pub(crate) k: usize,
    pub(crate) n: usize,
    pub(crate) bounds: Vec<u32>,
    pub(crate) x: Vec<f32>,
    pub(crate) w: Vec<f32>,
    pub(crate) b: Vec<f32>,
    pub(crate) dy: Vec<f32>,
}

impl Case {
    pub(crate) fn new([m, k, n]: [usize; 3], bounds: Vec<u32>) -> Self {
        let random = |seed, len| (0..len).map(|i| noise(seed, i)).collect();
        let g = bounds.len() - 1;
        let (x, w) = (random(1, m * k), random(2, g * n * k));
        let (b, dy) = (random(3, g * n), random(4, m * n));
        Self { narrow: false, m, k, n, bounds, x, w, b, dy }
    }

    /// The same with operands that half precision has.
    pub(crate) fn narrowed(self) -> Self {
        let narrow = |values: Vec<f32>| values.into_iter().map(|x| f16::from_f32(x).to_f32());
        let Self { x, w, dy, .. } = self;
        let [x, w, dy] = [x, w, dy].map(|values| narrow(values).collect());
        Self { narrow: true, x, w, dy, ..self }
    }

    fn product(&self, (x, y): (&f32, &f32)) -> f64 {
        let product = f64::from(*x) * f64::from(*y);
        if self.narrow { f16::from_f64(product).to_f64() } else { product }
    }

    /// Puts a factor of products where kernels find it.
    fn put(&self, bench: &mut Bench<'_>, name: &str, values: &[f32]) {
        if self.narrow { self.put_halves(bench, name, values) } else { bench.input(name, values) }
    }

    /// The same of a kernel that takes halves.
    pub(crate) fn put_halves(&self, bench: &mut Bench<'_>, name: &str, values: &[f32]) {
        let mut halves: Vec<u16> = values.iter().map(|&x| f16::from_f32(x).to_bits()).collect();
        halves.resize(halves.len().next_multiple_of(2), 0);
        let words = halves.chunks_exact(2).map(|two| u32::from(two[0]) | u32::from(two[1]) << 16);
        bench.input(name, &words.collect::<Vec<_>>());
    }

    fn groups(&self) -> impl Iterator<Item = (usize, Range<usize>)> {
        self.bounds.windows(2).map(|pair| pair[0] as usize..pair[1] as usize).enumerate()
    }

    pub(crate) fn y(&self) -> Vec<f64> {
        let mut y = Vec::new();
        for (g, rows) in self.groups() {
            for m in rows {
                for n in g * self.n..(g + 1) * self.n {
                    let row = self.x[m * self.k..].iter().zip(&self.w[n * self.k..]).take(self.k);
                    y.push(row.map(|two| self.product(two)).sum::<f64>() + f64::from(self.b[n]));
                }
            }
        }
        y
    }

    pub(crate) fn plain_y(&self, mut y: Vec<f64>) -> Vec<f64> {
        self.each(|m, n, row, k| {
            y[m * self.n + n] += self.product((&self.x[m * self.k + k], &self.w[row * self.k + k]))
        });
        y
    }

    pub(crate) fn dx(&self, mut dx: Vec<f64>) -> Vec<f64> {
        self.each(|m, n, row, k| {
            dx[m * self.k + k] +=
                self.product((&self.dy[m * self.n + n], &self.w[row * self.k + k]))
        });
        dx
    }

    pub(crate) fn dw(&self, mut dw: Vec<f64>) -> Vec<f64> {
        self.each(|m, n, row, k| {
            dw[row * self.k + k] +=
                self.product((&self.dy[m * self.n + n], &self.x[m * self.k + k]))
        });
        dw
    }

    fn db(&self, mut db: Vec<f64>) -> Vec<f64> {
        for (g, rows) in self.groups() {
            for (i, dy) in self.dy[rows.start * self.n..rows.end * self.n].iter().enumerate() {
                db[g * self.n + i % self.n] += f64::from(*dy);
            }
        }
        db
    }

    /// Calls `f` with m, n, the row of w that n is in m's group, and k.
    fn each(&self, mut f: impl FnMut(usize, usize, usize, usize)) {
        for (g, rows) in self.groups() {
            for m in rows {
                for n in 0..self.n {
                    (0..self.k).for_each(|k| f(m, n, g * self.n + n, k));
                }
            }
        }
    }
}

/// |x - y| / |y| over whole tensors.
pub(crate) fn relative_error(x: &[f32], y: &[f64]) -> f64 {
    assert_eq!(x.len(), y.len());
    let difference: f64 = x.iter().zip(y).map(|(&x, y)| (f64::from(x) - y).powi(2)).sum();
    let norm: f64 = y.iter().map(|y| y * y).sum();
    if difference == 0.0 { 0.0 } else { (difference / norm).sqrt() }
}

impl Variant {
    /// It with the lanes that it has on an executor.
    fn on(self, gpu: &dyn Executor) -> Self {
        match gpu.adapter().limits.subgroup_lanes {
            Some(lanes) if self.is_shared_by_subgroups() => {
                Self { lanes: lanes as usize, column_lanes: lanes as usize, ..self }
            }
            _ => self,
        }
    }

    fn is_shared_by_subgroups(&self) -> bool {
        self.file.contains("_subgroup")
    }

    /// Whether this variant's `entry` is for such shapes and runs here.
    fn takes(&self, entry: &str, [m, k, n]: [usize; 3], gpu: &dyn Executor) -> bool {
        let lanes = gpu.adapter().limits.subgroup_lanes.unwrap_or(1);
        let fours = match (self.suffix, entry) {
            ("", _) => true,
            ("_columns", "forward" | "forward_plain") => n.is_multiple_of(4),
            ("_columns", "backward_input") => k.is_multiple_of(4),
            ("_columns", _) => false,
            _ => k.is_multiple_of(4) && n.is_multiple_of(4),
        };
        let fours = fours && !(self.is_narrow() && entry == "backward_bias");
        match self.file.trim_end_matches("_f16") {
            "linear" => fours,
            "linear_workgroup" => fours && !["backward_weight", "backward_bias"].contains(&entry),
            "linear_odd" => fours && entry != "backward_bias",
            "linear_shares" => fours && entry == "backward_weight",
            "linear_odd_subgroup" if [m * k, n * k, m * n].iter().any(|&len| len < 4) => false,
            "linear_subgroup_4" => fours && entry != "backward_bias" && lanes >= 4,
            _ => fours && entry != "backward_bias" && lanes >= 8,
        }
    }

    fn is_narrow(&self) -> bool {
        self.file.ends_with("_f16")
    }

    /// Rows and columns of outputs that a workgroup computes.
    fn block(&self) -> [usize; 2] {
        let [rows, columns] = self.tile;
        [rows * (self.lanes / self.column_lanes / self.shares), columns * self.column_lanes]
    }

    /// The grid over all rows of so many groups.
    fn rows_grid(&self, m: usize, columns: usize, groups: usize) -> [u32; 3] {
        let [block_rows, block_columns] = self.block();
        let y = m.div_ceil(block_rows) + groups - 1;
        [columns.div_ceil(block_columns) as u32, y as u32, 1]
    }

    /// The grid over the weights of so many groups.
    fn weights_grid(&self, n: usize, k: usize, groups: usize) -> [u32; 3] {
        let [block_rows, block_columns] = self.block();
        [k.div_ceil(block_columns) as u32, n.div_ceil(block_rows) as u32, groups as u32]
    }

    /// Runs every entry of this variant that takes such a product, overwriting and accumulating.
    fn check(&self, gpu: &mut dyn Executor, case: &Case) {
        let Case { m, k, n, .. } = *case;
        let g = case.bounds.len() - 1;
        let takes: Vec<_> =
            ENTRIES.into_iter().filter(|entry| self.takes(entry, [m, k, n], gpu)).collect();
        let mut bench = Bench::new(gpu);
        bench.input("groups", &case.bounds);
        bench.input("b", &case.b);
        for (name, values) in [("x", &case.x), ("w", &case.w), ("dy", &case.dy)] {
            case.put(&mut bench, name, values);
        }
        let dims = |accumulate| {
            [
                ("M", m),
                ("K", k),
                ("N", n),
                ("G", g),
                ("accumulate", accumulate),
                ("LANES", self.lanes),
                ("COLUMN_LANES", self.column_lanes),
                ("TILE", self.tile[0]),
                ("TEAM", self.shares),
            ]
        };
        let name = |entry| format!("{}.{entry}{}", self.file, self.suffix);
        let held = |bench: &mut Bench<'_>, output: &str, expected: &[f64]| {
            let error = relative_error(&bench.read(output), expected);
            let bounds = &case.bounds;
            assert!(error < 1e-5, "{} {output} M={m} K={k} N={n} {bounds:?}: {error:e}", name(""));
        };

        if takes.contains(&"forward") {
            bench.output("y", m * n);
            bench.run(&name("forward"), &dims(0), &[], self.rows_grid(m, n, g));
            held(&mut bench, "y", &case.y());
        }
        let mut chained =
            |entry, output: &str, len, grid, expected: &dyn Fn(Vec<f64>) -> Vec<f64>| {
                if !takes.contains(&entry) {
                    return;
                }
                bench.output(output, len);
                bench.run(&name(entry), &dims(0), &[], grid);
                held(&mut bench, output, &expected(vec![0.0; len]));
                let start: Vec<_> = (0..len).map(|i| noise(5, i)).collect();
                bench.input(output, &start);
                bench.run(&name(entry), &dims(1), &[], grid);
                let start = start.into_iter().map(f64::from).collect();
                held(&mut bench, output, &expected(start));
            };
        chained("forward_plain", "y", m * n, self.rows_grid(m, n, g), &|y| case.plain_y(y));
        chained("backward_input", "dx", m * k, self.rows_grid(m, k, g), &|dx| case.dx(dx));
        chained("backward_weight", "dw", g * n * k, self.weights_grid(n, k, g), &|dw| case.dw(dw));
        if takes.contains(&"backward_bias") {
            let columns = self.lanes * if self.suffix.is_empty() { 1 } else { 4 };
            let grid = [n.div_ceil(columns) as u32, 1, g as u32];
            chained("backward_bias", "db", g * n, grid, &|db| case.db(db));
        }
    }
}

/// Runs every variant that takes such a product.
fn check(gpu: &mut dyn Executor, shape: [usize; 3], bounds: Vec<u32>) {
    let case = Case::new(shape, bounds);
    let narrow = common::narrows(gpu).then(|| case.clone().narrowed());
    for variant in &VARIANTS {
        match (variant.is_narrow(), &narrow) {
            (false, _) => variant.on(gpu).check(gpu, &case),
            (true, Some(narrow)) => variant.check(gpu, narrow),
            (true, None) => {}
        }
    }
}

#[test]
fn a_dense_product_and_its_gradients_are_those_of_double_precision() {
    common::on_every_executor(|gpu| {
        for shape in SHAPES {
            check(&mut *gpu, shape, vec![0, shape[0] as u32]);
        }
    });
}

#[test]
fn rows_meet_the_weights_of_their_group() {
    common::on_every_executor(|gpu| {
        // The largest are for tiles, which groups begin anew.
        for &shape in &SHAPES[..SHAPES.len() - 2] {
            let m = shape[0] as u32;
            // The first, a middle and the last group are empty.
            check(&mut *gpu, shape, vec![0, 0, m / 3, m / 3, m - m / 4, m, m]);
        }
    });
}

#[test]
fn subgroups_of_any_whole_size_share_a_product() {
    for lanes in [4, 8, 16, 32, 64] {
        let mut cpu = Watched::of(lanes);
        for shape in [[37, 36, 68], [67, 16, 260], [67, 17, 263], [66, 6, 258], [35, 15, 3]] {
            let m = shape[0] as u32;
            let case = Case::new(shape, vec![0, m / 3, m / 3, m]);
            for variant in VARIANTS.iter().filter(|variant| variant.is_shared_by_subgroups()) {
                variant.on(&cpu).check(&mut cpu, &case);
            }
        }
    }
}

#[test]
#[ignore = "slow: a driver compiles each shape anew"]
fn any_shape_and_any_groups_do() {
    let shapes = prop_oneof![
        [1..80usize, 1..40usize, 1..40usize],
        [1..80usize, 1..20usize, 1..20usize].prop_map(|[m, k, n]| [m, 4 * k, 4 * n]),
    ];
    on_shapes(&[], (shapes, vec(0.0..1.0f64, 0..5)), |gpu, (shape, mut bounds)| {
        bounds.sort_by(f64::total_cmp);
        let m = shape[0] as f64;
        let inner = bounds.into_iter().map(|bound| (bound * m) as u32);
        let bounds = iter::once(0).chain(inner).chain([m as u32]);
        check(gpu, shape, bounds.collect());
    });
}
