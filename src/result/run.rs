//! What a program executed on the devices that it opened, kernel by kernel, as one serialisable value.

use std::{borrow::Cow, collections::BTreeMap};

use flopmeter_core::recording::{self, Counted, Device, NotCounted, Recording, Timed};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Document, SPIRV_DEFINITION};
use crate::op::{Convention, Cost, OpCounts, Traffic};

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
    /// The program's exit code; `None` where a signal ended it.
    pub exit_code: Option<i32>,
    /// The signal that ended it, if one did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub signal: Option<i32>,
    /// The devices that it opened.
    pub devices: Vec<Device>,
    /// All kernels together.
    pub totals: RunTotals,
    /// What was counted, most FLOPs first.
    pub kernels: Vec<KernelRow>,
    /// What was not.
    pub not_counted: Vec<NotCounted>,
    /// How times were taken.
    pub timing: RunTiming,
    /// Submissions that were not seen to end; what they executed is counted in part.
    pub unfinished_submissions: u64,
}

impl Document for RunReport {
    const SCHEMA: &'static str = "flopmeter.run/1";
}

/// All kernels of a run together.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct RunTotals {
    /// Executed operations.
    pub ops: OpCounts,
    /// Those of them whose results nobody uses.
    pub dead_ops: OpCounts,
    /// Executed FLOPs under the report's convention.
    pub flops: u64,
    /// Memory touched.
    pub traffic: Traffic,
    /// Dispatches.
    pub dispatches: u64,
    /// Time of all dispatches, where it was taken.
    pub seconds: Option<f64>,
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
    /// The bits of its specialisation constants, by their number.
    pub spec_constants: BTreeMap<u32, u64>,
    /// Its device's place in `devices`.
    pub device: usize,
    /// How often it was dispatched.
    pub dispatches: u64,
    /// Invocations that came to their end.
    pub invocations: u64,
    /// How many counters each invocation has.
    pub counters: u64,
    /// Executed operations.
    pub ops: OpCounts,
    /// Those of them whose results nobody uses.
    pub dead_ops: OpCounts,
    /// Executed FLOPs under the report's convention.
    pub flops: u64,
    /// Memory touched.
    pub traffic: Traffic,
    /// FLOPs for each byte that crosses to or from storage buffers; `None` where none does.
    pub intensity: Option<f64>,
    /// Time of all its dispatches, where it was taken.
    pub seconds: Option<f64>,
}

