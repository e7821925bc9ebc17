//! The adapter's ceilings, as `flopmeter roofline` measures them.

use std::{error::Error, ops::ControlFlow};

use flopmeter::roofline::{REPEATS, Resource, measure};

use crate::{
    Device,
    report::{Cell, Report},
};

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
    for missing in &ceilings.missing {
        report.say(&format!("{}: {}", missing.name, missing.why));
    }
    report.row(&[
        ("host", "dispatch of nothing, us".into()),
        ("device", Cell::Number(ceilings.empty_dispatch.median * 1e6, 2)),
        ("submit and wait", Cell::Number(ceilings.submit_and_wait.median * 1e6, 2)),
    ]);
    if let Some(warning) = &ceilings.warning {
        report.say(warning);
    }
    device.peak = ceilings.best(Resource::F32);
    Ok(())
}
