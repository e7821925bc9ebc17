//! RMS norm and its gradients, however many lanes share a column.

use crate::{
    launch::{dot, gradient, noise, on_shapes},
    norm::{self, LONG, SHAPES, after, before},
};

const EPS: f64 = 1e-6;

struct Norm {
    y: Vec<f64>,
    rstd: Vec<f64>,
}

fn rms_norm(x: &[f64], weight: &[f64]) -> Norm {
    let mut norm = Norm { y: vec![], rstd: vec![] };
    for row in x.chunks(weight.len()) {
        let rstd = 1.0 / (dot(row, row) / weight.len() as f64 + EPS).sqrt();
        norm.rstd.push(rstd);
        norm.y.extend(row.iter().zip(weight).map(|(x, weight)| x * rstd * weight));
    }
    norm
}

#[test]
fn rms_norm_and_its_gradients() {
    on_shapes(&[&SHAPES[..], &[LONG]].concat(), norm::any(1), |gpu, shape| {
        let [m, d, lanes, per_column] = shape;
        let x: Vec<f64> = noise(1, m * d).iter().map(|x| 0.25 + x).collect();
        let (weight, dy) = (noise(2, d), noise(3, m * d));
        let norm = rms_norm(&x, &weight);
        let loss = |x: &[f64], weight: &[f64]| dot(&rms_norm(x, weight).y, &dy);
        let dx = gradient(&x, |x| loss(x, &weight));
        let dweight = gradient(&weight, |weight| loss(&x, weight));

        let launch = |entry: &str, accumulate| {
            norm::launch(&format!("rms_norm.{entry}"), shape, EPS, accumulate).floats("x", &x)
        };
        for walk in norm::walks("rms_norm", "forward", shape) {
            let forward = walk
                .launch(shape, EPS, false)
                .floats("x", &x)
                .floats("weight", &weight)
                .output("y", m * d)
                .output("rstd", m)
                .run(gpu, m, walk.rows(shape));
            forward.assert_close("y", &norm.y);
            forward.assert_close("rstd", &norm.rstd);
        }
        for accumulate in [false, true] {
            for walk in norm::walks("rms_norm", "backward_input", shape) {
                walk.launch(shape, EPS, accumulate)
                    .floats("x", &x)
                    .floats("weight", &weight)
                    .floats("dy", &dy)
                    .floats("rstd", &norm.rstd)
                    .floats("dx", &before(&dx, accumulate))
                    .run(gpu, m, walk.rows(shape))
                    .assert_near("dx", &after(&dx, accumulate), 1e-5);
            }
            for (suffix, each) in [("", 1), ("_vec4", 4)] {
                if !d.is_multiple_of(each) {
                    continue;
                }
                launch(&format!("backward_params{suffix}"), accumulate)
                    .floats("dy", &dy)
                    .floats("rstd", &norm.rstd)
                    .floats("dweight", &before(&dweight, accumulate))
                    .run(gpu, d / each * per_column, lanes)
                    .assert_near("dweight", &after(&dweight, accumulate), 1e-5);
            }
            for team in norm::teams(shape) {
                norm::launch("rms_norm_workgroup.backward_params_vec4", shape, EPS, accumulate)
                    .dim("TEAM", team)
                    .floats("x", &x)
                    .floats("dy", &dy)
                    .floats("rstd", &norm.rstd)
                    .floats("dweight", &before(&dweight, accumulate))
                    .run(gpu, d / 4, lanes / team)
                    .assert_near("dweight", &after(&dweight, accumulate), 1e-5);
            }
        }
    });
}
