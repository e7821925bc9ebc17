//! What counting costs, and of what: each kernel of a ResNet-BK training step plain, counting, and counting with a part
//! of it taken away (`parts`), by turns, on what the step leaves in its buffers. A kernel's time is the sum over its
//! distinct launches, each at its least over the rounds, which a busy machine disturbs least.

use std::{
    collections::{BTreeMap, BTreeSet},
    error::Error,
    ops::ControlFlow,
};

use flopmeter::{
    execute::{Bound, Executor},
    family::Family,
    instrument::instrument,
    library::{KernelKey, Library},
    measure::Session,
    model::{
        AskedShape, Batch, Model, Optimizer,
        lower::{Training, inputs, lower},
    },
    observe::{Call, Counting},
    tune::BoundKernel,
};

use crate::{
    Device,
    parts::{without_flush, without_increments},
    report::{Cell, Report},
};

const WAYS: usize = 4;
const NAMES: [&str; WAYS] = ["plain", "no flush", "no increments", "counted"];

/// A launch in each of the ways.
type Ways = [Vec<BoundKernel>; WAYS];

pub fn run(device: &mut Device, report: &mut Report) -> Result<(), Box<dyn Error>> {
    let mut known = BTreeSet::new();
    let mut ratios: [Vec<f64>; WAYS] = Default::default();
    // Both gradients, so that every kernel has its turn.
    for gradient in ["hybrid", "exact"] {
        for (kernel, launches) in of_gradient(device, gradient, &known)? {
            let mut times = [0.0; WAYS];
            for ways in launches {
                for (sum, time) in times.iter_mut().zip(device.compare(&ways)?) {
                    *sum += time.least();
                }
            }
            let over_plain = times.map(|time| time / times[0]);
            for (ratios, ratio) in ratios.iter_mut().zip(over_plain) {
                ratios.push(ratio);
            }
            report.row(&[
                ("kernel", kernel.as_str().into()),
                ("plain us", Cell::Number(times[0] * 1e6, 1)),
                (NAMES[1], Cell::Number(over_plain[1], 3)),
                (NAMES[2], Cell::Number(over_plain[2], 3)),
                (NAMES[3], Cell::Number(over_plain[3], 3)),
            ]);
            known.insert(kernel);
        }
    }
    for (name, ratios) in NAMES.into_iter().zip(ratios).skip(1) {
        let mean = (ratios.iter().map(|ratio| ratio.ln()).sum::<f64>() / ratios.len() as f64).exp();
        let worst = ratios.iter().copied().fold(0.0, f64::max);
        report.row(&[
            ("over plain", name.into()),
            ("geometric mean", Cell::Number(mean, 4)),
            ("worst", Cell::Number(worst, 3)),
        ]);
    }
    Ok(())
}

/// The distinct launches of a step, by their kernels, of those that are not known yet.
fn of_gradient(
    device: &mut Device,
    gradient: &str,
    known: &BTreeSet<String>,
) -> Result<BTreeMap<String, Vec<Ways>>, Box<dyn Error>> {
    let model = Model::resolve("resnet-bk", [""; 0])?;
    let batch = if device.is_software { Some(2) } else { None };
    let asked = AskedShape { batch, seq: None, ..AskedShape::default() };
    let batch = Batch::load(None, asked, &model.config, 0)?;
    let options = Family::choose("bk_gradient", gradient)?;
    let training = Training { options, ..Optimizer::AdamW.into() };
    let plan = lower(&model.config, batch.shape, training, device.gpu.adapter().limits)?;
    let weights = model.weights(0)?;
    let inputs = inputs(&weights, &batch);

    let mut session = Session::open(&mut device.gpu, &plan, &inputs)?;
    // Leaves in the buffers what a step leaves there.
    session.measure(1, &mut |_| ControlFlow::Continue(()))?;
    let mut library = Library::default();
    let mut parts: BTreeMap<KernelKey, [Counting; 2]> = BTreeMap::new();
    let mut launches = BTreeSet::new();
    let mut found: BTreeMap<String, Vec<Ways>> = BTreeMap::new();
    for (index, pass) in plan.passes.iter().enumerate() {
        let name = pass.kernel.to_string();
        if known.contains(&name) {
            continue;
        }
        let dims = pass.dims();
        let key = library.key(&pass.kernel.name(), &dims)?;
        if !launches.insert((key.clone(), dims, pass.grid)) {
            continue;
        }
        if !parts.contains_key(&key) {
            let (_, module) = library.load(&pass.kernel.name(), &pass.dims())?;
            let executor = session.executor();
            let counting = instrument(&module, &executor.adapter().limits)?;
            let mut compile = |kernel| {
                let counting = flopmeter::instrument::Instrumented { kernel, ..counting.clone() };
                Counting::rewritten(session.executor(), &module, &counting)
            };
            let compiled =
                [compile(without_flush(&counting)?)?, compile(without_increments(&counting)?)?];
            parts.insert(key.clone(), compiled);
        }
        let ready = session.ready(index).ok_or("the session has the passes of its plan")?;
        let counting_bindings: Vec<Bound> = [ready.call.bindings, &[ready.counters]].concat();
        let counting_call = Call { bindings: &counting_bindings, ..ready.call };
        let [no_flush, no_increments] = &parts[&key];
        let ways = [
            ready.counting.plain(&ready.call),
            no_flush.counted(&counting_call),
            no_increments.counted(&counting_call),
            ready.counting.counted(&counting_call),
        ];
        found.entry(name).or_default().push(ways.map(|dispatch| vec![BoundKernel::of(&dispatch)]));
    }
    Ok(found)
}
