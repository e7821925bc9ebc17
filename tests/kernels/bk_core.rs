//! BK-Core on a device against double precision: the resolvent diagonal, both gradients, the clamps
//! around them, and the counts of every entry.

use common::bench::{Bench, grid, noise, relative_error};
use flopmeter::{choice::RESCALE, execute::Executor};
use num_complex::Complex64;

use crate::launch::on_shapes;

type Dims = [(&'static str, usize); 4];

fn dims(rows: usize, n: usize, lanes: usize, rescale: usize) -> Dims {
    [("B", rows), ("N", n), ("LANES", lanes), ("RESCALE", rescale)]
}

const Z: Complex64 = Complex64::new(0.0, 1.0);

/// One batch of tridiagonal matrices and a gradient that arrives at their resolvents.
pub(crate) struct Case {
    pub rows: usize,
    pub n: usize,
    pub lanes: usize,
    pub rescale: usize,
    pub z: Complex64,
    pub a: Vec<f32>,
    pub b: Vec<f32>,
    pub c: Vec<f32>,
    pub dg: Vec<[f32; 2]>,
}

impl Case {
    /// The model's: a in [-5, 1], both off-diagonals 1, z = i.
    pub fn model(rows: usize, n: usize) -> Self {
        let off = n.max(2) - 1;
        Self {
            rows,
            n,
            lanes: 8,
            rescale: RESCALE as usize,
            z: Z,
            a: (0..rows * n).map(|i| 3.0 * noise(1, i) - 2.0).collect(),
            b: vec![1.0; off],
            c: vec![1.0; off],
            dg: (0..rows * n).map(|i| [noise(2, i), noise(3, i)]).collect(),
        }
    }

    /// Off-diagonals that differ from each other and from place to place, b c of either sign.
    pub fn general(rows: usize, n: usize) -> Self {
        let off = n.max(2) - 1;
        Self {
            z: Complex64::new(0.25, 1.5),
            b: (0..off).map(|i| 1.0 + 0.5 * noise(4, i)).collect(),
            c: (0..off).map(|i| 0.4 + noise(5, i)).collect(),
            ..Self::model(rows, n)
        }
    }

    fn row(&self, row: usize) -> Reference {
        let range = row * self.n..(row + 1) * self.n;
        Reference::new(&self.a[range.clone()], &self.b, &self.c, self.z, &self.dg[range])
    }

    /// The whole batch's G in double precision, and its exact gradient.
    pub fn reference(&self) -> (Vec<f64>, Vec<f64>) {
        let rows: Vec<_> = (0..self.rows).map(|row| self.row(row)).collect();
        (
            rows.iter().flat_map(|r| r.g.iter().flat_map(|g| [g.re, g.im])).collect(),
            rows.iter().flat_map(|r| r.da.clone()).collect(),
        )
    }

    fn dims(&self) -> Dims {
        dims(self.rows, self.n, self.lanes, self.rescale)
    }

    /// A bench on which the forward kernels have run.
    fn forward<'a>(&self, gpu: &'a mut dyn Executor) -> Bench<'a> {
        let (rows, n) = (self.rows, self.n);
        let mut bench = Bench::new(gpu);
        bench.input("a", &self.a);
        bench.input("b", &self.b);
        bench.input("c", &self.c);
        bench.output("coupling", self.b.len());
        bench.output("theta", rows * (n + 1) * 2);
        bench.output("theta_exponent", rows * (n + 1));
        bench.output("theta_inverse", rows * 2);
        bench.output("phi", rows * n * 2);
        bench.output("phi_exponent", rows * n);
        bench.output("g", rows * n * 2);
        bench.output("features", rows * n * 2);
        let (dims, scalars) =
            (self.dims(), [("z_re", self.z.re as f32), ("z_im", self.z.im as f32)]);
        let (by_row, by_element) =
            (grid(rows.div_ceil(self.lanes)), grid((rows * n).div_ceil(self.lanes)));
        bench.run("bk_core.couple", &dims, &[], grid(n.div_ceil(self.lanes)));
        bench.run("bk_core.theta_recursion", &dims, &scalars, by_row);
        bench.run("bk_core.phi_recursion", &dims, &scalars, by_row);
        // A workgroup a row finds the same bits.
        for (entry, outputs) in [
            ("theta_recursion", &[("theta", 2, 1), ("theta_exponent", 1, 1)][..]),
            ("phi_recursion", &[("phi", 2, 0), ("phi_exponent", 1, 0)]),
        ] {
            let alone: Vec<Vec<u32>> = outputs.iter().map(|(name, ..)| bench.read(name)).collect();
            let inverse: Vec<u32> = bench.read("theta_inverse");
            outputs
                .iter()
                .for_each(|(name, width, more)| bench.output(name, rows * (n + more) * width));
            bench.run(&format!("bk_core_workgroup.{entry}"), &dims, &scalars, grid(rows + 1));
            for ((name, ..), alone) in outputs.iter().zip(alone) {
                assert_eq!(bench.read::<u32>(name), alone, "{name} of {rows} rows of {n}");
            }
            assert_eq!(bench.read::<u32>("theta_inverse"), inverse);
        }
        bench.run("bk_core.resolvent", &dims, &[], by_element);
        bench
    }

    /// The exact gradient, after `forward`.
    fn backward(&self, bench: &mut Bench<'_>) -> Vec<f32> {
        bench.input("dg", &self.dg);
        bench.output("left", self.rows * self.n * 2);
        bench.output("da", self.rows * self.n);
        let by_row = grid(self.rows.div_ceil(self.lanes));
        bench.run("bk_core.backward_exact_left", &self.dims(), &[], by_row);
        bench.run("bk_core.backward_exact", &self.dims(), &[], by_row);
        bench.read("da")
    }
}

