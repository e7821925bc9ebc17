// Continued in linear_tiles.wgsl.
//
// Matrix products with and without bias, forward beside backward, for G contiguous groups of rows: group g owns
// rows groups[g] .. groups[g + 1] of x, y and dy, and the weights w[g]. G = 1 is a dense layer,
// G = E a mixture of experts whose rows are sorted by expert. The bounds are data; a group may be
// empty, and the operations are those of M rows however the rows are divided.
//
// Grids. An invocation computes a tile of outputs, ROWS x COLUMNS of them: 8 x 8 in the `_vec4`
// entries (1 x 4 for the bias), 1 x 4 in the `_columns` entries, 1 x 1 in the others. A workgroup has
// COLUMN_LANES invocations along the output's columns and LANES / COLUMN_LANES along its rows, so
// R = ROWS * LANES / COLUMN_LANES rows in all. The grid is
//                      x: columns                           y: rows              z
//     forward          ceil(N / (COLUMNS * COLUMN_LANES))   ceil(M / R) + G - 1  1
//     forward_plain    the same
//     backward_input   ceil(K / (COLUMNS * COLUMN_LANES))   ceil(M / R) + G - 1  1
//     backward_weight  ceil(K / (COLUMNS * COLUMN_LANES))   ceil(N / R)          G
//     backward_bias    ceil(N / (COLUMNS * LANES))          1                    G
// The rows of a tile belong to one group. Groups are not known when a grid is chosen; whatever they
// are, they have no more row tiles than that, and the few left over return at once.
//
// `_vec4` entries want K and N to be multiples of four, and bind vec4 views of the same buffers;
// `_columns` entries want that of the output's columns alone, whatever is summed over.
// Edge tiles run exactly the operations of the outputs that exist, never those of a padded tile. Guards join their
// conditions with `|`: both are there anyway, and `||` is one more branch to take and to count.

// start + the sum over k of x[m, k] w[row, k].
fn row_by_row(start: f32, m: u32, row: u32) -> f32 {
    let x_end = (m + 1u) * dims.K;
    var w_at = row * dims.K;
    var sum = start;
    for (var x_at = m * dims.K; x_at < x_end; x_at++) {
        sum = fma(x[x_at], w[w_at], sum);
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
        sum = fma(dy[dy_at], w[w_at], sum);
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
        sum = fma(dy[dy_at], x[x_at], sum);
        dy_at += dims.N;
        x_at += dims.K;
    }
    dw[at] = sum;
}

// One invocation computes one db[g, n] = sum over the group's rows m of dy[m, n].
@compute @workgroup_size(LANES)
fn backward_bias(@builtin(workgroup_id) tile: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
    let g = tile.z;
    let n = tile.x * LANES + lane;
    if n >= dims.N {
        return;
    }
    let at = g * dims.N + n;
    let end = groups[g + 1u];
    var dy_at = groups[g] * dims.N + n;
    var sum = 0.0;
    if dims.accumulate != 0u {
        sum = db[at];
    }
    for (var m = groups[g]; m < end; m++) {
        sum += dy[dy_at];
        dy_at += dims.N;
    }
    db[at] = sum;
}

// One invocation computes four db[g, n] = sum over the group's rows m of dy[m, n].
@compute @workgroup_size(LANES)
fn backward_bias_vec4(@builtin(workgroup_id) tile: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
    let g = tile.z;
    let columns = dims.N / 4u;
    let run = tile.x * LANES + lane;
    if run >= columns {
        return;
    }
    let end = groups[g + 1u];
    var dy_at = groups[g] * columns + run;
    var sum = vec4<f32>();
    if dims.accumulate != 0u {
        sum = db_vec4[g * columns + run];
    }
    for (var m = groups[g]; m < end; m++) {
        sum += dy_vec4[dy_at];
        dy_at += columns;
    }
    db_vec4[g * columns + run] = sum;
}

// Where only the output's columns come in fours, or the sum is short, an invocation computes a run of four of them.

// start + the sum over k of x[m, k] w[row .. row + 3, k].
fn row_by_four_rows(start: vec4<f32>, m: u32, row: u32) -> vec4<f32> {
    let x_end = (m + 1u) * dims.K;
    var w_at = (row + QUAD) * dims.K;
    var sum = start;
    for (var x_at = m * dims.K; x_at < x_end; x_at++) {
        sum = fma(vec4<f32>(x[x_at]), vec4<f32>(w[w_at.x], w[w_at.y], w[w_at.z], w[w_at.w]), sum);
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
        sum = fma(vec4<f32>(dy[dy_at]), w_vec4[w_at], sum);
        w_at += columns;
    }
    dx_vec4[at] = sum;
}
