//! A step in micro-batches as launches: the passes of one, repeated for each on its own part of the batch, and
//! what all of them add to, gradients and the loss, summed up. Activations lie where those of the micro-batch
//! before lay. Knows no model.

use std::collections::{BTreeMap, BTreeSet};

use super::{
    launch::{Builder, Launch, window_name},
    weight::Weight,
};
use crate::{
    component::{ComponentName, Phase},
    operation::{Function, Operation},
    plan::{BufferId, Init, Pass, Slice},
};

/// A tensor to which every micro-batch adds.
struct Summed {
    component: ComponentName,
    phase: Phase,
    sum: BufferId,
    /// Where a micro-batch after the first leaves what it adds.
    part: BufferId,
    /// What is added at once: the sum, the part, and what tells the window apart.
    windows: Vec<(Slice, Slice, String)>,
}

/// Repeats the passes that the plan has for `count` micro-batches of the same size. The first of them leaves its
/// gradients in their places, and those of each other are added there. `weights` are all that may be trained.
/// Logits are no output of such a plan: those of the last micro-batch alone are left.
pub(crate) fn repeat<'a>(
    to: &mut Builder,
    count: u32,
    weights: impl IntoIterator<Item = &'a Weight>,
) {
    if count < 2 {
        return;
    }
    let gradients = weights.into_iter().filter_map(|weight| Summed::gradient(to, weight));
    let mut summed: Vec<Summed> = gradients.collect();
    summed.extend(Summed::loss(to));
    let data = split(to, count);
    let once = std::mem::take(&mut to.plan.passes);
    for number in 0..count {
        let moved = |slice: Slice| {
            let summed = summed.iter().find(|summed| number > 0 && summed.sum == slice.buffer);
            let data = || data.get(&slice.buffer).map(|of_each| of_each[number as usize]);
            let buffer = summed.map(|summed| summed.part).or_else(data).unwrap_or(slice.buffer);
            Slice { buffer, ..slice }
        };
        for pass in &once {
            let bindings = pass.bindings.iter().map(|(name, &slice)| (name.clone(), moved(slice)));
            to.plan.passes.push(Pass {
                label: format!("{} of micro-batch {number}", pass.label),
                bindings: bindings.collect(),
                ..pass.clone()
            });
        }
        for tensor in summed.iter().filter(|_| number > 0) {
            tensor.add(to, number);
        }
    }
    to.plan.outputs.remove("logits");
}

/// Lays each tensor of the batch over as many buffers as there are micro-batches, which are returned by the
/// first of them.
fn split(to: &mut Builder, count: u32) -> BTreeMap<BufferId, Vec<BufferId>> {
    let parameters: BTreeSet<&str> = to.plan.parameters.iter().map(|p| p.name.as_str()).collect();
    let inputs = to.plan.inputs().into_iter().filter(|(name, _)| !parameters.contains(name));
    let data: Vec<(String, Vec<Slice>)> =
        inputs.map(|(name, slices)| (name.to_owned(), slices)).collect();
    let mut buffers = BTreeMap::new();
    for (name, mut slices) in data {
        let first = slices[0];
        let element = to.plan.buffer_of(first).element;
        for number in 1..count {
            let name = format!("{name} of micro-batch {number}");
            slices.push(to.plan.buffer(name, element, first.len, Init::Input));
        }
        buffers.insert(first.buffer, slices.iter().map(|slice| slice.buffer).collect());
        to.plan.data.insert(name, slices);
    }
    buffers
}

impl Summed {
    /// The gradient of a weight, where it has one.
    fn gradient(to: &mut Builder, weight: &Weight) -> Option<Self> {
        let sum = weight.grad?;
        let name = to.plan.buffer_of(weight.value).name.clone();
        let part = to.scratch(format!("grad/{name} of a micro-batch"), sum.len);
        let window = |&window: &(u32, u32)| {
            let rows = window_name("rows", window, weight.count());
            let name = format!("{name} {rows}").trim_end().to_owned();
            (weight.part(sum, window), weight.part(part, window), name)
        };
        let windows = weight.windows().iter().map(window).collect();
        let component = weight.component.clone();
        let (sum, part) = (sum.buffer, part.buffer);
        Some(Self { component, phase: Phase::Backward, sum, part, windows })
    }

    /// The loss, each micro-batch's share of it.
    fn loss(to: &mut Builder) -> Option<Self> {
        let sum = *to.plan.outputs.get("loss")?.windows.first()?;
        let component = to.plan.passes.iter().find(|pass| {
            pass.phase == Phase::Forward && pass.bindings.values().any(|s| s.buffer == sum.buffer)
        })?;
        let component = component.component.clone();
        let part = to.scratch("loss of a micro-batch", sum.len);
        let windows = vec![(sum, part, "loss".to_owned())];
        let (sum, part) = (sum.buffer, part.buffer);
        Some(Self { component, phase: Phase::Forward, sum, part, windows })
    }

    fn add(&self, to: &mut Builder, number: u32) {
        for (sum, part, name) in &self.windows {
            // More elements than that are more than can be bound, which the plan's last check says.
            let p = u32::try_from(sum.len).unwrap_or(u32::MAX);
            to.launch(&Launch {
                operation: Operation::Pointwise { function: Function::Accumulate, p },
                component: &self.component,
                phase: self.phase,
                window: &format!("{name} of micro-batch {number}"),
                scalars: &[],
                bindings: &[("x", *part), ("out", *sum)],
            });
        }
    }
}
