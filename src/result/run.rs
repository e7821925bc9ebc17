//! What a program executed on the devices that it opened, kernel by kernel, as one serialisable value.

mod gather;
mod in_order;
mod names;
mod roof;
mod times;

use std::{borrow::Cow, collections::BTreeMap, fmt};

use flopmeter_core::recording::{Device, NotCounted, SpecValue};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Document, Examined, Finding, FindingKind};
use crate::{
    op::{Convention, OpCounts, Traffic, is_zero},
    roofline::{Ceilings, Placement},
};

/// A run of a program.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct RunReport {
    /// Name and version of this layout.
    #[schemars(extend("const" = Self::SCHEMA))]
    pub schema: Cow<'static, str>,
    /// What is measured.
    pub definition: Cow<'static, str>,
    /// How operations became FLOPs.
    pub convention: Convention,
    /// The program and its arguments.
    pub command: Vec<String>,
    /// What of it flopmeter was asked for, as it was typed; none of them is the program's.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub options: Vec<String>,
    /// The program's exit code; `None` where a signal ended it.
    pub exit_code: Option<i32>,
    /// The signal that ended it, if one did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub signal: Option<i32>,
    /// Whether everything that ran had to be counted to its end.
    #[serde(default, skip_serializing_if = "is_false")]
    pub strict: bool,
    /// The devices that it opened.
    pub devices: Vec<Device>,
    /// Whether its kernels were counted. Where they were timed alone, what would be a count is `None`.
    #[serde(default = "yes")]
    pub counted: bool,
    /// All kernels together.
    pub totals: RunTotals,
    /// What was counted, most FLOPs first; what was timed alone, the longest first.
    pub kernels: Vec<KernelRow>,
    /// The first dispatches that were submitted, one by one and in order, one device after the other; `None` where
    /// that was not asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dispatches_in_order: Option<Vec<RunDispatch>>,
    /// How many there were behind them. They are in the rows of their kernels alone.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub dispatches_left_out: u64,
    /// What was not.
    pub not_counted: Vec<NotCounted>,
    /// How times were taken.
    pub timing: RunTiming,
    /// Submissions that were not seen to end; what they executed is counted in part.
    pub unfinished_submissions: u64,
    /// FLOPs a second that the device could execute, where that was said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub peak_flops_per_second: Option<f64>,
    /// Measured ceilings of devices, by their place in `devices`, where they were asked for.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub ceilings: BTreeMap<usize, Ceilings>,
}

fn yes() -> bool {
    true
}

/// By reference, as serde passes it.
fn is_false(value: &bool) -> bool {
    !value
}

/// All kernels of a run together.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct RunTotals {
    /// Executed operations.
    pub ops: Option<OpCounts>,
    /// Those of them whose results nobody uses.
    pub dead_ops: Option<OpCounts>,
    /// Executed FLOPs under the report's convention.
    pub flops: Option<u64>,
    /// Memory touched.
    pub traffic: Option<Traffic>,
    /// Dispatches.
    pub dispatches: u64,
    /// Time of all dispatches, where it was taken.
    pub seconds: Option<f64>,
    /// Which part of `peak_flops_per_second` they reached together.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub peak_share: Option<f64>,
}

/// One kernel: what is made of the same module, entry point and constants on one device.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct KernelRow {
    /// Its place in the report, from 1.
    pub id: u32,
    /// What the program calls it, else its entry point or its module.
    pub name: String,
    /// Its entry point.
    pub entry: String,
    /// A name for its module that is the same on every machine: a 64-bit FNV-1a hash of its bytes.
    pub module: String,
    /// The values of its specialisation constants, by their number: bits where a module does not say their type.
    pub spec_constants: BTreeMap<u32, SpecValue>,
    /// What its module calls them, by their number, where it does.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub constant_names: BTreeMap<u32, String>,
    /// Its device's place in `devices`.
    pub device: usize,
    /// How often it was dispatched.
    pub dispatches: u64,
    /// Over how many workgroups; `None` where the device alone knows.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub workgroups: Option<u64>,
    /// Invocations that came to their end.
    pub invocations: Option<u64>,
    /// How many counters each invocation has.
    pub counters: Option<u64>,
    /// Executed operations.
    pub ops: Option<OpCounts>,
    /// Those of them whose results nobody uses.
    pub dead_ops: Option<OpCounts>,
    /// Executed FLOPs under the report's convention.
    pub flops: Option<u64>,
    /// Memory touched.
    pub traffic: Option<Traffic>,
    /// FLOPs for each byte that crosses to or from storage buffers; `None` where none does.
    pub intensity: Option<f64>,
    /// Time of all its dispatches, where it was taken.
    pub seconds: Option<f64>,
    /// Which part of `peak_flops_per_second` it reached.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub peak_share: Option<f64>,
    /// Where it stands under its device's ceilings.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub roofline: Option<Placement>,
    /// The file whose lines are told, where its module says which.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub file: Option<String>,
    /// Each line of that file that costs something, in order; empty where the module states no lines. What is of no line,
    /// or of a line of another file, is in none of them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub lines: Vec<KernelLine>,
}

