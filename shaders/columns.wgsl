// Continued in elements.wgsl.
//
// Windows of columns: a product whose weight is cut into windows of rows makes one run of columns of
// its output at a time, and here it goes to, or comes from, the whole. Nothing is computed.

struct Dims {
    M: u32,
    N: u32,      // columns of the part
    V: u32,      // columns of the whole
    COLUMN: u32, // of the whole, at which the part begins
}

@group(0) @binding(0) var<uniform> dims: Dims;
@group(0) @binding(1) var<storage, read_write> part: array<f32>;  // (M, N)  written by take
@group(0) @binding(2) var<storage, read_write> whole: array<f32>; // (M, V)  written by place

// Where an element of the part is in the whole.
fn place_of(i: u32) -> u32 {
    return i / dims.N * dims.V + dims.COLUMN + i % dims.N;
}

// One invocation copies one element of the part to the whole.
@compute @workgroup_size(LANES)
fn place(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
) {
    let i = element(group, groups, lane);
    if i >= dims.M * dims.N {
        return;
    }
    whole[place_of(i)] = part[i];
}

// One invocation copies one element of the part from the whole.
@compute @workgroup_size(LANES)
fn take(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
) {
    let i = element(group, groups, lane);
    if i >= dims.M * dims.N {
        return;
    }
    part[i] = whole[place_of(i)];
}
