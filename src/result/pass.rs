//! One pass as a report has it: what it is, what it executed, how long it took, and whether that is right.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{
    check::Verdict,
    component::{ComponentName, Phase},
    op::{OpCounts, Traffic},
    plan::{Dims, KernelName},
    roofline::Placement,
};

/// One kernel launch.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct PassRow {
    /// Unique among the passes of a plan.
    pub label: String,
    /// Which kernel ran.
    pub kernel: KernelName,
    /// Where in the model it stands.
    pub component: ComponentName,
    /// Which phase it belongs to.
    pub phase: Phase,
    /// Whether it made again what the forward pass had made and nothing kept.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub recomputed: bool,
    /// Integer dimensions and tile sizes.
    pub dims: Dims,
    /// Workgroups.
    pub grid: [u32; 3],
    /// Executed operations.
    pub ops: OpCounts,
    /// Floating-point operations by the closed form of the kernel's schedule, where there is one.
    pub exact_ops: Option<OpCounts>,
    /// Floating-point operations that the mathematics asks for, where there is a closed form.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub algebraic_ops: Option<OpCounts>,
    /// Executed FLOPs under the report's convention.
    pub flops: u64,
    /// Memory touched.
    pub traffic: Traffic,
    /// Whether `ops` and `exact_ops` agree, and if not, why.
    #[serde(flatten)]
    pub verdict: Verdict,
    /// Median time of the plain kernel, where anything was timed.
    pub seconds: Option<f64>,
    /// Active lanes over lanes issued, where the executor looks.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lane_use: Option<f64>,
    /// Where that stands under the report's ceilings, where there are any.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub roofline: Option<Placement>,
}

impl PassRow {
    /// Whether two opinions on this pass differ.
    pub(crate) const fn is_wrong(&self) -> bool {
        matches!(self.verdict, Verdict::Mismatch { .. })
    }

    /// Whether another pass ran in the place of this one.
    pub(super) fn is_extrapolated(&self) -> bool {
        matches!(self.verdict, Verdict::Extrapolated { .. })
    }
}
