//! How fast the kernels are, each beside a baseline in the same run: matrix products beside the kernel
//! that makes no tiles, streaming kernels beside one that only copies. Rounds alternate; times are
//! medians, the first dispatch is discarded. `cargo bench --bench kernels [-- SIZE]`

#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a bench prints what it found and stops where it cannot go on"
)]

use std::ops::ControlFlow;

use flopmeter::{
    execute::{Executor, Limits, gpu::Gpu},
    measure::Session,
    model::lower::matrix_product,
    op::Convention,
    plan::Plan,
};

const ROUNDS: u32 = 7;

fn main() {
    let size = std::env::args().skip(1).find_map(|argument| argument.parse().ok()).unwrap_or(1024);
    let mut gpu = Gpu::open("auto").unwrap();
    println!("{}", gpu.adapter().name);
    println!("matrix product, n = {size}:");
    // An extent that is no multiple of four takes the kernel without tiles.
    let baseline = rates(&mut gpu, size / 2 - 1, None);
    let tiled = rates(&mut gpu, size, Some(None));
    let chosen = rates(&mut gpu, size, None);
    println!("  {:<40} {:>8} {:>8}", "", "GFLOP/s", "ratio");
    for (kernel, rate) in baseline.iter().chain(&tiled).chain(&chosen) {
        let entry = kernel.split('.').next_back().unwrap().trim_end_matches("_vec4");
        let base = baseline.iter().find(|(name, _)| name.ends_with(entry)).unwrap().1;
        println!("  {kernel:<40} {rate:>8.1} {:>8.1}", rate / base);
    }
}

/// GFLOP/s of the three products of n x n matrices, by kernel. `subgroups` overrides what the adapter
/// says of its subgroups.
fn rates(gpu: &mut Gpu, n: u32, subgroups: Option<Option<u32>>) -> Vec<(String, f64)> {
    let limits = gpu.adapter().limits;
    let limits = Limits { subgroup_lanes: subgroups.unwrap_or(limits.subgroup_lanes), ..limits };
    let plan: Plan = matrix_product(n, n, n, &limits);
    let mut session = Session::open(gpu, &plan, &()).unwrap();
    let measurement = session.measure(ROUNDS, &mut |_| ControlFlow::Continue(())).unwrap();
    plan.passes
        .iter()
        .zip(&measurement.passes)
        .filter(|(pass, _)| !pass.kernel.entry.starts_with("backward_bias"))
        .map(|(pass, measured)| {
            let flops = measured.cost.ops.flops(Convention::Ieee) as f64;
            (pass.kernel.to_string(), flops / measured.seconds.unwrap() * 1e-9)
        })
        .collect()
}
