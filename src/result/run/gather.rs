//! What the processes of a program recorded in one run, put together. Knows nothing of a second run for times.

use std::{collections::BTreeMap, ops::Add as _};

use flopmeter_core::recording::{
    self, Counted, CountedLine, Device, NotCounted, Recording, SpecValue, Timed,
};

use super::{Ending, KernelLine, KernelRow, RunReport, RunTiming, RunTotals};
use crate::{
    instrument::Line,
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
struct Sum {
    dispatches: u64,
    /// Over how many workgroups; `None` where the device alone knows of some.
    workgroups: Option<u64>,
    /// What its module calls its specialisation constants.
    constant_names: BTreeMap<u32, String>,
    counts: Option<Counts>,
    taken: Taken,
}

impl Default for Sum {
    fn default() -> Self {
        Self {
            dispatches: 0,
            workgroups: Some(0),
            constant_names: BTreeMap::new(),
            counts: None,
            taken: Taken::default(),
        }
    }
}

/// How long dispatches took. Of what ran several times at once, and of what overwrote its own timestamps, the last run
/// alone is timed; the others over the same workgroups took as long, those over others are not known.
#[derive(Clone, Copy)]
pub(super) struct Taken {
    /// How many there were.
    pub(super) dispatches: u64,
    /// How many of them were timed.
    pub(super) timed: u64,
    /// Those that were not timed, though others over the same workgroups were, are in it.
    seconds: Option<f64>,
}

impl Default for Taken {
    fn default() -> Self {
        Self { dispatches: 0, timed: 0, seconds: Some(0.0) }
    }
}

impl Taken {
    pub(super) fn add(&mut self, row: &Timed) {
        let Timed { submitted, dispatches, workgroups, seconds, .. } = row;
        self.dispatches += submitted;
        self.timed += dispatches;
        let seconds = match (dispatches, workgroups) {
            (timed, _) if timed == submitted => Some(*seconds),
            (1.., Some(_)) => Some(seconds / *dispatches as f64 * *submitted as f64),
            _ => None,
        };
        self.seconds = self.seconds.zip(seconds).map(|(sum, more)| sum + more);
    }

    /// How long so many dispatches take; `None` where it is not known how long these took.
    pub(super) fn of(&self, dispatches: u64) -> Option<f64> {
        let some = self.seconds.filter(|_| self.timed > 0);
        some.map(|seconds| seconds / self.dispatches as f64 * dispatches as f64)
    }

    /// What is to be known of them, with the name of their kernel, where not all were timed.
    pub(super) fn note(&self, name: &str) -> Option<String> {
        let Self { dispatches, timed, seconds } = self;
        let others = match seconds {
            _ if timed == dispatches => return None,
            Some(_) => "the others are taken to last as long as those over the same workgroups",
            None => "no time: how long the others took is not known",
        };
        Some(format!("{name}: {timed} of {dispatches} dispatches were timed; {others}"))
    }
}

impl Sum {
    fn dispatched(&mut self, dispatches: u64, workgroups: Option<u64>) {
        self.dispatches += dispatches;
        self.workgroups = self.workgroups.zip(workgroups).map(|(sum, more)| sum + more);
    }
}

#[derive(Default)]
struct Counts {
    invocations: u64,
    counters: u64,
    cost: Cost,
    dead: Cost,
    file: Option<String>,
    lines: BTreeMap<u32, (Option<String>, Line)>,
}

impl Counts {
    fn add(&mut self, kernel: &Counted) {
        self.invocations += kernel.invocations;
        self.counters = kernel.counters;
        self.cost = self.cost + kernel.cost;
        self.dead = self.dead + kernel.dead;
        self.file = self.file.take().or_else(|| kernel.file.clone());
        for CountedLine { line, text, executions, cost } in &kernel.lines {
            let (known, sum) = self.lines.entry(*line).or_default();
            *known = known.take().or_else(|| text.clone());
            *sum = *sum + Line { executions: *executions, cost: *cost };
        }
    }
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
                let sum = sums.entry(Key::of_counted(device, kernel)).or_default();
                sum.dispatched(kernel.dispatches, kernel.workgroups);
                sum.constant_names.clone_from(&kernel.constant_names);
                sum.counts.get_or_insert_default().add(kernel);
            }
            for kernel in &recording.times {
                let sum = sums.entry(Key::of_timed(device, kernel)).or_default();
                sum.dispatched(kernel.submitted, kernel.workgroups);
                sum.constant_names.clone_from(&kernel.constant_names);
                sum.taken.add(kernel);
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
        let ending = Ending { code, signal };
        not_counted.extend(nothing_seen(recordings, ending, unseen));

        let notes = sums.iter().filter_map(|(key, sum)| sum.taken.note(&key.label()));
        let notes: Vec<String> = notes.collect();
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
            options: Vec::new(),
            exit_code: code,
            signal,
            strict: false,
            devices,
            counted: true,
            totals: RunTotals::default(),
            kernels,
            dispatches_in_order: None,
            dispatches_left_out: 0,
            not_counted,
            timing: RunTiming { source: "none".into(), runs: 0, notes },
            unfinished_submissions: recordings.iter().map(|its| its.unfinished_submissions).sum(),
            peak_flops_per_second: None,
            ceilings: BTreeMap::new(),
        };
        report.totals = totals(&report);
        report.list_dispatches(recordings);
        report
    }
}

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

