//! Layer norm and its three gradients, however many lanes share a column.

use crate::{
    launch::{assert_close, dot, gradient, noise, on_shapes},
    norm::{self, LONG, SHAPES, after, before},
};

const EPS: f64 = 1e-5;

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
    on_shapes(&[&SHAPES[..], &[LONG]].concat(), norm::any(3), |gpu, shape| {
        let [m, d, lanes, per_column] = shape;
        let launch = |entry: &str, accumulate| {
            norm::launch(&format!("layer_norm.{entry}"), shape, EPS, accumulate)
        };
        // Far from 0, where a one-pass variance would lose its digits.
        let x: Vec<f64> = noise(1, m * d).iter().map(|x| 3.0 + x).collect();
        let [weight, bias] = [2, 3].map(|seed| noise(seed, d));
        let dy = noise(4, m * d);
        let norm = layer_norm(&x, &weight, &bias);

        for walk in norm::walks("layer_norm", "forward", shape) {
            let forward = walk
                .launch(shape, EPS, false)
                .floats("x", &x)
                .floats("weight", &weight)
                .floats("bias", &bias)
                .output("y", m * d)
                .output("mean", m)
                .output("rstd", m)
                .run(gpu, m, walk.rows(shape));
            assert_close("y", &forward.floats("y"), &norm.y, 2e-5);
            forward.assert_close("mean", &norm.mean);
            forward.assert_close("rstd", &norm.rstd);
        }

        let loss = |x: &[f64], w: &[f64], b: &[f64]| dot(&layer_norm(x, w, b).y, &dy);
        let dx = gradient(&x, |x| loss(x, &weight, &bias));
        let dweight = gradient(&weight, |weight| loss(&x, weight, &bias));
        let dbias = gradient(&bias, |bias| loss(&x, &weight, bias));
        for accumulate in [false, true] {
            for walk in norm::walks("layer_norm", "backward_input", shape) {
                let input = walk
                    .launch(shape, EPS, accumulate)
                    .floats("dy", &dy)
                    .floats("x", &x)
                    .floats("weight", &weight)
                    .floats("mean", &norm.mean)
                    .floats("rstd", &norm.rstd)
                    .floats("dx", &before(&dx, accumulate))
                    .run(gpu, m, walk.rows(shape));
                // A narrow row far from 0 costs digits: rounding x and mean moves xhat by rstd * |mean| ulps.
                input.assert_near("dx", &after(&dx, accumulate), 5e-5);
            }
            let params = launch("backward_params", accumulate)
                .floats("dy", &dy)
                .floats("x", &x)
                .floats("mean", &norm.mean)
                .floats("rstd", &norm.rstd)
                .floats("dweight", &before(&dweight, accumulate))
                .floats("dbias", &before(&dbias, accumulate))
                .run(gpu, d * per_column, lanes);
            params.assert_near("dweight", &after(&dweight, accumulate), 1e-5);
            params.assert_near("dbias", &after(&dbias, accumulate), 1e-5);
            for team in norm::teams(shape) {
                let kernel = "layer_norm_workgroup.backward_params_vec4";
                let params = norm::launch(kernel, shape, EPS, accumulate)
                    .dim("TEAM", team)
                    .floats("dy", &dy)
                    .floats("x", &x)
                    .floats("mean", &norm.mean)
                    .floats("rstd", &norm.rstd)
                    .floats("dweight", &before(&dweight, accumulate))
                    .floats("dbias", &before(&dbias, accumulate))
                    .run(gpu, d / 4, lanes / team);
                params.assert_near("dweight", &after(&dweight, accumulate), 1e-5);
                params.assert_near("dbias", &after(&dbias, accumulate), 1e-5);
            }
        }
    });
}

#[test]
fn a_constant_row_is_not_divided_by_zero() {
    common::on_every_executor(|gpu| {
        let forward = norm::launch("layer_norm.forward", [1, 4, 4, 4], EPS, false)
            .floats("x", &[2.5; 4])
            .floats("weight", &[1.0; 4])
            .floats("bias", &[0.25; 4])
            .output("y", 4)
            .output("mean", 1)
            .output("rstd", 1)
            .run(&mut *gpu, 1, 4);
        assert_close("y", &forward.floats("y"), &[0.25; 4], 1e-4);
    });
}
