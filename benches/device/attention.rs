//! Causal attention with the heads of Qwen2.5-0.5B, forward and its gradients: every kernel that may compute one beside
//! that which is chosen; forward also beside one that is not fused and writes its S x S square.

use std::{collections::BTreeMap, error::Error};

use flopmeter::{
    execute::{Executor, gpu::Gpu},
    kernel::KernelModule,
    operation::{AttentionStep, Operation, Wanted},
    plan::Dims,
    tune::{BoundKernel, Tensors, flops, variants},
};

use crate::{
    Device,
    report::{Cell, Report},
};

const HEADS: u32 = 14;
const KV_HEADS: u32 = 2;
const WIDTH: u32 = 64;

const STEPS: [AttentionStep; 4] =
    [AttentionStep::Output, AttentionStep::Delta, AttentionStep::Query, AttentionStep::KeyValue];

const BASELINES: &str =
    concat!(include_str!("baselines.wgsl"), "\n", include_str!("../../shaders/products.wgsl"));

pub fn run(device: &mut Device, report: &mut Report) -> Result<(), Box<dyn Error>> {
    for s in device.sizes_or(&[512, 2048], &[256, 512]) {
        of_length(device, report, s.next_multiple_of(4))?;
    }
    Ok(())
}

fn of_length(device: &mut Device, report: &mut Report, s: u32) -> Result<(), Box<dyn Error>> {
    device.gpu.clear();
    let limits = device.gpu.adapter().limits;
    let mut tensors = Tensors::default();
    let [rows, keys] = [HEADS, KV_HEADS].map(|heads| u64::from(s) * u64::from(heads * WIDTH));
    for name in ["q", "o", "d_o", "dq"] {
        tensors.add(&mut device.gpu, &[name], rows)?;
    }
    for name in ["k", "v", "dk", "dv"] {
        tensors.add(&mut device.gpu, &[name], keys)?;
    }
    for name in ["lse", "delta"] {
        tensors.add(&mut device.gpu, &[name], u64::from(HEADS * s))?;
    }
    let square = u64::from(HEADS) * u64::from(s) * u64::from(s);
    tensors.add(&mut device.gpu, &["square"], square)?;
    for step in STEPS {
        let operation = Operation::Attention {
            step,
            b: 1,
            s,
            heads: HEADS,
            kv_heads: KV_HEADS,
            width: WIDTH,
            window: s,
            capped: false,
            wanted: Wanted::ALL,
        };
        let variants = variants(&operation, &limits);
        let mut rows = Vec::new();
        for variant in &variants {
            rows.push(vec![tensors.launch(&mut device.gpu, &operation, &variant.choice)?]);
        }
        if step == AttentionStep::Output {
            rows.push(not_fused(&mut device.gpu, &tensors, s)?);
        }
        let times = device.compare(&rows)?;
        let chosen = variants.iter().position(|variant| variant.is_default()).unwrap();
        for (index, time) in times.iter().enumerate() {
            let (label, sets, rate) = match variants.get(index) {
                Some(variant) => {
                    let flops = flops(&operation, &variant.choice) as f64;
                    let rate = Cell::Number(flops / time.seconds() * 1e-9, 1);
                    (&*rows[index][0].label, variant.names(), rate)
                }
                None => ("forward, not fused, three passes", String::new(), Cell::Missing),
            };
            report.row(&[
                ("S", Cell::Number(s.into(), 0)),
                ("attention", label.into()),
                ("us", Cell::Number(time.seconds() * 1e6, 1)),
                ("of chosen", Cell::Number(times[chosen].seconds() / time.seconds(), 2)),
                ("GFLOP/s", rate),
                ("cold", Cell::Number(time.first / time.seconds(), 2)),
                ("sets", sets.into()),
            ]);
        }
    }
    Ok(())
}

/// Scores, probabilities and values, one after the other.
fn not_fused(gpu: &mut Gpu, tensors: &Tensors, s: u32) -> Result<Vec<BoundKernel>, Box<dyn Error>> {
    // Enough lanes for a processor's vector; a GPU wants more to hide its memory behind.
    let lanes = if gpu.adapter().limits.parallel { 64 } else { 8 };
    let dims = [("S", s), ("HEADS", HEADS), ("KV_HEADS", KV_HEADS), ("WIDTH", WIDTH)];
    let dims: Dims = dims.iter().map(|(name, value)| ((*name).to_owned(), *value)).collect();
    let overrides = BTreeMap::from([("LANES".to_owned(), f64::from(lanes))]);
    let tiles = s / 4;
    let passes = [
        ("scores", [tiles.div_ceil(lanes), tiles, HEADS]),
        ("softmax", [(HEADS * s).div_ceil(lanes), 1, 1]),
        ("values", [(WIDTH / 4).div_ceil(lanes), tiles, HEADS]),
    ];
    let mut launches = Vec::new();
    for (entry, grid) in passes {
        let module = KernelModule::from_wgsl(entry, BASELINES, entry, &overrides)?;
        launches.push(tensors.bind(gpu, &module, &dims, grid)?);
    }
    Ok(launches)
}
