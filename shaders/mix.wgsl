// Continued in elements.wgsl.
//
// The residual stream: y = h + f + bk_scale * s over P elements, its gradients, plain sums,
// in a place of their own or in that of a summand, sums with a multiple, multiples, and x + 1. The gradients of h and f
// are dy itself, and so is that of x.
//
// `_vec4` entries want P to be a multiple of four, and bind vec4 views of the same buffers.

struct Dims {
    P: u32,
}

struct Sum {
    P: u32,
    PARTIALS: u32,
}

struct Multiple {
    P: u32,
    factor: f32,
}

@group(0) @binding(0) var<uniform> dims: Dims;
@group(0) @binding(0) var<uniform> multiple: Multiple;
@group(0) @binding(1) var<storage, read> h: array<f32>;              // (P)
@group(0) @binding(2) var<storage, read> f: array<f32>;              // (P)
@group(0) @binding(3) var<storage, read> s: array<f32>;              // (P)
@group(0) @binding(4) var<storage, read> bk_scale: array<f32>;       // (1)
@group(0) @binding(5) var<storage, read_write> y: array<f32>;        // (P)  written forward, read by add
@group(0) @binding(1) var<storage, read> dy: array<f32>;             // (P)
@group(0) @binding(2) var<storage, read_write> ds: array<f32>;       // (P)
@group(0) @binding(1) var<storage, read> x: array<f32>;              // (P)
@group(0) @binding(2) var<storage, read_write> out: array<f32>;      // (P)
@group(0) @binding(0) var<uniform> sum: Sum;
@group(0) @binding(1) var<storage, read_write> scaled: array<f32>;   // (P)
@group(0) @binding(2) var<storage, read_write> partials: array<f32>; // (PARTIALS)
@group(0) @binding(3) var<storage, read_write> dscale: array<f32>;   // (1)

@group(0) @binding(1) var<storage, read> h_vec4: array<vec4<f32>>;        // (P / 4)
@group(0) @binding(2) var<storage, read> f_vec4: array<vec4<f32>>;        // (P / 4)
@group(0) @binding(3) var<storage, read> s_vec4: array<vec4<f32>>;        // (P / 4)
@group(0) @binding(5) var<storage, read_write> y_vec4: array<vec4<f32>>;  // (P / 4)
@group(0) @binding(1) var<storage, read> dy_vec4: array<vec4<f32>>;       // (P / 4)
@group(0) @binding(2) var<storage, read_write> ds_vec4: array<vec4<f32>>; // (P / 4)
@group(0) @binding(1) var<storage, read> x_vec4: array<vec4<f32>>;        // (P / 4)
@group(0) @binding(2) var<storage, read_write> out_vec4: array<vec4<f32>>; // (P / 4)

// What each lane of a workgroup has added up.
var<workgroup> lanes: array<f32, LANES>;

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
    y[i] = fma(bk_scale[0], s[i], h[i] + f[i]);
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
    y_vec4[i] = fma(vec4<f32>(bk_scale[0]), s_vec4[i], h_vec4[i] + f_vec4[i]);
}

// One invocation computes one element of ds.
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
    ds[i] = dy[i] * bk_scale[0];
}

// One invocation computes four elements of ds.
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
    ds_vec4[i] = dy_vec4[i] * bk_scale[0];
}

// One invocation computes one of PARTIALS parts of the dot product dy . s, every PARTIALS-th term of
// it: the first half of bk_scale's gradient, in an order that does not depend on timing.
@compute @workgroup_size(LANES)
fn backward_scale_partials(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
) {
    let part = element(group, groups, lane);
    if part >= sum.PARTIALS {
        return;
    }
    var value = 0.0;
    for (var i = part; i < sum.P; i += sum.PARTIALS) {
        value = fma(dy[i], s[i], value);
    }
    partials[part] = value;
}

// One workgroup computes dscale from all partials: the other half. LANES is a power of two.
@compute @workgroup_size(LANES)
fn backward_scale(@builtin(local_invocation_index) lane: u32) {
    var value = 0.0;
    for (var part = lane; part < sum.PARTIALS; part += LANES) {
        value += partials[part];
    }
    lanes[lane] = value;
    for (var reach = LANES / 2u; reach > 0u; reach /= 2u) {
        workgroupBarrier();
        if lane < reach {
            lanes[lane] += lanes[lane + reach];
        }
    }
    if lane == 0u {
        dscale[0] = lanes[0];
    }
}

// One invocation computes one element of out = x + y.
@compute @workgroup_size(LANES)
fn add(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
) {
    let i = element(group, groups, lane);
    if i >= dims.P {
        return;
    }
    out[i] = x[i] + y[i];
}

// One invocation computes four elements of out = x + y.
@compute @workgroup_size(LANES)
fn add_vec4(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
) {
    let i = element(group, groups, lane);
    if i >= dims.P / 4u {
        return;
    }
    out_vec4[i] = x_vec4[i] + y_vec4[i];
}

// One invocation computes one element of out = x + factor * y.
@compute @workgroup_size(LANES)
fn add_multiple(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
) {
    let i = element(group, groups, lane);
    if i >= multiple.P {
        return;
    }
    out[i] = fma(multiple.factor, y[i], x[i]);
}

// One invocation computes four elements of out = x + factor * y.
@compute @workgroup_size(LANES)
fn add_multiple_vec4(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
) {
    let i = element(group, groups, lane);
    if i >= multiple.P / 4u {
        return;
    }
    out_vec4[i] = fma(vec4<f32>(multiple.factor), y_vec4[i], x_vec4[i]);
}

// One invocation computes one element of the gradient of that by y: ds = factor * dy.
@compute @workgroup_size(LANES)
fn multiple_gradient(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
) {
    let i = element(group, groups, lane);
    if i >= multiple.P {
        return;
    }
    ds[i] = multiple.factor * dy[i];
}

// One invocation computes four elements of the gradient of that by y.
@compute @workgroup_size(LANES)
fn multiple_gradient_vec4(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
) {
    let i = element(group, groups, lane);
    if i >= multiple.P / 4u {
        return;
    }
    ds_vec4[i] = multiple.factor * dy_vec4[i];
}

// One invocation adds one element of x to one of `out`, in place.
@compute @workgroup_size(LANES)
fn accumulate(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
) {
    let i = element(group, groups, lane);
    if i >= dims.P {
        return;
    }
    out[i] += x[i];
}

// One invocation adds four elements of x to four of `out`, in place.
@compute @workgroup_size(LANES)
fn accumulate_vec4(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
) {
    let i = element(group, groups, lane);
    if i >= dims.P / 4u {
        return;
    }
    out_vec4[i] += x_vec4[i];
}

// One invocation multiplies one element of `scaled` by the factor, in place.
@compute @workgroup_size(LANES)
fn scale(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
) {
    let i = element(group, groups, lane);
    if i >= multiple.P {
        return;
    }
    scaled[i] *= multiple.factor;
}

// One invocation computes one element of out = x + 1.
@compute @workgroup_size(LANES)
fn plus_one(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
) {
    let i = element(group, groups, lane);
    if i >= dims.P {
        return;
    }
    out[i] = x[i] + 1.0;
}
