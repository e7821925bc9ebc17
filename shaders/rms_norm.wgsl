// Continued in products.wgsl.
//
// RMS norm over rows: y = x * rstd * weight with rstd = 1 / sqrt(mean of x^2 + eps), and its
// gradients.
//
// `_vec4` entries want D to be a multiple of four, and bind vec4 views of the same buffers.

override LANES: u32;
// Lanes that share one column of the weight's gradient: a power of two that divides LANES.
override LANES_PER_COLUMN: u32;

struct Dims {
    M: u32,
    D: u32,
    accumulate: u32, // whether a gradient is added to what is there
    eps: f32,
}

@group(0) @binding(0) var<uniform> dims: Dims;
@group(0) @binding(1) var<storage, read> x: array<f32>;                   // (M,D)
@group(0) @binding(2) var<storage, read> weight: array<f32>;              // (D)
@group(0) @binding(3) var<storage, read> dy: array<f32>;                  // (M,D)
@group(0) @binding(4) var<storage, read_write> rstd: array<f32>;          // (M)  written forward, read backward
@group(0) @binding(5) var<storage, read_write> y: array<f32>;             // (M,D)
@group(0) @binding(5) var<storage, read_write> dx: array<f32>;            // (M,D)
@group(0) @binding(5) var<storage, read_write> dweight: array<f32>;       // (D)
@group(0) @binding(1) var<storage, read> x_vec4: array<vec4<f32>>;        // (M,D/4)
@group(0) @binding(2) var<storage, read> weight_vec4: array<vec4<f32>>;   // (D/4)
@group(0) @binding(3) var<storage, read> dy_vec4: array<vec4<f32>>;       // (M,D/4)
@group(0) @binding(5) var<storage, read_write> y_vec4: array<vec4<f32>>;  // (M,D/4)
@group(0) @binding(5) var<storage, read_write> dx_vec4: array<vec4<f32>>; // (M,D/4)
@group(0) @binding(5) var<storage, read_write> dweight_vec4: array<vec4<f32>>; // (D/4)

// One slot for each lane, through which lanes add up.
var<workgroup> slots: array<f32, LANES>;
var<workgroup> slots_vec4: array<vec4<f32>, LANES>;

// This invocation's place in a team of lanes that works on one column.
struct Place {
    lane: u32,  // in the workgroup
    rank: u32,  // in the team; rank 0 leads
    busy: bool, // false past the last column: such a team only keeps up with the barriers
}

