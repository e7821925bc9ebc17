// Continued in tanh_gelu.wgsl, with gated.wgsl for elements.wgsl.
//
// GeGLU over P elements: y = gelu(gate) * up, with gelu by tanh, and its gradients.

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
    y[i] = gelu(bend(gate[i])) * up[i];
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
    y_vec4[i] = gelu_quad(bend_quad(gate_vec4[i])) * up_vec4[i];
}

// One invocation computes one element of dgate and of dup.
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
    let curve = bend(gate[i]);
    let slope = dy[i];
    dgate[i] = slope * up[i] * gelu_slope(curve);
    dup[i] = slope * gelu(curve);
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
    let curve = bend_quad(gate_vec4[i]);
    let slope = dy_vec4[i];
    dgate_vec4[i] = slope * up_vec4[i] * gelu_slope_quad(curve);
    dup_vec4[i] = slope * gelu_quad(curve);
}
