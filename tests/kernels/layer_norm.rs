//! Layer norm and its three gradients, however many lanes share a row or a column.

use proptest::prelude::*;

use crate::launch::{Launch, assert_close, dot, gradient, noise, on_shapes};

const EPS: f64 = 1e-5;

/// M, D, LANES, LANES_PER_ROW, LANES_PER_COLUMN.
const SHAPES: [[usize; 5]; 6] = [
    [1, 1, 1, 1, 1],
    [3, 5, 64, 1, 1],
    [7, 16, 64, 8, 16],
    [5, 13, 32, 32, 32],
    [67, 3, 16, 2, 4],
    [2, 131, 64, 16, 1],
];

struct Norm {
    y: Vec<f64>,
    mean: Vec<f64>,
    rstd: Vec<f64>,
}

fn layer_norm(x: &[f64], weight: &[f64], bias: &[f64]) -> Norm {
    let mut norm = Norm { y: vec![], mean: vec![], rstd: vec![] };
    let width = weight.len();
    for row in x.chunks(width) {
        let mean = row.iter().sum::<f64>() / width as f64;
        let variance = row.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / width as f64;
        let rstd = 1.0 / (variance + EPS).sqrt();
        norm.mean.push(mean);
        norm.rstd.push(rstd);
        norm.y.extend((0..width).map(|d| (row[d] - mean) * rstd * weight[d] + bias[d]));
    }
    norm
}

#[test]
fn layer_norm_and_its_gradients() {
    let teams = prop::sample::select(vec![[32, 1, 4], [32, 8, 32], [64, 16, 1], [128, 2, 8]]);
    let any = (1..40_usize, 3..40_usize, teams).prop_map(|(m, d, [l, r, c])| [m, d, l, r, c]);
    on_shapes(&SHAPES, any, |gpu, [m, d, lanes, per_row, per_column]| {
        let launch = |entry: &str, accumulate| {
            let dims = [
                ("M", m),
                ("D", d),
                ("LANES", lanes),
                ("LANES_PER_ROW", per_row),
                ("LANES_PER_COLUMN", per_column),
                ("accumulate", accumulate),
            ];
            Launch::new(&format!("layer_norm.{entry}"), &dims).scalar("eps", EPS)
        };
        // Far from 0, where a one-pass variance would lose its digits.
        let x: Vec<f64> = noise(1, m * d).iter().map(|x| 3.0 + x).collect();
        let [weight, bias] = [2, 3].map(|seed| noise(seed, d));
        let dy = noise(4, m * d);
        let norm = layer_norm(&x, &weight, &bias);

        let forward = launch("forward", 0)
            .floats("x", &x)
            .floats("weight", &weight)
            .floats("bias", &bias)
            .output("y", m * d)
            .output("mean", m)
            .output("rstd", m)
            .run(gpu, m * per_row, lanes);
        assert_close("y", &forward.floats("y"), &norm.y, 2e-5);
        forward.assert_close("mean", &norm.mean);
        forward.assert_close("rstd", &norm.rstd);

        let loss = |x: &[f64], w: &[f64], b: &[f64]| dot(&layer_norm(x, w, b).y, &dy);
        let dx = gradient(&x, |x| loss(x, &weight, &bias));
        let dweight = gradient(&weight, |weight| loss(&x, weight, &bias));
        let dbias = gradient(&bias, |bias| loss(&x, &weight, bias));
        for accumulate in [0, 1] {
            let before = |gradient: &[f64]| match accumulate {
                0 => vec![f64::NAN; gradient.len()],
                _ => noise(5, gradient.len()),
            };
            let after = |gradient: &[f64]| -> Vec<f64> {
                let before = before(gradient).into_iter().map(|b| if b.is_nan() { 0.0 } else { b });
                before.zip(gradient).map(|(b, g)| b + g).collect()
            };
            let input = launch("backward_input", accumulate)
                .floats("dy", &dy)
                .floats("x", &x)
                .floats("weight", &weight)
                .floats("mean", &norm.mean)
                .floats("rstd", &norm.rstd)
                .floats("dx", &before(&dx))
                .run(gpu, m * per_row, lanes);
            // A narrow row far from 0 costs digits: rounding x and mean moves xhat by rstd * |mean| ulps.
            input.assert_near("dx", &after(&dx), 5e-5);
            let params = launch("backward_params", accumulate)
                .floats("dy", &dy)
                .floats("x", &x)
                .floats("mean", &norm.mean)
                .floats("rstd", &norm.rstd)
                .floats("dweight", &before(&dweight))
                .floats("dbias", &before(&dbias))
                .run(gpu, d * per_column, lanes);
            params.assert_near("dweight", &after(&dweight), 1e-5);
            params.assert_near("dbias", &after(&dbias), 1e-5);
        }
    });
}

#[test]
fn a_constant_row_is_not_divided_by_zero() {
    common::on_every_executor(|gpu| {
        let dims = [("M", 1), ("D", 4), ("LANES", 4), ("LANES_PER_ROW", 4), ("accumulate", 0)];
        let forward = Launch::new("layer_norm.forward", &dims)
            .scalar("eps", EPS)
            .floats("x", &[2.5; 4])
            .floats("weight", &[1.0; 4])
            .floats("bias", &[0.25; 4])
            .output("y", 4)
            .output("mean", 1)
            .output("rstd", 1)
            .run(&mut *gpu, 4, 4);
        assert_close("y", &forward.floats("y"), &[0.25; 4], 1e-4);
    });
}
