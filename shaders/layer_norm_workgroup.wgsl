// Continued in teams.wgsl.
//
// Layer norm and its gradients where a workgroup's invocations run side by side: TEAM lanes share a row,
// or the rows of a column. What layer_norm.wgsl computes, by as many operations.
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
@group(0) @binding(3) var<storage, read> bias: array<f32>;                // (D)
@group(0) @binding(4) var<storage, read_write> mean: array<f32>;          // (M)  written forward, read backward
@group(0) @binding(5) var<storage, read_write> rstd: array<f32>;          // (M)  likewise
@group(0) @binding(6) var<storage, read_write> y: array<f32>;             // (M,D)
@group(0) @binding(3) var<storage, read> dy: array<f32>;                  // (M,D)
@group(0) @binding(6) var<storage, read_write> dx: array<f32>;            // (M,D)
@group(0) @binding(1) var<storage, read> x_vec4: array<vec4<f32>>;        // (M,D/4)
@group(0) @binding(2) var<storage, read> weight_vec4: array<vec4<f32>>;   // (D/4)
@group(0) @binding(3) var<storage, read> bias_vec4: array<vec4<f32>>;     // (D/4)
@group(0) @binding(6) var<storage, read_write> y_vec4: array<vec4<f32>>;  // (M,D/4)
@group(0) @binding(3) var<storage, read> dy_vec4: array<vec4<f32>>;       // (M,D/4)
@group(0) @binding(6) var<storage, read_write> dx_vec4: array<vec4<f32>>; // (M,D/4)
@group(0) @binding(6) var<storage, read_write> dweight_vec4: array<vec4<f32>>; // (D/4)
@group(0) @binding(7) var<storage, read_write> dbias_vec4: array<vec4<f32>>;   // (D/4)

// The row's mean in every lane of its team, from each lane's share of the sum.
fn mean_of(share: f32, place: Place) -> f32 {
    let sum = total(0.0, share, place);
    if place.busy && place.rank == 0u {
        let middle = sum / f32(dims.D);
        mean[place.item] = middle;
        tell(vec2(middle), place);
    }
    return told(place).x;
}

// What makes y of x, (x - mean) * rstd as x * scale + shift, in every lane of the row's team, from each lane's share of
// the squares of x - mean.
fn scale_and_shift(share: f32, middle: f32, place: Place) -> vec2<f32> {
    let squares = total(0.0, share, place);
    if place.busy && place.rank == 0u {
        let scale = inverseSqrt(squares / f32(dims.D) + dims.eps);
        rstd[place.item] = scale;
        tell(vec2(scale, -(middle * scale)), place);
    }
    return told(place);
}

// TEAM lanes compute one row of y and one element of mean and of rstd.
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
        share = x[span.x];
    }
    for (var i = span.x + TEAM; i < span.y; i += TEAM) {
        share += x[i];
    }
    let middle = mean_of(share, place);
    if place.busy {
        let centred = x[span.x] - middle;
        share = centred * centred;
    }
    for (var i = span.x + TEAM; i < span.y; i += TEAM) {
        let centred = x[i] - middle;
        share = fma(centred, centred, share);
    }
    let by = scale_and_shift(share, middle, place);
    var d = place.rank;
    for (var i = span.x; i < span.y; i += TEAM) {
        y[i] = fma(fma(x[i], by.x, by.y), weight[d], bias[d]);
        d += TEAM;
    }
}

// TEAM lanes compute one row of y and one element of mean and of rstd, four columns at a time.
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
        share = across(x_vec4[span.x]);
    }
    for (var i = span.x + TEAM; i < span.y; i += TEAM) {
        share += across(x_vec4[i]);
    }
    let middle = mean_of(share, place);
    if place.busy {
        let centred = x_vec4[span.x] - middle;
        share = first_chain(centred, centred);
    }
    for (var i = span.x + TEAM; i < span.y; i += TEAM) {
        let centred = x_vec4[i] - middle;
        share = chain(share, centred, centred);
    }
    let by = scale_and_shift(share, middle, place);
    var d = place.rank;
    for (var i = span.x; i < span.y; i += TEAM) {
        y_vec4[i] = fma(fma(x_vec4[i], vec4<f32>(by.x), vec4<f32>(by.y)), weight_vec4[d], bias_vec4[d]);
        d += TEAM;
    }
}

