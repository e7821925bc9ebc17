//! The embedded executor beside the software adapter: the same matrix product, the same kernel, in the same
//! run. Rounds alternate, times are medians. `cargo bench --bench embedded [-- SIZE]`

#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a bench prints what it found and stops where it cannot go on"
)]

use std::ops::ControlFlow;

use flopmeter::{
    execute::{
        Executor, Limits,
        cpu::{Cpu, SUBGROUP_LANES},
        gpu::Gpu,
    },
    measure::Session,
    model::lower::matrix_product,
    op::Convention,
    plan::Plan,
};

const ROUNDS: usize = 7;

fn main() {
    let n = std::env::args().skip(1).find_map(|argument| argument.parse().ok()).unwrap_or(512);
    let mut executors: Vec<Box<dyn Executor>> = vec![Box::new(Cpu::new(SUBGROUP_LANES).unwrap())];
    match Gpu::open("software") {
        Ok(gpu) => executors.push(Box::new(gpu)),
        Err(error) => println!("SKIPPED the comparison: {error}"),
    }
    // One plan for both; a subgroup's kernel would differ with its width.
    let limits = executors.iter().map(|executor| executor.adapter().limits);
    let limits = limits.reduce(Limits::and).unwrap();
    let plan: Plan = matrix_product(n, n, n, &Limits { subgroup_lanes: None, ..limits });
    let names: Vec<String> = executors.iter().map(|e| e.adapter().name.clone()).collect();
    let mut sessions: Vec<Session<'_>> = executors
        .iter_mut()
        .map(|executor| Session::open(executor.as_mut(), &plan, &()).unwrap())
        .collect();
    let mut rounds = vec![Vec::new(); sessions.len()];
    for _ in 0..ROUNDS {
        for (session, rounds) in sessions.iter_mut().zip(&mut rounds) {
            let measurement = session.measure(1, &mut |_| ControlFlow::Continue(())).unwrap();
            rounds.push(measurement.passes);
        }
    }

    println!("matrix product, n = {n}, GFLOP/s:");
    let products = |kernel: &str| !kernel.starts_with("backward_bias");
    for (i, pass) in plan.passes.iter().enumerate().filter(|(_, p)| products(p.kernel.parts().1)) {
        let rates: Vec<f64> = rounds
            .iter()
            .map(|rounds| {
                let flops = rounds[0][i].cost.ops.flops(Convention::Ieee) as f64;
                let mut seconds: Vec<f64> = rounds.iter().map(|r| r[i].seconds.unwrap()).collect();
                seconds.sort_by(f64::total_cmp);
                flops / seconds[ROUNDS / 2] * 1e-9
            })
            .collect();
        let named = names.iter().zip(&rates).map(|(name, rate)| format!("{rate:.1} {name}"));
        let ratio =
            rates.get(1).map_or(String::new(), |rate| format!(", {:.2} x", rates[0] / rate));
        println!(
            "  {:<28} {}{ratio}",
            pass.kernel.to_string(),
            named.collect::<Vec<_>>().join(", ")
        );
    }
}
