// Continued in elements.wgsl.
//
// The expert of a mixture that all T tokens pass: its output of width D, weighted by a sigmoid of each token's
// own, is added to what the chosen experts give; and the gradients.
//
// `_vec4` entries want D to be a multiple of four, and bind vec4 views of the same buffers.

struct Dims {
    T: u32,
    D: u32,
}

@group(0) @binding(0) var<uniform> dims: Dims;
@group(0) @binding(1) var<storage, read> logits: array<f32>;        // (T)
@group(0) @binding(2) var<storage, read_write> gate: array<f32>;    // (T)  written by weight, else read
@group(0) @binding(3) var<storage, read> ys: array<f32>;            // (T,D)  the expert's output
@group(0) @binding(4) var<storage, read_write> y: array<f32>;       // (T,D)
@group(0) @binding(4) var<storage, read> dy: array<f32>;            // (T,D)
@group(0) @binding(5) var<storage, read_write> dys: array<f32>;     // (T,D)
@group(0) @binding(5) var<storage, read_write> dlogits: array<f32>; // (T)

@group(0) @binding(3) var<storage, read> ys_vec4: array<vec4<f32>>;        // (T,D / 4)
@group(0) @binding(4) var<storage, read_write> y_vec4: array<vec4<f32>>;   // (T,D / 4)
@group(0) @binding(4) var<storage, read> dy_vec4: array<vec4<f32>>;        // (T,D / 4)
@group(0) @binding(5) var<storage, read_write> dys_vec4: array<vec4<f32>>; // (T,D / 4)

// One invocation computes one token's gate (T): 1 / (1 + exp(-logit)).
@compute @workgroup_size(LANES)
fn weight(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
) {
    let t = element(group, groups, lane);
    if t >= dims.T {
        return;
    }
    gate[t] = 1.0 / (1.0 + exp(-logits[t]));
}

// One invocation computes one element of y (T,D).
@compute @workgroup_size(LANES)
fn forward(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
) {
    let i = element(group, groups, lane);
    if i >= dims.T * dims.D {
        return;
    }
    y[i] = fma(gate[i / dims.D], ys[i], y[i]);
}

// One invocation computes four elements of y (T,D).
@compute @workgroup_size(LANES)
fn forward_vec4(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
) {
    let columns = dims.D / 4u;
    let i = element(group, groups, lane);
    if i >= dims.T * columns {
        return;
    }
    y_vec4[i] = fma(vec4(gate[i / columns]), ys_vec4[i], y_vec4[i]);
}

// One invocation computes one element of dys (T,D).
@compute @workgroup_size(LANES)
fn backward_input(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
) {
    let i = element(group, groups, lane);
    if i >= dims.T * dims.D {
        return;
    }
    dys[i] = gate[i / dims.D] * dy[i];
}

// One invocation computes four elements of dys (T,D).
@compute @workgroup_size(LANES)
fn backward_input_vec4(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
) {
    let columns = dims.D / 4u;
    let i = element(group, groups, lane);
    if i >= dims.T * columns {
        return;
    }
    dys_vec4[i] = gate[i / columns] * dy_vec4[i];
}

// One invocation computes one token's dlogit (T): the dot product of dy with the expert's output, times the
// sigmoid's slope gate (1 - gate).
@compute @workgroup_size(LANES)
fn backward_weight(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
) {
    let t = element(group, groups, lane);
    if t >= dims.T {
        return;
    }
    let row = t * dims.D;
    var sum = 0.0;
    for (var d = 0u; d < dims.D; d++) {
        sum = fma(dy[row + d], ys[row + d], sum);
    }
    let open = gate[t];
    dlogits[t] = sum * open * (1.0 - open);
}
