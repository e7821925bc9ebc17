//! How fast the kernels are, each beside a baseline in the same run: matrix products beside the kernel
//! that makes no tiles, attention beside one that writes its square, streaming kernels beside one that
//! only copies. Rounds alternate; times are medians, the first dispatch is discarded.
//! `cargo bench --bench kernels [-- SIZE]`

#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a bench prints what it found and stops where it cannot go on"
)]

use std::{collections::BTreeMap, ops::ControlFlow, rc::Rc};

use flopmeter::{
    choice::{KernelSet, choose},
    execute::{Allocation, Bound, Executor, Limits, gpu::Gpu},
    kernel::{KernelModule, ResourceKind},
    library,
    measure::Session,
    model::lower::matrix_product,
    observe::{Call, Counting},
    op::Convention,
    operation::{AttentionStep, Operation, Wanted},
    plan::Plan,
};

const ROUNDS: u32 = 7;

const BASELINES: &str =
    concat!(include_str!("baselines.wgsl"), "\n", include_str!("../shaders/products.wgsl"));

fn main() {
    let size = std::env::args().skip(1).find_map(|argument| argument.parse().ok()).unwrap_or(1024);
    let mut gpu = Gpu::open("auto").unwrap();
    println!("{}", gpu.adapter().name);
    matrix_products(&mut gpu, size);
    if gpu.adapter().limits.parallel && size != 512 {
        attention(&mut gpu, 512);
    }
    attention(&mut gpu, size);
    streaming(&mut gpu);
}

fn matrix_products(gpu: &mut Gpu, size: u32) {
    println!("matrix product, n = {size}:");
    // An extent that is no multiple of four takes the kernel without tiles.
    let baseline = rates(gpu, size / 2 - 1, None);
    let tiled = rates(gpu, size, Some(None));
    let chosen = rates(gpu, size, None);
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
        .filter(|(pass, _)| !pass.kernel.parts().1.starts_with("backward_bias"))
        .map(|(pass, measured)| {
            let flops = measured.cost.ops.flops(Convention::Ieee) as f64;
            (pass.kernel.to_string(), flops / measured.seconds.unwrap() * 1e-9)
        })
        .collect()
}

/// Causal attention with the heads of Qwen2.5-0.5B: forward, beside three passes that write its square, and both
/// gradients, by every set of kernels that is meant for the device.
fn attention(gpu: &mut Gpu, s: u32) {
    let (heads, kv_heads, width) = (14, 2, 64);
    let s = s.next_multiple_of(4);
    println!("attention, S = {s}, {heads} heads of {width} on {kv_heads}:");
    let [rows, keys] = [heads, kv_heads].map(|heads| (s * heads * width) as usize);
    let lens = [
        ("q", rows),
        ("k", keys),
        ("v", keys),
        ("o", rows),
        ("d_o", rows),
        ("dq", rows),
        ("dk", keys),
        ("dv", keys),
        ("lse", (heads * s) as usize),
        ("delta", (heads * s) as usize),
        ("square", (heads * s * s) as usize),
    ];
    let limits = gpu.adapter().limits;
    let mut table = Table::new(gpu, &lens);
    let dims = [
        ("B", 1),
        ("S", s),
        ("HEADS", heads),
        ("KV_HEADS", kv_heads),
        ("WIDTH", width),
        ("WINDOW", s),
        ("CAPPED", 0),
        ("P", 0),
    ];
    let alone = [&dims[..], &[("LANES", 8)]].concat();
    let tiles = s / 4;
    let unfused = [
        table.launch("baselines.scores", &alone, [tiles.div_ceil(8), tiles, heads]),
        table.launch("baselines.softmax", &alone, [(heads * s).div_ceil(8), 1, 1]),
        table.launch("baselines.values", &alone, [(width / 4).div_ceil(8), tiles, heads]),
    ];
    // Each with the row that it is compared with.
    let mut rows = vec![("not fused, three passes".to_owned(), unfused.to_vec())];
    let mut baselines = vec![0];
    for step in [AttentionStep::Output, AttentionStep::Query, AttentionStep::KeyValue] {
        let attention = Operation::Attention {
            step,
            b: 1,
            s,
            heads,
            kv_heads,
            width,
            window: s,
            capped: false,
            wanted: Wanted::ALL,
        };
        let sets = [KernelSet::Portable, KernelSet::Subgroup, KernelSet::Workgroup];
        let sets = sets.into_iter().filter(|set| *set != KernelSet::Workgroup || limits.parallel);
        let mut choices: Vec<_> = sets
            .filter_map(|set| set.on(&limits).ok())
            .map(|limits| choose(&attention, &limits))
            .collect();
        choices.dedup_by_key(|choice| choice.kernel);
        let baseline = if step == AttentionStep::Output { 0 } else { rows.len() };
        for choice in choices {
            let kernel = choice.kernel.to_string();
            let dims: Vec<_> = dims.into_iter().chain(choice.schedule.dims()).collect();
            let launch = table.launch(&kernel, &dims, choice.grid);
            rows.push((kernel, vec![launch]));
            baselines.push(baseline);
        }
    }
    let times = table.times(&rows);
    println!("  {:<48} {:>8} {:>8}", "", "ms", "ratio");
    for (((name, _), time), baseline) in rows.iter().zip(&times).zip(baselines) {
        println!("  {name:<48} {:>8.2} {:>8.2}", time * 1e3, times[baseline] / time);
    }
}

