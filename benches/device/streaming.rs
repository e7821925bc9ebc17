//! Kernels that compute little on much, beside a copy of tensors as long: the bytes that each must move at the least, in
//! its time. On a GPU tensors are longer than its caches.

use std::{collections::BTreeMap, error::Error};

use flopmeter::{
    execute::{Executor, gpu::Gpu},
    kernel::KernelModule,
    operation::{Direction, Function, LossStep, Norm, NormStep, Operation, Optimizer},
    plan::Dims,
    tune::{BoundKernel, Tensors, variants},
};

use crate::{
    Device,
    report::{Cell, Report},
};

const BASELINES: &str =
    concat!(include_str!("baselines.wgsl"), "\n", include_str!("../../shaders/products.wgsl"));

/// Elements of a row: those of Qwen2.5-0.5B, whose heads are of so many.
const D: u32 = 896;
const HEADS: u32 = 14;
/// Logits of a row.
const V: u32 = 32_768;

/// The names of the tensors of P elements; those in one list are the same tensor, and no kernel binds two of them.
const NAMES: [&[&str]; 5] = [
    &["x", "from", "gate", "param", "logits"],
    &["dy", "grad"],
    &["up", "m"],
    &["dx", "to", "dgate", "v", "p", "out"],
    &["y", "dup"],
];

pub fn run(device: &mut Device, report: &mut Report) -> Result<(), Box<dyn Error>> {
    device.gpu.clear();
    let limits = device.gpu.adapter().limits;
    let most = limits.binding_bytes.min(limits.buffer_bytes);
    let bytes = if device.is_software { 16 << 20 } else { most.min(128 << 20) };
    // As many rows of D as of V, in whole numbers of both.
    let m = (bytes / 4 / u64::from(D)) as u32 / 256 * 256;
    let p = m * D;
    let loss_rows = p / V;
    report.say(&format!("tensors of {} MiB, {m} x {D}", (u64::from(p) * 4) >> 20));

    let mut tensors = Tensors::default();
    for names in NAMES {
        tensors.add(&mut device.gpu, names, p.into())?;
    }
    for name in ["rstd", "mean", "denominator", "loss"] {
        tensors.add(&mut device.gpu, &[name], m.into())?;
    }
    for name in ["weight", "bias", "dweight", "dbias"] {
        tensors.add(&mut device.gpu, &[name], D.into())?;
    }
    for name in ["cosine", "sine"] {
        tensors.add(&mut device.gpu, &[name], u64::from(m) * u64::from(D / HEADS / 2))?;
    }
    tensors.words(&mut device.gpu, "targets", &vec![0; m as usize])?;

    let launch = copy(&mut device.gpu, &tensors, p)?;
    let copied = device.compare(&[vec![launch]])?.remove(0);
    let copied = 2.0 * f64::from(p) * 4.0 / copied.seconds();
    report.row(&row("copy", copied, copied, None));

    for (operation, moved) in operations(m, p, loss_rows) {
        for variant in variants(&operation, &limits) {
            let launch = tensors.launch(&mut device.gpu, &operation, &variant.choice)?;
            let label = launch.label.clone();
            let time = device.compare(&[vec![launch]])?.remove(0);
            let rate = f64::from(moved) * f64::from(p) * 4.0 / time.seconds();
            report.row(&row(&label, rate, copied, Some(&variant.names())));
        }
    }
    Ok(())
}

fn row<'a>(kernel: &str, rate: f64, copied: f64, sets: Option<&str>) -> [(&'a str, Cell); 4] {
    [
        ("kernel", kernel.into()),
        ("GB/s", Cell::Number(rate * 1e-9, 2)),
        ("of copy", Cell::Number(rate / copied, 2)),
        ("sets", sets.unwrap_or_default().into()),
    ]
}

/// Operations on tensors of P elements, each with how many such tensors it reads or writes at the least.
fn operations(m: u32, p: u32, loss_rows: u32) -> Vec<(Operation, u32)> {
    let norm = |norm, step| Operation::Norm { norm, step, m, d: D, accumulate: false };
    let each = |function| Operation::Pointwise { function, p };
    let loss = |step| Operation::Loss { step, m: loss_rows, v: V };
    vec![
        (norm(Norm::Rms, NormStep::Output), 2),
        (norm(Norm::Rms, NormStep::Input), 3),
        (norm(Norm::Rms, NormStep::Parameters), 2),
        (norm(Norm::Layer, NormStep::Output), 2),
        (norm(Norm::Layer, NormStep::Input), 3),
        (norm(Norm::Layer, NormStep::Parameters), 2),
        (each(Function::Relu), 2),
        (each(Function::ReluGradient), 3),
        (each(Function::SwiGlu), 3),
        (each(Function::SwiGluGradient), 5),
        (each(Function::Sum), 3),
        (
            Operation::Rope {
                direction: Direction::Forward,
                b: 1,
                s: m,
                heads: HEADS,
                width: D / HEADS,
                rotary: D / HEADS,
            },
            2,
        ),
        (loss(LossStep::Rows), 2),
        (loss(LossStep::Gradient), 2),
        (Operation::Update { rule: Optimizer::AdamW, p }, 7),
    ]
}

fn copy(gpu: &mut Gpu, tensors: &Tensors, p: u32) -> Result<BoundKernel, Box<dyn Error>> {
    const LANES: u32 = 64;
    const MOST: u32 = 32_768;
    let overrides = BTreeMap::from([("LANES".to_owned(), f64::from(LANES))]);
    let module = KernelModule::from_wgsl("copy", BASELINES, "copy", &overrides)?;
    let groups = (p / 4).div_ceil(LANES);
    let grid = [groups.min(MOST), groups.div_ceil(MOST), 1];
    Ok(tensors.bind(gpu, &module, &Dims::new(), grid)?)
}
