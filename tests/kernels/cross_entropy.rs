//! Cross entropy on a device against double precision: losses, gradients, their mean, and the counts
//! of every entry, for rows shorter and longer than a workgroup.

use std::cell::RefCell;

use common::bench::{Bench, grid, noise};
use flopmeter::execute::Executor;
use proptest::test_runner::{Config, TestRunner};

/// Rows, vocabulary, lanes: shorter than a workgroup, one column, primes, whole multiples.
const SHAPES: [(usize, usize, usize); 12] = [
    (1, 1, 1),
    (3, 1, 8),
    (5, 2, 8),
    (2, 4, 64),
    (7, 31, 32),
    (4, 32, 32),
    (3, 50, 64),
    (6, 64, 16),
    (9, 257, 64),
    (2, 1000, 128),
    (3, 1009, 256),
    (2, 30000, 64),
];

struct Reference {
    loss: Vec<f64>,
    gradient: Vec<f64>,
}

fn reference(logits: &[f32], targets: &[u32], v: usize) -> Reference {
    let mut loss = Vec::new();
    let mut gradient = Vec::new();
    for (row, &target) in logits.chunks(v).zip(targets) {
        let row: Vec<_> = row.iter().map(|&x| f64::from(x)).collect();
        let maximum = row.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        let sum: f64 = row.iter().map(|x| (x - maximum).exp()).sum();
        loss.push(sum.ln() - (row[target as usize] - maximum));
        gradient.extend(row.iter().enumerate().map(|(j, x)| {
            let hit = f64::from(u8::from(j == target as usize));
            ((x - maximum).exp() / sum - hit) / targets.len() as f64
        }));
    }
    Reference { loss, gradient }
}

/// The root of the mean square of x - y.
fn root_mean_square(x: &[f32], y: &[f64]) -> f64 {
    assert_eq!(x.len(), y.len());
    let sum: f64 = x.iter().zip(y).map(|(&x, y)| (f64::from(x) - y).powi(2)).sum();
    (sum / x.len() as f64).sqrt()
}

/// Runs every entry on M rows and holds values and counts to what they must be.
fn check(gpu: &mut dyn Executor, m: usize, v: usize, lanes: usize) {
    let logits: Vec<_> = (0..m * v).map(|i| 20.0 * noise(1, i)).collect();
    // The first and the last column among them.
    let targets: Vec<_> = (0..m).map(|row| ((row * (v - 1)) % v) as u32).collect();
    let expected = reference(&logits, &targets, v);
    for suffix in ["", "_vec4"].into_iter().take(1 + usize::from(v.is_multiple_of(4))) {
        let mut bench = Bench::new(gpu);
        bench.input("logits", &logits);
        bench.input("targets", &targets);
        bench.output("p", m * v);
        bench.output("denominator", m);
        bench.output("loss", m);
        bench.output("mean_loss", 1);
        let dims = [("M", m), ("V", v), ("LANES", lanes)];
        let scalars = [("inv_t", 1.0 / m as f32)];
        bench.run(&format!("cross_entropy.forward{suffix}"), &dims, &[], grid(m));
        bench.run(&format!("cross_entropy.backward{suffix}"), &dims, &scalars, grid(m));
        bench.run("cross_entropy.mean", &dims, &scalars, [1; 3]);

        let case = format!("{suffix} M={m} V={v} LANES={lanes}");
        // A row that is all but certain has a loss and a gradient near 0, by cancellation: what is
        // rounded is as large as logits and 1 / T are.
        let of_loss = root_mean_square(&bench.read("loss"), &expected.loss);
        let of_gradient = root_mean_square(&bench.read("p"), &expected.gradient) * m as f64;
        assert!(of_loss < 1e-5, "{case}: the loss is off by {of_loss:e}");
        assert!(of_gradient < 1e-6, "{case}: the gradient is off by {of_gradient:e}");
        let mean = expected.loss.iter().sum::<f64>() / m as f64;
        assert!(root_mean_square(&bench.read("mean_loss"), &[mean]) < 1e-5, "{case}: mean");
        // As many lanes as there are losses or columns for, of which few begin at zero.
        let shared = |entry: &str, terms: usize| {
            let team = 1 << terms.min(lanes).ilog2();
            let firsts = team.min(2);
            let kernel = format!("cross_entropy_workgroup.{entry}");
            let dims =
                [("M", m), ("V", v), ("LANES", team), ("TEAM", team), ("LANES_PER_COLUMN", firsts)];
            (kernel, dims)
        };
        for output in ["denominator", "loss"] {
            bench.output(output, m);
        }
        bench.output("p", m * v);
        bench.output("mean_loss", 1);
        let each = if suffix.is_empty() { 1 } else { 4 };
        let (kernel, dims) = shared(&format!("forward{suffix}"), v / each);
        bench.run(&kernel, &dims, &[], grid(m + 1));
        let (kernel, dims) = shared("mean", m);
        bench.run(&kernel, &dims, &scalars, [1; 3]);
        let dims = [("M", m), ("V", v), ("LANES", (2 * lanes).min(256))];
        bench.run(&format!("cross_entropy.backward{suffix}"), &dims, &scalars, grid(m));
        let of_loss = root_mean_square(&bench.read("loss"), &expected.loss);
        let of_gradient = root_mean_square(&bench.read("p"), &expected.gradient) * m as f64;
        assert!(of_loss < 1e-5, "{case}: the shared loss is off by {of_loss:e}");
        assert!(of_gradient < 1e-6, "{case}: its gradient is off by {of_gradient:e}");
        assert!(root_mean_square(&bench.read("mean_loss"), &[mean]) < 1e-5, "{case}: mean");
    }
}

