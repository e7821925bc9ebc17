// Continued in teams.wgsl.
//
// The mean of the losses where a workgroup's invocations run side by side: TEAM lanes, which are the whole workgroup,
// share them. What cross_entropy.wgsl computes, by as many operations.

struct Rows { M: u32 }
struct Scale { inv_t: f32 }

// Lanes whose sums begin at zero: at most TEAM.
override LANES_PER_COLUMN: u32;

@group(0) @binding(1) var<uniform> scale: Scale;
@group(0) @binding(6) var<storage, read> loss: array<f32>;            // (M)
@group(0) @binding(7) var<storage, read_write> mean_loss: array<f32>; // (1)
@group(0) @binding(8) var<uniform> rows: Rows;

// One workgroup computes the mean of M losses, which are at least TEAM.
@compute @workgroup_size(LANES)
fn mean(@builtin(local_invocation_index) lane: u32) {
    let place = place_in_column(lane, 0u, 1u, rows.M);
    var share = loss[lane];
    for (var i = lane + TEAM; i < rows.M; i += TEAM) {
        share += loss[i];
    }
    let sum = total_of_firsts(0.0, share, LANES_PER_COLUMN, place);
    if lane == 0u {
        mean_loss[0] = sum * scale.inv_t;
    }
}
