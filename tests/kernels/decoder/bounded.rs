//! gelu by tanh and by erf, GeGLU, numbers kept within a bound, and one more than each number, with their gradients.

use crate::launch::{Launch, dot, gradient, noise, on_shapes};

const SIZES: [usize; 5] = [1, 4, 63, 64, 260];

fn tanh_gelu(x: f64) -> f64 {
    let inner = (2.0 / std::f64::consts::PI).sqrt() * (x + 0.044_715 * x.powi(3));
    x / 2.0 * (1.0 + inner.tanh())
}

fn erf_gelu(x: f64) -> f64 {
    if x.abs() > 9.0 {
        return x / 2.0 * (1.0 + x.signum());
    }
    // erf(z) = 2/sqrt(pi) exp(-z^2) times a sum of positive terms.
    let z = x.abs() / std::f64::consts::SQRT_2;
    let terms = (0..200).scan(z, |term, n| {
        let this = *term;
        *term *= 2.0 * z * z / f64::from(2 * n + 3);
        Some(this)
    });
    let erf = std::f64::consts::FRAC_2_SQRT_PI * (-z * z).exp() * terms.sum::<f64>();
    x / 2.0 * (1.0 + erf * x.signum())
}

fn geglu(gate: &[f64], up: &[f64]) -> Vec<f64> {
    gate.iter().zip(up).map(|(&x, up)| tanh_gelu(x) * up).collect()
}

#[test]
fn gelu_by_tanh_and_its_gradient() {
    gelu_and_its_gradient("gelu", tanh_gelu);
}

#[test]
fn gelu_by_erf_and_its_gradient() {
    assert!((erf_gelu(1.0) - 0.841_344_746_068_543).abs() < 1e-14);
    assert!((erf_gelu(-2.0) + 0.045_500_263_896_358_4).abs() < 1e-14);
    gelu_and_its_gradient("gelu_erf", erf_gelu);
}

fn gelu_and_its_gradient(file: &str, gelu: fn(f64) -> f64) {
    on_shapes(&SIZES, 1..600_usize, |gpu, p| {
        let mut x: Vec<f64> = noise(1, p).iter().map(|x| 6.0 * x).collect();
        // Where the exponentials of tanh overflow.
        x[p / 2] = if p.is_multiple_of(2) { -1e4 } else { 1e4 };
        let dy = noise(2, p);
        let launch = |entry: &str| {
            Launch::new(&format!("{file}.{entry}"), &[("P", p), ("LANES", 16)]).floats("x", &x)
        };
        let y = |x: &[f64]| x.iter().map(|&x| gelu(x)).collect::<Vec<_>>();
        for ran in launch("forward").output("y", p).run_by_one_and_four(gpu, p, 16, p) {
            ran.assert_close("y", &y(&x));
        }
        let dx = gradient(&x, |x| dot(&y(x), &dy));
        let backward = launch("backward").floats("dy", &dy).output("dx", p);
        for ran in backward.run_by_one_and_four(gpu, p, 16, p) {
            ran.assert_close("dx", &dx);
        }
    });
}

#[test]
fn geglu_and_its_gradients() {
    on_shapes(&SIZES, 1..600_usize, |gpu, p| {
        let gate: Vec<f64> = noise(1, p).iter().map(|x| 6.0 * x).collect();
        let [up, dy] = [2, 3].map(|seed| noise(seed, p));
        let launch = |entry: &str| {
            Launch::new(&format!("geglu.{entry}"), &[("P", p), ("LANES", 16)])
                .floats("gate", &gate)
                .floats("up", &up)
        };
        for ran in launch("forward").output("y", p).run_by_one_and_four(gpu, p, 16, p) {
            ran.assert_close("y", &geglu(&gate, &up));
        }
        let dgate = gradient(&gate, |gate| dot(&geglu(gate, &up), &dy));
        let dup = gradient(&up, |up| dot(&geglu(&gate, up), &dy));
        let backward = launch("backward").floats("dy", &dy).output("dgate", p).output("dup", p);
        for ran in backward.run_by_one_and_four(gpu, p, 16, p) {
            ran.assert_close("dgate", &dgate);
            ran.assert_close("dup", &dup);
        }
    });
}