// What multiplies x in dx, and what is added, in every lane of the row's team, from each lane's shares of the sums of g
// and of g * (x - mean): with g = dy * weight and xhat the normalised row, dx = rstd * (g - mean(g) - xhat * mean(g *
// xhat)), and so dx = rstd * dy * weight + slope * x + offset.
fn slope_and_offset(shares: vec2<f32>, middle: f32, scale: f32, place: Place) -> vec2<f32> {
    let sums = total_vec2(vec2<f32>(), shares, place);
    if place.busy && place.rank == 0u {
        let means = sums / f32(dims.D);
        let slope = -(scale * scale * scale * means.y);
        tell(vec2(slope, -fma(slope, middle, scale * means.x)), place);
    }
    return told(place);
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
    var shares = vec2<f32>();
    var middle = 0.0;
    var scale = 0.0;
    if place.busy {
        middle = mean[place.item];
        scale = rstd[place.item];
        let g = dy[span.x] * weight[place.rank];
        shares = vec2(g, g * (x[span.x] - middle));
    }
    var d = place.rank;
    for (var i = span.x + TEAM; i < span.y; i += TEAM) {
        d += TEAM;
        let g = dy[i] * weight[d];
        shares.x += g;
        shares.y = fma(g, x[i] - middle, shares.y);
    }
    let by = slope_and_offset(shares, middle, scale, place);
    d = place.rank;
    if dims.accumulate != 0u {
        for (var i = span.x; i < span.y; i += TEAM) {
            dx[i] += fma(scale * dy[i], weight[d], fma(by.x, x[i], by.y));
            d += TEAM;
        }
    } else {
        for (var i = span.x; i < span.y; i += TEAM) {
            dx[i] = fma(scale * dy[i], weight[d], fma(by.x, x[i], by.y));
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
    var shares = vec2<f32>();
    var middle = 0.0;
    var scale = 0.0;
    if place.busy {
        middle = mean[place.item];
        scale = rstd[place.item];
        let g = dy_vec4[span.x] * weight_vec4[place.rank];
        shares = vec2(across(g), first_chain(g, x_vec4[span.x] - middle));
    }
    var d = place.rank;
    for (var i = span.x + TEAM; i < span.y; i += TEAM) {
        d += TEAM;
        let g = dy_vec4[i] * weight_vec4[d];
        shares.x += across(g);
        shares.y = chain(shares.y, g, x_vec4[i] - middle);
    }
    let by = slope_and_offset(shares, middle, scale, place);
    d = place.rank;
    if dims.accumulate != 0u {
        for (var i = span.x; i < span.y; i += TEAM) {
            let value = fma(vec4<f32>(by.x), x_vec4[i], vec4<f32>(by.y));
            dx_vec4[i] += fma(scale * dy_vec4[i], weight_vec4[d], value);
            d += TEAM;
        }
    } else {
        for (var i = span.x; i < span.y; i += TEAM) {
            let value = fma(vec4<f32>(by.x), x_vec4[i], vec4<f32>(by.y));
            dx_vec4[i] = fma(scale * dy_vec4[i], weight_vec4[d], value);
            d += TEAM;
        }
    }
}

// The terms of dweight and of dbias that one row has for four columns.
struct Terms {
    weight: vec4<f32>,
    bias: vec4<f32>,
}

// One more row's terms.
fn with_row(sums: Terms, row: u32, at: u32) -> Terms {
    let g = dy_vec4[at];
    return Terms(fma(g * rstd[row], x_vec4[at] - mean[row], sums.weight), sums.bias + g);
}

// TEAM lanes compute four elements of dweight and of dbias. M is at least TEAM.
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
    var start = Terms();
    if leads && dims.accumulate != 0u {
        start = Terms(dweight_vec4[place.item], dbias_vec4[place.item]);
    }
    var share = Terms();
    if place.busy {
        let step = TEAM * columns;
        var row = place.rank;
        var at = row * columns + place.item;
        let g = dy_vec4[at];
        share = Terms(g * rstd[row] * (x_vec4[at] - mean[row]), g);
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
    let weight = total_of_firsts_vec4(start.weight, share.weight, LANES_PER_COLUMN, place);
    // Before the shares are those of another sum.
    workgroupBarrier();
    let bias = total_of_firsts_vec4(start.bias, share.bias, LANES_PER_COLUMN, place);
    if leads {
        dweight_vec4[place.item] = weight;
        dbias_vec4[place.item] = bias;
    }
}
