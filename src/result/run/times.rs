//! Times of a run's kernels: from the run itself where kernels were timed alone, else from a second run of the program,
//! which may have done something else. What it did otherwise has no time, and the report says so.

use std::collections::BTreeMap;

use flopmeter_core::recording::{Recording, SpecValue, Timed};

use super::{
    KernelRow, RunReport, RunTiming,
    gather::{Taken, totals},
};

/// Kernels that a note names one by one.
const NAMED: usize = 3;

/// A kernel of a run for times: device, entry point, module and constants.
type Identity<'a> = (&'a str, &'a str, &'a str, &'a BTreeMap<u32, SpecValue>);

/// What a run did with a kernel.
#[derive(Clone, Copy)]
struct Did {
    dispatches: u64,
    workgroups: Option<u64>,
    taken: Taken,
}

impl Default for Did {
    fn default() -> Self {
        Self { dispatches: 0, workgroups: Some(0), taken: Taken::default() }
    }
}

impl Did {
    fn add(&mut self, dispatches: u64, workgroups: Option<u64>) {
        self.dispatches += dispatches;
        self.workgroups = self.workgroups.zip(workgroups).map(|(sum, more)| sum + more);
    }

    /// Whether a dispatch had as many workgroups on average in another run, as far as the host knows.
    fn is_over_as_many(&self, other: &Self) -> bool {
        self.workgroups.zip(other.workgroups).is_none_or(|(own, others)| {
            u128::from(own) * u128::from(other.dispatches)
                == u128::from(others) * u128::from(self.dispatches)
        })
    }
}

impl RunReport {
    /// The same where kernels were timed and not counted, so that times are all that is known.
    #[must_use]
    pub fn timed_alone(mut self) -> Self {
        self.counted = false;
        self.totals = totals(&self);
        self.sum_times();
        self
    }

    /// Adds times from a run in which kernels were timed and not counted. Where not all dispatches of a kernel were timed,
    /// the others over the same workgroups took as long, and those over others are not known: a note says so. A kernel
    /// that was dispatched over other workgroups than when it was counted has no time, either.
    pub fn time(&mut self, recordings: &[Recording]) {
        let again = timed(recordings);
        let mut counted: BTreeMap<Identity<'_>, Did> = BTreeMap::new();
        for row in &self.kernels {
            let its = counted.entry(self.identity(row)).or_default();
            its.add(row.dispatches, row.workgroups);
        }
        let (mut others, mut missing, mut numbers) = (Vec::new(), Vec::new(), Vec::new());
        let (mut seconds, mut parts) = (Vec::new(), Vec::new());
        for (row, name) in self.kernels.iter().zip(self.names()) {
            let identity = self.identity(row);
            let (once, again) = (counted[&identity], again.get(&identity));
            let taken = match again.filter(|again| again.dispatches > 0) {
                None => {
                    missing.push(name);
                    None
                }
                Some(again) if !once.is_over_as_many(again) => {
                    others.push(name);
                    None
                }
                Some(again) => {
                    let taken = again.taken.of(row.dispatches);
                    parts.extend(again.taken.note(&name));
                    if again.dispatches != once.dispatches && taken.is_some() {
                        numbers.push(name);
                    }
                    taken
                }
            };
            seconds.push(taken);
        }
        for (row, seconds) in self.kernels.iter_mut().zip(seconds) {
            row.seconds = seconds;
        }
        let notes = [
            (others, "no time: dispatched over other workgroups when kernels were timed"),
            (missing, "no time: not dispatched when kernels were timed"),
            (
                numbers,
                "dispatched another number of times when kernels were timed; its time is scaled to the dispatches \
                 that were counted",
            ),
        ];
        let said = notes.into_iter().filter_map(|(names, said)| note(&names, said));
        self.timing.notes.extend(said.chain(parts));
        self.sum_times();
        self.time_dispatches(recordings);
    }

    fn identity<'a>(&'a self, row: &'a KernelRow) -> Identity<'a> {
        (&self.devices[row.device].name, &row.entry, &row.module, &row.spec_constants)
    }

    /// Says of the whole run what is known of the times of its kernels. Where one of them has none, nor has the whole:
    /// its FLOPs would be divided by the time of the others.
    fn sum_times(&mut self) {
        let is_timed = |row: &KernelRow| row.seconds.is_some();
        let seconds: Option<Vec<f64>> = self.kernels.iter().map(|row| row.seconds).collect();
        self.totals.seconds = seconds.filter(|all| !all.is_empty()).map(|all| all.iter().sum());
        if self.kernels.iter().any(is_timed) {
            let notes = std::mem::take(&mut self.timing.notes);
            self.timing = RunTiming { source: "timestamps".into(), runs: 1, notes };
        }
    }
}

/// What a run for times did, kernel by kernel.
fn timed(recordings: &[Recording]) -> BTreeMap<Identity<'_>, Did> {
    let mut all: BTreeMap<Identity<'_>, Did> = BTreeMap::new();
    for recording in recordings {
        let Some(device) = &recording.device else { continue };
        for kernel in &recording.times {
            let Timed { entry, module, spec_constants, .. } = kernel;
            let its = all.entry((&device.name, entry, module, spec_constants)).or_default();
            its.add(kernel.submitted, kernel.workgroups);
            its.taken.add(kernel);
        }
    }
    all
}

/// What is to be known of these kernels, if there are any.
fn note(names: &[String], said: &str) -> Option<String> {
    let (first, rest) = names.split_at(names.len().min(NAMED));
    let mut listed = first.join(", ");
    if !rest.is_empty() {
        listed += &format!(" and {} more", rest.len());
    }
    (!names.is_empty()).then(|| format!("{listed}: {said}"))
}
