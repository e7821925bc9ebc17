//! Buffers that are too long for an adapter, laid over several: a tensor that passes see in windows ends
//! one buffer and begins the next between two of them. Knows no model, and nothing of what a tensor is.

use std::collections::{BTreeMap, BTreeSet};

use crate::plan::{Buffer, BufferId, Init, Plan, Slice};

/// Where the parts of each buffer that was cut lie now, in order.
struct Parts(BTreeMap<BufferId, Vec<Slice>>);

/// Cuts every buffer of more than `most` elements at windows' ends, into as few as will do. One that some
/// pass binds a longer part of stays too long.
pub(super) fn cut(plan: &mut Plan, most: u64) {
    let mut windows: BTreeMap<BufferId, BTreeSet<(u64, u64)>> = BTreeMap::new();
    for slice in plan.passes.iter().flat_map(|pass| pass.bindings.values()) {
        let Buffer { len, init, .. } = plan.buffer_of(*slice);
        if *len > most && !matches!(init, Init::Values(_) | Init::Angles(_)) {
            let windows = windows.entry(slice.buffer).or_default();
            windows.insert((slice.offset, slice.offset + slice.len));
        }
    }
    let mut parts = Parts(BTreeMap::new());
    for (id, windows) in windows {
        let lens = lens(&windows, plan.buffers[id.0 as usize].len, most);
        parts.0.insert(id, lay(plan, id, &lens));
    }
    for slice in plan.passes.iter_mut().flat_map(|pass| pass.bindings.values_mut()) {
        if let [part] = parts.of(*slice)[..] {
            *slice = part;
        }
    }
    let parameters = plan.parameters.iter_mut();
    let tensors = parameters.flat_map(|p| [&mut p.value].into_iter().chain(&mut p.grad));
    let tensors = tensors.chain(plan.outputs.values_mut().map(|output| &mut output.windows));
    for slices in tensors.chain(plan.data.values_mut()) {
        *slices = slices.iter().flat_map(|slice| parts.of(*slice)).collect();
    }
}

/// The lengths into which a buffer is cut: each as long as may be, ending where a window begins and none
/// goes on.
fn lens(windows: &BTreeSet<(u64, u64)>, len: u64, most: u64) -> Vec<u64> {
    let (mut lens, mut start, mut candidate, mut reach) = (Vec::new(), 0, 0, 0);
    for &(first, end) in windows.iter().chain([&(len, len)]) {
        if first >= reach {
            if first - start > most && candidate > start {
                lens.push(candidate - start);
                start = candidate;
            }
            candidate = first;
        }
        reach = reach.max(end);
    }
    lens.push(len - start);
    lens
}

/// Makes a buffer for each of the lengths, the first of them the buffer that was there.
fn lay(plan: &mut Plan, id: BufferId, lens: &[u64]) -> Vec<Slice> {
    let Buffer { name, element, init, .. } = plan.buffers[id.0 as usize].clone();
    plan.buffers[id.0 as usize].len = lens[0];
    let rest = lens.iter().enumerate().skip(1).map(|(i, &len)| {
        plan.buffer(format!("{name}, part {} of {}", i + 1, lens.len()), element, len, init.clone())
    });
    [Slice { buffer: id, offset: 0, len: lens[0] }].into_iter().chain(rest).collect()
}

impl Parts {
    /// The same elements where they lie now.
    fn of(&self, slice: Slice) -> Vec<Slice> {
        let Some(parts) = self.0.get(&slice.buffer) else { return vec![slice] };
        let mut start = 0;
        let within = parts.iter().filter_map(|part| {
            let (from, to) = (start, start + part.len);
            start = to;
            let (first, end) = (slice.offset.max(from), (slice.offset + slice.len).min(to));
            (first < end).then(|| part.part(first - from, end - first))
        });
        within.collect()
    }
}
