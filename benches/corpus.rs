//! What counting costs on kernels that nobody here wrote: counted over plain time for each entry point of the
//! corpus whose buffers can be filled. Each is run in rounds of both, either one first by turns, and the
//! least times are compared, which a busy machine disturbs least. `cargo bench --bench corpus [-- ROUNDS]`

#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a bench prints what it found and stops where it cannot go on"
)]

use std::collections::BTreeMap;

use common::corpus::{fills::fills, shaders};
use flopmeter::{
    Error,
    execute::{Executor, gpu::Gpu},
    kernel::KernelModule,
    observe::Trial,
    shader::{BindingKey, BufferFill},
};

/// What a shader is told that its extents are.
const EXTENT: u32 = 64;
const GRID: [u32; 3] = [64, 4, 1];

fn main() {
    let rounds = std::env::args().skip(1).find_map(|argument| argument.parse().ok()).unwrap_or(5);
    let Some(kernels) = shaders::first_variants() else { return };
    let mut gpu = Gpu::open("auto").unwrap();
    println!("{}, {rounds} rounds of counted and plain", gpu.adapter().name);
    println!("{:>10} {:>10} {:>6}  entry point", "plain us", "counted us", "ratio");
    let mut ratios: Vec<(f64, String)> = Vec::new();
    let mut left_out = 0;
    for (label, kernel) in &kernels {
        let Some(fills) = fills(kernel, EXTENT) else {
            left_out += 1;
            continue;
        };
        let Ok([plain, counted]) = least_times(&mut gpu, kernel, &fills, rounds) else {
            left_out += 1;
            continue;
        };
        let ratio = counted / plain;
        println!("{:>10.1} {:>10.1} {ratio:>6.3}  {label}", plain * 1e6, counted * 1e6);
        ratios.push((ratio, label.clone()));
    }
    ratios.sort_by(|(a, _), (b, _)| a.total_cmp(b));
    let mean = ratios.iter().map(|(ratio, _)| ratio.ln()).sum::<f64>() / ratios.len() as f64;
    println!(
        "counted over plain, {} entry points ({left_out} cannot be run): geometric mean {:.3}, worst:",
        ratios.len(),
        mean.exp()
    );
    for (ratio, label) in ratios.iter().rev().take(5) {
        println!("  {ratio:.3} {label}");
    }
}

/// Seconds that the plain kernel took at least, and the counted one.
fn least_times(
    gpu: &mut Gpu,
    kernel: &KernelModule,
    fills: &BTreeMap<BindingKey, BufferFill>,
    rounds: usize,
) -> Result<[f64; 2], Error> {
    let limits = gpu.adapter().limits;
    let contents = kernel.resources.iter().map(|resource| {
        let layout = kernel.layout(resource).unwrap();
        let fill = &fills[&(resource.group, resource.binding)];
        let mut bytes = fill.bytes(&layout, limits.binding_bytes).unwrap();
        bytes.resize(bytes.len().next_multiple_of(4), 0);
        bytes
    });
    let trial = Trial::new(gpu, kernel, contents.collect())?;
    let mut least = [f64::MAX; 2];
    // The first round is for drivers that compile at the first dispatch.
    for round in 0..=rounds {
        for turn in [round, round + 1] {
            let variant = turn % 2;
            trial.restore(gpu)?;
            let seconds = match variant {
                0 => trial.plain(gpu, GRID)?.seconds,
                _ => trial.count(gpu, GRID)?.counted_seconds,
            };
            if round > 0 {
                least[variant] = least[variant].min(seconds);
            }
        }
    }
    Ok(least)
}