/// Kernels that compute little on much, beside a copy: the bytes that each must move, at the least, in its
/// time, and those that it asks for, which are more where a row is walked twice.
fn streaming(gpu: &mut Gpu) {
    let (m, d) = (4096, 896);
    let p = m * d;
    println!("streaming, {m} x {d}:");
    let all = p as usize;
    let names = ["from", "to", "x", "y", "dy", "dx", "gate", "up", "dgate", "dup"];
    let mut lens: Vec<_> = names.into_iter().map(|name| (name, all)).collect();
    lens.extend(["param", "grad", "m", "v"].map(|name| (name, all)));
    lens.extend([("rstd", m as usize), ("weight", d as usize), ("dweight", d as usize)]);
    let mut table = Table::new(gpu, &lens);
    let dims = [
        ("M", m),
        ("D", d),
        ("P", p),
        ("LANES_PER_COLUMN", 8),
        ("accumulate", 0),
        ("S", 0),
        ("HEADS", 0),
        ("KV_HEADS", 0),
        ("WIDTH", 0),
    ];
    // Each with the tensors of P elements that it reads and writes, its invocations, and those of a
    // workgroup.
    let kernels = [
        ("baselines.copy", 2, p / 4, 64),
        ("rms_norm.forward_vec4", 2, m, 64),
        ("rms_norm.backward_input_vec4", 3, m, 64),
        ("rms_norm.backward_params", 2, d * 8, 256),
        ("rms_norm.backward_params_vec4", 2, d * 2, 256),
        ("swiglu.forward_vec4", 3, p / 4, 64),
        ("swiglu.backward_vec4", 5, p / 4, 64),
        ("optimizer.adamw", 7, p, 64),
        ("optimizer.adamw_vec4", 7, p / 4, 64),
    ];
    let rows: Vec<_> = kernels
        .iter()
        .map(|&(name, _, items, lanes): &(&str, u32, u32, u32)| {
            let dims = [&dims[..], &[("LANES", lanes)]].concat();
            (name, vec![table.launch(name, &dims, [items.div_ceil(lanes), 1, 1])])
        })
        .collect();
    let times = table.times(&rows);
    println!("  {:<32} {:>8} {:>8} {:>10} {:>8}", "", "GB/s", "of copy", "asked GB/s", "of copy");
    let least = |i: usize| f64::from(kernels[i].1) * f64::from(p) * 4.0 / times[i] * 1e-9;
    let asked = |i: usize| rows[i].1[0].storage_bytes as f64 / times[i] * 1e-9;
    for (i, (name, ..)) in kernels.iter().enumerate() {
        println!(
            "  {name:<32} {:>8.2} {:>8.2} {:>10.2} {:>8.2}",
            least(i),
            least(i) / least(0),
            asked(i),
            asked(i) / asked(0)
        );
    }
}

