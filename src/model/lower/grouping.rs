//! Sorting items by a key on the device: assignments by expert, places in a batch by token.

use super::launch::{Builder, Launch, Spread};
use crate::plan::{Phase, Slice};

/// Items sorted by a key, stably: where each key's items begin, which item stands in a slot, and in
/// which slot an item stands.
pub(super) struct Grouping {
    pub(super) offsets: Slice,
    pub(super) order: Slice,
    pub(super) slot: Slice,
}

/// Assignments that one workgroup places: few enough for the rounds that llvmpipe allows an
/// invocation's loops (65535), enough that counts of each key in each chunk stay few.
const CHUNK: u32 = 8192;

/// Sorts `a` items by their keys below `g`, stably.
pub(super) fn group(
    to: &mut Builder,
    name: &str,
    phase: Phase,
    keys: Slice,
    a: u32,
    g: u32,
) -> Grouping {
    let chunks = a.div_ceil(CHUNK);
    let count = u64::from(g) * u64::from(chunks);
    let counts = to.indices(format!("{name}.counts"), count);
    let offsets = to.indices(format!("{name}.offsets"), u64::from(g) + 1);
    let order = to.indices(format!("{name}.order"), u64::from(a));
    let slot = to.indices(format!("{name}.slot"), u64::from(a));
    let mut launch = |entry: &str, bindings: &[(&str, Slice)], spread: Spread| {
        to.launch(&Launch {
            kernel: &format!("grouping.{entry}"),
            component: name,
            phase,
            window: "",
            // A lane that places looks at all of its neighbours: fewer lanes, fewer comparisons.
            dims: &[("A", a), ("G", g), ("CHUNK", CHUNK), ("LANES", 64)],
            scalars: &[],
            bindings,
            spread,
        });
    };
    launch("clear", &[("counts", counts)], Spread::Elements(count));
    launch("count", &[("keys", keys), ("counts", counts)], Spread::Elements(u64::from(a)));
    launch("scan", &[("counts", counts), ("offsets", offsets)], Spread::One);
    let bindings = [("keys", keys), ("counts", counts), ("order", order), ("slot", slot)];
    launch("place", &bindings, Spread::Grid([chunks, 1, 1]));
    Grouping { offsets, order, slot }
}