#[test]
fn losses_and_gradients_are_those_of_double_precision() {
    common::on_every_executor(|gpu| {
        for (m, v, lanes) in SHAPES {
            check(&mut *gpu, m, v, lanes);
        }
    });
}

#[test]
fn counts_are_exact_for_any_shape() {
    common::on_every_executor(|gpu| {
        let gpu = RefCell::new(gpu);
        let config = Config { cases: 16, failure_persistence: None, ..Config::default() };
        TestRunner::new(config)
            .run(&(1..12usize, 1..200usize, 0..8u32), |(m, v, lanes)| {
                check(&mut **gpu.borrow_mut(), m, v, 1 << lanes);
                Ok(())
            })
            .unwrap();
    });
}

#[test]
fn a_grid_with_more_workgroups_than_rows_leaves_the_rest_alone() {
    common::on_every_executor(|gpu| {
        let (m, v) = (3, 5);
        let logits: Vec<_> = (0..m * v).map(|i| noise(2, i)).collect();
        let mut bench = Bench::new(&mut *gpu);
        bench.input("logits", &logits);
        bench.input::<u32>("targets", &[0, 4, 2]);
        bench.output("p", m * v);
        bench.output("denominator", m);
        bench.output("loss", m);
        let dims = [("M", m), ("V", v), ("LANES", 8)];
        bench.run("cross_entropy.forward", &dims, &[], [2, 2, 1]);
        let expected = reference(&logits, &[0, 4, 2], v);
        assert!(root_mean_square(&bench.read("loss"), &expected.loss) < 1e-5);
        bench.read::<f32>("p");
    });
}

#[test]
fn far_logits_neither_overflow_nor_lose_the_loss() {
    common::on_every_executor(|gpu| {
        let logits = [3e38, -3e38, 0.0, 1e4, 1e4, 1e4 - 3.0];
        let mut bench = Bench::new(&mut *gpu);
        bench.input::<f32>("logits", &logits);
        bench.input::<u32>("targets", &[0, 2]);
        bench.output("p", 6);
        bench.output("denominator", 2);
        bench.output("loss", 2);
        let dims = [("M", 2), ("V", 3), ("LANES", 8)];
        bench.run("cross_entropy.forward", &dims, &[], grid(2));
        let loss: Vec<f32> = bench.read("loss");
        let expected = (2.0 + (-3f64).exp()).ln() + 3.0;
        assert_eq!(loss[0], 0.0);
        assert!((f64::from(loss[1]) / expected - 1.0).abs() < 1e-5, "{loss:?}");
    });
}