/// Tensors by the names that kernels bind them under, and launches over them.
struct Table<'a> {
    gpu: &'a mut Gpu,
    tensors: BTreeMap<String, (Allocation, u64)>,
}

/// A compiled kernel with everything bound.
#[derive(Clone)]
struct Launch {
    counting: Rc<Counting>,
    bindings: Vec<Bound>,
    grid: [u32; 3],
    /// What the kernel loads and stores, as its instrumented twin counts it.
    storage_bytes: u64,
}

impl<'a> Table<'a> {
    /// Tensors of so many elements, all of them a half.
    fn new(gpu: &'a mut Gpu, lens: &[(&str, usize)]) -> Self {
        gpu.clear();
        let mut tensors = BTreeMap::new();
        for &(name, len) in lens {
            let buffer = gpu.allocate(name, 4 * len as u64).unwrap();
            gpu.write(buffer, 0, bytemuck::cast_slice(&vec![0.5f32; len])).unwrap();
            tensors.insert(name.to_owned(), (buffer, 4 * len as u64));
        }
        Self { gpu, tensors }
    }

    /// One of the crate's kernels, or of the baselines.
    fn launch(&mut self, kernel: &str, dims: &[(&str, u32)], grid: [u32; 3]) -> Launch {
        let dims: BTreeMap<String, u32> = dims.iter().map(|(n, v)| ((*n).to_owned(), *v)).collect();
        let module = match kernel.strip_prefix("baselines.") {
            Some(entry) => {
                let overrides = dims.iter().map(|(n, v)| (n.clone(), f64::from(*v))).collect();
                KernelModule::from_wgsl(kernel, BASELINES, entry, &overrides).unwrap()
            }
            None => library::load(&kernel.parse().unwrap(), &dims).unwrap(),
        };
        let bindings = module.resources.iter().map(|resource| {
            let (buffer, size) = match &resource.kind {
                ResourceKind::Uniform { size, members } => {
                    let mut block = vec![0u32; *size as usize / 4];
                    for member in members {
                        let value =
                            if member.float { 0.5f32.to_bits() } else { dims[&member.name] };
                        block[member.offset as usize / 4] = value;
                    }
                    let buffer = self.gpu.allocate("uniforms", u64::from(*size)).unwrap();
                    self.gpu.write(buffer, 0, bytemuck::cast_slice(&block)).unwrap();
                    (buffer, u64::from(*size))
                }
                ResourceKind::Storage { .. } | ResourceKind::Opaque => {
                    self.tensors[resource.name.trim_end_matches("_vec4")]
                }
            };
            let (group, binding) = (resource.group, resource.binding);
            Bound { group, binding, buffer, offset: 0, size }
        });
        let bindings: Vec<Bound> = bindings.collect();
        let counting = Rc::new(Counting::new(self.gpu, &module).unwrap());
        let counters = counting.counters(self.gpu).unwrap();
        let call = Call { label: kernel, bindings: &bindings, grid };
        let storage_bytes =
            counting.count(self.gpu, &call, counters).unwrap().cost.traffic.storage_bytes();
        Launch { counting, bindings, grid, storage_bytes }
    }

    /// The median seconds of each row, rounds alternating between rows.
    fn times<S: AsRef<str>>(&mut self, rows: &[(S, Vec<Launch>)]) -> Vec<f64> {
        let mut times = vec![Vec::new(); rows.len()];
        for round in 0..=ROUNDS {
            for ((label, launches), times) in rows.iter().zip(&mut times) {
                let seconds: f64 = launches
                    .iter()
                    .map(|Launch { counting, bindings, grid, .. }| {
                        let call = Call { label: label.as_ref(), bindings, grid: *grid };
                        counting.run_plain(self.gpu, &call).unwrap().seconds
                    })
                    .sum();
                if round > 0 {
                    times.push(seconds);
                }
            }
        }
        times.iter_mut().for_each(|times| times.sort_by(f64::total_cmp));
        times.iter().map(|times| times[times.len() / 2]).collect()
    }
}
