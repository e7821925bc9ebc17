//! BK-Core's recursions by chunks: beside one lane's and beside double precision, the counts of any chunks, and numbers
//! that f32 holds exactly.

mod sweeps;

use std::cell::RefCell;

use common::{
    Watched,
    bench::{Bench, grid, relative_error},
};
use flopmeter::{
    choice::{Choice, KernelSet, RESCALE},
    execute::{Executor, Limits},
    formula,
    op::Convention,
    operation::{Operation, ResolventStep},
    schedule::Schedule,
};
use num_complex::Complex64;
use proptest::test_runner::{Config, TestRunner};

use crate::bk_core::Case;
use sweeps::sweeps;

/// How a row is shared.
#[derive(Clone, Copy, Debug)]
struct Shared {
    lanes: usize,
    chunk: usize,
    rescale: usize,
}

impl Shared {
    /// As whoever asks for chunks has it.
    fn usual(n: usize) -> Self {
        let Schedule { lanes, chunk, rescale, .. } = chosen(ResolventStep::Theta, n).schedule;
        let [lanes, chunk, rescale] =
            [Some(lanes), chunk, rescale].map(|extent| extent.unwrap() as usize);
        Self { lanes, chunk, rescale }
    }
}

/// What is chosen for a row where chunks are asked for.
fn chosen(step: ResolventStep, n: usize) -> Choice {
    let operation = Operation::Resolvent { step, b: 1, n: n as u32 };
    KernelSet::Chunks.choose(&operation, &Limits::WEBGPU)
}

/// The elements of a recursion for all rows: mantissas and exponents.
struct Elements {
    mantissas: Vec<f32>,
    exponents: Vec<i32>,
}

impl Elements {
    fn read(bench: &mut Bench<'_>, name: &str) -> Self {
        let (mantissas, exponents) = (bench.read(name), bench.read(&format!("{name}_exponent")));
        Self { mantissas, exponents }
    }

    /// How far an element is off, relative to its own magnitude.
    fn error(&self, i: usize, exact: (Complex64, i32)) -> f64 {
        let own = Complex64::new(self.mantissas[2 * i].into(), self.mantissas[2 * i + 1].into());
        let own = own * 2f64.powi(self.exponents[i] - exact.1);
        if exact.0 == Complex64::ZERO {
            own.norm()
        } else {
            (own - exact.0).norm() / exact.0.norm()
        }
    }

    fn worst(&self, exact: &[(Complex64, i32)]) -> f64 {
        assert_eq!(self.exponents.len(), exact.len());
        let errors = exact.iter().enumerate().map(|(i, &exact)| self.error(i, exact));
        errors.fold(0.0, |worst, error| if error > worst || error.is_nan() { error } else { worst })
    }
}

/// 1, and what a recursion makes of it step by step, in double precision over a power of two.
fn exact(steps: impl Iterator<Item = (Complex64, f64)>) -> Vec<(Complex64, i32)> {
    let (mut previous, mut current, mut exponent) = (Complex64::ZERO, Complex64::ONE, 0);
    let mut all = vec![(current, exponent)];
    for (diagonal, joint) in steps {
        (previous, current) = (current, diagonal * current + joint * previous);
        let drift = previous.norm().max(current.norm()).log2().floor() as i32;
        let scale = 2f64.powi(-drift);
        (previous, current, exponent) = (previous * scale, current * scale, exponent + drift);
        all.push((current, exponent));
    }
    all
}

/// All rows' thetas and phis in double precision.
fn all_exact(case: &Case) -> [Vec<(Complex64, i32)>; 2] {
    let Case { rows, n, .. } = *case;
    let joint = |i: usize| f64::from(-case.b[i] * case.c[i]);
    let difference = |row: usize, i: usize| f64::from(case.a[row * n + i]) - case.z;
    let theta = (0..rows).flat_map(|row| {
        exact((0..n).map(|i| (difference(row, i), if i > 0 { joint(i - 1) } else { 0.0 })))
    });
    let phi = (0..rows).flat_map(|row| {
        let steps = (1..n).rev();
        let steps = steps.map(|i| (difference(row, i), if i + 1 < n { joint(i) } else { 0.0 }));
        let mut row = exact(steps);
        row.reverse();
        row
    });
    [theta.collect(), phi.collect()]
}

