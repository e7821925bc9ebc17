//! What counting costs: counted over plain time for each kernel of a ResNet-BK training step, plain and
//! counted runs of the whole step alternating. A kernel's time is the sum over its passes, each at its least
//! over the rounds, which a busy machine disturbs least. `cargo bench --bench counting [-- ROUNDS [BATCH]]`

#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a bench prints what it found and stops where it cannot go on"
)]

use std::{collections::BTreeMap, ops::ControlFlow};

use flopmeter::{
    execute::{Executor, gpu::Gpu},
    family::Family,
    measure::Session,
    model::{
        AskedShape, Batch, Model, Optimizer,
        lower::{Training, inputs, lower},
    },
};

fn main() {
    let mut numbers = std::env::args().skip(1).filter_map(|argument| argument.parse::<u32>().ok());
    let rounds = numbers.next().unwrap_or(7);
    let asked = AskedShape { batch: numbers.next(), seq: None, ..AskedShape::default() };
    let mut gpu = Gpu::open("auto").unwrap();
    println!("{}, {rounds} rounds of counted and plain", gpu.adapter().name);

    let model = Model::resolve("resnet-bk", [""; 0]).unwrap();
    let batch = Batch::load(None, asked, &model.config, 0).unwrap();
    // [plain, counted] seconds of each kernel; both gradients, so that every kernel has its turn.
    let mut kernels: BTreeMap<String, [f64; 2]> = BTreeMap::new();
    for gradient in ["hybrid", "exact"] {
        let options = Family::choose("bk_gradient", gradient).unwrap();
        let training = Training { options, ..Optimizer::AdamW.into() };
        let limits = gpu.adapter().limits;
        let plan = lower(&model.config, batch.shape, training, &limits).unwrap();
        let weights = model.weights(0).unwrap();
        let inputs = inputs(&weights, &batch);
        let mut session = Session::open(&mut gpu, &plan, &inputs).unwrap();
        let measurements: Vec<_> = (0..rounds)
            .map(|_| session.measure(1, &mut |_| ControlFlow::Continue(())).unwrap())
            .collect();
        let mut times: BTreeMap<String, [f64; 2]> = BTreeMap::new();
        for (i, pass) in plan.passes.iter().enumerate() {
            let rounds = measurements.iter().map(|measurement| &measurement.passes[i]);
            let sum = times.entry(pass.kernel.to_string()).or_default();
            sum[0] += rounds.clone().map(|pass| pass.seconds.unwrap()).fold(f64::MAX, f64::min);
            sum[1] += rounds.map(|pass| pass.counted_seconds).fold(f64::MAX, f64::min);
        }
        kernels.extend(times);
    }

    println!("{:<44} {:>11} {:>11} {:>7}", "kernel", "plain ms", "counted ms", "ratio");
    let mut ratios = Vec::new();
    for (kernel, [plain, counted]) in &kernels {
        let ratio = counted / plain;
        println!("{kernel:<44} {:>11.3} {:>11.3} {ratio:>7.3}", plain * 1e3, counted * 1e3);
        ratios.push(ratio);
    }
    let mean = (ratios.iter().map(|ratio| ratio.ln()).sum::<f64>() / ratios.len() as f64).exp();
    let worst = ratios.iter().copied().fold(0.0, f64::max);
    println!("counted over plain: geometric mean {mean:.3}, worst {worst:.3}");
}
