//! How many lanes share a sum where a workgroup's invocations run side by side: enough that neighbouring lanes read
//! neighbouring elements and that all rows or columns together fill a device.

use super::spread::{CHUNK, Choice, LANES, PARTIALS, ROW_LANES, WIDE_LANES, each, folded, gridded};
use crate::{
    operation::{DotStage, LossStep, Norm, NormStep},
    registry::Kernel,
    schedule::Schedule,
};

/// Invocations in a workgroup whose teams are shorter.
const TEAMED_LANES: u32 = 128;

// Lanes that place assignments belong to one chunk.
const _: () = assert!(CHUNK.is_multiple_of(TEAMED_LANES));

/// Lanes for which a row may be one load each: fewer would read less than a cache line together.
const SHORTEST: u32 = 16;

/// Loads of a row for one lane, where the row is long enough and rows are many.
const LOADS: u32 = 4;

/// Rows that fill a device by themselves: of fewer, a lane has a load.
const MANY_ROWS: u64 = 2048;

/// Column sums for which a workgroup has one column more: as many workgroups at the least keep a device busy.
const WORKGROUPS: u32 = 64;

/// A norm of m rows; `None` where no such kernel takes a norm's step.
pub(super) fn norm(norm: Norm, step: NormStep, [m, d]: [u32; 2]) -> Option<Choice> {
    let by_four = d.is_multiple_of(4);
    let kernel = match (norm, step, by_four) {
        (Norm::Layer, NormStep::Output, false) => Kernel::LayerNormWorkgroupForward,
        (Norm::Layer, NormStep::Output, true) => Kernel::LayerNormWorkgroupForwardVec4,
        (Norm::Layer, NormStep::Input, false) => Kernel::LayerNormWorkgroupBackwardInput,
        (Norm::Layer, NormStep::Input, true) => Kernel::LayerNormWorkgroupBackwardInputVec4,
        (Norm::Rms, NormStep::Output, false) => Kernel::RmsNormWorkgroupForward,
        (Norm::Rms, NormStep::Output, true) => Kernel::RmsNormWorkgroupForwardVec4,
        (Norm::Rms, NormStep::Input, false) => Kernel::RmsNormWorkgroupBackwardInput,
        (Norm::Rms, NormStep::Input, true) => Kernel::RmsNormWorkgroupBackwardInputVec4,
        (Norm::Layer, NormStep::Parameters, true) => Kernel::LayerNormWorkgroupBackwardParamsVec4,
        (Norm::Rms, NormStep::Parameters, true) => Kernel::RmsNormWorkgroupBackwardParamsVec4,
        (Norm::Layer | Norm::Rms, NormStep::Parameters, false) => return None,
    };
    let loads = if by_four { d / 4 } else { d };
    match step {
        NormStep::Output | NormStep::Input => Some(by_row(kernel, m.into(), loads)),
        // A lane without a row would take part in sums that it has no share of.
        NormStep::Parameters => Some(by_column(kernel, loads, by_four, 1))
            .filter(|choice| choice.schedule.team <= Some(m)),
    }
}

/// The sums of n columns over g groups of rows.
pub(super) fn bias(n: u32, g: u32) -> Choice {
    if n.is_multiple_of(4) {
        by_column(Kernel::LinearSumsBackwardBiasVec4, n / 4, true, g)
    } else {
        by_column(Kernel::LinearSumsBackwardBias, n, false, g)
    }
}

/// A team for each of so many columns, or runs of four, of g groups of rows. Few columns are spread over many
/// workgroups; of many, a workgroup has as many as make a cache line.
fn by_column(kernel: Kernel, columns: u32, by_four: bool, g: u32) -> Choice {
    let [least, most] = if by_four { [1, 8] } else { [8, 32] };
    let wanted = 1 << (columns / WORKGROUPS).max(1).ilog2();
    let neighbours = wanted.clamp(least, most).min(columns.next_power_of_two());
    let schedule =
        Schedule { team: Some(WIDE_LANES / neighbours), ..Schedule::of_lanes(WIDE_LANES) };
    gridded(kernel, schedule, [columns.div_ceil(neighbours), 1, g])
}

/// The dot products of so many assignments of width d.
pub(super) fn gate(assignments: u64, d: u32) -> Choice {
    if d.is_multiple_of(4) {
        by_row(Kernel::MoeWorkgroupBackwardGateVec4, assignments, d / 4)
    } else {
        by_row(Kernel::MoeWorkgroupBackwardGate, assignments, d)
    }
}

