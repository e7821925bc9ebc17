//! Three steps of each optimizer against PyTorch's definition of it.

use crate::launch::{Launch, assert_close, noise, on_shapes};

const LR: f64 = 1e-3;
const BETA1: f64 = 0.9;
const BETA2: f64 = 0.999;
const EPS: f64 = 1e-8;
const WEIGHT_DECAY: f64 = 0.01;

#[test]
fn sgd_follows_the_gradient() {
    on_shapes(&[1, 65, 4, 260], 1..600_usize, |gpu, p| {
        let (param, grad) = (noise(1, p), noise(2, p));
        let after: Vec<f64> = param.iter().zip(&grad).map(|(p, g)| p - LR * g).collect();
        for (suffix, each) in [("", 1), ("_vec4", 4)] {
            if p.is_multiple_of(each) {
                Launch::new(&format!("optimizer.sgd{suffix}"), &[("P", p), ("LANES", 64)])
                    .scalar("step", -LR)
                    .floats("param", &param)
                    .floats("grad", &grad)
                    .run(gpu, p / each, 64)
                    .assert_close("param", &after);
            }
        }
    });
}

#[test]
fn adam_and_adamw_take_three_steps() {
    common::on_every_executor(|gpu| {
        for (entry, p, each) in
            [("adam", 67, 1), ("adamw", 67, 1), ("adam_vec4", 68, 4), ("adamw_vec4", 68, 4)]
        {
            let mut param = noise(1, p);
            let (mut m, mut v) = (vec![0.0; p], vec![0.0; p]);
            let mut device = [&param, &m, &v].map(Clone::clone);
            for t in 1..=3 {
                // From large to vanishing, and zero.
                let grad: Vec<f64> = noise(1 + t as u64, p)
                    .iter()
                    .enumerate()
                    .map(|(i, g)| g * 0.1_f64.powi(i as i32 / 8))
                    .collect();
                let bias1 = 1.0 - BETA1.powi(t);
                let bias2 = 1.0 - BETA2.powi(t);
                for i in 0..p {
                    let mut g = grad[i];
                    if !entry.starts_with("adamw") {
                        g += WEIGHT_DECAY * param[i];
                    } else {
                        param[i] -= LR * WEIGHT_DECAY * param[i];
                    }
                    m[i] = BETA1 * m[i] + (1.0 - BETA1) * g;
                    v[i] = BETA2 * v[i] + (1.0 - BETA2) * g * g;
                    param[i] -= LR * (m[i] / bias1) / ((v[i] / bias2).sqrt() + EPS);
                }
                let results =
                    Launch::new(&format!("optimizer.{entry}"), &[("P", p), ("LANES", 32)])
                        .scalar("weight_decay", WEIGHT_DECAY)
                        .scalar("decay", 1.0 - LR * WEIGHT_DECAY)
                        .scalar("beta1", BETA1)
                        .scalar("rest1", 1.0 - BETA1)
                        .scalar("beta2", BETA2)
                        .scalar("rest2", 1.0 - BETA2)
                        .scalar("correction2", 1.0 / bias2.sqrt())
                        .scalar("eps", EPS)
                        .scalar("step", -LR / bias1)
                        .floats("param", &device[0])
                        .floats("grad", &grad)
                        .floats("m", &device[1])
                        .floats("v", &device[2])
                        .run(&mut *gpu, p / each, 32);
                // Three f32 roundings of a number below 1, a hundred times less than a step.
                assert_close("param", &results.floats("param"), &param, 5e-7);
                results.assert_close("m", &m);
                results.assert_close("v", &v);
                device = ["param", "m", "v"].map(|name| results.floats(name));
            }
        }
    });
}
