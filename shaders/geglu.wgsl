// Continued in bounded.wgsl, with gated.wgsl for elements.wgsl.
//
// GeGLU over P elements: y = gelu(gate) * up with gelu(x) = x/2 (1 + tanh(sqrt(2/pi) (x + 0.044715 x^3))), and
// its gradients.

// The argument of tanh is x (LINEAR + CUBIC x^2); its slope is LINEAR + 3 CUBIC x^2.
const LINEAR: f32 = 0.7978845608028654;
const CUBIC: f32 = 0.035677408136300125;

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
    let half = 0.5 * x;
    y[i] = fma(half, tanh(bounded(x * fma(CUBIC, x * x, LINEAR))), half) * up[i];
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
    let half = 0.5 * x;
    let bent = tanh(bounded_quad(x * fma(vec4(CUBIC), x * x, vec4(LINEAR))));
    y_vec4[i] = fma(half, bent, half) * up_vec4[i];
}

// One invocation computes one element of dgate and of dup. With t the tanh and u its argument,
// gelu'(x) = (1 + t)/2 + x/2 (1 - t^2) u'.
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
    let square = x * x;
    let bent = tanh(bounded(x * fma(CUBIC, square, LINEAR)));
    let half = 0.5 * x;
    let steep = half * (1.0 - bent * bent);
    let derivative = fma(steep, fma(3.0 * CUBIC, square, LINEAR), fma(0.5, bent, 0.5));
    dgate[i] = slope * up[i] * derivative;
    dup[i] = slope * fma(half, bent, half);
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
    let square = x * x;
    let bent = tanh(bounded_quad(x * fma(vec4(CUBIC), square, vec4(LINEAR))));
    let half = 0.5 * x;
    let steep = half * (1.0 - bent * bent);
    let derivative = fma(steep, fma(vec4(3.0 * CUBIC), square, vec4(LINEAR)), fma(vec4(0.5), bent, vec4(0.5)));
    dgate_vec4[i] = slope * up_vec4[i] * derivative;
    dup_vec4[i] = slope * fma(half, bent, half);
}