/// One row by ratios of neighbouring thetas and phis, which need no rescaling: another algorithm
/// than the kernel's.
struct Reference {
    g: Vec<Complex64>,
    da: Vec<f64>,
}

impl Reference {
    fn new(a: &[f32], b: &[f32], c: &[f32], z: Complex64, dg: &[[f32; 2]]) -> Self {
        let n = a.len();
        let d: Vec<_> = a.iter().map(|&a| f64::from(a) - z).collect();
        let bc: Vec<_> = b.iter().zip(c).map(|(&b, &c)| f64::from(b) * f64::from(c)).collect();
        // theta_{i+1} / theta_i and phi_{i-1} / phi_i.
        let (mut l, mut r) = (d.clone(), d.clone());
        for i in 1..n {
            l[i] = d[i] - bc[i - 1] / l[i - 1];
        }
        for i in (0..n - 1).rev() {
            r[i] = d[i] - bc[i] / r[i + 1];
        }
        let g: Vec<_> = (0..n).map(|i| (l[i] + r[i] - d[i]).inv()).collect();
        let w = |j: usize| Complex64::new(dg[j][0].into(), (-dg[j][1]).into());
        let source: Vec<_> = (0..n).map(|j| w(j) * g[j] * g[j]).collect();
        let (mut left, mut right) = (source.clone(), vec![Complex64::ZERO; n]);
        for i in 1..n {
            left[i] = source[i] + bc[i - 1] / (r[i] * r[i]) * left[i - 1];
        }
        for i in (0..n - 1).rev() {
            right[i] = bc[i] / (l[i] * l[i]) * (right[i + 1] + source[i + 1]);
        }
        let da = (0..n).map(|i| -(left[i] + right[i]).re).collect();
        Self { g, da }
    }
}

