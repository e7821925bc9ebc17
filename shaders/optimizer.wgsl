// Continued in elements.wgsl.
//
// One optimizer step over P parameters, in place, as PyTorch defines it. What is the same for every
// parameter comes ready from the host, which has more digits: learning rate lr, step number t from 1.
//
// `_vec4` entries want P to be a multiple of four, and bind vec4 views of the same buffers.

struct Sgd {
    P: u32,
    step: f32, // -lr
}

struct Adam {
    P: u32,
    weight_decay: f32,
    beta1: f32,
    rest1: f32,       // 1 - beta1
    beta2: f32,
    rest2: f32,       // 1 - beta2
    correction2: f32, // 1 / sqrt(1 - beta2^t)
    eps: f32,
    step: f32,        // -lr / (1 - beta1^t)
}

struct AdamW {
    P: u32,
    decay: f32,       // 1 - lr * weight_decay
    beta1: f32,
    rest1: f32,       // 1 - beta1
    beta2: f32,
    rest2: f32,       // 1 - beta2
    correction2: f32, // 1 / sqrt(1 - beta2^t)
    eps: f32,
    step: f32,        // -lr / (1 - beta1^t)
}

@group(0) @binding(0) var<uniform> sgd_dims: Sgd;
@group(0) @binding(0) var<uniform> adam_dims: Adam;
@group(0) @binding(0) var<uniform> adamw_dims: AdamW;
@group(0) @binding(1) var<storage, read_write> param: array<f32>; // (P)
@group(0) @binding(2) var<storage, read> grad: array<f32>;        // (P)
@group(0) @binding(3) var<storage, read_write> m: array<f32>;     // (P)  running mean of the gradient
@group(0) @binding(4) var<storage, read_write> v: array<f32>;     // (P)  running mean of its square
@group(0) @binding(1) var<storage, read_write> param_vec4: array<vec4<f32>>; // (P / 4)
@group(0) @binding(2) var<storage, read> grad_vec4: array<vec4<f32>>;        // (P / 4)
@group(0) @binding(3) var<storage, read_write> m_vec4: array<vec4<f32>>;     // (P / 4)
@group(0) @binding(4) var<storage, read_write> v_vec4: array<vec4<f32>>;     // (P / 4)

// One invocation updates one parameter: param -= lr * grad.
@compute @workgroup_size(LANES)
fn sgd(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
) {
    let i = element(group, groups, lane);
    if i >= sgd_dims.P {
        return;
    }
    param[i] = fma(sgd_dims.step, grad[i], param[i]);
}

// One invocation updates four parameters: param -= lr * grad.
@compute @workgroup_size(LANES)
fn sgd_vec4(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
) {
    let i = element(group, groups, lane);
    if i >= sgd_dims.P / 4u {
        return;
    }
    param_vec4[i] = fma(vec4(sgd_dims.step), grad_vec4[i], param_vec4[i]);
}

// One invocation updates one parameter and its moments; the decay is part of the gradient.
@compute @workgroup_size(LANES)
fn adam(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
) {
    let i = element(group, groups, lane);
    if i >= adam_dims.P {
        return;
    }
    let g = fma(adam_dims.weight_decay, param[i], grad[i]);
    let mean = fma(adam_dims.beta1, m[i], adam_dims.rest1 * g);
    let square = fma(adam_dims.beta2, v[i], adam_dims.rest2 * g * g);
    m[i] = mean;
    v[i] = square;
    let scale = fma(sqrt(square), adam_dims.correction2, adam_dims.eps);
    param[i] = fma(adam_dims.step, mean / scale, param[i]);
}

// One invocation updates four parameters and their moments; the decay is part of the gradient.
@compute @workgroup_size(LANES)
fn adam_vec4(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
) {
    let i = element(group, groups, lane);
    if i >= adam_dims.P / 4u {
        return;
    }
    let g = fma(vec4(adam_dims.weight_decay), param_vec4[i], grad_vec4[i]);
    let mean = fma(vec4(adam_dims.beta1), m_vec4[i], adam_dims.rest1 * g);
    let square = fma(vec4(adam_dims.beta2), v_vec4[i], adam_dims.rest2 * g * g);
    m_vec4[i] = mean;
    v_vec4[i] = square;
    let scale = fma(sqrt(square), vec4(adam_dims.correction2), vec4(adam_dims.eps));
    param_vec4[i] = fma(vec4(adam_dims.step), mean / scale, param_vec4[i]);
}

// One invocation updates one parameter and its moments; the decay shrinks the parameter by itself.
@compute @workgroup_size(LANES)
fn adamw(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
) {
    let i = element(group, groups, lane);
    if i >= adamw_dims.P {
        return;
    }
    let g = grad[i];
    let mean = fma(adamw_dims.beta1, m[i], adamw_dims.rest1 * g);
    let square = fma(adamw_dims.beta2, v[i], adamw_dims.rest2 * g * g);
    m[i] = mean;
    v[i] = square;
    let scale = fma(sqrt(square), adamw_dims.correction2, adamw_dims.eps);
    param[i] = fma(adamw_dims.step, mean / scale, param[i] * adamw_dims.decay);
}

// One invocation updates four parameters and their moments; the decay shrinks the parameter by itself.
@compute @workgroup_size(LANES)
fn adamw_vec4(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
) {
    let i = element(group, groups, lane);
    if i >= adamw_dims.P / 4u {
        return;
    }
    let g = grad_vec4[i];
    let mean = fma(vec4(adamw_dims.beta1), m_vec4[i], adamw_dims.rest1 * g);
    let square = fma(vec4(adamw_dims.beta2), v_vec4[i], adamw_dims.rest2 * g * g);
    m_vec4[i] = mean;
    v_vec4[i] = square;
    let scale = fma(sqrt(square), vec4(adamw_dims.correction2), vec4(adamw_dims.eps));
    param_vec4[i] = fma(vec4(adamw_dims.step), mean / scale, param_vec4[i] * adamw_dims.decay);
}