/// What both recursions leave, one lane a row or by chunks.
fn recursions(bench: &mut Bench<'_>, case: &Case, shared: Option<Shared>) -> [Elements; 2] {
    let Case { rows, n, .. } = *case;
    bench.output("theta", rows * (n + 1) * 2);
    bench.output("theta_exponent", rows * (n + 1));
    bench.output("theta_inverse", rows * 2);
    bench.output("phi", rows * n * 2);
    bench.output("phi_exponent", rows * n);
    let scalars = [("z_re", case.z.re as f32), ("z_im", case.z.im as f32)];
    for entry in ["theta_recursion", "phi_recursion"] {
        let shape = [("B", rows), ("N", n)];
        match shared {
            None => {
                let dims = [&shape[..], &[("LANES", 8), ("RESCALE", RESCALE as usize)]].concat();
                let workgroups = grid(rows.div_ceil(8));
                bench.run(&format!("bk_core.{entry}"), &dims, &scalars, workgroups);
            }
            Some(Shared { lanes, chunk, rescale }) => {
                let own = [("LANES", lanes), ("CHUNK", chunk), ("RESCALE", rescale)];
                let dims = [&shape[..], &own].concat();
                // A workgroup without a row does nothing.
                bench.run(&format!("bk_core_chunks.{entry}"), &dims, &scalars, grid(rows + 1));
            }
        }
    }
    ["theta", "phi"].map(|name| Elements::read(bench, name))
}

/// A bench that has a case's matrices.
fn placed<'a>(case: &Case, gpu: &'a mut dyn Executor) -> Bench<'a> {
    let mut bench = Bench::new(gpu);
    bench.input("a", &case.a);
    bench.input("b", &case.b);
    bench.input("c", &case.c);
    bench.output("coupling", case.b.len());
    let dims = [("B", case.rows), ("N", case.n), ("LANES", 8)];
    bench.run("bk_core.couple", &dims, &[], grid(case.n.div_ceil(8)));
    bench
}

/// Holds chunks against one lane, which has the same bits as long as nothing else was computed, and against double
/// precision. A step rounds four times, by 2^-24 of what it adds, and an error grows as the elements do, where z is not real
/// and H is symmetric: four roundings for each step, and two steps more for what joins chunks.
fn hold(bench: &mut Bench<'_>, case: &Case, shared: Shared, what: &str) {
    let exact = all_exact(case);
    let alone = recursions(bench, case, None);
    let chunked = recursions(bench, case, Some(shared));
    for (name, width, ((chunked, alone), exact)) in [
        ("theta", case.n + 1, ((&chunked[0], &alone[0]), &exact[0])),
        ("phi", case.n, ((&chunked[1], &alone[1]), &exact[1])),
    ] {
        let errors = [alone, chunked].map(|elements| elements.worst(exact));
        for row in 0..case.rows {
            // Nothing was rounded otherwise where a row begins.
            let begin = if width > shared.chunk + 1 { shared.chunk } else { width };
            for i in 0..begin {
                let i = row * width + if name == "theta" { i } else { width - 1 - i };
                let of =
                    |all: &Elements| (all.mantissas[2 * i..2 * i + 2].to_vec(), all.exponents[i]);
                assert_eq!(of(chunked), of(alone), "{what} {name} {i}");
            }
        }
        let most = f64::from(f32::EPSILON) / 2.0 * 4.0 * (case.n as f64 + 2.0);
        assert!(errors[0] < most, "{what} {name}: {:.1e} alone", errors[0]);
        assert!(errors[1] < most, "{what} {name}: {:.1e} by chunks", errors[1]);
    }
}

/// Rows and elements: of one chunk, of more that are whole or not, of as many as there are lanes.
const SHAPES: [(usize, usize); 10] =
    [(1, 1), (3, 2), (1, 15), (5, 16), (4, 17), (2, 33), (3, 100), (1, 1024), (2, 1025), (1, 4099)];

#[test]
fn chunks_find_what_one_lane_finds() {
    common::on_every_executor(|gpu| {
        for (index, (rows, n)) in SHAPES.into_iter().enumerate() {
            let mut cases = vec![("general", Case::general(rows, n))];
            let [re, im] = [[0.0, 1.0], [-2.0, 0.05], [-5.0, 1e-3], [0.5, 7.0]][index % 4];
            let z = Complex64::new(re, im);
            cases.push(("model", Case { z, ..Case::model(rows, n) }));
            let scale = 2f32.powi([-6, 6][index % 2]);
            let mut case = Case::model(rows, n);
            case.z *= f64::from(scale);
            [&mut case.a, &mut case.b, &mut case.c]
                .into_iter()
                .for_each(|all| all.iter_mut().for_each(|x| *x *= scale));
            cases.push(("scaled", case));
            for (kind, case) in cases {
                let what = format!("{kind} z={} B={rows} N={n}", case.z);
                let mut bench = placed(&case, &mut *gpu);
                hold(&mut bench, &case, Shared::usual(n), &what);
            }
        }
    });
}

