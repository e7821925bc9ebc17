//! Matrix products of n x n matrices, forward and both gradients: every kernel that may compute one beside that which
//! is chosen, for extents that are multiples of four and odd ones, of numbers in single precision and, where the adapter has
//! it, in half precision.

use std::{error::Error, iter};

use flopmeter::{
    execute::Executor,
    operation::{LinearResult, Operation, Precision},
    tune::{Tensors, flops, narrows, variants},
};

use crate::{
    Device,
    report::{Cell, Report},
};

const RESULTS: [LinearResult; 3] =
    [LinearResult::PlainOutput, LinearResult::Input, LinearResult::Weight];

pub fn run(device: &mut Device, report: &mut Report) -> Result<(), Box<dyn Error>> {
    for n in device.sizes_or(&[512, 1024, 4096], &[256, 512]) {
        for n in [n, n - 1] {
            of_size(device, report, n)?;
        }
    }
    Ok(())
}

fn of_size(device: &mut Device, report: &mut Report, n: u32) -> Result<(), Box<dyn Error>> {
    device.gpu.clear();
    let limits = device.gpu.adapter().limits;
    let mut tensors = Tensors::default();
    let len = u64::from(n) * u64::from(n);
    // A product reads two of these and writes the third.
    for names in [&["x", "dx"][..], &["w", "dw"], &["y", "dy"]] {
        tensors.add(&mut device.gpu, names, len)?;
    }
    tensors.words(&mut device.gpu, "groups", &[0, n])?;
    let mut halves = tensors.clone();
    for names in [["x"], ["w"], ["dy"]] {
        halves.halves(&mut device.gpu, &names, len)?;
    }
    let narrow = narrows(&mut device.gpu).then_some(Precision::Half);
    let precisions: Vec<Precision> = iter::once(Precision::Single).chain(narrow).collect();
    for (result, precision) in
        RESULTS.into_iter().flat_map(|result| precisions.iter().map(move |&its| (result, its)))
    {
        let tensors = if precision == Precision::Half { &halves } else { &tensors };
        let operation =
            Operation::Linear { result, m: n, k: n, n, g: 1, accumulate: false, precision };
        let variants = variants(&operation, &limits);
        let mut rows = Vec::new();
        for variant in &variants {
            rows.push(vec![tensors.launch(&mut device.gpu, &operation, &variant.choice)?]);
        }
        let times = device.compare(&rows)?;
        let chosen = variants.iter().position(|variant| variant.is_default());
        for ((variant, row), time) in variants.iter().zip(&rows).zip(&times) {
            let rate = flops(&operation, &variant.choice) as f64 / time.seconds();
            let share = device.peak.map_or(Cell::Missing, |peak| Cell::Number(rate / peak, 3));
            let to_chosen = chosen.map_or(Cell::Missing, |chosen| {
                Cell::Number(times[chosen].seconds() / time.seconds(), 2)
            });
            report.row(&[
                ("n", Cell::Number(n.into(), 0)),
                ("product", row[0].label.as_str().into()),
                ("GFLOP/s", Cell::Number(rate * 1e-9, 1)),
                ("of peak", share),
                ("of chosen", to_chosen),
                ("us", Cell::Number(time.seconds() * 1e6, 1)),
                ("cold", Cell::Number(time.first / time.seconds(), 2)),
                ("sets", variant.names().into()),
            ]);
        }
    }
    Ok(())
}
