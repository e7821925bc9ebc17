//! Stable grouping by key: exactly what a stable sort on the host gives.

use crate::{
    common,
    launch::{Launch, dice},
};

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
    let below = |g: usize| keys.iter().filter(|&&key| (key as usize) < g).count() as u32;
    Grouped { offsets: (0..=groups).map(below).collect(), order, slot }
}

#[test]
fn grouping_is_a_stable_sort() {
    let Some(mut gpu) = common::executor() else { return };
    for (a, g, lanes) in [(1, 1, 1), (5, 3, 4), (37, 4, 64), (300, 7, 32), (64, 150, 16)] {
        let dims = [("A", a), ("G", g), ("LANES", lanes)];
        // The last key of all stays unused where there are several.
        let keys = dice(7, a, (g - 1).max(1));
        let reference = stable(&keys, g);
        let launch = |entry: &str| Launch::new(&format!("grouping.{entry}"), &dims);

        let clear = launch("clear").output("counts", g).run(&mut gpu, g, lanes);
        let count = launch("count")
            .words("keys", keys.clone())
            .words("counts", clear.words("counts"))
            .run(&mut gpu, a, lanes);
        let scan = launch("scan")
            .words("counts", count.words("counts"))
            .output("offsets", g + 1)
            .run_one_group(&mut gpu);
        assert_eq!(scan.words("offsets"), reference.offsets);
        let place = launch("place")
            .words("keys", keys)
            .words("offsets", scan.words("offsets"))
            .output("order", a)
            .output("slot", a)
            .words("counts", scan.words("counts"))
            .run_one_group(&mut gpu);
        assert_eq!(place.words("order"), reference.order);
        assert_eq!(place.words("slot"), reference.slot);
    }
}
