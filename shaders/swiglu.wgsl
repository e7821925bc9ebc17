// Continued in gated.wgsl.
//
// SwiGLU over P elements: y = silu(gate) * up with silu(x) = x * sigmoid(x), and its gradients.

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