/// One line of the source of a kernel.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct KernelLine {
    /// Its number, from 1.
    pub line: u32,
    /// What stands there, where the module carries its source.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
    /// How often it was executed: the part of it that was executed most.
    pub executions: u64,
    /// Executed operations.
    pub ops: OpCounts,
    /// Executed FLOPs under the report's convention.
    pub flops: u64,
    /// Memory touched.
    pub traffic: Traffic,
}

/// One dispatch.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct RunDispatch {
    /// What its kernel is called.
    pub kernel: String,
    /// The kernel's `id`; `None` where it is not among `kernels`.
    pub id: Option<u32>,
    /// Its device's place in `devices`.
    pub device: usize,
    /// How many workgroups; `None` where the device alone knows.
    pub grid: Option<[u32; 3]>,
    /// Invocations that came to their end.
    pub invocations: Option<u64>,
    /// Executed operations.
    pub ops: Option<OpCounts>,
    /// Those of them whose results nobody uses.
    pub dead_ops: Option<OpCounts>,
    /// Executed FLOPs under the report's convention.
    pub flops: Option<u64>,
    /// Memory touched.
    pub traffic: Option<Traffic>,
    /// How long it took, where that was taken.
    pub seconds: Option<f64>,
    /// Which part of `peak_flops_per_second` it reached.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub peak_share: Option<f64>,
    /// Where it stands under its device's ceilings.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub roofline: Option<Placement>,
    /// Why this dispatch was not counted by itself, where it was not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub why: Option<String>,
}

/// How times of a run were taken.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct RunTiming {
    /// By which clock; `none` where none was read.
    pub source: Cow<'static, str>,
    /// In how many runs.
    pub runs: u32,
    /// What is to be known of them: which kernels have no time, and why.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<String>,
}

/// How a program ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ending {
    /// Its exit code, where it had one.
    pub code: Option<i32>,
    /// The signal that ended it, if one did.
    pub signal: Option<i32>,
}

impl RunReport {
    /// Whether everything that ran was counted to its end.
    pub fn is_whole(&self) -> bool {
        self.missing().is_empty()
    }

    /// What was not counted to its end, and why, in words.
    pub fn missing(&self) -> Vec<String> {
        let rows = self.not_counted.iter().map(|row| {
            let what = row.kernel.as_ref().or(row.what.as_ref());
            format!("{}: {}", what.map_or("", String::as_str), row.why)
        });
        let unfinished = match self.unfinished_submissions {
            0 => None,
            1 => Some("1 submission was not seen to end".to_owned()),
            several => Some(format!("{several} submissions were not seen to end")),
        };
        rows.chain(unfinished).collect()
    }

    /// How the program ended, where that is no success.
    pub fn failed(&self) -> Option<Ending> {
        // A page that reports on itself does not end.
        let failed = self.signal.is_some() || self.exit_code.is_some_and(|code| code != 0);
        failed.then_some(Ending { code: self.exit_code, signal: self.signal })
    }

    /// What it was judged by: how the program ended, where that is no success, and whether all of it was counted, where
    /// that was asked for.
    pub fn checks(&self) -> Vec<Examined> {
        let failed = self.failed().map(|ending| format!("the program ended {ending}"));
        let ended = (self.strict || failed.is_some())
            .then(|| ("the program ended with exit code 0", failed.into_iter().collect()));
        let whole =
            self.strict.then(|| ("everything that ran was counted to its end", self.missing()));
        let checks = ended.into_iter().chain(whole).map(|(what, problems): (&str, Vec<String>)| {
            let findings = problems.into_iter();
            let findings = findings.map(|text| Finding::new(FindingKind::Answer, text));
            Examined { what: what.to_owned(), findings: findings.collect() }
        });
        checks.collect()
    }
}

impl fmt::Display for Ending {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.code, self.signal) {
            (Some(code), _) => write!(f, "with exit code {code}"),
            (None, Some(signal)) => write!(f, "by signal {signal}"),
            (None, None) => f.write_str("in an unknown way"),
        }
    }
}
