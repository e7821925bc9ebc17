//! What counting costs on kernels that nobody here wrote: counted over plain time for each entry point of the
//! corpus whose buffers can be filled. Each is run in rounds of counted and plain, and the least times are
//! compared, which a busy machine disturbs least. `cargo bench --bench corpus [-- ROUNDS]`

#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a bench prints what it found and stops where it cannot go on"
)]

#[path = "../tests/corpus/fills.rs"]
mod fills;
#[path = "../tests/corpus/preprocess.rs"]
mod preprocess;
#[path = "../tests/corpus/shaders.rs"]
#[allow(dead_code, reason = "the test of the corpus uses the rest")]
mod shaders;

use flopmeter::{
    execute::{Executor, gpu::Gpu},
    shader::{Request, run},
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
        let Some(fills) = fills::fills(kernel, EXTENT) else {
            left_out += 1;
            continue;
        };
        let request = Request { kernel, grid: GRID, fills: &fills, dumps: &[], repeats: 1 };
        let times: Result<Vec<[f64; 2]>, _> = (0..rounds)
            .map(|_| {
                let timing = run(&mut gpu, &request)?.timing;
                Ok::<_, flopmeter::Error>([timing.plain_seconds.unwrap(), timing.counted_seconds])
            })
            .collect();
        let Ok(times) = times else {
            left_out += 1;
            continue;
        };
        let [plain, counted] = [0, 1].map(|i| times.iter().map(|t| t[i]).fold(f64::MAX, f64::min));
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
