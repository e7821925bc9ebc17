// Continued in tanh_gelu.wgsl.
//
// gelu by tanh over P elements, y = gelu(x), and its gradient.
//
// `_vec4` entries want P to be a multiple of four, and bind vec4 views of the same buffers.

struct Dims {
    P: u32,
}

@group(0) @binding(0) var<uniform> dims: Dims;
@group(0) @binding(1) var<storage, read> x: array<f32>;        // (P)
@group(0) @binding(2) var<storage, read> dy: array<f32>;       // (P)
@group(0) @binding(3) var<storage, read_write> y: array<f32>;  // (P)
@group(0) @binding(3) var<storage, read_write> dx: array<f32>; // (P)
@group(0) @binding(1) var<storage, read> x_vec4: array<vec4<f32>>;        // (P / 4)
@group(0) @binding(2) var<storage, read> dy_vec4: array<vec4<f32>>;       // (P / 4)
@group(0) @binding(3) var<storage, read_write> y_vec4: array<vec4<f32>>;  // (P / 4)
@group(0) @binding(3) var<storage, read_write> dx_vec4: array<vec4<f32>>; // (P / 4)

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
    y[i] = gelu(bend(x[i]));
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
    y_vec4[i] = gelu_quad(bend_quad(x_vec4[i]));
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
    dx[i] = dy[i] * gelu_slope(bend(x[i]));
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
    dx_vec4[i] = dy_vec4[i] * gelu_slope_quad(bend_quad(x_vec4[i]));
}
