// Layer norm over rows: y = (x - mean) * rstd * weight + bias with rstd = 1 / sqrt(variance + eps),
// the variance biased and eps inside the root; and its gradients.

override LANES: u32;
// Lanes that share one row: a power of two that divides LANES; at 1 nobody waits at a barrier.
override LANES_PER_ROW: u32;
// Lanes that share one column of the parameters' gradient: likewise.
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

// One slot for each lane, through which lanes add up and pass on.
var<workgroup> slots: array<vec2<f32>, LANES>;

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
    slots[place.lane].x = value;
    for (var reach = size / 2u; reach > 0u; reach /= 2u) {
        workgroupBarrier();
        if place.busy && place.rank < reach {
            slots[place.lane].x += slots[place.lane + reach * stride].x;
        }
    }
    return slots[place.lane].x;
}

// Two sums at once: 2 (size - 1) additions.
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

// The leader's `value`, in every lane of a team of neighbours.
fn spread(value: vec2<f32>, place: Place, size: u32) -> vec2<f32> {
    if size == 1u {
        return value;
    }
    if place.rank == 0u {
        slots[place.lane] = value;
    }
    workgroupBarrier();
    let leaders = slots[place.lane - place.rank];
    workgroupBarrier();
    return leaders;
}

// LANES_PER_ROW neighbouring lanes compute one row of y, mean and rstd: the mean first and the
// variance about it, because a one-pass variance cancels.
@compute @workgroup_size(LANES)
fn forward(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
) {
    let row = ((group.y * groups.x + group.x) * LANES + lane) / LANES_PER_ROW;
    let busy = row < dims.M;
    let place = Place(lane, lane % LANES_PER_ROW, busy);
    let leads = busy && place.rank == 0u;
    let first = row * dims.D + place.rank;
    let end = select(first, (row + 1u) * dims.D, busy);

    var sum = 0.0;
    for (var i = first; i < end; i += LANES_PER_ROW) {
        sum += x[i];
    }
    sum = total(sum, place, LANES_PER_ROW, 1u);
    var middle = 0.0;
    if leads {
        middle = sum / f32(dims.D);
    }
    middle = spread(vec2(middle, 0.0), place, LANES_PER_ROW).x;

    var squares = 0.0;
    for (var i = first; i < end; i += LANES_PER_ROW) {
        let centred = x[i] - middle;
        squares = fma(centred, centred, squares);
    }
    squares = total(squares, place, LANES_PER_ROW, 1u);
    // (x - mean) * rstd as x * scale + shift, so that no difference is taken a second time.
    var line = vec2(0.0);
    if leads {
        let scale = inverseSqrt(squares / f32(dims.D) + dims.eps);
        line = vec2(scale, -(middle * scale));
        mean[row] = middle;
        rstd[row] = scale;
    }
    line = spread(line, place, LANES_PER_ROW);

    var d = place.rank;
    for (var i = first; i < end; i += LANES_PER_ROW) {
        y[i] = fma(fma(x[i], line.x, line.y), weight[d], bias[d]);
        d += LANES_PER_ROW;
    }
}

// LANES_PER_ROW neighbouring lanes compute one row of dx. With g = dy * weight and xhat the
// normalised row, dx = rstd * (g - mean(g) - xhat * mean(g * xhat)), which is linear in dy and x:
// dx = rstd * dy * weight + slope * x + offset.
@compute @workgroup_size(LANES)
fn backward_input(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
) {
    let row = ((group.y * groups.x + group.x) * LANES + lane) / LANES_PER_ROW;
    let busy = row < dims.M;
    let place = Place(lane, lane % LANES_PER_ROW, busy);
    let first = row * dims.D + place.rank;
    let end = select(first, (row + 1u) * dims.D, busy);
    let middle = mean[min(row, dims.M - 1u)];
    let scale = rstd[min(row, dims.M - 1u)];

    var sums = vec2(0.0); // of g and of g * (x - mean)
    var d = place.rank;
    for (var i = first; i < end; i += LANES_PER_ROW) {
        let g = dy[i] * weight[d];
        sums.x += g;
        sums.y = fma(g, x[i] - middle, sums.y);
        d += LANES_PER_ROW;
    }
    sums = totals(sums, place, LANES_PER_ROW, 1u);
    var line = vec2(0.0);
    if busy && place.rank == 0u {
        let means = sums / f32(dims.D);
        let slope = -(scale * scale * scale * means.y);
        line = vec2(slope, -fma(slope, middle, scale * means.x));
    }
    line = spread(line, place, LANES_PER_ROW);

    d = place.rank;
    for (var i = first; i < end; i += LANES_PER_ROW) {
        let value = fma(scale * dy[i], weight[d], fma(line.x, x[i], line.y));
        if dims.accumulate != 0u {
            dx[i] += value;
        } else {
            dx[i] = value;
        }
        d += LANES_PER_ROW;
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
