// Continued in elements.wgsl.
//
// Layer norm over rows: y = (x - mean) * rstd * weight + bias with rstd = 1 / sqrt(variance + eps),
// the variance biased and eps inside the root; and its gradients.

// Lanes that share one column of the parameters' gradient: a power of two that divides LANES.
override LANES_PER_COLUMN: u32;

struct Dims {
    M: u32,
    D: u32,
    accumulate: u32, // whether a gradient is added to what is there
    eps: f32,
}

@group(0) @binding(0) var<uniform> dims: Dims;
@group(0) @binding(1) var<storage, read> x: array<f32>;             // (M,D)
@group(0) @binding(2) var<storage, read> weight: array<f32>;        // (D)
@group(0) @binding(3) var<storage, read> bias: array<f32>;          // (D)
@group(0) @binding(4) var<storage, read_write> mean: array<f32>;    // (M)  written forward, read backward
@group(0) @binding(5) var<storage, read_write> rstd: array<f32>;    // (M)  likewise
@group(0) @binding(6) var<storage, read_write> y: array<f32>;       // (M,D)
@group(0) @binding(3) var<storage, read> dy: array<f32>;            // (M,D)
@group(0) @binding(6) var<storage, read_write> dx: array<f32>;      // (M,D)
@group(0) @binding(6) var<storage, read_write> dweight: array<f32>; // (D)
@group(0) @binding(7) var<storage, read_write> dbias: array<f32>;   // (D)

// One slot for each lane, through which lanes add up.
var<workgroup> slots: array<vec2<f32>, LANES>;

// This invocation's place in a team of lanes that works on one column.
struct Place {
    lane: u32,  // in the workgroup
    rank: u32,  // in the team; rank 0 leads
    busy: bool, // false past the last column: such a team only keeps up with the barriers
}

// Two sums over a team of `size` lanes that lie `stride` apart, in its leader: 2 (size - 1) additions.
fn totals(value: vec2<f32>, place: Place, size: u32, stride: u32) -> vec2<f32> {
    if size == 1u {
        return value;
    }
    slots[place.lane] = value;
    for (var reach = size / 2u; reach > 0u; reach /= 2u) {
        workgroupBarrier();
        if place.busy && place.rank < reach {
            slots[place.lane] += slots[place.lane + reach * stride];
        }
    }
    return slots[place.lane];
}

// One invocation computes one row of y, mean and rstd: the mean first and the variance about it, because a
// one-pass variance cancels.
@compute @workgroup_size(LANES)
fn forward(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
) {
    let row = element(group, groups, lane);
    if row >= dims.M {
        return;
    }
    let first = row * dims.D;
    var sum = 0.0;
    for (var d = 0u; d < dims.D; d++) {
        sum += x[first + d];
    }
    let middle = sum / f32(dims.D);
    var squares = 0.0;
    for (var d = 0u; d < dims.D; d++) {
        let centred = x[first + d] - middle;
        squares = fma(centred, centred, squares);
    }
    // (x - mean) * rstd as x * scale + shift, so that no difference is taken a second time.
    let scale = inverseSqrt(squares / f32(dims.D) + dims.eps);
    let shift = -(middle * scale);
    mean[row] = middle;
    rstd[row] = scale;
    for (var d = 0u; d < dims.D; d++) {
        y[first + d] = fma(fma(x[first + d], scale, shift), weight[d], bias[d]);
    }
}

// One invocation computes one row of dx. With g = dy * weight and xhat the normalised row,
// dx = rstd * (g - mean(g) - xhat * mean(g * xhat)), which is linear in dy and x:
// dx = rstd * dy * weight + slope * x + offset.
@compute @workgroup_size(LANES)
fn backward_input(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
) {
    let row = element(group, groups, lane);
    if row >= dims.M {
        return;
    }
    let first = row * dims.D;
    let middle = mean[row];
    let scale = rstd[row];
    var sums = vec2(0.0); // of g and of g * (x - mean)
    for (var d = 0u; d < dims.D; d++) {
        let g = dy[first + d] * weight[d];
        sums.x += g;
        sums.y = fma(g, x[first + d] - middle, sums.y);
    }
    let means = sums / f32(dims.D);
    let slope = -(scale * scale * scale * means.y);
    let offset = -fma(slope, middle, scale * means.x);
    for (var d = 0u; d < dims.D; d++) {
        let i = first + d;
        let value = fma(scale * dy[i], weight[d], fma(slope, x[i], offset));
        if dims.accumulate != 0u {
            dx[i] += value;
        } else {
            dx[i] = value;
        }
    }
}

// LANES_PER_COLUMN lanes of one workgroup compute one element of dweight and of dbias, neighbouring
// lanes neighbouring columns.
@compute @workgroup_size(LANES)
fn backward_params(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
) {
    let columns = LANES / LANES_PER_COLUMN;
    let column = (group.y * groups.x + group.x) * columns + lane % columns;
    let busy = column < dims.D;
    let place = Place(lane, lane / columns, busy);
    let leads = busy && place.rank == 0u;
    let end = select(0u, dims.M, busy);

    var sums = vec2(0.0); // of dy * xhat and of dy
    if leads && dims.accumulate != 0u {
        sums = vec2(dweight[column], dbias[column]);
    }
    for (var row = place.rank; row < end; row += LANES_PER_COLUMN) {
        let i = row * dims.D + column;
        let g = dy[i];
        sums.x = fma(g * rstd[row], x[i] - mean[row], sums.x);
        sums.y += g;
    }
    sums = totals(sums, place, LANES_PER_COLUMN, columns);
    if leads {
        dweight[column] = sums.x;
        dbias[column] = sums.y;
    }
}