#[test]
fn subgroups_of_every_width_find_the_same() {
    let case = Case::general(2, 301);
    let found: Vec<_> = [1, 4, 8, 16, 32, 64, 128]
        .map(|width| {
            let mut cpu = Watched::of(width);
            let mut bench = placed(&case, &mut cpu);
            let shared = Shared::usual(case.n);
            let elements = recursions(&mut bench, &case, Some(shared));
            let elements = elements.map(|all| (all.mantissas, all.exponents));
            (elements, sweeps(&mut bench, &case, Some(shared)))
        })
        .into();
    assert!(found.windows(2).all(|pair| pair[0] == pair[1]));
}

#[test]
fn the_resolvent_of_chunks_is_that_of_double_precision() {
    common::on_every_executor(|gpu| {
        for (rows, n) in [(1, 1), (2, 17), (3, 129), (1, 4096)] {
            for case in [Case::model(rows, n), Case::general(rows, n)] {
                let mut bench = placed(&case, &mut *gpu);
                recursions(&mut bench, &case, Some(Shared::usual(n)));
                bench.output("g", rows * n * 2);
                bench.output("features", rows * n * 2);
                let dims = [("B", rows), ("N", n), ("LANES", 8)];
                bench.run("bk_core.resolvent", &dims, &[], grid((rows * n).div_ceil(8)));
                let error = relative_error(&bench.read("g"), &case.reference().0);
                assert!(error < 1e-4, "B={rows} N={n}: G is off by {error:e}");
            }
        }
    });
}

/// Every second element is 0, and a chunk makes of one unit pair what lies thousands of powers of two from what it makes of
/// the other; or all couplings are 0, so that a chunk makes nothing of one of them.
#[test]
fn powers_of_two_are_exact() {
    common::on_every_executor(|gpu| {
        for n in [2, 40, 41, 64, 500, 2051] {
            let off = n - 1;
            let powers = |i: usize| [-0.0625, 16.0, -16.0, 0.0625][i % 4];
            let zero = Case {
                z: Complex64::ZERO,
                a: vec![0.0; 2 * n],
                b: (0..off).map(powers).collect(),
                c: vec![1.0; off],
                ..Case::model(2, n)
            };
            let apart = Case {
                z: Complex64::new(0.0, 2.0),
                a: vec![0.0; n],
                b: vec![0.0; off],
                c: vec![1.0; off],
                ..Case::model(1, n)
            };
            for case in [zero, apart] {
                let exact = all_exact(&case);
                let mut bench = placed(&case, &mut *gpu);
                let found = recursions(&mut bench, &case, Some(Shared::usual(n)));
                for (found, exact) in found.iter().zip(&exact) {
                    assert_eq!(found.worst(exact), 0.0, "N={n} z={}", case.z);
                }
            }
        }
    });
}

#[test]
fn chunks_take_at_most_3_2_times_the_operations_and_the_same_algebra() {
    for step in [
        ResolventStep::Theta,
        ResolventStep::Phi,
        ResolventStep::ExactLeft,
        ResolventStep::ExactGradient,
    ] {
        for n in (1..3000).chain([4096, 16384, 16385, 1 << 20]) {
            let operation = Operation::Resolvent { step, b: 1, n: n as u32 };
            let of = |set: KernelSet| {
                let schedule = set.choose(&operation, &Limits::WEBGPU).schedule;
                let forms = formula::forms(&operation, &schedule);
                (forms.algebraic, forms.schedule().flops(Convention::Ieee))
            };
            let [alone, chunked] = [KernelSet::Portable, KernelSet::Chunks].map(of);
            assert_eq!(alone.0, chunked.0);
            let ratio = if alone.1 > 0 { chunked.1 as f64 / alone.1 as f64 } else { 1.0 };
            assert!((1.0..=3.2).contains(&ratio), "{step:?} N={n}: {ratio}");
        }
    }
}

#[test]
fn counts_of_any_chunks_are_exact() {
    common::on_every_executor(|gpu| {
        let gpu = RefCell::new(gpu);
        let mut runner =
            TestRunner::new(Config { cases: 12, failure_persistence: None, ..Config::default() });
        let shapes = (1..5usize, 1..200usize, 0..7u32, 0..9usize, 1..7usize);
        runner
            .run(&shapes, |(rows, n, lanes, more, rescale)| {
                let lanes = 1 << lanes;
                let shared = Shared { lanes, chunk: n.div_ceil(lanes) + more, rescale };
                let case = Case::general(rows, n);
                let mut gpu = gpu.borrow_mut();
                let mut bench = placed(&case, &mut **gpu);
                recursions(&mut bench, &case, Some(shared));
                sweeps(&mut bench, &case, Some(shared));
                Ok(())
            })
            .unwrap();
    });
}
