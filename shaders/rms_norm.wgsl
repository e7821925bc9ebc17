// Continued in products.wgsl.
//
// RMS norm over rows: y = x * rstd * weight with rstd = 1 / sqrt(mean of x^2 + eps), and its
// gradients.
//
// `_vec4` entries want D to be a multiple of four, and bind vec4 views of the same buffers.

override LANES: u32;
// Lanes that share one row: a power of two that divides LANES; at 1 nobody waits at a barrier.
override LANES_PER_ROW: u32;
// Lanes that share one column of the weight's gradient: likewise.
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

// One slot for each lane, through which lanes add up and pass on.
var<workgroup> slots: array<f32, LANES>;
var<workgroup> slots_vec4: array<vec4<f32>, LANES>;

// This invocation's place in a team of lanes that works on one row or column.
struct Place {
    lane: u32,  // in the workgroup
    rank: u32,  // in the team; rank 0 leads
    busy: bool, // false past the last row or column: such a team only keeps up with the barriers
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

// The leader's `value`, in every lane of a team of neighbours.
fn spread(value: f32, place: Place, size: u32) -> f32 {
    if size == 1u {
        return value;
    }
    if place.rank == 0u {
        slots[place.lane] = value;
    }
    workgroupBarrier();
    return slots[place.lane - place.rank];
}

// The row of a lane, and the part of it that the lane walks through in steps of LANES_PER_ROW:
// elements, or runs of four of them, of which a row has `width`.
struct Row {
    place: Place,
    row: u32,
    first: u32,
    end: u32,
}

fn row_of(group: vec3<u32>, groups: vec3<u32>, lane: u32, width: u32) -> Row {
    let row = ((group.y * groups.x + group.x) * LANES + lane) / LANES_PER_ROW;
    let busy = row < dims.M;
    let place = Place(lane, lane % LANES_PER_ROW, busy);
    let first = row * width + place.rank;
    return Row(place, row, first, select(first, (row + 1u) * width, busy));
}

// 1 / sqrt(mean of squares + eps) from a lane's share of a row's squares, in every lane of the row.
fn scale_of(squares: f32, row: Row) -> f32 {
    let sum = total(squares, row.place, LANES_PER_ROW, 1u);
    var scale = 0.0;
    if row.place.busy && row.place.rank == 0u {
        scale = inverseSqrt(sum / f32(dims.D) + dims.eps);
        rstd[row.row] = scale;
    }
    return spread(scale, row.place, LANES_PER_ROW);
}

// LANES_PER_ROW neighbouring lanes compute one row of y and of rstd.
@compute @workgroup_size(LANES)
fn forward(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
) {
    let row = row_of(group, groups, lane, dims.D);
    var squares = 0.0;
    for (var i = row.first; i < row.end; i += LANES_PER_ROW) {
        let value = x[i];
        squares = fma(value, value, squares);
    }
    let scale = scale_of(squares, row);
    var d = row.place.rank;
    for (var i = row.first; i < row.end; i += LANES_PER_ROW) {
        y[i] = x[i] * scale * weight[d];
        d += LANES_PER_ROW;
    }
}

// LANES_PER_ROW neighbouring lanes compute one row of y and of rstd; the squares add up in one chain
// whatever the width of a load is.
@compute @workgroup_size(LANES)
fn forward_vec4(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
) {
    let row = row_of(group, groups, lane, dims.D / 4u);
    var squares = 0.0;
    for (var i = row.first; i < row.end; i += LANES_PER_ROW) {
        let values = x_vec4[i];
        squares = chain(squares, values, values);
    }
    let scale = scale_of(squares, row);
    var d = row.place.rank;
    for (var i = row.first; i < row.end; i += LANES_PER_ROW) {
        y_vec4[i] = x_vec4[i] * scale * weight_vec4[d];
        d += LANES_PER_ROW;
    }
}

// What multiplies x in dx, from a lane's share of the sum over g x of a row, in every lane of the
// row: with g = dy * weight and xhat the normalised row, dx = rstd * (g - xhat * mean(g * xhat)),
// and so dx = rstd * dy * weight + slope * x.
fn slope_of(sum: f32, scale: f32, row: Row) -> f32 {
    let products = total(sum, row.place, LANES_PER_ROW, 1u);
    var slope = 0.0;
    if row.place.busy && row.place.rank == 0u {
        slope = -(scale * scale * scale * (products / f32(dims.D)));
    }
    return spread(slope, row.place, LANES_PER_ROW);
}

// LANES_PER_ROW neighbouring lanes compute one row of dx.
@compute @workgroup_size(LANES)
fn backward_input(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
) {
    let row = row_of(group, groups, lane, dims.D);
    let scale = rstd[min(row.row, dims.M - 1u)];
    var sum = 0.0;
    var d = row.place.rank;
    for (var i = row.first; i < row.end; i += LANES_PER_ROW) {
        sum = fma(dy[i] * weight[d], x[i], sum);
        d += LANES_PER_ROW;
    }
    let slope = slope_of(sum, scale, row);
    d = row.place.rank;
    // Two loops: a lane that is masked off a branch still pays for it.
    if dims.accumulate != 0u {
        for (var i = row.first; i < row.end; i += LANES_PER_ROW) {
            dx[i] += fma(scale * dy[i], weight[d], slope * x[i]);
            d += LANES_PER_ROW;
        }
    } else {
        for (var i = row.first; i < row.end; i += LANES_PER_ROW) {
            dx[i] = fma(scale * dy[i], weight[d], slope * x[i]);
            d += LANES_PER_ROW;
        }
    }
}

// LANES_PER_ROW neighbouring lanes compute one row of dx.
@compute @workgroup_size(LANES)
fn backward_input_vec4(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
) {
    let row = row_of(group, groups, lane, dims.D / 4u);
    let scale = rstd[min(row.row, dims.M - 1u)];
    var sum = 0.0;
    var d = row.place.rank;
    for (var i = row.first; i < row.end; i += LANES_PER_ROW) {
        sum = chain(sum, dy_vec4[i] * weight_vec4[d], x_vec4[i]);
        d += LANES_PER_ROW;
    }
    let slope = slope_of(sum, scale, row);
    d = row.place.rank;
    // Two loops: a lane that is masked off a branch still pays for it.
    if dims.accumulate != 0u {
        for (var i = row.first; i < row.end; i += LANES_PER_ROW) {
            dx_vec4[i] += fma(scale * dy_vec4[i], weight_vec4[d], slope * x_vec4[i]);
            d += LANES_PER_ROW;
        }
    } else {
        for (var i = row.first; i < row.end; i += LANES_PER_ROW) {
            dx_vec4[i] = fma(scale * dy_vec4[i], weight_vec4[d], slope * x_vec4[i]);
            d += LANES_PER_ROW;
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