// The sum of `value` over a team of `size` lanes that lie `stride` apart, in its leader: size - 1
// additions.
fn total(value: f32, place: Place, size: u32, stride: u32) -> f32 {
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

// The same of four sums at once.
fn total_vec4(value: vec4<f32>, place: Place, size: u32, stride: u32) -> vec4<f32> {
    if size == 1u {
        return value;
    }
    slots_vec4[place.lane] = value;
    for (var reach = size / 2u; reach > 0u; reach /= 2u) {
        workgroupBarrier();
        if place.busy && place.rank < reach {
            slots_vec4[place.lane] += slots_vec4[place.lane + reach * stride];
        }
    }
    return slots_vec4[place.lane];
}

// The row of this invocation.
fn row_of(group: vec3<u32>, groups: vec3<u32>, lane: u32) -> u32 {
    return (group.y * groups.x + group.x) * LANES + lane;
}

// 1 / sqrt(mean of squares + eps), from the sum of a row's squares.
fn scale_of(squares: f32) -> f32 {
    return inverseSqrt(squares / f32(dims.D) + dims.eps);
}

// One invocation computes one row of y and of rstd.
@compute @workgroup_size(LANES)
fn forward(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
) {
    let row = row_of(group, groups, lane);
    if row >= dims.M {
        return;
    }
    let first = row * dims.D;
    var squares = 0.0;
    for (var d = 0u; d < dims.D; d++) {
        let value = x[first + d];
        squares = fma(value, value, squares);
    }
    let scale = scale_of(squares);
    rstd[row] = scale;
    for (var d = 0u; d < dims.D; d++) {
        y[first + d] = x[first + d] * scale * weight[d];
    }
}

// One invocation computes one row of y and of rstd; the squares add up in one chain whatever the width of a
// load is.
@compute @workgroup_size(LANES)
fn forward_vec4(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
) {
    let row = row_of(group, groups, lane);
    if row >= dims.M {
        return;
    }
    let width = dims.D / 4u;
    let first = row * width;
    var squares = 0.0;
    for (var d = 0u; d < width; d++) {
        let values = x_vec4[first + d];
        squares = chain(squares, values, values);
    }
    let scale = scale_of(squares);
    rstd[row] = scale;
    for (var d = 0u; d < width; d++) {
        y_vec4[first + d] = x_vec4[first + d] * scale * weight_vec4[d];
    }
}

// What multiplies x in dx, from the sum over g x of a row: with g = dy * weight and xhat the normalised row,
// dx = rstd * (g - xhat * mean(g * xhat)), and so dx = rstd * dy * weight + slope * x.
fn slope_of(sum: f32, scale: f32) -> f32 {
    return -(scale * scale * scale * (sum / f32(dims.D)));
}

// One invocation computes one row of dx.
@compute @workgroup_size(LANES)
fn backward_input(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
) {
    let row = row_of(group, groups, lane);
    if row >= dims.M {
        return;
    }
    let first = row * dims.D;
    let scale = rstd[row];
    var sum = 0.0;
    for (var d = 0u; d < dims.D; d++) {
        sum = fma(dy[first + d] * weight[d], x[first + d], sum);
    }
    let slope = slope_of(sum, scale);
    // Two loops: a lane that is masked off a branch still pays for it.
    if dims.accumulate != 0u {
        for (var d = 0u; d < dims.D; d++) {
            let i = first + d;
            dx[i] += fma(scale * dy[i], weight[d], slope * x[i]);
        }
    } else {
        for (var d = 0u; d < dims.D; d++) {
            let i = first + d;
            dx[i] = fma(scale * dy[i], weight[d], slope * x[i]);
        }
    }
}

// One invocation computes one row of dx.
@compute @workgroup_size(LANES)
fn backward_input_vec4(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
) {
    let row = row_of(group, groups, lane);
    if row >= dims.M {
        return;
    }
    let width = dims.D / 4u;
    let first = row * width;
    let scale = rstd[row];
    var sum = 0.0;
    for (var d = 0u; d < width; d++) {
        sum = chain(sum, dy_vec4[first + d] * weight_vec4[d], x_vec4[first + d]);
    }
    let slope = slope_of(sum, scale);
    // Two loops: a lane that is masked off a branch still pays for it.
    if dims.accumulate != 0u {
        for (var d = 0u; d < width; d++) {
            let i = first + d;
            dx_vec4[i] += fma(scale * dy_vec4[i], weight_vec4[d], slope * x_vec4[i]);
        }
    } else {
        for (var d = 0u; d < width; d++) {
            let i = first + d;
            dx_vec4[i] = fma(scale * dy_vec4[i], weight_vec4[d], slope * x_vec4[i]);
        }
    }
}

// LANES_PER_COLUMN lanes of one workgroup compute one element of dweight, neighbouring lanes
// neighbouring columns.
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

    var sum = 0.0;
    if leads && dims.accumulate != 0u {
        sum = dweight[column];
    }
    for (var row = place.rank; row < end; row += LANES_PER_COLUMN) {
        let i = row * dims.D + column;
        sum = fma(dy[i] * rstd[row], x[i], sum);
    }
    sum = total(sum, place, LANES_PER_COLUMN, columns);
    if leads {
        dweight[column] = sum;
    }
}

// LANES_PER_COLUMN lanes of one workgroup compute four elements of dweight, neighbouring lanes
// neighbouring columns.
@compute @workgroup_size(LANES)
fn backward_params_vec4(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
) {
    let columns = LANES / LANES_PER_COLUMN;
    let width = dims.D / 4u;
    let column = (group.y * groups.x + group.x) * columns + lane % columns;
    let busy = column < width;
    let place = Place(lane, lane / columns, busy);
    let leads = busy && place.rank == 0u;
    let end = select(0u, dims.M, busy);

    var sum = vec4<f32>();
    if leads && dims.accumulate != 0u {
        sum = dweight_vec4[column];
    }
    for (var row = place.rank; row < end; row += LANES_PER_COLUMN) {
        let i = row * width + column;
        sum = fma(dy_vec4[i] * rstd[row], x_vec4[i], sum);
    }
    sum = total_vec4(sum, place, LANES_PER_COLUMN, columns);
    if leads {
        dweight_vec4[column] = sum;
    }
}
