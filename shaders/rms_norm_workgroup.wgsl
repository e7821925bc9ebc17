// Continued in teams.wgsl.
//
// RMS norm and its gradients where a workgroup's invocations run side by side: TEAM lanes share a row, or the
// rows of a column. What rms_norm.wgsl computes, by as many operations.
//
// `_vec4` entries want D to be a multiple of four, and bind vec4 views of the same buffers. TEAM is at most D, and at
// most D / 4 there.

// Lanes whose sums of a column begin at zero: at most TEAM.
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
@group(0) @binding(1) var<storage, read> x_vec4: array<vec4<f32>>;        // (M,D/4)
@group(0) @binding(2) var<storage, read> weight_vec4: array<vec4<f32>>;   // (D/4)
@group(0) @binding(3) var<storage, read> dy_vec4: array<vec4<f32>>;       // (M,D/4)
@group(0) @binding(5) var<storage, read_write> y_vec4: array<vec4<f32>>;  // (M,D/4)
@group(0) @binding(5) var<storage, read_write> dx_vec4: array<vec4<f32>>; // (M,D/4)
@group(0) @binding(5) var<storage, read_write> dweight_vec4: array<vec4<f32>>; // (D/4)

// The row's 1 / sqrt(mean of squares + eps) in every lane of its team, from each lane's share of the squares.
fn scale_of(share: f32, place: Place) -> f32 {
    let squares = total(0.0, share, place);
    if place.busy && place.rank == 0u {
        let scale = inverseSqrt(squares / f32(dims.D) + dims.eps);
        rstd[place.item] = scale;
        tell(vec2(scale), place);
    }
    return told(place).x;
}

// TEAM lanes compute one row of y and one element of rstd.
@compute @workgroup_size(LANES)
fn forward(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
) {
    let place = place_in_row(group, groups, lane, dims.M);
    let span = span_of(place, dims.D);
    var share = 0.0;
    if place.busy {
        let value = x[span.x];
        share = value * value;
    }
    for (var i = span.x + TEAM; i < span.y; i += TEAM) {
        let value = x[i];
        share = fma(value, value, share);
    }
    let scale = scale_of(share, place);
    var d = place.rank;
    for (var i = span.x; i < span.y; i += TEAM) {
        y[i] = x[i] * scale * weight[d];
        d += TEAM;
    }
}

// TEAM lanes compute one row of y and one element of rstd, four columns at a time.
@compute @workgroup_size(LANES)
fn forward_vec4(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
) {
    let place = place_in_row(group, groups, lane, dims.M);
    let span = span_of(place, dims.D / 4u);
    var share = 0.0;
    if place.busy {
        let values = x_vec4[span.x];
        share = first_chain(values, values);
    }
    for (var i = span.x + TEAM; i < span.y; i += TEAM) {
        let values = x_vec4[i];
        share = chain(share, values, values);
    }
    let scale = scale_of(share, place);
    var d = place.rank;
    for (var i = span.x; i < span.y; i += TEAM) {
        y_vec4[i] = x_vec4[i] * scale * weight_vec4[d];
        d += TEAM;
    }
}

// What multiplies x in dx, in every lane of the row's team, from each lane's share of the sum over g x: with g = dy *
// weight and xhat the normalised row, dx = rstd * (g - xhat * mean(g * xhat)), and so dx = rstd * dy * weight + slope * x.
fn slope_of(share: f32, scale: f32, place: Place) -> f32 {
    let sum = total(0.0, share, place);
    if place.busy && place.rank == 0u {
        tell(vec2(-(scale * scale * scale * (sum / f32(dims.D)))), place);
    }
    return told(place).x;
}

// TEAM lanes compute one row of dx.
@compute @workgroup_size(LANES)
fn backward_input(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
) {
    let place = place_in_row(group, groups, lane, dims.M);
    let span = span_of(place, dims.D);
    var share = 0.0;
    var scale = 0.0;
    if place.busy {
        scale = rstd[place.item];
        share = dy[span.x] * weight[place.rank] * x[span.x];
    }
    var d = place.rank;
    for (var i = span.x + TEAM; i < span.y; i += TEAM) {
        d += TEAM;
        share = fma(dy[i] * weight[d], x[i], share);
    }
    let slope = slope_of(share, scale, place);
    d = place.rank;
    if dims.accumulate != 0u {
        for (var i = span.x; i < span.y; i += TEAM) {
            dx[i] += fma(scale * dy[i], weight[d], slope * x[i]);
            d += TEAM;
        }
    } else {
        for (var i = span.x; i < span.y; i += TEAM) {
            dx[i] = fma(scale * dy[i], weight[d], slope * x[i]);
            d += TEAM;
        }
    }
}

// TEAM lanes compute one row of dx, four columns at a time.
@compute @workgroup_size(LANES)
fn backward_input_vec4(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
) {
    let place = place_in_row(group, groups, lane, dims.M);
    let span = span_of(place, dims.D / 4u);
    var share = 0.0;
    var scale = 0.0;
    if place.busy {
        scale = rstd[place.item];
        share = first_chain(dy_vec4[span.x] * weight_vec4[place.rank], x_vec4[span.x]);
    }
    var d = place.rank;
    for (var i = span.x + TEAM; i < span.y; i += TEAM) {
        d += TEAM;
        share = chain(share, dy_vec4[i] * weight_vec4[d], x_vec4[i]);
    }
    let slope = slope_of(share, scale, place);
    d = place.rank;
    if dims.accumulate != 0u {
        for (var i = span.x; i < span.y; i += TEAM) {
            dx_vec4[i] += fma(scale * dy_vec4[i], weight_vec4[d], slope * x_vec4[i]);
            d += TEAM;
        }
    } else {
        for (var i = span.x; i < span.y; i += TEAM) {
            dx_vec4[i] = fma(scale * dy_vec4[i], weight_vec4[d], slope * x_vec4[i]);
            d += TEAM;
        }
    }
}

// One more row's term of dweight.
fn with_row(sum: vec4<f32>, row: u32, at: u32) -> vec4<f32> {
    return fma(dy_vec4[at] * rstd[row], x_vec4[at], sum);
}

// TEAM lanes compute four elements of dweight. M is at least TEAM.
@compute @workgroup_size(LANES)
fn backward_params_vec4(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
) {
    let columns = dims.D / 4u;
    let first = (group.y * groups.x + group.x) * (LANES / TEAM);
    let place = place_in_column(lane, first, columns, dims.M);
    let leads = place.busy && place.rank == 0u;
    var start = vec4<f32>();
    if leads && dims.accumulate != 0u {
        start = dweight_vec4[place.item];
    }
    var share = vec4<f32>();
    if place.busy {
        let step = TEAM * columns;
        var row = place.rank;
        var at = row * columns + place.item;
        share = dy_vec4[at] * rstd[row] * x_vec4[at];
        // Four rows at once, whose loads wait for none of each other's sums.
        for (; row + 4u * TEAM < dims.M; row += 4u * TEAM) {
            share = with_row(share, row + TEAM, at + step);
            share = with_row(share, row + 2u * TEAM, at + 2u * step);
            share = with_row(share, row + 3u * TEAM, at + 3u * step);
            at += 4u * step;
            share = with_row(share, row + 4u * TEAM, at);
        }
        for (row += TEAM; row < dims.M; row += TEAM) {
            at += step;
            share = with_row(share, row, at);
        }
    }
    let sum = total_of_firsts_vec4(start, share, LANES_PER_COLUMN, place);
    if leads {
        dweight_vec4[place.item] = sum;
    }
}
