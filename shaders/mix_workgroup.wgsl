// Continued in teams.wgsl.
//
// The gradient of the residual stream's scale where a workgroup's invocations run side by side: TEAM lanes share one of
// PARTIALS parts of a dot product over P elements, and their sum. What mix.wgsl computes, by as many operations.

// Lanes whose sums of parts begin at zero: at most TEAM.
override LANES_PER_COLUMN: u32;

struct Sum {
    P: u32,
    PARTIALS: u32,
}

@group(0) @binding(0) var<uniform> sum: Sum;
@group(0) @binding(1) var<storage, read> dy: array<f32>;             // (P)
@group(0) @binding(3) var<storage, read> s: array<f32>;              // (P)
@group(0) @binding(2) var<storage, read_write> partials: array<f32>; // (PARTIALS)
@group(0) @binding(3) var<storage, read_write> dscale: array<f32>;   // (1)

// TEAM lanes compute one part of dy . s: a run of TEAM terms, and every run that comes PARTIALS runs later.
@compute @workgroup_size(LANES)
fn backward_scale_partials(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
) {
    var place = place_in_row(group, groups, lane, sum.PARTIALS);
    let leads = place.busy && place.rank == 0u;
    let first = place.item * TEAM;
    // A short tensor has no term for the last lanes.
    place.members = min(place.members, max(sum.P, first) - first);
    place.busy = place.rank < place.members;
    var share = 0.0;
    if place.busy {
        share = dy[first + place.rank] * s[first + place.rank];
        let step = sum.PARTIALS * TEAM;
        for (var i = first + place.rank + step; i < sum.P; i += step) {
            share = fma(dy[i], s[i], share);
        }
    }
    let part = total(0.0, share, place);
    if leads {
        partials[place.item] = part;
    }
}

// One workgroup computes dscale from all parts, which are at least TEAM, and TEAM is all of the workgroup.
@compute @workgroup_size(LANES)
fn backward_scale(@builtin(local_invocation_index) lane: u32) {
    let place = place_in_column(lane, 0u, 1u, sum.PARTIALS);
    var share = partials[lane];
    for (var part = lane + TEAM; part < sum.PARTIALS; part += TEAM) {
        share += partials[part];
    }
    let result = total_of_firsts(0.0, share, LANES_PER_COLUMN, place);
    if lane == 0u {
        dscale[0] = result;
    }
}
