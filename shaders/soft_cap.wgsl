// Continued in bounded.wgsl.
//
// Numbers kept within a bound: y = cap * tanh(x / cap) over P elements, and its gradient, both in place. The
// gradient comes from what the forward pass left, 1 - (y / cap)^2.
//
// `_vec4` entries want P to be a multiple of four, and bind vec4 views of the same buffers.

struct Dims {
    P: u32,
    cap: f32,
    inverse: f32,      // 1 / cap
    minus_square: f32, // -1 / cap^2
}

@group(0) @binding(0) var<uniform> dims: Dims;
@group(0) @binding(1) var<storage, read_write> capped: array<f32>;            // (P)  x, then y; read backward
@group(0) @binding(2) var<storage, read_write> slope: array<f32>;             // (P)  dy, then dx
@group(0) @binding(1) var<storage, read_write> capped_vec4: array<vec4<f32>>; // (P / 4)
@group(0) @binding(2) var<storage, read_write> slope_vec4: array<vec4<f32>>;  // (P / 4)

// One invocation computes one element of y.
@compute @workgroup_size(LANES)
fn forward(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
) {
    let i = element(group, groups, lane);
    if i >= dims.P {
        return;
    }
    capped[i] = dims.cap * tanh(bounded(capped[i] * dims.inverse));
}

// One invocation computes four elements of y.
@compute @workgroup_size(LANES)
fn forward_vec4(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
) {
    let i = element(group, groups, lane);
    if i >= dims.P / 4u {
        return;
    }
    capped_vec4[i] = dims.cap * tanh(bounded_quad(capped_vec4[i] * dims.inverse));
}

// One invocation computes one element of dx.
@compute @workgroup_size(LANES)
fn backward(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
) {
    let i = element(group, groups, lane);
    if i >= dims.P {
        return;
    }
    let y = capped[i];
    slope[i] *= fma(y * y, dims.minus_square, 1.0);
}

// One invocation computes four elements of dx.
@compute @workgroup_size(LANES)
fn backward_vec4(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
) {
    let i = element(group, groups, lane);
    if i >= dims.P / 4u {
        return;
    }
    let y = capped_vec4[i];
    slope_vec4[i] *= fma(y * y, vec4(dims.minus_square), vec4(1.0));
}
