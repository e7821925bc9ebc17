// Continued in teams.wgsl.
//
// Rows of cross entropy and the mean of their losses where a workgroup's invocations run side by side: TEAM lanes, which
// are the whole workgroup, share a row. What cross_entropy.wgsl computes, by as many operations. V is at least TEAM.
//
// `_vec4` entries want V to be a multiple of four, and bind vec4 views of the same buffers; V / 4 is at least TEAM there.
//
// Grids: M workgroups in two dimensions for forward, one workgroup for mean.

struct Dims { M: u32, V: u32 }
struct Rows { M: u32 }
struct Scale { inv_t: f32 }

// Lanes whose maxima begin at the lowest number and whose sums begin at zero: at most TEAM.
override LANES_PER_COLUMN: u32;

@group(0) @binding(0) var<uniform> dims: Dims;
@group(0) @binding(1) var<uniform> scale: Scale;
@group(0) @binding(2) var<storage, read> targets: array<u32>;            // (M)
@group(0) @binding(3) var<storage, read> logits: array<f32>;             // (M,V)
@group(0) @binding(3) var<storage, read> logits_vec4: array<vec4<f32>>;  // (M,V/4)
@group(0) @binding(4) var<storage, read_write> p: array<f32>;            // (M,V), exp(logit - row maximum)
@group(0) @binding(4) var<storage, read_write> p_vec4: array<vec4<f32>>; // (M,V/4)
@group(0) @binding(5) var<storage, read_write> denominator: array<f32>;  // (M), row sums of p
@group(0) @binding(6) var<storage, read_write> loss: array<f32>;         // (M)
@group(0) @binding(7) var<storage, read_write> mean_loss: array<f32>;    // (1)
@group(0) @binding(8) var<uniform> rows: Rows;

const LOWEST: f32 = -3.4028234e38;

// The maximum of the lanes' shares, in every lane: TEAM + LANES_PER_COLUMN - 1 comparisons.
fn greatest(share: f32, place: Place) -> f32 {
    slots[place.lane] = share;
    workgroupBarrier();
    var result = LOWEST;
    if place.rank < LANES_PER_COLUMN {
        for (var other = place.rank; other < TEAM; other += LANES_PER_COLUMN) {
            result = max(result, slots[other]);
        }
        slots[place.lane] = result;
    }
    workgroupBarrier();
    if place.rank == 0u {
        for (var other = 1u; other < LANES_PER_COLUMN; other++) {
            result = max(result, slots[other]);
        }
        tell(vec2(result), place);
    }
    return told(place).x;
}

// One workgroup computes one row: p = exp(x - max), its sum, and loss = log(sum) - (x_target - max).
@compute @workgroup_size(LANES)
fn forward(
    @builtin(workgroup_id) workgroup: vec3<u32>,
    @builtin(num_workgroups) workgroups: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
) {
    let row = workgroup.y * workgroups.x + workgroup.x;
    if row >= dims.M {
        return;
    }
    let place = place_in_column(lane, 0u, 1u, dims.V);
    let first = row * dims.V;
    let end = first + dims.V;
    var share = logits[first + lane];
    for (var i = first + lane + TEAM; i < end; i += TEAM) {
        share = max(share, logits[i]);
    }
    let maximum = greatest(share, place);
    share = exp(logits[first + lane] - maximum);
    p[first + lane] = share;
    for (var i = first + lane + TEAM; i < end; i += TEAM) {
        let power = exp(logits[i] - maximum);
        p[i] = power;
        share += power;
    }
    let sum = total_of_firsts(0.0, share, LANES_PER_COLUMN, place);
    if lane == 0u {
        denominator[row] = sum;
        loss[row] = log(sum) - (logits[first + targets[row]] - maximum);
    }
}

// One workgroup computes one row, four columns at a time.
@compute @workgroup_size(LANES)
fn forward_vec4(
    @builtin(workgroup_id) workgroup: vec3<u32>,
    @builtin(num_workgroups) workgroups: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
) {
    let row = workgroup.y * workgroups.x + workgroup.x;
    if row >= dims.M {
        return;
    }
    let place = place_in_column(lane, 0u, 1u, dims.V / 4u);
    let first = row * (dims.V / 4u);
    let end = first + dims.V / 4u;
    let x = logits_vec4[first + lane];
    var share = max(max(x.x, x.y), max(x.z, x.w));
    for (var i = first + lane + TEAM; i < end; i += TEAM) {
        let x = logits_vec4[i];
        share = max(share, max(max(x.x, x.y), max(x.z, x.w)));
    }
    let maximum = greatest(share, place);
    let power = exp(x - maximum);
    p_vec4[first + lane] = power;
    share = across(power);
    for (var i = first + lane + TEAM; i < end; i += TEAM) {
        let power = exp(logits_vec4[i] - maximum);
        p_vec4[i] = power;
        share += across(power);
    }
    let sum = total_of_firsts(0.0, share, LANES_PER_COLUMN, place);
    if lane == 0u {
        denominator[row] = sum;
        let aim = targets[row];
        loss[row] = log(sum) - (logits_vec4[first + aim / 4u][aim % 4u] - maximum);
    }
}

// One workgroup computes the mean of M losses, which are at least TEAM.
@compute @workgroup_size(LANES)
fn mean(@builtin(local_invocation_index) lane: u32) {
    let place = place_in_column(lane, 0u, 1u, rows.M);
    var share = loss[lane];
    for (var i = lane + TEAM; i < rows.M; i += TEAM) {
        share += loss[i];
    }
    let sum = total_of_firsts(0.0, share, LANES_PER_COLUMN, place);
    if lane == 0u {
        mean_loss[0] = sum * scale.inv_t;
    }
}