#[test]
fn a_gate_far_from_zero_is_open_or_closed() {
    common::on_every_executor(|gpu| {
        let (gate, up) = ([-1e4, -100.0, 0.0, 1e4], [2.0; 4]);
        let launch = |entry: &str| {
            Launch::new(&format!("geglu.{entry}"), &[("P", 4), ("LANES", 4)])
                .floats("gate", &gate)
                .floats("up", &up)
        };
        for ran in launch("forward").output("y", 4).run_by_one_and_four(&mut *gpu, 4, 4, 4) {
            ran.assert_close("y", &[0.0, 0.0, 0.0, 2e4]);
        }
        let backward =
            launch("backward").floats("dy", &[1.0; 4]).output("dgate", 4).output("dup", 4);
        for ran in backward.run_by_one_and_four(&mut *gpu, 4, 4, 4) {
            ran.assert_close("dgate", &[0.0, 0.0, 1.0, 2.0]);
            ran.assert_close("dup", &[0.0, 0.0, 0.0, 1e4]);
        }
    });
}

#[test]
fn a_bound_and_its_gradient() {
    on_shapes(&SIZES, 1..600_usize, |gpu, p| {
        let cap = 2.5;
        let x: Vec<f64> = noise(1, p).iter().map(|x| 9.0 * x).collect();
        let dy = noise(2, p);
        let capped = |x: &[f64]| x.iter().map(|x| cap * (x / cap).tanh()).collect::<Vec<_>>();
        let launch = |entry: &str| {
            Launch::new(&format!("soft_cap.{entry}"), &[("P", p), ("LANES", 16)])
                .scalar("cap", cap)
                .scalar("inverse", 1.0 / cap)
                .scalar("minus_square", -1.0 / (cap * cap))
        };
        let forward = launch("forward").floats("capped", &x);
        for ran in forward.run_by_one_and_four(gpu, p, 16, p) {
            ran.assert_close("capped", &capped(&x));
        }
        let dx = gradient(&x, |x| dot(&capped(x), &dy));
        let backward = launch("backward").floats("capped", &capped(&x)).floats("slope", &dy);
        for ran in backward.run_by_one_and_four(gpu, p, 16, p) {
            ran.assert_close("slope", &dx);
        }
    });
}

/// tanh of what is far from 0 is 1, also where a driver makes it of exponentials, and NaN is NaN.
#[test]
fn a_number_far_beyond_its_bound_is_at_it() {
    common::on_every_executor(|gpu| {
        let x = [-3e38, -250.0, f64::NAN, 0.0, 41.0, 89.0, 250.0, f64::INFINITY];
        let launch = Launch::new("soft_cap.forward", &[("P", 8), ("LANES", 4)])
            .scalar("cap", 2.0)
            .scalar("inverse", 0.5)
            .scalar("minus_square", -0.25)
            .floats("capped", &x);
        for ran in launch.run_by_one_and_four(&mut *gpu, 8, 4, 8) {
            let y = ran.floats("capped");
            assert!(y[2].is_nan(), "{y:?}");
            let is_as = [(0, -2.0), (1, -2.0), (3, 0.0), (4, 2.0), (5, 2.0), (6, 2.0), (7, 2.0)];
            // tanh of 20.5 and more is 1 but for a rounding of the driver's.
            assert!(is_as.iter().all(|&(i, want)| f64::abs(y[i] - want) < 1e-6), "{y:?}");
        }
    });
}

#[test]
fn one_more_than_each() {
    on_shapes(&SIZES, 1..600_usize, |gpu, p| {
        let x = noise(1, p);
        let more: Vec<f64> = x.iter().map(|x| x + 1.0).collect();
        Launch::new("mix.plus_one", &[("P", p), ("LANES", 16)])
            .floats("x", &x)
            .output("out", p)
            .run(gpu, p, 16)
            .assert_close("out", &more);
    });
}
