// Continued in linear_tiles.wgsl.
//
// The products of linear.wgsl of which an invocation computes one output, or a run of four, whatever the extents.

// start + the sum over k of x[m, k] w[row, k].
fn row_by_row(start: f32, m: u32, row: u32) -> f32 {
    let x_end = (m + 1u) * dims.K;
    var w_at = row * dims.K;
    var sum = start;
    for (var x_at = m * dims.K; x_at < x_end; x_at++) {
        sum = add_product(sum, x[x_at], w[w_at]);
        w_at++;
    }
    return sum;
}

// One invocation computes one y[m, n] = sum over k of x[m, k] w[g, n, k], + b[g, n].
@compute @workgroup_size(LANES)
fn forward(@builtin(workgroup_id) tile: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
    let rows = band(tile.y, LANES / COLUMN_LANES);
    let n = tile.x * COLUMN_LANES + lane % COLUMN_LANES;
    let m = rows.m + lane / COLUMN_LANES;
    if (m >= rows.end) | (n >= dims.N) {
        return;
    }
    let row = rows.g * dims.N + n;
    y[m * dims.N + n] = row_by_row(0.0, m, row) + b[row];
}

// One invocation computes one y[m, n] = sum over k of x[m, k] w[g, n, k]: a layer without bias, or
// what a low-rank adapter adds to a layer.
@compute @workgroup_size(LANES)
fn forward_plain(@builtin(workgroup_id) tile: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
    let rows = band(tile.y, LANES / COLUMN_LANES);
    let n = tile.x * COLUMN_LANES + lane % COLUMN_LANES;
    let m = rows.m + lane / COLUMN_LANES;
    if (m >= rows.end) | (n >= dims.N) {
        return;
    }
    let at = m * dims.N + n;
    var start = 0.0;
    if dims.accumulate != 0u {
        start = y[at];
    }
    y[at] = row_by_row(start, m, rows.g * dims.N + n);
}

// One invocation computes one dx[m, k] = sum over n of dy[m, n] w[g, n, k].
@compute @workgroup_size(LANES)
fn backward_input(@builtin(workgroup_id) tile: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
    let rows = band(tile.y, LANES / COLUMN_LANES);
    let g = rows.g;
    let k = tile.x * COLUMN_LANES + lane % COLUMN_LANES;
    let m = rows.m + lane / COLUMN_LANES;
    if (m >= rows.end) | (k >= dims.K) {
        return;
    }
    let at = m * dims.K + k;
    let dy_end = (m + 1u) * dims.N;
    var w_at = g * dims.N * dims.K + k;
    var sum = 0.0;
    if dims.accumulate != 0u {
        sum = dx[at];
    }
    for (var dy_at = m * dims.N; dy_at < dy_end; dy_at++) {
        sum = add_product(sum, dy[dy_at], w[w_at]);
        w_at += dims.K;
    }
    dx[at] = sum;
}

// One invocation computes one dw[g, n, k] = sum over the group's rows m of dy[m, n] x[m, k].
@compute @workgroup_size(LANES)
fn backward_weight(@builtin(workgroup_id) tile: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
    let g = tile.z;
    let k = tile.x * COLUMN_LANES + lane % COLUMN_LANES;
    let n = tile.y * (LANES / COLUMN_LANES) + lane / COLUMN_LANES;
    if (n >= dims.N) | (k >= dims.K) {
        return;
    }
    let at = (g * dims.N + n) * dims.K + k;
    let end = groups[g + 1u];
    var dy_at = groups[g] * dims.N + n;
    var x_at = groups[g] * dims.K + k;
    var sum = 0.0;
    if dims.accumulate != 0u {
        sum = dw[at];
    }
    for (var m = groups[g]; m < end; m++) {
        sum = add_product(sum, dy[dy_at], x[x_at]);
        dy_at += dims.N;
        x_at += dims.K;
    }
    dw[at] = sum;
}

// Where only the output's columns come in fours, or the sum is short, an invocation computes a run of four of them.

// start + the sum over k of x[m, k] w[row .. row + 3, k].
fn row_by_four_rows(start: vec4<f32>, m: u32, row: u32) -> vec4<f32> {
    let x_end = (m + 1u) * dims.K;
    var w_at = (row + QUAD) * dims.K;
    var sum = start;
    for (var x_at = m * dims.K; x_at < x_end; x_at++) {
        sum = add_products(sum, vec4<Operand>(x[x_at]), vec4<Operand>(w[w_at.x], w[w_at.y], w[w_at.z], w[w_at.w]));
        w_at += 1u;
    }
    return sum;
}

// One invocation computes four adjacent y[m, n] = sum over k of x[m, k] w[g, n, k], + b[g, n].
@compute @workgroup_size(LANES)
fn forward_columns(@builtin(workgroup_id) tile: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
    let rows = band(tile.y, LANES / COLUMN_LANES);
    let columns = dims.N / 4u;
    let run = tile.x * COLUMN_LANES + lane % COLUMN_LANES;
    let m = rows.m + lane / COLUMN_LANES;
    if (m >= rows.end) | (run >= columns) {
        return;
    }
    let at = rows.g * columns + run;
    y_vec4[m * columns + run] = row_by_four_rows(vec4<f32>(), m, 4u * at) + b_vec4[at];
}

// One invocation computes four adjacent y[m, n] = sum over k of x[m, k] w[g, n, k].
@compute @workgroup_size(LANES)
fn forward_plain_columns(@builtin(workgroup_id) tile: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
    let rows = band(tile.y, LANES / COLUMN_LANES);
    let columns = dims.N / 4u;
    let run = tile.x * COLUMN_LANES + lane % COLUMN_LANES;
    let m = rows.m + lane / COLUMN_LANES;
    if (m >= rows.end) | (run >= columns) {
        return;
    }
    let at = m * columns + run;
    var start = vec4<f32>();
    if dims.accumulate != 0u {
        start = y_vec4[at];
    }
    y_vec4[at] = row_by_four_rows(start, m, 4u * (rows.g * columns + run));
}

// One invocation computes four adjacent dx[m, k] = sum over n of dy[m, n] w[g, n, k].
@compute @workgroup_size(LANES)
fn backward_input_columns(@builtin(workgroup_id) tile: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
    let rows = band(tile.y, LANES / COLUMN_LANES);
    let columns = dims.K / 4u;
    let run = tile.x * COLUMN_LANES + lane % COLUMN_LANES;
    let m = rows.m + lane / COLUMN_LANES;
    if (m >= rows.end) | (run >= columns) {
        return;
    }
    let at = m * columns + run;
    let dy_end = (m + 1u) * dims.N;
    var w_at = rows.g * dims.N * columns + run;
    var sum = vec4<f32>();
    if dims.accumulate != 0u {
        sum = dx_vec4[at];
    }
    for (var dy_at = m * dims.N; dy_at < dy_end; dy_at++) {
        sum = add_products(sum, vec4<Operand>(dy[dy_at]), w_vec4[w_at]);
        w_at += columns;
    }
    dx_vec4[at] = sum;
}
