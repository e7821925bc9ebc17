//! SwiGLU and its gradients.

use crate::launch::{Launch, dot, gradient, noise, on_shapes};

fn swiglu(gate: &[f64], up: &[f64]) -> Vec<f64> {
    gate.iter().zip(up).map(|(x, up)| x / (1.0 + (-x).exp()) * up).collect()
}

#[test]
fn swiglu_and_its_gradients() {
    on_shapes(&[1, 4, 63, 64, 260], 1..600_usize, |gpu, p| {
        let gate: Vec<f64> = noise(1, p).iter().map(|x| 8.0 * x).collect();
        let [up, dy] = [2, 3].map(|seed| noise(seed, p));
        let dgate = gradient(&gate, |gate| dot(&swiglu(gate, &up), &dy));
        let dup = gradient(&up, |up| dot(&swiglu(&gate, up), &dy));
        for (suffix, each) in [("", 1), ("_vec4", 4)] {
            if !p.is_multiple_of(each) {
                continue;
            }
            let launch = |entry: &str| {
                Launch::new(&format!("swiglu.{entry}{suffix}"), &[("P", p), ("LANES", 16)])
                    .floats("gate", &gate)
                    .floats("up", &up)
            };
            launch("forward")
                .output("y", p)
                .run(gpu, p / each, 16)
                .assert_close("y", &swiglu(&gate, &up));
            let backward = launch("backward")
                .floats("dy", &dy)
                .output("dgate", p)
                .output("dup", p)
                .run(gpu, p / each, 16);
            backward.assert_close("dgate", &dgate);
            backward.assert_close("dup", &dup);
        }
    });
}

#[test]
fn a_closed_gate_is_closed_not_nan() {
    let Some(mut gpu) = common::gpu() else { return };
    let gate = [-1e4, -100.0, 0.0, 1e4];
    let (up, dy) = ([2.0; 4], [1.0; 4]);
    for suffix in ["", "_vec4"] {
        let items = if suffix.is_empty() { 4 } else { 1 };
        let launch = |entry: &str| {
            Launch::new(&format!("swiglu.{entry}{suffix}"), &[("P", 4), ("LANES", 4)])
                .floats("gate", &gate)
                .floats("up", &up)
        };
        launch("forward")
            .output("y", 4)
            .run(&mut gpu, items, 4)
            .assert_close("y", &[0.0, 0.0, 0.0, 2e4]);
        let backward = launch("backward")
            .floats("dy", &dy)
            .output("dgate", 4)
            .output("dup", 4)
            .run(&mut gpu, items, 4);
        backward.assert_close("dgate", &[0.0, 0.0, 1.0, 2.0]);
        backward.assert_close("dup", &[0.0, 0.0, 0.0, 1e4]);
    }
}
