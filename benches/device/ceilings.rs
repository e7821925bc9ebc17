//! The adapter's ceilings, as `flopmeter roofline` measures them.

use std::{error::Error, ops::ControlFlow};

use flopmeter::{
    kernel::KernelModule,
    plan::Dims,
    roofline::{REPEATS, Resource, measure},
    tune::{Tensors, Time},
};

use crate::{
    Device,
    report::{Cell, Report},
};

/// Passes of a long step.
const PASSES: usize = 1000;

pub fn run(device: &mut Device, report: &mut Report) -> Result<(), Box<dyn Error>> {
    let repeats = REPEATS;
    let ceilings = measure(&mut device.gpu, repeats, &mut |_| ControlFlow::Continue(()))?;
    for ceiling in &ceilings.ceilings {
        let unit = if ceiling.resource.is_compute() { "GFLOP/s" } else { "GB/s" };
        report.row(&[
            ("ceiling", format!("{}, {unit}", ceiling.name).into()),
            ("median", Cell::Number(ceiling.rate.median * 1e-9, 1)),
            ("least", Cell::Number(ceiling.rate.min * 1e-9, 1)),
            ("most", Cell::Number(ceiling.rate.max * 1e-9, 1)),
        ]);
    }
    let together = nothing(device)?;
    for missing in &ceilings.missing {
        report.say(&format!("{}: {}", missing.name, missing.why));
    }
    report.row(&[
        ("host", "dispatch of nothing, us".into()),
        ("device", Cell::Number(ceilings.empty_dispatch.median * 1e6, 2)),
        ("submit and wait", Cell::Number(ceilings.submit_and_wait.median * 1e6, 2)),
    ]);
    report.row(&[
        ("host", format!("{PASSES} passes of nothing at once, us").into()),
        ("device", Cell::Number(together.seconds() * 1e6, 2)),
        ("submit and wait", Cell::Number(together.host_seconds * 1e6, 2)),
    ]);
    if let Some(warning) = &ceilings.warning {
        report.say(warning);
    }
    device.peak = ceilings.best(Resource::F32);
    Ok(())
}

/// As many passes as a long step has, each of which does next to nothing.
fn nothing(device: &mut Device) -> Result<Time, Box<dyn Error>> {
    let source = "@group(0) @binding(0) var<storage, read_write> x: array<f32>;
        @compute @workgroup_size(1) fn nothing() { x[0] = 1.0; }";
    let kernel = KernelModule::from_wgsl("nothing", source, "nothing", &Default::default())?;
    let mut tensors = Tensors::default();
    tensors.words(&mut device.gpu, "x", &[0])?;
    let launch = tensors.bind(&mut device.gpu, &kernel, &Dims::new(), [1; 3])?;
    Ok(device.compare(&[vec![launch; PASSES]])?.remove(0))
}
