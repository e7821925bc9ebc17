//! What an adapter's ceilings are: rates of arithmetic and of memory, and how sure they are.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{
    execute::{Adapter, Clock},
    observe::Spread,
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
    /// By how much the two peaks may differ, as a share, before the report warns.
    const TOLERATED: f64 = 0.1;

    /// By how much the peaks differ, as a share of the greater one.
    pub fn share(self) -> f64 {
        (self.last - self.first).abs() / self.first.max(self.last)
    }

    /// Whether it is more than is tolerated.
    pub(super) fn is_much(self) -> bool {
        self.share() > Self::TOLERATED
    }

    /// The warning of the report; `None` where the drift is tolerated.
    pub(super) fn warning(self) -> Option<String> {
        self.is_much().then(|| {
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
    /// Timed runs of each kernel, at the least.
    pub repeats: u32,
    /// How often everything was measured: again where the peak drifted. Of each ceiling the best is kept.
    #[serde(default = "once", skip_serializing_if = "is_once")]
    pub rounds: u32,
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
    /// Whether the adapter was as fast after everything as before it, the last time that everything was measured.
    pub drift: Drift,
    /// Set where the two peaks of `drift` differ by more than is tolerated.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub warning: Option<String>,
}

impl Ceilings {
    /// With those of a later round on the same adapter where they are higher, and with its drift.
    pub(super) fn or_better(self, later: Self) -> Self {
        let better = |one: Ceiling| {
            let of_later = later.ceilings.iter().find(|ceiling| ceiling.name == one.name);
            of_later.filter(|other| other.rate.max > one.rate.max).cloned().unwrap_or(one)
        };
        let ceilings = self.ceilings.into_iter().map(better).collect();
        let rounds = self.rounds + later.rounds;
        Self { ceilings, rounds, ..later }
    }
}

/// Reports that do not say how often were measured once.
const fn once() -> u32 {
    1
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference")]
const fn is_once(rounds: &u32) -> bool {
    *rounds == 1
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::execute::{Backend, DeviceType, Limits};

    #[test]
    fn a_drift_is_a_share_of_the_greater_peak() {
        assert_eq!(Drift { first: 100.0, last: 80.0 }.share(), 0.2);
        assert_eq!(Drift { first: 80.0, last: 100.0 }.share(), 0.2);
    }

    #[test]
    fn of_two_rounds_the_better_is_kept_and_the_later_drift() {
        let even = |value| Spread { min: value, median: value, max: value };
        let round = |rates: [f64; 2], drift| {
            let ceiling = |(name, rate): (&str, f64)| Ceiling {
                name: name.to_owned(),
                resource: Resource::F32,
                kernel: "roofline.copy".parse().expect("a kernel's name"),
                work: 1,
                buffer_bytes: 1,
                rate: even(rate),
                seconds: even(1.0),
                clock: Clock::Wall,
            };
            let [name, driver] = [(); 2].map(|()| String::new());
            let (backend, device_type) = (Backend::Noop, DeviceType::Other);
            Ceilings {
                adapter: Adapter { name, backend, device_type, driver, limits: Limits::WEBGPU },
                repeats: 1,
                rounds: 1,
                ceilings: ["a", "b"].into_iter().zip(rates).map(ceiling).collect(),
                missing: Vec::new(),
                empty_dispatch: even(0.0),
                empty_dispatch_clock: Clock::Wall,
                submit_and_wait: even(0.0),
                drift,
                warning: drift.warning(),
            }
        };
        let first = round([10.0, 5.0], Drift { first: 10.0, last: 5.0 });
        let both = first.or_better(round([8.0, 7.0], Drift { first: 8.0, last: 8.0 }));
        let rates: Vec<f64> = both.ceilings.iter().map(|ceiling| ceiling.rate.max).collect();
        assert_eq!((rates, both.rounds, both.warning), (vec![10.0, 7.0], 2, None));
    }

    #[test]
    fn a_drift_of_more_than_a_tenth_is_told() {
        assert_eq!(Drift { first: 100.0, last: 90.0 }.warning(), None);
        assert_eq!(Drift { first: 91.0, last: 100.0 }.warning(), None);
        let warning = Drift { first: 100.0, last: 80.0 }.warning().expect("a fifth is too much");
        assert!(warning.contains("20 %"), "{warning}");
    }
}