/// A workgroup for each of the shares in which a whole tensor is summed, and one for their sum.
pub(super) fn dot_product(stage: DotStage) -> Choice {
    match stage {
        DotStage::Shares => whole(Kernel::MixWorkgroupBackwardScalePartials, PARTIALS),
        DotStage::Total => whole(Kernel::MixWorkgroupBackwardScale, 1),
    }
}

/// Cross entropy of m rows of v; `None` where rows, or losses, are fewer than a workgroup has lanes.
pub(super) fn loss(step: LossStep, m: u32, v: u32) -> Option<Choice> {
    let by_four = v.is_multiple_of(4);
    let loads = if by_four { v / 4 } else { v };
    let choice = match (step, by_four) {
        (LossStep::Rows, false) => whole(Kernel::CrossEntropyWorkgroupForward, m),
        (LossStep::Rows, true) => whole(Kernel::CrossEntropyWorkgroupForwardVec4, m),
        // Sums nothing up, so it takes as many lanes as there may be.
        (LossStep::Gradient, false) => wide(Kernel::CrossEntropyBackward, m),
        (LossStep::Gradient, true) => wide(Kernel::CrossEntropyBackwardVec4, m),
        (LossStep::Mean, _) => whole(Kernel::CrossEntropyWorkgroupMean, 1),
    };
    let terms = match step {
        LossStep::Rows | LossStep::Gradient => loads,
        LossStep::Mean => m,
    };
    (terms >= WIDE_LANES).then_some(choice)
}

/// So many workgroups, each of which is a team. As many lanes add up shares as do where a kernel has no others.
fn whole(kernel: Kernel, workgroups: u32) -> Choice {
    wide(kernel, workgroups).with(|schedule| {
        schedule.team = Some(WIDE_LANES);
        schedule.lanes_per_column = Some(ROW_LANES);
    })
}

/// So many workgroups, as wide as every adapter takes them.
fn wide(kernel: Kernel, workgroups: u32) -> Choice {
    gridded(kernel, Schedule::of_lanes(WIDE_LANES), folded(workgroups.into()))
}

/// One row for a workgroup, of which one lane computes it.
pub(super) fn by_workgroup(kernel: Kernel, rows: u64) -> Choice {
    gridded(kernel, Schedule::of_lanes(LANES), folded(rows))
}

/// Where each of g keys begins, a lane for each.
pub(super) fn offsets(g: u32) -> Choice {
    each(Kernel::GroupingWorkgroupScan, g.into(), WIDE_LANES)
}

/// The slots of so many assignments, a lane for each. Those of a workgroup wait for one another between runs of
/// neighbours: not too many of them.
pub(super) fn slots(assignments: u32) -> Choice {
    each(Kernel::GroupingWorkgroupPlace, assignments.into(), TEAMED_LANES)
}

/// A team for each of so many rows of so many loads.
fn by_row(kernel: Kernel, rows: u64, loads: u32) -> Choice {
    let team = lanes(loads, if rows < MANY_ROWS { 1 } else { LOADS });
    let lanes = team.max(TEAMED_LANES);
    let schedule = Schedule { team: Some(team), ..Schedule::of_lanes(lanes) };
    gridded(kernel, schedule, folded(rows.div_ceil((lanes / team).into())))
}

/// Lanes that share a row of so many loads, `each` for a lane where possible: a power of two, and a load for each lane at
/// the least.
fn lanes(loads: u32, each: u32) -> u32 {
    let wanted = loads.div_ceil(each).next_power_of_two().clamp(SHORTEST, WIDE_LANES);
    let most = 1 << loads.max(1).ilog2();
    wanted.min(most)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_has_a_load_for_each_lane_of_its_team() {
        for loads in 1..5000 {
            for team in [1, LOADS].map(|each| lanes(loads, each)) {
                assert!(team.is_power_of_two() && team <= loads.min(WIDE_LANES), "{loads}: {team}");
                assert!(loads < 16 || team >= 16, "{loads}: {team}");
            }
        }
        assert_eq!(
            [1, 3, 16, 224, 1024, 100_000].map(|loads| lanes(loads, LOADS)),
            [1, 2, 16, 64, 256, 256]
        );
    }
}
