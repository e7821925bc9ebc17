//! Whole training steps: the default profile, and Qwen2.5-0.5B with adapters and without. Passes run one after the other
//! over what those before them left, step after step, so that nothing is written between.

use std::error::Error;

use flopmeter::{
    execute::Executor,
    formula::forms,
    measure::Session,
    model::{
        AskedShape, Batch, Model, Optimizer,
        lower::{inputs, lower},
    },
    op::Convention,
    tune::BoundKernel,
};

use crate::{
    Device,
    report::{Cell, Report},
};

pub fn run(device: &mut Device, report: &mut Report) -> Result<(), Box<dyn Error>> {
    let small = ["num_hidden_layers=2", "vocab_size=8000"];
    let (set, seq): (&[&str], u32) = if device.is_software { (&small, 64) } else { (&[], 512) };
    let lora = ["lora_rank=8"];
    let batch = device.is_software.then_some(8);
    step(device, report, "resnet-bk", ("default", &[]), (batch, None))?;
    step(device, report, "qwen2.5-0.5b", ("LoRA", &[set, &lora].concat()), (Some(1), Some(seq)))?;
    step(device, report, "qwen2.5-0.5b", ("full", set), (Some(1), Some(seq)))
}

fn step(
    device: &mut Device,
    report: &mut Report,
    model: &str,
    (what, settings): (&str, &[&str]),
    (batch, seq): (Option<u32>, Option<u32>),
) -> Result<(), Box<dyn Error>> {
    let model = Model::resolve(model, settings.iter().copied())?;
    let asked = AskedShape { batch, seq, ..AskedShape::default() };
    let batch = Batch::load(None, asked, &model.config, 0)?;
    let limits = device.gpu.adapter().limits;
    let plan = lower(&model.config, batch.shape, Optimizer::AdamW.into(), limits)?;
    let weights = model.weights(0)?;
    let inputs = inputs(&weights, &batch);
    let session = Session::open(&mut device.gpu, &plan, &inputs)?;
    let ready = (0..plan.passes.len()).filter_map(|pass| session.ready(pass));
    let row: Vec<BoundKernel> =
        ready.map(|ready| BoundKernel::of(&ready.counting.plain(&ready.call))).collect();
    drop(session);
    let exact = plan.passes.iter().map(|pass| forms(&pass.operation, &pass.schedule).schedule());
    let flops: u64 = exact.map(|ops| ops.flops(Convention::Ieee)).sum();
    let time = device.compare(&[row])?.remove(0);
    let (batch, seq) = (batch.shape.batch(), batch.shape.seq());
    let tokens = f64::from(batch) * f64::from(seq);
    report.row(&[
        ("step", format!("{}, {what}, {batch} x {seq}", model.name).into()),
        ("passes", Cell::Number(plan.passes.len() as f64, 0)),
        ("ms", Cell::Number(time.seconds() * 1e3, 2)),
        ("host ms", Cell::Number(time.host_seconds * 1e3, 2)),
        ("tokens/s", Cell::Number(tokens / time.host_seconds, 0)),
        ("GFLOP/s", Cell::Number(flops as f64 / time.seconds() * 1e-9, 1)),
        ("cold", Cell::Number(time.first / time.seconds(), 2)),
    ]);
    Ok(())
}
