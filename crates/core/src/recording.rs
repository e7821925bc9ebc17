//! What was recorded inside a program that ran elsewhere, as it is handed to whoever started the program: one device
//! of one process. Plain data, in operations and not yet in FLOPs. Knows neither who recorded nor who reads.

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
    /// Whether everything that was submitted had come to its end when this was written, and the program was done
    /// with the device.
    pub finished: bool,
    /// Submissions that had not been seen to end.
    pub unfinished_submissions: u64,
    /// What was counted.
    pub kernels: Vec<Counted>,
    /// What was not.
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
    /// The kernels that they are of.
    pub kernels: Vec<Which>,
    /// The dispatches.
    pub dispatches: Vec<Dispatched>,
    /// How many there were behind them.
    pub left_out: u64,
}

/// Which kernel; the fields are those of [`Counted`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "they are those of another structure")]
pub struct Which {
    pub name: Option<String>,
    pub entry: String,
    pub module: String,
    pub spec_constants: BTreeMap<u32, SpecValue>,
}

/// One dispatch.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Dispatched {
    /// The place of its kernel among those that are listed.
    pub kernel: usize,
    /// How many workgroups it has; `None` where the device alone knows.
    pub grid: Option<[u32; 3]>,
    /// What it executed, where that was counted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub counts: Option<DispatchCounts>,
    /// Why it was not counted, where that is known of this dispatch.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub why: Option<String>,
    /// How long it took, where it was timed.
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
    /// What of that nobody uses.
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
    /// How many dispatches were submitted.
    #[serde(default)]
    pub submitted: u64,
    /// How many workgroups those had; `None` where the device alone knows.
    #[serde(default)]
    pub workgroups: Option<u64>,
    /// How many of them were timed.
    pub dispatches: u64,
    /// How long those took together.
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
    /// How often it was dispatched.
    pub dispatches: u64,
    /// Over how many workgroups; `None` where the device alone knows.
    #[serde(default)]
    pub workgroups: Option<u64>,
    /// Invocations that came to their end.
    pub invocations: u64,
    /// How many counters it has.
    pub counters: u64,
    /// What it executed.
    pub cost: Cost,
    /// What of that nobody uses.
    pub dead: Cost,
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
    /// What a reader knows it by: the program's name for it, an entry point that says something, or the module.
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
