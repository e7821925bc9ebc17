//! Sorting items by a key on the device: assignments by expert, places in a batch by token.

use super::launch::{Builder, Launch};
use crate::{
    choice::CHUNK,
    component::{ComponentName, Phase},
    operation::{Operation, SortStep},
    plan::Slice,
};

/// Items sorted by a key, stably: where each key's items begin, which item stands in a slot, and in
/// which slot an item stands.
pub(crate) struct Grouping {
    pub(crate) offsets: Slice,
    pub(crate) order: Slice,
    pub(crate) slot: Slice,
}

/// Sorts `a` items by their keys below `g`, stably.
pub(crate) fn group(
    to: &mut Builder,
    component: &ComponentName,
    phase: Phase,
    keys: Slice,
    a: u32,
    g: u32,
) -> Grouping {
    let chunks = a.div_ceil(CHUNK);
    let count = u64::from(g) * u64::from(chunks);
    let counts = to.indices(format!("{component}.counts"), count);
    let offsets = to.indices(format!("{component}.offsets"), u64::from(g) + 1);
    let order = to.indices(format!("{component}.order"), u64::from(a));
    let slot = to.indices(format!("{component}.slot"), u64::from(a));
    let mut launch = |step: SortStep, bindings: &[(&str, Slice)]| {
        let operation = Operation::Sort { step, a, g };
        to.launch(&Launch { operation, component, phase, window: "", scalars: &[], bindings });
    };
    launch(SortStep::Clear, &[("counts", counts)]);
    launch(SortStep::Count, &[("keys", keys), ("counts", counts)]);
    launch(SortStep::Scan, &[("counts", counts), ("offsets", offsets)]);
    let sorted = [("offsets", offsets), ("order", order), ("slot", slot)];
    launch(SortStep::Place, &[&[("keys", keys), ("counts", counts)][..], &sorted].concat());
    Grouping { offsets, order, slot }
}
