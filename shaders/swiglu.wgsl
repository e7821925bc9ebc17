// SwiGLU over P elements: y = silu(gate) * up with silu(x) = x * sigmoid(x), and its gradients.
//
// `_vec4` entries want P to be a multiple of four, and bind vec4 views of the same buffers.

override LANES: u32;

struct Dims {
    P: u32,
}

@group(0) @binding(0) var<uniform> dims: Dims;
@group(0) @binding(1) var<storage, read> gate: array<f32>;                  // (P)
@group(0) @binding(2) var<storage, read> up: array<f32>;                    // (P)
@group(0) @binding(3) var<storage, read> dy: array<f32>;                    // (P)
@group(0) @binding(4) var<storage, read_write> y: array<f32>;               // (P)
@group(0) @binding(4) var<storage, read_write> dgate: array<f32>;           // (P)
@group(0) @binding(5) var<storage, read_write> dup: array<f32>;             // (P)
@group(0) @binding(1) var<storage, read> gate_vec4: array<vec4<f32>>;       // (P / 4)
@group(0) @binding(2) var<storage, read> up_vec4: array<vec4<f32>>;         // (P / 4)
@group(0) @binding(3) var<storage, read> dy_vec4: array<vec4<f32>>;         // (P / 4)
@group(0) @binding(4) var<storage, read_write> y_vec4: array<vec4<f32>>;    // (P / 4)
@group(0) @binding(4) var<storage, read_write> dgate_vec4: array<vec4<f32>>; // (P / 4)
@group(0) @binding(5) var<storage, read_write> dup_vec4: array<vec4<f32>>;  // (P / 4)

// The element of this invocation; two grid dimensions, because one ends at 65535 workgroups.
fn element(group: vec3<u32>, groups: vec3<u32>, lane: u32) -> u32 {
    return (group.y * groups.x + group.x) * LANES + lane;
}

// 1 / (1 + exp(-x)): 0 where the exponential overflows.
fn sigmoid(x: vec4<f32>) -> vec4<f32> {
    return 1.0 / (1.0 + exp(-x));
}

fn sigmoid_scalar(x: f32) -> f32 {
    return 1.0 / (1.0 + exp(-x));
}

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
    let x = gate[i];
    y[i] = x * sigmoid_scalar(x) * up[i];
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
    let x = gate_vec4[i];
    y_vec4[i] = x * sigmoid(x) * up_vec4[i];
}

// One invocation computes one element of dgate and of dup. silu'(x) = sigmoid + silu * (1 - sigmoid).
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
    let x = gate[i];
    let slope = dy[i];
    let opened = sigmoid_scalar(x);
    let silu = x * opened;
    dgate[i] = slope * up[i] * fma(silu, 1.0 - opened, opened);
    dup[i] = slope * silu;
}

// One invocation computes four elements of dgate and of dup.
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
    let x = gate_vec4[i];
    let slope = dy_vec4[i];
    let opened = sigmoid(x);
    let silu = x * opened;
    dgate_vec4[i] = slope * up_vec4[i] * fma(silu, 1.0 - opened, opened);
    dup_vec4[i] = slope * silu;
}