/// How times of a run were taken.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct RunTiming {
    /// By which clock; `none` where none was read.
    pub source: Cow<'static, str>,
    /// In how many runs.
    pub runs: u32,
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
    /// Puts together what the processes of a program recorded. `unseen` says why nothing was recorded, where
    /// that is known.
    pub fn new(
        command: Vec<String>,
        Ending { code, signal }: Ending,
        recordings: &[Recording],
        unseen: Option<&str>,
        convention: Convention,
    ) -> Self {
        let mut devices: Vec<Device> = Vec::new();
        let mut sums: BTreeMap<Key<'_>, (u64, u64, u64, Cost, Cost)> = BTreeMap::new();
        let mut not_counted: Vec<NotCounted> = Vec::new();
        for recording in recordings {
            let Some(device) = &recording.device else { continue };
            let known = devices.iter().position(|its| its == device);
            let device = known.unwrap_or_else(|| {
                devices.push(device.clone());
                devices.len() - 1
            });
            for kernel in &recording.kernels {
                let Counted { dispatches, invocations, counters, cost, dead, .. } = kernel;
                let sum = sums.entry(Key::of(device, kernel)).or_default();
                *sum = (
                    sum.0 + dispatches,
                    sum.1 + invocations,
                    *counters,
                    sum.3 + *cost,
                    sum.4 + *dead,
                );
            }
            for other in &recording.not_counted {
                let same = |its: &&mut NotCounted| {
                    (&its.kernel, &its.what, &its.why) == (&other.kernel, &other.what, &other.why)
                };
                match not_counted.iter_mut().find(same) {
                    Some(its) => its.dispatches += other.dispatches,
                    None => not_counted.push(other.clone()),
                }
            }
        }
        not_counted.extend(recordings.iter().filter_map(broken_off));
        not_counted.extend(nothing_seen(recordings, unseen));

        let rows =
            sums.into_iter().map(|(key, (dispatches, invocations, counters, cost, dead))| {
                let Key { device, name, entry, module, spec_constants } = key;
                let Cost { ops, traffic } = cost;
                let (flops, storage) = (ops.flops(convention), traffic.storage_bytes());
                KernelRow {
                    id: 0,
                    name: recording::label(name, entry, module),
                    entry: entry.to_owned(),
                    module: module.to_owned(),
                    spec_constants: spec_constants.clone(),
                    device,
                    dispatches,
                    invocations,
                    counters,
                    ops,
                    dead_ops: dead.ops,
                    flops,
                    traffic,
                    intensity: (storage > 0).then(|| flops as f64 / storage as f64),
                    seconds: None,
                }
            });
        let mut kernels: Vec<KernelRow> = rows.collect();
        kernels.sort_by(|a, b| b.flops.cmp(&a.flops).then_with(|| a.name.cmp(&b.name)));
        (1..).zip(&mut kernels).for_each(|(id, row)| row.id = id);
        let totals = kernels.iter().fold(RunTotals::default(), |sum, row| RunTotals {
            ops: sum.ops + row.ops,
            dead_ops: sum.dead_ops + row.dead_ops,
            flops: sum.flops + row.flops,
            traffic: sum.traffic + row.traffic,
            dispatches: sum.dispatches + row.dispatches,
            seconds: None,
        });
        Self {
            schema: Self::SCHEMA.into(),
            definition: SPIRV_DEFINITION.into(),
            convention,
            command,
            exit_code: code,
            signal,
            devices,
            totals,
            kernels,
            not_counted,
            timing: RunTiming { source: "none".into(), runs: 0 },
            unfinished_submissions: recordings.iter().map(|its| its.unfinished_submissions).sum(),
        }
    }

    /// Adds times from a run in which kernels were timed and not counted. Both runs are of the same program; a kernel
    /// of which not all dispatches were timed took as long for each of the others.
    pub fn time(&mut self, recordings: &[Recording]) {
        let mut times: BTreeMap<TimeKey<'_>, (u64, f64)> = BTreeMap::new();
        for recording in recordings {
            let Some(device) = &recording.device else { continue };
            for timed in &recording.times {
                let Timed { entry, module, spec_constants, dispatches, seconds } = timed;
                let sum = times.entry((&device.name, entry, module, spec_constants)).or_default();
                *sum = (sum.0 + dispatches, sum.1 + seconds);
            }
        }
        for row in &mut self.kernels {
            let device = &self.devices[row.device].name;
            let key = (device.as_str(), &*row.entry, &*row.module, &row.spec_constants);
            let time = times.get(&key).filter(|(dispatches, _)| *dispatches > 0);
            row.seconds =
                time.map(|&(timed, seconds)| seconds / timed as f64 * row.dispatches as f64);
        }
        let seconds: Vec<f64> = self.kernels.iter().filter_map(|row| row.seconds).collect();
        self.totals.seconds = (!seconds.is_empty()).then(|| seconds.iter().sum());
        if !seconds.is_empty() {
            self.timing = RunTiming { source: "timestamps".into(), runs: 1 };
        }
    }

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
        let unfinished = (self.unfinished_submissions > 0)
            .then(|| format!("{} submissions were not seen to end", self.unfinished_submissions));
        rows.chain(unfinished).collect()
    }
}

/// A kernel of a run for times: device, entry point, module and constants.
type TimeKey<'a> = (&'a str, &'a str, &'a str, &'a BTreeMap<u32, u64>);

/// What makes a kernel.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct Key<'a> {
    device: usize,
    name: Option<&'a str>,
    entry: &'a str,
    module: &'a str,
    spec_constants: &'a BTreeMap<u32, u64>,
}

impl<'a> Key<'a> {
    fn of(device: usize, kernel: &'a Counted) -> Self {
        let Counted { name, entry, module, spec_constants, .. } = kernel;
        Self { device, name: name.as_deref(), entry, module, spec_constants }
    }
}

/// What is missing of a process that ended without a word to the layer, though all that it was known to have submitted
/// had come to its end when the recording was written.
fn broken_off(recording: &Recording) -> Option<NotCounted> {
    let device = recording.device.as_ref().filter(|_| !recording.finished)?;
    (recording.unfinished_submissions == 0).then(|| NotCounted {
        kernel: None,
        what: Some(format!("what process {} submitted last to {}", recording.process, device.name)),
        why: "the process was killed or left by _exit, so what it did since it was last recorded is not known"
            .to_owned(),
        dispatches: 0,
    })
}

/// Why there is nothing, where there is nothing.
fn nothing_seen(recordings: &[Recording], unseen: Option<&str>) -> Option<NotCounted> {
    let why = match unseen {
        Some(why) => why,
        None if recordings.is_empty() => {
            "it used no Vulkan, or found a driver past Vulkan's loader, which alone brings in layers (ncnn does so \
             where VK_DRIVER_FILES is set)"
        }
        None if recordings.iter().all(|its| its.device.is_none()) => {
            "it asked which devices there are, and opened none"
        }
        None => return None,
    };
    let what = Some("the program".to_owned());
    Some(NotCounted { kernel: None, what, why: why.to_owned(), dispatches: 0 })
}
