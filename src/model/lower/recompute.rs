//! Layers that run again: of each layer the step keeps what it was given, and makes the rest a second time when the
//! backward pass comes to it, in buffers that all layers share. Knows of a layer only which passes belong to it.

use std::collections::{BTreeMap, BTreeSet};

use crate::{
    component::{ComponentName, Phase},
    plan::{Buffer, BufferId, Init, Pass, Plan, Slice},
};

/// Lets the forward passes of each layer run again before its backward passes, and takes the buffers that this makes
/// superfluous out of the plan.
pub(super) fn layers(plan: &mut Plan) {
    let mut forward: BTreeMap<u32, Vec<Pass>> = BTreeMap::new();
    let mut passes = Vec::new();
    for pass in std::mem::take(&mut plan.passes) {
        match (pass.phase, pass.component.layer) {
            (Phase::Forward, Some(layer)) => {
                forward.entry(layer).or_default().push(pass.clone());
            }
            (Phase::Backward, Some(layer)) => {
                let again = forward.remove(&layer).into_iter().flatten();
                passes.extend(again.map(run_again));
            }
            (Phase::Optimizer, _) | (Phase::Forward | Phase::Backward, None) => {}
        }
        passes.push(pass);
    }
    plan.passes = passes;
    share(plan);
}

/// A forward pass as part of the backward pass.
fn run_again(pass: Pass) -> Pass {
    let ComponentName { layer, path } = pass.component;
    let path = [Pass::RECOMPUTED.into()].into_iter().chain(path).collect();
    Pass {
        label: format!("{}, again", pass.label),
        component: ComponentName { layer, path },
        phase: Phase::Backward,
        recomputed: true,
        ..pass
    }
}

/// Lets the layers share the buffers that each has for itself: what they hold is made anew before it is needed.
fn share(plan: &mut Plan) {
    let mut owners: BTreeMap<BufferId, BTreeSet<Option<u32>>> = BTreeMap::new();
    let mut made: BTreeSet<BufferId> = BTreeSet::new();
    for pass in &plan.passes {
        for slice in pass.bindings.values() {
            owners.entry(slice.buffer).or_default().insert(pass.component.layer);
            if pass.recomputed {
                made.insert(slice.buffer);
            }
        }
    }
    let mut shared: BTreeMap<BufferId, BufferId> = BTreeMap::new();
    let mut pool: Vec<BufferId> = Vec::new();
    let mut taken: BTreeMap<u32, usize> = BTreeMap::new();
    for id in made {
        let Buffer { element, len, init, .. } = plan.buffers[id.0 as usize].clone();
        let owner = owners[&id].iter().copied().collect::<Vec<_>>();
        let [Some(layer)] = owner[..] else { continue };
        if init != Init::Scratch {
            continue;
        }
        // The next of the pool that has elements of this type.
        let next = taken.entry(layer).or_default();
        let has = |id: &BufferId| plan.buffers[id.0 as usize].element == element;
        let place = (*next..pool.len()).find(|&place| has(&pool[place]));
        let place = place.unwrap_or_else(|| {
            let name = format!("of the layer at work, {}", pool.len());
            pool.push(plan.buffer(name, element, len, Init::Scratch).buffer);
            pool.len() - 1
        });
        *next = place + 1;
        let buffer = &mut plan.buffers[pool[place].0 as usize];
        buffer.len = buffer.len.max(len);
        shared.insert(id, pool[place]);
    }
    replace(plan, &shared);
}

/// Puts buffers in the place of others, which are taken out of the plan.
fn replace(plan: &mut Plan, instead: &BTreeMap<BufferId, BufferId>) {
    let ids = (0..).map(BufferId).take(plan.buffers.len());
    let kept = ids.filter(|id| !instead.contains_key(id));
    let places: BTreeMap<BufferId, BufferId> = kept.zip((0..).map(BufferId)).collect();
    let mut id = 0;
    plan.buffers.retain(|_| {
        id += 1;
        places.contains_key(&BufferId(id - 1))
    });
    let moved = |slice: &mut Slice| {
        slice.buffer = places[instead.get(&slice.buffer).unwrap_or(&slice.buffer)];
    };
    plan.passes.iter_mut().flat_map(|pass| pass.bindings.values_mut()).for_each(moved);
    let parameters = plan.parameters.iter_mut();
    let tensors = parameters.flat_map(|p| [&mut p.value].into_iter().chain(&mut p.grad));
    let tensors = tensors.chain(plan.outputs.values_mut().map(|output| &mut output.windows));
    tensors.chain(plan.data.values_mut()).flatten().for_each(moved);
}
