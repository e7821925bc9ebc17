//! An adapter's ceilings, measured and not looked up: what the kernels of `shaders/roofline.wgsl` reach,
//! as work that the counters counted over time that the plain kernels took. Knows executors and
//! counting; nothing of models, arguments or how a report looks.

mod place;
mod probe;

use std::ops::ControlFlow;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub use place::{Bound, Placement};

use crate::{
    Error,
    execute::{Adapter, Clock, Executor},
    observe::median,
    plan::KernelName,
};

/// What a ceiling is a ceiling of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Resource {
    /// Half-precision arithmetic, in FLOP/s; a multiply-add is two.
    F16,
    /// Single-precision arithmetic, in FLOP/s.
    F32,
    /// Double-precision arithmetic, in FLOP/s.
    F64,
    /// Storage buffers too large for caches, in bytes loaded and stored a second.
    Storage,
    /// Workgroup memory, in bytes loaded a second.
    Workgroup,
}

impl Resource {
    /// What a report calls it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::F16 => "f16",
            Self::F32 => "f32",
            Self::F64 => "f64",
            Self::Storage => "storage",
            Self::Workgroup => "workgroup",
        }
    }

    /// Whether its unit is FLOP/s, and not bytes a second.
    pub const fn is_compute(self) -> bool {
        matches!(self, Self::F16 | Self::F32 | Self::F64)
    }
}

/// The least, the middle and the greatest of several measurements.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Spread {
    /// The least.
    pub min: f64,
    /// The middle one.
    pub median: f64,
    /// The greatest.
    pub max: f64,
}

impl Spread {
    /// Of at least one value.
    fn of(values: &[f64]) -> Option<Self> {
        Some(Self {
            min: values.iter().copied().reduce(f64::min)?,
            median: median(values.to_vec())?,
            max: values.iter().copied().reduce(f64::max)?,
        })
    }

    /// `work` done in each of these times, as rates.
    fn rates(self, work: u64) -> Self {
        let work = work as f64;
        Self { min: work / self.max, median: work / self.median, max: work / self.min }
    }
}

/// How fast one thing goes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Ceiling {
    /// What a report calls it.
    pub name: String,
    /// What it is a ceiling of, and so in which unit.
    pub resource: Resource,
    /// The kernel that reached it.
    pub kernel: KernelName,
    /// FLOPs or bytes of one run, as counted.
    pub work: u64,
    /// Bytes of all buffers that a run touches.
    pub buffer_bytes: u64,
    /// FLOP/s or bytes a second over the runs.
    pub rate: Spread,
    /// Seconds of a run.
    pub seconds: Spread,
    /// By whose clock.
    pub clock: Clock,
}

/// What this adapter could not run, and what it said.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Missing {
    /// What a report calls it.
    pub name: String,
    /// Why.
    pub why: String,
}

/// The single-precision peak before and after everything else.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Drift {
    /// Median FLOP/s before.
    pub first: f64,
    /// Median FLOP/s after.
    pub last: f64,
}

impl Drift {
    /// By how much the two peaks may differ, as a share, before somebody is told.
    pub const TOLERATED: f64 = 0.1;

    /// By how much the peaks differ, as a share of the greater one.
    pub fn share(self) -> f64 {
        (self.last - self.first).abs() / self.first.max(self.last)
    }

    /// What somebody is told, where it is too much.
    fn warning(self) -> Option<String> {
        (self.share() > Self::TOLERATED).then(|| {
            format!(
                "the peak changed by {:.0} % between start and end: something else runs here, or the \
                 device changes its clock; these ceilings are doubtful",
                100.0 * self.share()
            )
        })
    }
}

/// Everything that limits a kernel on one adapter.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Ceilings {
    /// Who was measured.
    pub adapter: Adapter,
    /// Timed runs of each kernel.
    pub repeats: u32,
    /// Rates of arithmetic and of memory.
    pub ceilings: Vec<Ceiling>,
    /// What is missing here: number formats that the adapter does not have.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub missing: Vec<Missing>,
    /// Seconds of a dispatch that does nothing.
    pub empty_dispatch: Spread,
    /// By whose clock that is.
    pub empty_dispatch_clock: Clock,
    /// Seconds on the host's clock from handing such a dispatch in to knowing that it is done.
    pub submit_and_wait: Spread,
    /// Whether the adapter was as fast after everything as before it.
    pub drift: Drift,
    /// Set where the two peaks of `drift` differ by more than is tolerated.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub warning: Option<String>,
}

/// Timed runs of each kernel where nobody asks for another number.
pub const REPEATS: u32 = 7;

/// Told before each kernel; a break stops the measurement with [`Error::Interrupted`].
pub type Observer<'a> = dyn FnMut(&str) -> ControlFlow<()> + 'a;

/// Measures an executor's ceilings with `repeats` timed runs each, one at least. Takes seconds. Whatever the
/// executor held is given back.
///
/// # Errors
/// Where the executor fails at anything that every adapter can do, or `observe` breaks the run off.
pub fn measure(
    executor: &mut dyn Executor,
    repeats: u32,
    observe: &mut Observer<'_>,
) -> Result<Ceilings, Error> {
    let mut measured = |executor: &mut dyn Executor, probe: &probe::Probe| match observe(probe.name)
    {
        ControlFlow::Continue(()) => probe.run(executor, repeats),
        ControlFlow::Break(()) => Err(Error::Interrupted(probe.name.to_owned())),
    };
    let mut ceilings = Vec::new();
    let mut missing = Vec::new();
    for probe in probe::PROBES {
        match measured(executor, probe) {
            Ok(times) => ceilings.extend(times.ceiling(probe)),
            Err(Error::Device { problem, .. }) if probe.optional => {
                missing.push(Missing { name: probe.name.to_owned(), why: problem });
            }
            Err(error) => return Err(error),
        }
    }
    let empty = measured(executor, &probe::NOTHING)?;
    let last = measured(executor, &probe::PROBES[0])?.ceiling(&probe::PROBES[0]);
    executor.clear();

    let [first, last] = [ceilings.first(), last.as_ref()].map(|c| c.map_or(0.0, |c| c.rate.median));
    let drift = Drift { first, last };
    Ok(Ceilings {
        adapter: executor.adapter().clone(),
        repeats,
        ceilings,
        missing,
        empty_dispatch: empty.seconds,
        empty_dispatch_clock: empty.clock,
        submit_and_wait: empty.waited,
        drift,
        warning: drift.warning(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rates_turn_times_around() {
        let seconds = Spread::of(&[4.0, 1.0, 2.0]).expect("values");
        assert_eq!(seconds, Spread { min: 1.0, median: 2.0, max: 4.0 });
        assert_eq!(seconds.rates(8), Spread { min: 2.0, median: 4.0, max: 8.0 });
        assert_eq!(Spread::of(&[]), None);
    }

    #[test]
    fn a_drift_is_a_share_of_the_greater_peak() {
        assert_eq!(Drift { first: 100.0, last: 80.0 }.share(), 0.2);
        assert_eq!(Drift { first: 80.0, last: 100.0 }.share(), 0.2);
    }

    #[test]
    fn a_drift_of_more_than_a_tenth_is_told() {
        assert_eq!(Drift { first: 100.0, last: 90.0 }.warning(), None);
        assert_eq!(Drift { first: 91.0, last: 100.0 }.warning(), None);
        let warning = Drift { first: 100.0, last: 80.0 }.warning().expect("a fifth is too much");
        assert!(warning.contains("20 %"), "{warning}");
    }
}
