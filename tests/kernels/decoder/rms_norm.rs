//! RMS norm and its gradients, however many lanes share a row or a column.

use proptest::prelude::*;

use crate::launch::{Launch, dot, gradient, noise, on_shapes};

const EPS: f64 = 1e-6;

/// M, D, LANES, LANES_PER_ROW, LANES_PER_COLUMN.
const SHAPES: [[usize; 5]; 6] = [
    [1, 1, 1, 1, 1],
    [3, 5, 64, 1, 1],
    [7, 16, 64, 8, 16],
    [5, 13, 32, 32, 32],
    [67, 4, 16, 2, 4],
    [2, 132, 64, 16, 1],
];

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
    let teams = prop::sample::select(vec![[32, 1, 4], [32, 8, 32], [64, 16, 1], [128, 2, 8]]);
    let any = (1..40_usize, 1..40_usize, teams).prop_map(|(m, d, [l, r, c])| [m, d, l, r, c]);
    on_shapes(&SHAPES, any, |gpu, [m, d, lanes, per_row, per_column]| {
        let x: Vec<f64> = noise(1, m * d).iter().map(|x| 0.25 + x).collect();
        let (weight, dy) = (noise(2, d), noise(3, m * d));
        let norm = rms_norm(&x, &weight);
        let loss = |x: &[f64], weight: &[f64]| dot(&rms_norm(x, weight).y, &dy);
        let dx = gradient(&x, |x| loss(x, &weight));
        let dweight = gradient(&weight, |weight| loss(&x, weight));

        let launch = |entry: &str, accumulate| {
            let dims = [
                ("M", m),
                ("D", d),
                ("LANES", lanes),
                ("LANES_PER_ROW", per_row),
                ("LANES_PER_COLUMN", per_column),
                ("accumulate", accumulate),
            ];
            Launch::new(&format!("rms_norm.{entry}"), &dims).scalar("eps", EPS).floats("x", &x)
        };
        for suffix in ["", "_vec4"] {
            if !suffix.is_empty() && !d.is_multiple_of(4) {
                continue;
            }
            let forward = launch(&format!("forward{suffix}"), 0)
                .floats("weight", &weight)
                .output("y", m * d)
                .output("rstd", m)
                .run(gpu, m * per_row, lanes);
            forward.assert_close("y", &norm.y);
            forward.assert_close("rstd", &norm.rstd);
        }
        for accumulate in [0, 1] {
            let before = |gradient: &[f64]| match accumulate {
                0 => vec![f64::NAN; gradient.len()],
                _ => noise(5, gradient.len()),
            };
            let after = |gradient: &[f64]| -> Vec<f64> {
                let before = before(gradient).into_iter().map(|b| if b.is_nan() { 0.0 } else { b });
                before.zip(gradient).map(|(b, g)| b + g).collect()
            };
            for suffix in ["", "_vec4"] {
                if !suffix.is_empty() && !d.is_multiple_of(4) {
                    continue;
                }
                launch(&format!("backward_input{suffix}"), accumulate)
                    .floats("weight", &weight)
                    .floats("dy", &dy)
                    .floats("rstd", &norm.rstd)
                    .floats("dx", &before(&dx))
                    .run(gpu, m * per_row, lanes)
                    .assert_near("dx", &after(&dx), 1e-5);
            }
            for (suffix, each) in [("", 1), ("_vec4", 4)] {
                if !d.is_multiple_of(each) {
                    continue;
                }
                launch(&format!("backward_params{suffix}"), accumulate)
                    .floats("dy", &dy)
                    .floats("rstd", &norm.rstd)
                    .floats("dweight", &before(&dweight))
                    .run(gpu, d / each * per_column, lanes)
                    .assert_near("dweight", &after(&dweight), 1e-5);
            }
        }
    });
}
