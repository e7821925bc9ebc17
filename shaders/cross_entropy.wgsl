// Cross entropy over a window of M rows of V logits. The exponentials are made once, in the forward
// pass, and turned into gradients in place. A row's maximum and sum are taken by the LANES
// invocations of one workgroup: each over its own strided share, starting from the type's identity
// (V operations in all), then pairwise in workgroup memory (LANES - 1 more). LANES is a power of
// two, V need not reach it. Targets are below V: the host has looked.
//
// `_vec4` entries want V to be a multiple of four, and bind vec4 views of the same buffers.
//
// Grids: M workgroups in two dimensions for forward and backward, one workgroup for mean. A CPU wants
// few lanes, so that a workgroup walks its row in one stream.

struct Dims { M: u32, V: u32 }
struct Rows { M: u32 }
struct Scale { inv_t: f32 }

@group(0) @binding(0) var<uniform> dims: Dims;
@group(0) @binding(1) var<uniform> scale: Scale;
@group(0) @binding(2) var<storage, read> targets: array<u32>;                  // (M)
@group(0) @binding(3) var<storage, read> logits: array<f32>;                   // (M,V)
@group(0) @binding(3) var<storage, read> logits_vec4: array<vec4<f32>>;        // (M,V/4)
@group(0) @binding(4) var<storage, read_write> p: array<f32>;                  // (M,V), exp(logit - row maximum), then dlogits
@group(0) @binding(4) var<storage, read_write> p_vec4: array<vec4<f32>>;       // (M,V/4)
@group(0) @binding(5) var<storage, read_write> denominator: array<f32>;        // (M), row sums of p
@group(0) @binding(6) var<storage, read_write> loss: array<f32>;               // (M)
@group(0) @binding(7) var<storage, read_write> mean_loss: array<f32>;          // (1)
@group(0) @binding(8) var<uniform> rows: Rows;

override LANES: u32;

var<workgroup> shares: array<f32, LANES>;
var<workgroup> row_scale: f32;

const LOWEST: f32 = -3.4028234e38;

// The maximum of all lanes' shares, in every lane.
fn workgroup_max(lane: u32, share: f32) -> f32 {
    shares[lane] = share;
    workgroupBarrier();
    for (var width = LANES / 2u; width > 0u; width /= 2u) {
        if (lane < width) { shares[lane] = max(shares[lane], shares[lane + width]); }
        workgroupBarrier();
    }
    let result = shares[0];
    // Before the shares are used for something else.
    workgroupBarrier();
    return result;
}

// The sum of all lanes' shares, in lane 0.
fn workgroup_sum(lane: u32, share: f32) -> f32 {
    shares[lane] = share;
    workgroupBarrier();
    for (var width = LANES / 2u; width > 0u; width /= 2u) {
        if (lane < width) { shares[lane] += shares[lane + width]; }
        workgroupBarrier();
    }
    return shares[0];
}

// One workgroup computes one row: p = exp(x - max), its sum, and
// loss = log(sum) - (x_target - max).
@compute @workgroup_size(LANES)
fn forward(
    @builtin(workgroup_id) workgroup: vec3<u32>,
    @builtin(num_workgroups) workgroups: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
) {
    let row = workgroup.y * workgroups.x + workgroup.x;
    if (row >= dims.M) { return; }
    let first = row * dims.V;
    let end = first + dims.V;
    var share = LOWEST;
    for (var i = first + lane; i < end; i += LANES) { share = max(share, logits[i]); }
    let maximum = workgroup_max(lane, share);
    share = 0.0;
    for (var i = first + lane; i < end; i += LANES) {
        let power = exp(logits[i] - maximum);
        p[i] = power;
        share += power;
    }
    let sum = workgroup_sum(lane, share);
    if (lane == 0u) {
        denominator[row] = sum;
        loss[row] = log(sum) - (logits[first + targets[row]] - maximum);
    }
}

// One workgroup computes one row, as `forward` does, four columns at a time.
@compute @workgroup_size(LANES)
fn forward_vec4(
    @builtin(workgroup_id) workgroup: vec3<u32>,
    @builtin(num_workgroups) workgroups: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
) {
    let row = workgroup.y * workgroups.x + workgroup.x;
    if (row >= dims.M) { return; }
    let first = row * (dims.V / 4u);
    let end = first + dims.V / 4u;
    var share = LOWEST;
    for (var i = first + lane; i < end; i += LANES) {
        let x = logits_vec4[i];
        share = max(share, max(max(x.x, x.y), max(x.z, x.w)));
    }
    let maximum = workgroup_max(lane, share);
    share = 0.0;
    for (var i = first + lane; i < end; i += LANES) {
        let power = exp(logits_vec4[i] - maximum);
        p_vec4[i] = power;
        share += (power.x + power.y) + (power.z + power.w);
    }
    let sum = workgroup_sum(lane, share);
    if (lane == 0u) {
        denominator[row] = sum;
        let aim = targets[row];
        loss[row] = log(sum) - (logits_vec4[first + aim / 4u][aim % 4u] - maximum);
    }
}

// One workgroup turns one row of p into dlogits = (p / denominator - onehot) / T: every element times
// inv_t / denominator, which is divided once, and inv_t less at the target.
@compute @workgroup_size(LANES)
fn backward(
    @builtin(workgroup_id) workgroup: vec3<u32>,
    @builtin(num_workgroups) workgroups: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
) {
    let row = workgroup.y * workgroups.x + workgroup.x;
    if (row >= dims.M) { return; }
    if (lane == 0u) { row_scale = scale.inv_t / denominator[row]; }
    workgroupBarrier();
    let factor = row_scale;
    let first = row * dims.V;
    let end = first + dims.V;
    for (var i = first + lane; i < end; i += LANES) { p[i] *= factor; }
    // By the lane that has just written it.
    let aim = targets[row];
    if (aim % LANES == lane) { p[first + aim] -= scale.inv_t; }
}

// One workgroup turns one row of p into dlogits, as `backward` does, four columns at a time.
@compute @workgroup_size(LANES)
fn backward_vec4(
    @builtin(workgroup_id) workgroup: vec3<u32>,
    @builtin(num_workgroups) workgroups: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
) {
    let row = workgroup.y * workgroups.x + workgroup.x;
    if (row >= dims.M) { return; }
    if (lane == 0u) { row_scale = scale.inv_t / denominator[row]; }
    workgroupBarrier();
    let factor = row_scale;
    let first = row * (dims.V / 4u);
    let end = first + dims.V / 4u;
    for (var i = first + lane; i < end; i += LANES) { p_vec4[i] *= factor; }
    let aim = targets[row];
    if (aim / 4u % LANES == lane) { p_vec4[first + aim / 4u][aim % 4u] -= scale.inv_t; }
}

// One workgroup computes the mean of M losses.
@compute @workgroup_size(LANES)
fn mean(@builtin(local_invocation_index) lane: u32) {
    var share = 0.0;
    for (var i = lane; i < rows.M; i += LANES) { share += loss[i]; }
    let sum = workgroup_sum(lane, share);
    if (lane == 0u) { mean_loss[0] = sum * scale.inv_t; }
}