fn row(key: Key<'_>, sum: Sum, convention: Convention) -> KernelRow {
    let Key { device, name: _, entry, module, spec_constants } = key;
    let Sum { dispatches, workgroups, constant_names, counts, taken } = sum;
    let counts = counts.as_ref();
    let flops = counts.map(|counts| counts.cost.ops.flops(convention));
    let storage = counts.map(|counts| counts.cost.traffic.storage_bytes());
    let intensity = flops.zip(storage).filter(|&(_, storage)| storage > 0);
    let lines = counts.iter().flat_map(|counts| &counts.lines).map(|(&line, (text, its))| {
        let (text, Cost { ops, traffic }) = (text.clone(), its.cost);
        let flops = ops.flops(convention);
        KernelLine { line, text, executions: its.executions, ops, flops, traffic }
    });
    KernelRow {
        id: 0,
        name: key.label(),
        entry: entry.to_owned(),
        module: module.to_owned(),
        spec_constants: spec_constants.clone(),
        constant_names,
        device,
        dispatches,
        workgroups,
        invocations: counts.map(|counts| counts.invocations),
        counters: counts.map(|counts| counts.counters),
        ops: counts.map(|counts| counts.cost.ops),
        dead_ops: counts.map(|counts| counts.dead.ops),
        flops,
        traffic: counts.map(|counts| counts.cost.traffic),
        intensity: intensity.map(|(flops, storage)| flops as f64 / storage as f64),
        seconds: taken.of(dispatches),
        peak_share: None,
        roofline: None,
        file: counts.and_then(|counts| counts.file.clone()),
        lines: lines.collect(),
    }
}

/// All kernels together.
pub(super) fn totals(report: &RunReport) -> RunTotals {
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
        why: "the process was killed, left by _exit or replaced its program (exec), so what it did since it was last recorded is not known"
            .to_owned(),
        dispatches: 0,
    })
}

/// Why there is nothing, where there is nothing.
fn nothing_seen(
    recordings: &[Recording],
    ending: Ending,
    unseen: Option<&str>,
) -> Option<NotCounted> {
    let failed;
    let why = match unseen {
        Some(why) => why,
        // Why it failed comes first.
        None if recordings.is_empty() && ending.code != Some(0) => {
            failed = format!("it ended {ending}, and used no Vulkan that was seen until then");
            &failed
        }
        None if recordings.is_empty() => {
            "it used no Vulkan, found a driver past Vulkan's loader, which alone brings in layers (ncnn does so where \
             VK_DRIVER_FILES is set), cleared the environment that names the layer (env -i, sudo), was told to leave layers \
             out (VK_LOADER_LAYERS_DISABLE), was 'flopmeter run' itself, whose own layer takes the place of this one, or left its work to a process that \
             outlived it"
        }
        None if recordings.iter().all(|its| its.device.is_none()) => {
            "it asked which devices there are, and opened none"
        }
        None => return None,
    };
    let what = Some("the program".to_owned());
    Some(NotCounted { kernel: None, what, why: why.to_owned(), dispatches: 0 })
}
