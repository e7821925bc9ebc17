//! What was recorded inside a program: one device of one process. Plain data, in operations and not yet in FLOPs. Knows
//! neither the layer that records nor the command that reads.

mod constant;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

pub use self::constant::{NotFinite, SpecType, SpecValue};
use crate::op::Cost;

/// What a program did with one device.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Recording {
    /// The process.
    pub process: u32,
    /// The device; `None` where the program has opened none so far.
    pub device: Option<Device>,
    /// Whether everything that was submitted had come to its end when this was written, and the program was done with the
    /// device or has ended since without submitting anything more.
    pub finished: bool,
    /// Submissions that had not been seen to end; where kernels were timed, 1 if there were any.
    pub unfinished_submissions: u64,
    /// The kernels that were counted.
    pub kernels: Vec<Counted>,
    /// Kernels and other work that ran and was not counted.
    pub not_counted: Vec<NotCounted>,
    /// How long kernels took; empty where they were counted.
    #[serde(default)]
    pub times: Vec<Timed>,
    /// Dispatches one by one, where that was asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub in_order: Option<InOrder>,
}

/// The first dispatches that were submitted to a device, one by one and in order.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct InOrder {
    /// The kernels of these dispatches.
    pub kernels: Vec<Which>,
    /// The dispatches, in the order of their submission.
    pub dispatches: Vec<Dispatched>,
    /// The number of later dispatches, which are not listed.
    pub left_out: u64,
}

/// Which kernel; the fields are those of [`Counted`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "the fields are documented at another structure")]
pub struct Which {
    pub name: Option<String>,
    pub entry: String,
    pub module: String,
    pub spec_constants: BTreeMap<u32, SpecValue>,
}

/// One dispatch.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Dispatched {
    /// The index of its kernel in [`InOrder::kernels`].
    pub kernel: usize,
    /// Workgroups along each dimension; `None` for an indirect dispatch, whose grid the host does not know.
    pub grid: Option<[u32; 3]>,
    /// What it executed, where that was counted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub counts: Option<DispatchCounts>,
    /// Why it was not counted, where that is known of this dispatch.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub why: Option<String>,
    /// Seconds that it took, where it was timed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seconds: Option<f64>,
}

/// What one dispatch executed.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct DispatchCounts {
    /// Invocations that came to their end.
    pub invocations: u64,
    /// What they executed.
    pub cost: Cost,
    /// The part of that cost whose results are never used.
    pub dead: Cost,
}

/// How long dispatches of a kernel took, which was not changed for it. Those of a grid of which not all were timed are
/// apart from the others, so that a kernel may be in several of these.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Timed {
    /// What the program calls it, if it does.
    #[serde(default)]
    pub name: Option<String>,
    /// Its entry point.
    pub entry: String,
    /// As in [`Counted`].
    pub module: String,
    /// As in [`Counted`].
    pub spec_constants: BTreeMap<u32, SpecValue>,
    /// As in [`Counted`].
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub constant_names: BTreeMap<u32, String>,
    /// How many dispatches were submitted.
    #[serde(default)]
    pub submitted: u64,
    /// Workgroups of all submitted dispatches together; `None` where one of them was indirect.
    #[serde(default)]
    pub workgroups: Option<u64>,
    /// How many of the dispatches were timed.
    pub dispatches: u64,
    /// Seconds that the timed dispatches took together.
    pub seconds: f64,
}

/// A device as its driver describes it.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Device {
    /// Its name.
    pub name: String,
    /// Name and version of its driver.
    pub driver: String,
    /// The interface that it is reached through, with its version.
    pub api: String,
    /// Features that were switched on for counting, which the program had not asked for.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub enabled: Vec<String>,
}

/// A kernel: all pipelines of one device that are made of the same module, entry point and constants.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Counted {
    /// What the program calls it, if it does.
    pub name: Option<String>,
    /// Its entry point.
    pub entry: String,
    /// A name for its module that is the same on every machine.
    pub module: String,
    /// The values of its specialisation constants, by their number.
    pub spec_constants: BTreeMap<u32, SpecValue>,
    /// What its module calls its specialisation constants, by their number.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub constant_names: BTreeMap<u32, String>,
    /// How often it was dispatched.
    pub dispatches: u64,
    /// Workgroups of all its dispatches together; `None` where one of them was indirect.
    #[serde(default)]
    pub workgroups: Option<u64>,
    /// Invocations that came to their end.
    pub invocations: u64,
    /// How many counters it has.
    pub counters: u64,
    /// Operations and bytes of all its dispatches together.
    pub cost: Cost,
    /// The part of that cost whose results are never used.
    pub dead: Cost,
    /// The file whose lines are told, where the module says which.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub file: Option<String>,
    /// Its lines that were executed, in order; empty where the module states no lines.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub lines: Vec<CountedLine>,
}

/// One line of the source of a kernel.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct CountedLine {
    /// Its number, from 1.
    pub line: u32,
    /// What stands there, where the module carries its source.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
    /// How often it was executed: the part of it that was executed most.
    pub executions: u64,
    /// What all of it cost together.
    pub cost: Cost,
}

/// Something that ran and was not counted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct NotCounted {
    /// The kernel, where it was one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kernel: Option<String>,
    /// What else it was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub what: Option<String>,
    /// Why it was not counted.
    pub why: String,
    /// How often it was dispatched, as far as that is known.
    pub dispatches: u64,
}

impl Counted {
    /// Its name in reports: the program's name for it, else its entry point, with the module where that is `main`.
    pub fn label(&self) -> String {
        label(self.name.as_deref(), &self.entry, &self.module)
    }
}

/// As [`Counted::label`].
pub fn label(name: Option<&str>, entry: &str, module: &str) -> String {
    match name {
        Some(name) if !name.is_empty() => name.to_owned(),
        _ if entry == "main" => format!("{entry}@{}", module.get(..8).unwrap_or(module)),
        _ => entry.to_owned(),
    }
}
