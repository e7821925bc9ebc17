//! ReLU, the residual mix and plain sums.

use crate::launch::{Launch, assert_close, dot, gradient, noise, on_shapes};

const SIZES: [usize; 5] = [1, 2, 63, 64, 257];

fn relu(x: &[f64]) -> Vec<f64> {
    x.iter().map(|&x| x.max(0.0)).collect()
}

fn mix(h: &[f64], f: &[f64], s: &[f64], scale: f64) -> Vec<f64> {
    h.iter().zip(f).zip(s).map(|((h, f), s)| h + f + scale * s).collect()
}

#[test]
fn relu_and_its_gradient() {
    on_shapes(&SIZES, 1..600_usize, |gpu, p| {
        let dims = [("P", p), ("LANES", 64)];
        let (x, dy) = (noise(1, p), noise(2, p));
        let y = relu(&x);
        let forward = Launch::new("relu.forward", &dims).floats("x", &x).output("y", p);
        for ran in forward.run_by_one_and_four(gpu, p, 64, p) {
            ran.assert_close("y", &y);
        }
        let slopes = gradient(&x, |x| dot(&relu(x), &dy));
        let backward =
            Launch::new("relu.backward", &dims).floats("dy", &dy).floats("y", &y).output("dx", p);
        for ran in backward.run_by_one_and_four(gpu, p, 64, p) {
            ran.assert_close("dx", &slopes);
        }
    });
}

#[test]
fn relu_lets_a_nan_pass() {
    common::on_every_executor(|gpu| {
        // Mesa makes `max` of ReLU's comparison, which GLSL lets it, as it lets a NaN be any number.
        if common::gl_cannot(gpu, "GLSL promises nothing for NaN") {
            return;
        }
        for bits in [0x7fc0_0000, 0xffc0_0000] {
            let forward = Launch::new("relu.forward", &[("P", 4), ("LANES", 64)])
                .words("x", vec![bits; 4])
                .output("y", 4);
            for ran in forward.run_by_one_and_four(&mut *gpu, 4, 64, 4) {
                let y = ran.floats("y");
                assert!(y.iter().all(|y| y.is_nan()), "{y:?}");
            }
        }
    });
}

#[test]
fn mix_and_its_gradients() {
    on_shapes(&SIZES, 1..600_usize, |gpu, p| {
        let dims = [("P", p), ("LANES", 32)];
        let [h, f, s, dy] = [1, 2, 3, 4].map(|seed| noise(seed, p));
        let scale = [0.375];
        let forward = Launch::new("mix.forward", &dims)
            .floats("h", &h)
            .floats("f", &f)
            .floats("s", &s)
            .floats("bk_scale", &scale)
            .output("y", p);
        for ran in forward.run_by_one_and_four(gpu, p, 32, p) {
            ran.assert_close("y", &mix(&h, &f, &s, scale[0]));
        }
        let slopes = gradient(&s, |s| dot(&mix(&h, &f, s, scale[0]), &dy));
        let backward = Launch::new("mix.backward", &dims)
            .floats("dy", &dy)
            .floats("bk_scale", &scale)
            .output("ds", p);
        for ran in backward.run_by_one_and_four(gpu, p, 32, p) {
            ran.assert_close("ds", &slopes);
        }

        let slope = gradient(&scale, |scale| dot(&mix(&h, &f, &s, scale[0]), &dy));
        for (partials, lanes) in [(1, 1), (7, 4), (64, 32), (300, 64)] {
            let dims = [("P", p), ("PARTIALS", partials), ("LANES", lanes)];
            let parts = Launch::new("mix.backward_scale_partials", &dims)
                .floats("dy", &dy)
                .floats("s", &s)
                .output("partials", partials)
                .run(gpu, partials, lanes);
            // As many parts, each by a team; a short tensor has no term for all of its lanes.
            let team = lanes.min(16);
            let shared = Launch::new("mix_workgroup.backward_scale_partials", &dims)
                .dim("TEAM", team)
                .dim("LANES_PER_COLUMN", 1)
                .floats("dy", &dy)
                .floats("s", &s)
                .output("partials", partials)
                .run(gpu, partials, lanes / team);
            assert_close("dscale", &[shared.floats("partials").iter().sum()], &slope, 1e-5);
            let total = Launch::new("mix.backward_scale", &dims)
                .words("partials", parts.words("partials"))
                .output("dscale", 1)
                .run_one_group(gpu);
            assert_close("dscale", &total.floats("dscale"), &slope, 1e-5);
            // As many lanes as there are parts for, of which few begin at zero.
            let team = 1 << partials.min(lanes).ilog2();
            let dims = [("P", p), ("PARTIALS", partials), ("LANES", team), ("TEAM", team)];
            let total = Launch::new("mix_workgroup.backward_scale", &dims)
                .dim("LANES_PER_COLUMN", team.min(4))
                .words("partials", parts.words("partials"))
                .output("dscale", 1)
                .run_one_group(gpu);
            assert_close("dscale", &total.floats("dscale"), &slope, 1e-5);
        }

        let sum: Vec<f64> = h.iter().zip(&f).map(|(h, f)| h + f).collect();
        let add = Launch::new("mix.add", &dims).floats("x", &h).floats("y", &f).output("out", p);
        for ran in add.run_by_one_and_four(gpu, p, 32, p) {
            ran.assert_close("out", &sum);
        }
        let factor = -0.75;
        let sum_of =
            |y: &[f64]| -> Vec<f64> { h.iter().zip(y).map(|(x, y)| x + factor * y).collect() };
        let add = Launch::new("mix.add_multiple", &dims)
            .scalar("factor", factor)
            .floats("x", &h)
            .floats("y", &f)
            .output("out", p);
        for ran in add.run_by_one_and_four(gpu, p, 32, p) {
            ran.assert_close("out", &sum_of(&f));
        }
        let slopes = gradient(&f, |f| dot(&sum_of(f), &dy));
        let backward = Launch::new("mix.multiple_gradient", &dims)
            .scalar("factor", factor)
            .floats("dy", &dy)
            .output("ds", p);
        for ran in backward.run_by_one_and_four(gpu, p, 32, p) {
            ran.assert_close("ds", &slopes);
        }
        let accumulate = Launch::new("mix.accumulate", &dims).floats("x", &h).floats("out", &f);
        for ran in accumulate.run_by_one_and_four(gpu, p, 32, p) {
            ran.assert_close("out", &sum);
        }
    });
}
