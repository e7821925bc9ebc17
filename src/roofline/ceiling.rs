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
    /// By how much the two peaks may differ, as a share, before somebody is told.
    pub const TOLERATED: f64 = 0.1;

    /// By how much the peaks differ, as a share of the greater one.
    pub fn share(self) -> f64 {
        (self.last - self.first).abs() / self.first.max(self.last)
    }

    /// What somebody is told, where it is too much.
    pub(super) fn warning(self) -> Option<String> {
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

#[cfg(test)]
mod tests {
    use super::*;

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