/// (H - z)^-1 by Gauss-Jordan elimination with pivoting.
fn dense_inverse(a: &[f32], b: &[f32], c: &[f32], z: Complex64) -> Vec<Vec<Complex64>> {
    let n = a.len();
    let mut m = vec![vec![Complex64::ZERO; 2 * n]; n];
    for i in 0..n {
        m[i][i] = f64::from(a[i]) - z;
        m[i][n + i] = Complex64::ONE;
        if i + 1 < n {
            m[i][i + 1] = Complex64::from(f64::from(b[i]));
            m[i + 1][i] = Complex64::from(f64::from(c[i]));
        }
    }
    for k in 0..n {
        let pivot =
            (k..n).max_by(|&i, &j| m[i][k].norm().total_cmp(&m[j][k].norm())).expect("k < n");
        m.swap(k, pivot);
        let scale = m[k][k].inv();
        m[k].iter_mut().for_each(|x| *x *= scale);
        let row = m[k].clone();
        for i in (0..n).filter(|&i| i != k) {
            let factor = m[i][k];
            m[i].iter_mut().zip(&row).for_each(|(x, y)| *x -= factor * y);
        }
    }
    m.into_iter().map(|row| row[n..].to_vec()).collect()
}

/// Shapes around the rescaling interval and the lanes, odd, prime and long.
const SHAPES: [(usize, usize); 12] = [
    (1, 1),
    (3, 2),
    (9, 3),
    (1, 4),
    (2, 5),
    (8, 7),
    (5, 8),
    (3, 24),
    (17, 31),
    (32, 128),
    (2, 257),
    (2, 4096),
];

#[test]
fn the_reference_is_the_dense_inverse_and_its_derivative() {
    for n in [1, 2, 3, 8, 17] {
        let case = Case::general(1, n);
        let inverse = dense_inverse(&case.a, &case.b, &case.c, case.z);
        let reference = case.row(0);
        for (i, row) in inverse.iter().enumerate() {
            assert!((reference.g[i] - row[i]).norm() < 1e-12, "G_{i} of {n}");
            let da: Complex64 = (0..n)
                .map(|j| {
                    let [re, im] = case.dg[j];
                    Complex64::new(re.into(), (-im).into()) * row[j] * inverse[j][i]
                })
                .sum();
            assert!((reference.da[i] + da.re).abs() < 1e-12, "da_{i} of {n}");
        }
    }
}

#[test]
fn the_resolvent_and_its_exact_gradient_are_those_of_double_precision() {
    common::on_every_executor(|gpu| {
        for (rows, n) in SHAPES {
            for (kind, case) in
                [("model", Case::model(rows, n)), ("general", Case::general(rows, n))]
            {
                let mut bench = case.forward(&mut *gpu);
                let (g, da) = case.reference();
                let of_g = relative_error(&bench.read("g"), &g);
                let of_da = relative_error(&case.backward(&mut bench), &da);
                println!("{kind} B={rows} N={n}: G {of_g:.1e}, da {of_da:.1e}");
                assert!(of_g < 1e-4, "{kind} B={rows} N={n}: G is off by {of_g:e}");
                assert!(of_da < 1e-4, "{kind} B={rows} N={n}: da is off by {of_da:e}");
            }
        }
    });
}

#[test]
fn long_resolvents_are_shortened_to_50_and_features_to_10() {
    common::on_every_executor(|gpu| {
        // 1 / (a - z) from far below the limits to far beyond what f32 can square.
        for z_im in [1.0, 0.15, 0.09, 0.021, 0.019, 1e-3, 1e-12, 1e-30] {
            let case = Case { z: Complex64::new(-2.0, z_im), a: vec![-2.0], ..Case::model(1, 1) };
            let mut bench = case.forward(&mut *gpu);
            let expected = (1.0 / z_im).min(50.0);
            let g: Vec<f32> = bench.read("g");
            assert!(g[0].abs() < 1e-5 && (f64::from(g[1]) / expected - 1.0).abs() < 1e-5, "{g:?}");
            assert_eq!(bench.read::<f32>("features"), [g[0], g[1].min(10.0)]);
        }
    });
}

