//! What the processes of a program recorded, put together: a run in which kernels were counted, one in which they were
//! timed, or both.

use std::{collections::BTreeMap, ops::Add as _};

use flopmeter_core::recording::{self, Counted, Device, NotCounted, Recording, SpecValue, Timed};

use super::{Ending, KernelRow, RunReport, RunTiming, RunTotals};
use crate::{
    op::{Convention, Cost, Traffic},
    result::Document as _,
};

/// What makes a kernel.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Key<'a> {
    pub(super) device: usize,
    pub(super) name: Option<&'a str>,
    pub(super) entry: &'a str,
    pub(super) module: &'a str,
    pub(super) spec_constants: &'a BTreeMap<u32, SpecValue>,
}

/// What is known of all dispatches of a kernel.
#[derive(Default)]
struct Sum {
    dispatches: u64,
    counts: Option<Counts>,
    /// How many were timed, and how long they took.
    timed: (u64, f64),
}

#[derive(Default)]
struct Counts {
    invocations: u64,
    counters: u64,
    cost: Cost,
    dead: Cost,
}

impl RunReport {
    /// Puts together what the processes of a program recorded while its kernels were counted. `unseen` says why
    /// nothing was recorded, where that is known.
    pub fn new(
        command: Vec<String>,
        Ending { code, signal }: Ending,
        recordings: &[Recording],
        unseen: Option<&str>,
        convention: Convention,
    ) -> Self {
        let devices = devices(recordings);
        let mut sums: BTreeMap<Key<'_>, Sum> = BTreeMap::new();
        let mut not_counted: Vec<NotCounted> = Vec::new();
        for (device, recording) in on_devices(&devices, recordings) {
            for kernel in &recording.kernels {
                let Counted { dispatches, invocations, counters, cost, dead, .. } = kernel;
                let sum = sums.entry(Key::of_counted(device, kernel)).or_default();
                sum.dispatches += dispatches;
                let counts = sum.counts.get_or_insert_default();
                counts.invocations += invocations;
                counts.counters = *counters;
                counts.cost = counts.cost + *cost;
                counts.dead = counts.dead + *dead;
            }
            for kernel in &recording.times {
                let sum = sums.entry(Key::of_timed(device, kernel)).or_default();
                sum.dispatches += kernel.submitted;
                sum.timed = (sum.timed.0 + kernel.dispatches, sum.timed.1 + kernel.seconds);
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

        let rows = sums.into_iter().map(|(key, sum)| row(key, sum, convention));
        let mut kernels: Vec<KernelRow> = rows.collect();
        kernels.sort_by(|a, b| {
            let longer = b.seconds.unwrap_or(0.0).total_cmp(&a.seconds.unwrap_or(0.0));
            b.flops.cmp(&a.flops).then(longer).then_with(|| a.name.cmp(&b.name))
        });
        (1..).zip(&mut kernels).for_each(|(id, row)| row.id = id);
        let mut report = Self {
            schema: Self::SCHEMA.into(),
            definition: crate::result::SPIRV_DEFINITION.into(),
            convention,
            command,
            exit_code: code,
            signal,
            devices,
            counted: true,
            totals: RunTotals::default(),
            kernels,
            dispatches_in_order: None,
            dispatches_left_out: 0,
            not_counted,
            timing: RunTiming { source: "none".into(), runs: 0 },
            unfinished_submissions: recordings.iter().map(|its| its.unfinished_submissions).sum(),
            peak_flops_per_second: None,
            ceilings: BTreeMap::new(),
        };
        report.totals = totals(&report);
        report.list_dispatches(recordings);
        report
    }

    /// The same where kernels were timed and not counted, so that times are all that is known.
    #[must_use]
    pub fn timed_alone(mut self) -> Self {
        self.counted = false;
        self.totals = totals(&self);
        self.sum_times();
        self
    }

    /// Adds times from a run in which kernels were timed and not counted. Both runs are of the same program; a kernel
    /// of which not all dispatches were timed took as long for each of the others.
    pub fn time(&mut self, recordings: &[Recording]) {
        let mut times: BTreeMap<TimeKey<'_>, (u64, f64)> = BTreeMap::new();
        for recording in recordings {
            let Some(device) = &recording.device else { continue };
            for timed in &recording.times {
                let Timed { entry, module, spec_constants, dispatches, seconds, .. } = timed;
                let sum = times.entry((&device.name, entry, module, spec_constants)).or_default();
                *sum = (sum.0 + dispatches, sum.1 + seconds);
            }
        }
        for row in &mut self.kernels {
            let device = &self.devices[row.device].name;
            let key = (device.as_str(), &*row.entry, &*row.module, &row.spec_constants);
            row.seconds = times.get(&key).and_then(|&timed| of_all(timed, row.dispatches));
        }
        self.sum_times();
        self.time_dispatches(recordings);
    }

    /// Says of the whole run what is known of the times of its kernels.
    fn sum_times(&mut self) {
        let seconds: Vec<f64> = self.kernels.iter().filter_map(|row| row.seconds).collect();
        self.totals.seconds = (!seconds.is_empty()).then(|| seconds.iter().sum());
        if !seconds.is_empty() {
            self.timing = RunTiming { source: "timestamps".into(), runs: 1 };
        }
    }
}

/// A kernel of a run for times: device, entry point, module and constants.
type TimeKey<'a> = (&'a str, &'a str, &'a str, &'a BTreeMap<u32, SpecValue>);

impl<'a> Key<'a> {
    fn of_counted(device: usize, kernel: &'a Counted) -> Self {
        let Counted { name, entry, module, spec_constants, .. } = kernel;
        Self { device, name: name.as_deref(), entry, module, spec_constants }
    }

    fn of_timed(device: usize, kernel: &'a Timed) -> Self {
        let Timed { name, entry, module, spec_constants, .. } = kernel;
        Self { device, name: name.as_deref(), entry, module, spec_constants }
    }

    /// What a reader knows it by.
    pub(super) fn label(&self) -> String {
        recording::label(self.name, self.entry, self.module)
    }
}

/// Every device that was opened, once.
fn devices(recordings: &[Recording]) -> Vec<Device> {
    let mut devices: Vec<Device> = Vec::new();
    for device in recordings.iter().filter_map(|recording| recording.device.as_ref()) {
        if !devices.contains(device) {
            devices.push(device.clone());
        }
    }
    devices
}

/// Recordings of devices, each with the place of its device among `devices`.
pub(super) fn on_devices<'a>(
    devices: &[Device],
    recordings: &'a [Recording],
) -> impl Iterator<Item = (usize, &'a Recording)> {
    recordings.iter().filter_map(|recording| {
        let device = recording.device.as_ref()?;
        Some((devices.iter().position(|its| its == device)?, recording))
    })
}

/// How long so many dispatches take, of which some were timed.
fn of_all((timed, seconds): (u64, f64), dispatches: u64) -> Option<f64> {
    (timed > 0).then(|| seconds / timed as f64 * dispatches as f64)
}

fn row(key: Key<'_>, sum: Sum, convention: Convention) -> KernelRow {
    let Key { device, name: _, entry, module, spec_constants } = key;
    let Sum { dispatches, counts, timed } = sum;
    let counts = counts.as_ref();
    let flops = counts.map(|counts| counts.cost.ops.flops(convention));
    let storage = counts.map(|counts| counts.cost.traffic.storage_bytes());
    let intensity = flops.zip(storage).filter(|&(_, storage)| storage > 0);
    KernelRow {
        id: 0,
        name: key.label(),
        entry: entry.to_owned(),
        module: module.to_owned(),
        spec_constants: spec_constants.clone(),
        device,
        dispatches,
        invocations: counts.map(|counts| counts.invocations),
        counters: counts.map(|counts| counts.counters),
        ops: counts.map(|counts| counts.cost.ops),
        dead_ops: counts.map(|counts| counts.dead.ops),
        flops,
        traffic: counts.map(|counts| counts.cost.traffic),
        intensity: intensity.map(|(flops, storage)| flops as f64 / storage as f64),
        seconds: of_all(timed, dispatches),
        peak_share: None,
        roofline: None,
    }
}

/// All kernels together.
fn totals(report: &RunReport) -> RunTotals {
    let rows = &report.kernels;
    let counted = report.counted;
    RunTotals {
        ops: counted.then(|| rows.iter().filter_map(|row| row.ops).sum()),
        dead_ops: counted.then(|| rows.iter().filter_map(|row| row.dead_ops).sum()),
        flops: counted.then(|| rows.iter().filter_map(|row| row.flops).sum()),
        traffic: counted.then(|| {
            rows.iter().filter_map(|row| row.traffic).fold(Traffic::default(), Traffic::add)
        }),
        dispatches: rows.iter().map(|row| row.dispatches).sum(),
        seconds: None,
        peak_share: None,
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
