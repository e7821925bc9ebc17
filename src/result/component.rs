//! The rows of a report: passes and terms gathered by component and phase. A row is as fine as a
//! reader can use; what it is called starts with the estimator's component.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::PassRow;
use crate::{
    component::{ComponentName, Phase},
    estimate::Term,
    op::{Convention, OpCounts, Traffic},
};

/// What one component of the model did in one phase.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Component {
    /// Where in the model it stands, no finer than a reader can use.
    pub name: ComponentName,
    /// Which phase.
    pub phase: Phase,
    /// FLOPs that the device counted.
    pub measured: u64,
    /// FLOPs that the kernels must execute by their closed forms; `None` where a pass has none.
    pub exact: Option<u64>,
    /// FLOPs that the mathematics asks for; `None` where a pass has no closed form.
    #[serde(default)]
    pub algebraic: Option<u64>,
    /// FLOPs that the published estimator charges; 0 where it charges nothing.
    pub estimate: u64,
    /// Executed operations.
    pub ops: OpCounts,
    /// Memory touched.
    pub traffic: Traffic,
    /// Time of the plain kernels, where they were timed.
    pub seconds: Option<f64>,
    /// Whether some of it did not run but is taken from another layer.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub extrapolated: bool,
}

impl Component {
    pub(crate) fn new(name: ComponentName, phase: Phase) -> Self {
        Self {
            name,
            phase,
            measured: 0,
            exact: Some(0),
            algebraic: Some(0),
            estimate: 0,
            ops: OpCounts::ZERO,
            traffic: Traffic::default(),
            seconds: Some(0.0),
            extrapolated: false,
        }
    }

    /// Takes another row in, keeping its own name and phase.
    pub(crate) fn absorb(&mut self, other: &Self) {
        self.measured += other.measured;
        self.exact = self.exact.zip(other.exact).map(|(a, b)| a + b);
        self.algebraic = self.algebraic.zip(other.algebraic).map(|(a, b)| a + b);
        self.estimate += other.estimate;
        self.ops = self.ops + other.ops;
        self.traffic = self.traffic + other.traffic;
        self.seconds = self.seconds.zip(other.seconds).map(|(a, b)| a + b);
        self.extrapolated |= other.extrapolated;
    }
}

/// One row for each component and phase: by phase, and within it in the order of the plan.
pub(super) fn components(
    passes: &[PassRow],
    terms: &[&Term],
    convention: Convention,
) -> Vec<Component> {
    let rows = passes.iter().map(|pass| Component {
        measured: pass.flops,
        exact: pass.exact_ops.map(|ops| ops.flops(convention)),
        algebraic: pass.algebraic_ops.map(|ops| ops.flops(convention)),
        ops: pass.ops,
        traffic: pass.traffic,
        seconds: pass.seconds,
        extrapolated: pass.is_extrapolated(),
        ..Component::new(row_name(&pass.component, pass.phase), pass.phase)
    });
    let charged = terms.iter().map(|term| Component {
        estimate: term.flops,
        ..Component::new(row_name(&term.place(), term.phase), term.phase)
    });
    gather(rows.chain(charged))
}

/// Rows of one phase and name become one; within a phase, the parts of a component stand together,
/// all in the order in which they are first met.
pub(crate) fn gather(rows: impl IntoIterator<Item = Component>) -> Vec<Component> {
    let mut order: BTreeMap<ComponentName, usize> = BTreeMap::new();
    let mut position = |name: ComponentName| {
        let next = order.len();
        *order.entry(name).or_insert(next)
    };
    let mut gathered: BTreeMap<(Phase, [usize; 2]), Component> = BTreeMap::new();
    for row in rows {
        let place = (row.phase, [position(row.name.outermost()), position(row.name.clone())]);
        match gathered.get_mut(&place) {
            Some(sum) => sum.absorb(&row),
            None => {
                gathered.insert(place, row);
            }
        }
    }
    gathered.into_values().collect()
}

/// What has one key becomes one, in the order in which keys are first met.
pub(crate) fn merged<K: PartialEq, V: Copy>(
    parts: impl IntoIterator<Item = (K, V)>,
    add: impl Fn(V, V) -> V,
) -> Vec<(K, V)> {
    let mut sums: Vec<(K, V)> = Vec::new();
    for (key, value) in parts {
        match sums.iter_mut().find(|(other, _)| *other == key) {
            Some((_, sum)) => *sum = add(*sum, value),
            None => sums.push((key, value)),
        }
    }
    sums
}

/// How finely a component's path is told apart. The estimator charges the optimizer by component,
/// and BK-Core is one thing to a reader; beyond a part's parts nobody looks.
fn row_name(component: &ComponentName, phase: Phase) -> ComponentName {
    let bk_core = component.path.iter().position(|part| part == "bk_core");
    match (phase, bk_core) {
        (Phase::Optimizer, _) => component.outermost(),
        (_, Some(position)) => component.outer(position + 1),
        (_, None) => component.outer(2),
    }
}
