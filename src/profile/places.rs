//! A few layers in the place of many: which pass of a plan that ran stands for each pass of one that did
//! not. Knows of layers only that a pass belongs to one; how many are enough is the model's business.

use std::collections::BTreeMap;

use crate::{
    Error, KernelError,
    measure::Measurement,
    observe::{Observed, Timing},
    plan::{Pass, Plan},
};

/// For each pass of a whole plan the pass of a shorter one that costs the same.
pub(super) struct Places(Vec<Place>);

struct Place {
    /// Position in the shorter plan.
    pass: usize,
    /// The layer that it is taken from, where that is another layer.
    from_layer: Option<u32>,
}

impl Places {
    /// Passes are paired by layer, each with the one that stands in for it, and by their order within it. What a pass costs follows from its kernel, dimensions and grid where no kernel
    /// decides by a value, so a pair that has these in common costs the same to the last operation;
    /// that it has them is checked here, for every pair.
    ///
    /// # Errors
    /// [`KernelError::Kernel`] naming a pass that has no counterpart.
    pub(super) fn of(whole: &Plan, short: &Plan, stand_ins: &[u32]) -> Result<Self, Error> {
        let mut of_layer: BTreeMap<Option<u32>, Vec<usize>> = BTreeMap::new();
        for (i, pass) in short.passes.iter().enumerate() {
            of_layer.entry(pass.component.layer).or_default().push(i);
        }
        let mut met: BTreeMap<Option<u32>, usize> = BTreeMap::new();
        let place = |pass: &Pass| {
            let order = met.entry(pass.component.layer).or_default();
            let stand_in = |layer: u32| stand_ins.get(layer as usize).copied().unwrap_or(layer);
            let layer = pass.component.layer.map(stand_in);
            let found = of_layer.get(&layer).and_then(|passes| passes.get(*order)).copied();
            *order += 1;
            found
                .filter(|&found| alike(pass, &short.passes[found]))
                .map(|found| Place {
                    pass: found,
                    from_layer: layer.filter(|_| layer != pass.component.layer),
                })
                .ok_or_else(|| KernelError::Kernel {
                    kernel: pass.kernel.to_string(),
                    problem: format!("pass '{}': no pass that ran is like it", pass.label),
                })
        };
        Ok(Self(whole.passes.iter().map(place).collect::<Result<_, _>>()?))
    }

    /// The measurement of the whole plan from that of the shorter one: for each pass its counterpart's,
    /// and for the whole plan's time the sum of the passes'.
    pub(super) fn fill(&self, measured: Measurement) -> Measurement {
        let pass = |place: &Place| Observed {
            from_layer: place.from_layer,
            ..measured.passes[place.pass].clone()
        };
        let passes: Vec<_> = self.0.iter().map(pass).collect();
        let timing = Timing {
            plain_seconds: passes.iter().map(|pass| pass.seconds).sum(),
            counted_seconds: passes.iter().map(|pass| pass.counted_seconds).sum(),
            spread: None,
            ..measured.timing
        };
        Measurement { passes, timing, ..measured }
    }
}

/// Whether two passes are the same launch on other data.
fn alike(one: &Pass, other: &Pass) -> bool {
    (one.operation, one.kernel, one.schedule, one.phase, one.grid)
        == (other.operation, other.kernel, other.schedule, other.phase, other.grid)
}
