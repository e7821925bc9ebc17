// Continued in teams.wgsl.
//
// The gradient of a mixture's gates where a workgroup's invocations run side by side: TEAM lanes share the dot product
// of one assignment. What moe.wgsl computes, by as many operations.
//
// `_vec4` entries want D to be a multiple of four, and bind vec4 views of the same buffers. TEAM is at most D, and at
// most D / 4 there.

struct Dims {
    T: u32,
    K: u32,
    D: u32,
}

@group(0) @binding(0) var<uniform> dims: Dims;
@group(0) @binding(2) var<storage, read> slot: array<u32>;          // (T K)
@group(0) @binding(4) var<storage, read> ys: array<f32>;            // (T K,D)  the experts' outputs by slot
@group(0) @binding(5) var<storage, read> dy: array<f32>;            // (T,D)
@group(0) @binding(6) var<storage, read_write> dgate: array<f32>;   // (T,K)
@group(0) @binding(4) var<storage, read> ys_vec4: array<vec4<f32>>; // (T K,D / 4)
@group(0) @binding(5) var<storage, read> dy_vec4: array<vec4<f32>>; // (T,D / 4)

// TEAM lanes compute one element of dgate: the dot product of its token's dy with its expert's output.
@compute @workgroup_size(LANES)
fn backward_gate(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
) {
    let place = place_in_row(group, groups, lane, dims.T * dims.K);
    var share = 0.0;
    if place.busy {
        let dy_row = place.item / dims.K * dims.D;
        let ys_row = slot[place.item] * dims.D;
        share = dy[dy_row + place.rank] * ys[ys_row + place.rank];
        for (var d = place.rank + TEAM; d < dims.D; d += TEAM) {
            share = fma(dy[dy_row + d], ys[ys_row + d], share);
        }
    }
    let sum = total(0.0, share, place);
    if place.busy && place.rank == 0u {
        dgate[place.item] = sum;
    }
}

// TEAM lanes compute one element of dgate, four columns at a time.
@compute @workgroup_size(LANES)
fn backward_gate_vec4(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
) {
    let place = place_in_row(group, groups, lane, dims.T * dims.K);
    let columns = dims.D / 4u;
    var share = 0.0;
    if place.busy {
        let dy_row = place.item / dims.K * columns;
        let ys_row = slot[place.item] * columns;
        share = first_chain(dy_vec4[dy_row + place.rank], ys_vec4[ys_row + place.rank]);
        for (var d = place.rank + TEAM; d < columns; d += TEAM) {
            share = chain(share, dy_vec4[dy_row + d], ys_vec4[ys_row + d]);
        }
    }
    let sum = total(0.0, share, place);
    if place.busy && place.rank == 0u {
        dgate[place.item] = sum;
    }
}
