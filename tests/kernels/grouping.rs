//! Stable grouping by key: exactly what a stable sort on the host gives.

use crate::launch::{Launch, dice, on_shapes};

pub struct Grouped {
    pub offsets: Vec<u32>,
    pub order: Vec<u32>,
    pub slot: Vec<u32>,
}

/// The reference, which other tests take as given.
pub fn stable(keys: &[u32], groups: usize) -> Grouped {
    let mut order: Vec<u32> = (0..keys.len() as u32).collect();
    order.sort_by_key(|&a| keys[a as usize]);
    let mut slot = vec![0; keys.len()];
    for (s, &a) in order.iter().enumerate() {
        slot[a as usize] = s as u32;
    }
    let below = |g: usize| order.partition_point(|&a| (keys[a as usize] as usize) < g) as u32;
    let offsets = (0..=groups).map(below).collect();
    Grouped { offsets, order, slot }
}

#[test]
fn grouping_is_a_stable_sort() {
    // The last has more assignments than an invocation on lavapipe may make rounds of loops.
    let given =
        [(1, 1, 1, 1), (5, 3, 4, 9), (37, 4, 64, 16), (300, 7, 32, 64), (70_001, 150, 16, 8192)];
    let any = (1..700_usize, 1..300_usize, 1..128_usize, 50..800_usize);
    on_shapes(&given, any, |gpu, (a, g, lanes, chunk)| {
        let dims = [("A", a), ("G", g), ("LANES", lanes), ("CHUNK", chunk)];
        let chunks = a.div_ceil(chunk);
        // The last key of all stays unused where there are several.
        let keys = dice(7, a, (g - 1).max(1));
        let reference = stable(&keys, g);
        let launch = |entry: &str| Launch::new(&format!("grouping.{entry}"), &dims);

        let clear = launch("clear").output("counts", g * chunks).run(gpu, g * chunks, lanes);
        let count = launch("count")
            .words("keys", keys.clone())
            .words("counts", clear.words("counts"))
            .run(gpu, a, lanes);
        let scan = launch("scan")
            .words("counts", count.words("counts"))
            .output("offsets", g + 1)
            .run_one_group(gpu);
        assert_eq!(scan.words("offsets"), reference.offsets);
        let place = launch("place")
            .words("keys", keys.clone())
            .words("counts", scan.words("counts"))
            .output("order", a)
            .output("slot", a)
            .run(gpu, chunks, 1);
        assert_eq!(place.words("order"), reference.order);
        assert_eq!(place.words("slot"), reference.slot);

        // The same side by side: whole runs of neighbours to a chunk.
        let lanes = 4 * lanes.div_ceil(4);
        let chunk = chunk.next_multiple_of(lanes);
        let dims = [("A", a), ("G", g), ("LANES", lanes), ("CHUNK", chunk)];
        let chunks = a.div_ceil(chunk);
        let mut counts = vec![0; g * chunks];
        for (i, &key) in keys.iter().enumerate() {
            counts[key as usize * chunks + i / chunk] += 1;
        }
        let launch = |entry: &str| {
            Launch::new(&format!("grouping_workgroup.{entry}"), &dims)
                .words("counts", counts.clone())
        };
        let scan = launch("scan").output("offsets", g + 1).run(gpu, g, lanes);
        assert_eq!(scan.words("offsets"), reference.offsets);
        let place = launch("place")
            .words("keys", keys)
            .words("offsets", reference.offsets)
            .output("order", a)
            .output("slot", a)
            .run(gpu, a, lanes);
        assert_eq!(place.words("order"), reference.order);
        assert_eq!(place.words("slot"), reference.slot);
    });
}