#[test]
fn the_published_gradient_is_what_its_formula_says() {
    common::on_every_executor(|gpu| {
        let n = 61;
        // |G|^2 on both sides of 1e-3, 0, and magnitudes at which the gradient is clamped.
        let mut g: Vec<[f32; 2]> = (0..n)
            .map(|i| {
                let size = 10f32.powf(3.0 * noise(6, i));
                [size * noise(7, i), size * noise(8, i)]
            })
            .collect();
        g[0] = [0.0, 0.0];
        g[1] = [-1e-12, 1e-3];
        g[2] = [f32::NAN, 1.0];
        g[3] = [f32::INFINITY, 1.0];
        let dg: Vec<[f32; 2]> = (0..n).map(|i| [noise(9, i), noise(10, i)]).collect();
        let mut bench = Bench::new(&mut *gpu);
        bench.input("g", &g);
        bench.input("dg", &dg);
        bench.output("da", n);
        let dims = dims(1, n, 8, 4);
        bench.run("bk_core.backward_hybrid", &dims, &[], grid(n.div_ceil(8)));
        let da: Vec<f32> = bench.read("da");
        for (i, &da) in da.iter().enumerate() {
            let complex = |[re, im]: [f32; 2]| Complex64::new(re.into(), im.into());
            let (w, q) = (complex(dg[i]), complex(g[i]) * complex(g[i]));
            let kept = if q.norm() < 1e-3 { 1e-3 * q / (q.norm() + 1e-9) } else { q };
            let blend = -0.5 * (w * q).re - 0.5 * (w / (kept + 1e-6)).re;
            let expected = if blend.is_finite() { blend.clamp(-1000.0, 1000.0) } else { 0.0 };
            let error = (f64::from(da) - expected).abs() / expected.abs().max(1.0);
            assert!(error < 1e-4, "element {i}: G = {:?}, {da} instead of {expected}", g[i]);
        }
    });
}

#[test]
fn clamps_pass_gradients_exactly_where_they_pass_values() {
    common::on_every_executor(|gpu| {
        let v = [-7.0, -3.0, -2.5, 0.0, 1.0, 3.0, 3.5];
        let mut bench = Bench::new(&mut *gpu);
        bench.input::<f32>("v", &v);
        bench.output("a", v.len());
        bench.output("dv", v.len());
        let by_token = dims(1, v.len(), 8, 4);
        bench.run("bk_core.potential", &by_token, &[], grid(1));
        assert_eq!(bench.read::<f32>("a"), [-5.0, -5.0, -4.5, -2.0, -1.0, 1.0, 1.0]);
        bench.input::<f32>("da", &[1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0]);
        bench.run("bk_core.backward_potential", &by_token, &[], grid(1));
        assert_eq!(bench.read::<f32>("dv"), [0.0, 2.0, 3.0, 4.0, 5.0, 6.0, 0.0]);

        bench.input::<[f32; 2]>("g", &[[10.0, -10.0], [11.0, 0.5], [-3.0, -10.5]]);
        bench.input::<[f32; 2]>("dfeatures", &[[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]]);
        bench.output("dg", 6);
        let by_row = dims(3, 1, 8, 4);
        bench.run("bk_core.backward_features", &by_row, &[], grid(1));
        assert_eq!(bench.read::<f32>("dg"), [1.0, 2.0, 0.0, 4.0, 5.0, 0.0]);
    });
}

#[test]
fn counts_are_exact_for_any_shape() {
    let any = (1..20usize, 1..70usize, 0..7u32, 1..5usize);
    on_shapes(&[(1, 1, 0, 1), (3, 65, 6, 4)], any, |gpu, (rows, n, lanes, rescale)| {
        let case = Case { lanes: 1 << lanes, rescale, ..Case::general(rows, n) };
        let mut bench = case.forward(gpu);
        case.backward(&mut bench);
        let values: Vec<_> = (0..2 * rows * n).map(|i| 20.0 * noise(11, i)).collect();
        bench.input("v", &values[..rows * n]);
        bench.input("dfeatures", &values);
        bench.output("dv", rows * n);
        let elements = grid((rows * n).div_ceil(case.lanes));
        for entry in ["potential", "backward_features", "backward_hybrid", "backward_potential"] {
            bench.run(&format!("bk_core.{entry}"), &case.dims(), &[], elements);
        }
    });
}
