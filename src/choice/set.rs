//! Which of the crate's kernels may be chosen: all that a device can run, or a set that the user pins.

use std::str::FromStr;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{
    Choice, choose, chunks, matrix,
    spread::{LEAST_SUBGROUP_LANES, MOST_SUBGROUP_LANES, SUBGROUP_LANES},
};
use crate::{Error, Remedy, execute::Limits, operation::Operation};

/// A set of kernels.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum KernelSet {
    /// Whatever is best on the device.
    #[default]
    Auto,
    /// Those whose invocations share nothing that they load, on every device.
    Portable,
    /// Those whose subgroups share what they load, wherever an operation has one.
    Subgroup,
    /// Those whose workgroups share what they load, wherever an operation has one.
    Workgroup,
    /// Those whose subgroups multiply cooperative matrices, wherever an operation has one; the best on the device
    /// elsewhere.
    Matrix,
    /// Those whose lanes share BK-Core's recursions, a chunk of steps each; the best on the device elsewhere. They execute
    /// more than others.
    Chunks,
}

impl KernelSet {
    /// Every set.
    pub const ALL: [Self; 6] =
        [Self::Auto, Self::Portable, Self::Subgroup, Self::Workgroup, Self::Matrix, Self::Chunks];

    /// The name that a user types.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Auto => "auto",
            Self::Portable => "portable",
            Self::Subgroup => "subgroup",
            Self::Workgroup => "workgroup",
            Self::Matrix => "matrix",
            Self::Chunks => "chunks",
        }
    }

    /// Whether it is whatever is best.
    #[allow(clippy::trivially_copy_pass_by_ref, reason = "serde hands over a reference")]
    pub const fn is_auto(&self) -> bool {
        matches!(self, Self::Auto)
    }

    /// A device's limits as the choice of kernels is to see them.
    ///
    /// # Errors
    /// [`Error::Refused`] where the device cannot run the set.
    pub fn on(self, limits: &Limits) -> Result<Limits, Error> {
        match self {
            Self::Auto | Self::Chunks => Ok(usual(limits)),
            Self::Matrix if limits.matrix_side.is_some() => Ok(*limits),
            Self::Portable => Ok(Limits { subgroup_lanes: None, parallel: false, ..*limits }),
            Self::Workgroup => Ok(Limits { subgroup_lanes: None, parallel: true, ..*limits }),
            Self::Subgroup if limits.subgroup_lanes.is_some_and(shares) => {
                Ok(Limits { parallel: false, ..*limits })
            }
            Self::Subgroup => {
                let has = match limits.subgroup_lanes {
                    None => "none that are whole and of a known size".to_owned(),
                    Some(lanes) => format!("subgroups of {lanes}"),
                };
                Err(Error::Refused {
                    problem: format!(
                        "kernels whose subgroups share what they load are for subgroups of {LEAST_SUBGROUP_LANES} to \
                         {MOST_SUBGROUP_LANES}, and this adapter has {has}"
                    ),
                    remedy: Remedy::Subgroups(SUBGROUP_LANES),
                })
            }
            Self::Matrix => Err(Error::Refused {
                problem: "kernels whose subgroups multiply cooperative matrices need those of numbers in half \
                          precision with sums in single precision, and this adapter has none"
                    .to_owned(),
                remedy: Remedy::Matrices,
            }),
        }
    }

    /// Chooses a kernel of this set for an operation, under limits as [`Self::on`] leaves them. Two sets have kernels that no
    /// other has and that run on request alone: those of cooperative matrices have never run on hardware, and recursions by
    /// chunks execute more than others.
    pub fn choose(self, operation: &Operation, limits: &Limits) -> Choice {
        match self {
            Self::Matrix => matrix::choose(operation, limits)
                .unwrap_or_else(|| choose(operation, &usual(limits))),
            Self::Chunks => chunks::choose(operation).unwrap_or_else(|| choose(operation, limits)),
            Self::Auto | Self::Portable | Self::Subgroup | Self::Workgroup => {
                choose(operation, limits)
            }
        }
    }
}

/// Limits by which kernels are chosen by default: lanes that share were timed against others where
/// subgroups are of four and of eight.
fn usual(limits: &Limits) -> Limits {
    let timed = [LEAST_SUBGROUP_LANES, SUBGROUP_LANES];
    let subgroup_lanes = limits.subgroup_lanes.filter(|lanes| timed.contains(lanes));
    Limits { subgroup_lanes, ..*limits }
}

/// Whether lanes of subgroups of this size can share what they load.
const fn shares(lanes: u32) -> bool {
    lanes >= LEAST_SUBGROUP_LANES && lanes <= MOST_SUBGROUP_LANES && lanes.is_power_of_two()
}

impl FromStr for KernelSet {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, String> {
        Self::ALL.into_iter().find(|set| set.name() == name).ok_or_else(|| {
            format!("no set of kernels '{name}': one of {}", Self::ALL.map(Self::name).join(", "))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::operation::{LinearResult, Precision};

    #[test]
    fn a_pinned_set_decides_the_kernel() {
        let eight = Limits { subgroup_lanes: Some(SUBGROUP_LANES), ..Limits::WEBGPU };
        let result = LinearResult::PlainOutput;
        let precision = Precision::Single;
        let product =
            Operation::Linear { result, m: 64, k: 64, n: 64, g: 1, accumulate: false, precision };
        let chosen = |set: KernelSet, limits: &Limits| {
            set.on(limits).map(|limits| choose(&product, &limits).kernel.name().file)
        };
        assert_eq!(chosen(KernelSet::Auto, &eight).unwrap(), "linear_subgroup");
        assert_eq!(chosen(KernelSet::Subgroup, &eight).unwrap(), "linear_subgroup");
        assert_eq!(chosen(KernelSet::Portable, &eight).unwrap(), "linear");
        let four = Limits { subgroup_lanes: Some(LEAST_SUBGROUP_LANES), ..Limits::WEBGPU };
        assert_eq!(chosen(KernelSet::Auto, &four).unwrap(), "linear_subgroup_4");
        assert_eq!(chosen(KernelSet::Subgroup, &four).unwrap(), "linear_subgroup_4");
        assert_eq!(chosen(KernelSet::Portable, &four).unwrap(), "linear");
        for lanes in [16, 32, 64] {
            let wide = Limits { subgroup_lanes: Some(lanes), ..Limits::WEBGPU };
            assert_eq!(chosen(KernelSet::Subgroup, &wide).unwrap(), "linear_subgroup", "{lanes}");
            assert_eq!(chosen(KernelSet::Auto, &wide).unwrap(), "linear", "{lanes}");
        }
        for lanes in [None, Some(2), Some(12), Some(128)] {
            let other = Limits { subgroup_lanes: lanes, ..Limits::WEBGPU };
            let error = chosen(KernelSet::Subgroup, &other).unwrap_err().to_string();
            assert!(error.contains("subgroups of 4 to 64"), "{error}");
        }
        assert!("all".parse::<KernelSet>().unwrap_err().contains("subgroup, workgroup, matrix"));
    }
}
