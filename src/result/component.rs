//! The rows of a report: passes and terms gathered by component and phase. A row is as fine as a
//! reader can use; what it is called starts with the estimator's component.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::PassRow;
use crate::{
    estimate::Term,
    op::{Convention, OpCounts, Traffic},
    plan::Phase,
};

/// What one component of the model did in one phase.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Component {
    /// Dotted path; its first part is the estimator's component.
    pub name: String,
    /// Which phase.
    pub phase: Phase,
    /// FLOPs that the device counted.
    pub measured: u64,
    /// FLOPs by the closed forms; none where a pass has none.
    pub exact: Option<u64>,
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
    pub(crate) fn new(name: String, phase: Phase) -> Self {
        Self {
            name,
            phase,
            measured: 0,
            exact: Some(0),
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
        ops: pass.ops,
        traffic: pass.traffic,
        seconds: pass.seconds,
        extrapolated: pass.is_extrapolated(),
        ..Component::new(row_name(&pass.component, pass.phase), pass.phase)
    });
    let charged = terms.iter().map(|term| {
        let path = match term.component.strip_suffix(&*term.term) {
            Some("") => term.component.clone(),
            _ => format!("{}.{}", term.component, term.term),
        };
        Component {
            estimate: term.flops,
            ..Component::new(row_name(&charged_to(&path), term.phase), term.phase)
        }
    });
    gather(rows.chain(charged))
}

/// Rows of one phase and name become one; within a phase, the parts of a component stand together,
/// all in the order in which they are first met.
pub(crate) fn gather(rows: impl IntoIterator<Item = Component>) -> Vec<Component> {
    let mut order: BTreeMap<String, usize> = BTreeMap::new();
    let mut position = |name: &str| {
        let next = order.len();
        *order.entry(name.to_owned()).or_insert(next)
    };
    let mut gathered: BTreeMap<(Phase, [usize; 2]), Component> = BTreeMap::new();
    for row in rows {
        let component = row.name.split('.').next().unwrap_or_default();
        let place = (row.phase, [position(component), position(&row.name)]);
        match gathered.get_mut(&place) {
            Some(sum) => sum.absorb(&row),
            None => {
                gathered.insert(place, row);
            }
        }
    }
    gathered.into_values().collect()
}

/// How finely a component's path is told apart. The estimator charges the optimizer by component,
/// and BK-Core is one thing to a reader; beyond a part's parts nobody looks.
fn row_name(path: &str, phase: Phase) -> String {
    let mut parts: Vec<&str> = path.split('.').collect();
    let depth = match (phase, parts.iter().position(|part| *part == "bk_core")) {
        (Phase::Optimizer, _) => 1,
        (_, Some(position)) => position + 1,
        (_, None) => 3,
    };
    parts.truncate(depth);
    parts.join(".")
}

/// Where the passes stand that do what a term charges for, as far as the two are called differently.
fn charged_to(path: &str) -> String {
    const ALIASES: [(&str, &str); 8] = [
        (".attention.scores", ".attention.core"),
        (".attention.softmax", ".attention.core"),
        (".attention.values", ".attention.core"),
        ("lm_head.lm_head.weight", "lm_head"),
        (".moe.softmax", ".moe.route"),
        (".moe.relu", ".moe.experts"),
        ("final_layernorm.layer_norm", "final_layernorm"),
        (".optimizer", ""),
    ];
    let alias =
        ALIASES.iter().find_map(|(term, row)| Some(format!("{}{row}", path.strip_suffix(term)?)));
    alias.unwrap_or_else(|| path.to_owned())
}
