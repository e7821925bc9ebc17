// Matrix products with and without bias, forward beside backward, for G contiguous groups of rows: group g owns
// rows groups[g] .. groups[g + 1] of x, y and dy, and the weights w[g]. G = 1 is a dense layer,
// G = E a mixture of experts whose rows are sorted by expert. The bounds are data; a group may be
// empty, and the operations are those of M rows however the rows are divided.
//
// Grids. An invocation computes a tile of outputs, ROWS x COLUMNS of them: 8 x 8 in the `_vec4`
// entries (1 x 4 for the bias), 1 x 4 in the `_columns` entries, 1 x 1 in the others. A workgroup has COLUMN_LANES invocations along the output's columns
// and LANES / COLUMN_LANES along its rows, so R = ROWS * LANES / COLUMN_LANES rows in all. The grid is
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

struct Dims {
    M: u32,
    K: u32,
    N: u32,
    G: u32,
    accumulate: u32, // 1: the chain of sums starts at what the output holds, 0: at zero
}

override LANES: u32;
override COLUMN_LANES: u32;

@group(0) @binding(0) var<uniform> dims: Dims;
@group(0) @binding(1) var<storage, read> groups: array<u32>; // (G + 1)

@group(0) @binding(2) var<storage, read> x: array<f32>; // (M, K)
@group(0) @binding(3) var<storage, read> w: array<f32>; // (G, N, K)
@group(0) @binding(4) var<storage, read> b: array<f32>; // (G, N)
@group(0) @binding(5) var<storage, read> dy: array<f32>; // (M, N)
@group(0) @binding(6) var<storage, read_write> y: array<f32>; // (M, N)
@group(0) @binding(6) var<storage, read_write> dx: array<f32>; // (M, K)
@group(0) @binding(6) var<storage, read_write> dw: array<f32>; // (G, N, K)
@group(0) @binding(6) var<storage, read_write> db: array<f32>; // (G, N)

@group(0) @binding(2) var<storage, read> x_vec4: array<vec4<f32>>; // (M, K / 4)
@group(0) @binding(3) var<storage, read> w_vec4: array<vec4<f32>>; // (G, N, K / 4)
@group(0) @binding(4) var<storage, read> b_vec4: array<vec4<f32>>; // (G, N / 4)
@group(0) @binding(5) var<storage, read> dy_vec4: array<vec4<f32>>; // (M, N / 4)
@group(0) @binding(6) var<storage, read_write> y_vec4: array<vec4<f32>>; // (M, N / 4)
@group(0) @binding(6) var<storage, read_write> dx_vec4: array<vec4<f32>>; // (M, K / 4)
@group(0) @binding(6) var<storage, read_write> dw_vec4: array<vec4<f32>>; // (G, N, K / 4)
@group(0) @binding(6) var<storage, read_write> db_vec4: array<vec4<f32>>; // (G, N / 4)

// A row tile: the group that its rows belong to, its first row, and the end of the group.
struct Band {
    g: u32,
    m: u32,
    end: u32,
}

// The tile'th row tile, counting through the groups in tiles of `rows` rows; beyond the last one, a
// tile without rows.
fn band(tile: u32, rows: u32) -> Band {
    var t = tile;
    for (var g = 0u; g < dims.G; g++) {
        let start = groups[g];
        let end = groups[g + 1u];
        let tiles = (end - start + rows - 1u) / rows;
        if t < tiles {
            return Band(g, start + t * rows, end);
        }
        t -= tiles;
    }
    return Band(0u, dims.M, dims.M);
}

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

// Where only the output's columns come in fours, or the sum is short, an invocation computes a run of four of them.
const QUAD: vec4<u32> = vec4<u32>(0u, 1u, 2u, 3u);

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

// Below, matrices are read as WGSL stores them, one vec4 after another: m[i] is row i of a tile and
// its components are four adjacent columns, or four steps of a sum.

fn load_x(at: vec4<u32>) -> mat4x4<f32> {
    return mat4x4<f32>(x_vec4[at.x], x_vec4[at.y], x_vec4[at.z], x_vec4[at.w]);
}

fn load_w(at: vec4<u32>) -> mat4x4<f32> {
    return mat4x4<f32>(w_vec4[at.x], w_vec4[at.y], w_vec4[at.z], w_vec4[at.w]);
}

fn load_dy(at: vec4<u32>) -> mat4x4<f32> {
    return mat4x4<f32>(dy_vec4[at.x], dy_vec4[at.y], dy_vec4[at.z], dy_vec4[at.w]);
}

fn load_dx(at: vec4<u32>) -> mat4x4<f32> {
    return mat4x4<f32>(dx_vec4[at.x], dx_vec4[at.y], dx_vec4[at.z], dx_vec4[at.w]);
}

fn load_dw(at: vec4<u32>) -> mat4x4<f32> {
    return mat4x4<f32>(dw_vec4[at.x], dw_vec4[at.y], dw_vec4[at.z], dw_vec4[at.w]);
}

fn load_y(at: vec4<u32>) -> mat4x4<f32> {
    return mat4x4<f32>(y_vec4[at.x], y_vec4[at.y], y_vec4[at.z], y_vec4[at.w]);
}

fn store_y(at: vec4<u32>, c: mat4x4<f32>) {
    y_vec4[at.x] = c[0];
    y_vec4[at.y] = c[1];
    y_vec4[at.z] = c[2];
    y_vec4[at.w] = c[3];
}

fn store_dx(at: vec4<u32>, c: mat4x4<f32>) {
    dx_vec4[at.x] = c[0];
    dx_vec4[at.y] = c[1];
    dx_vec4[at.z] = c[2];
    dx_vec4[at.w] = c[3];
}

fn store_dw(at: vec4<u32>, c: mat4x4<f32>) {
    dw_vec4[at.x] = c[0];
    dw_vec4[at.y] = c[1];
    dw_vec4[at.z] = c[2];
    dw_vec4[at.w] = c[3];
}

// Four more steps for one row: c plus the sum over s of a[s] b[s], in the order of the steps.
fn row_product(c: vec4<f32>, a: vec4<f32>, b: mat4x4<f32>) -> vec4<f32> {
    return fma(a.wwww, b[3], fma(a.zzzz, b[2], fma(a.yyyy, b[1], fma(a.xxxx, b[0], c))));
}

// Four more steps for four rows: a[i] holds the steps of row i, b[s] the columns of step s.
fn product(c: mat4x4<f32>, a: mat4x4<f32>, b: mat4x4<f32>) -> mat4x4<f32> {
    return mat4x4<f32>(
        row_product(c[0], a[0], b),
        row_product(c[1], a[1], b),
        row_product(c[2], a[2], b),
        row_product(c[3], a[3], b),
    );
}

// One more step for four rows: a[i] belongs to row i.
fn outer(c: mat4x4<f32>, a: vec4<f32>, b: vec4<f32>) -> mat4x4<f32> {
    return mat4x4<f32>(fma(a.xxxx, b, c[0]), fma(a.yyyy, b, c[1]), fma(a.zzzz, b, c[2]), fma(a.wwww, b, c[3]));
}

// A tile of 8 x 8 outputs: rows m .. m + 7, and two runs of four columns that lie apart so that
// adjacent lanes touch adjacent addresses.
struct Tile {
    g: u32,
    m: u32,
    end: u32,  // of the group's rows
    left: u32, // in runs of four columns, of which the output has `columns`
    right: u32,
    columns: u32,
}

fn forward_tile(tile: vec3<u32>, lane: u32) -> Tile {
    let rows = band(tile.y, 8u * (LANES / COLUMN_LANES));
    let m = rows.m + 8u * (lane / COLUMN_LANES);
    let left = tile.x * (2u * COLUMN_LANES) + lane % COLUMN_LANES;
    return Tile(rows.g, m, rows.end, left, left + COLUMN_LANES, dims.N / 4u);
}

// A tile's outputs, by rows and columns.
struct Quarters {
    top_left: mat4x4<f32>,
    top_right: mat4x4<f32>,
    low_left: mat4x4<f32>,
    low_right: mat4x4<f32>,
}

// start + x w_g^T for a tile that is whole.
fn whole_tile(start: Quarters, tile: Tile) -> Quarters {
    let steps = dims.K / 4u;
    var top_at = (tile.m + QUAD) * steps;
    var low_at = top_at + 4u * steps;
    var left_at = (tile.g * dims.N + 4u * tile.left + QUAD) * steps;
    var right_at = (tile.g * dims.N + 4u * tile.right + QUAD) * steps;
    var c = start;
    for (var step = 0u; step < steps; step++) {
        let l = transpose(load_w(left_at));
        let r = transpose(load_w(right_at));
        let top = load_x(top_at);
        c.top_left = product(c.top_left, top, l);
        c.top_right = product(c.top_right, top, r);
        let low = load_x(low_at);
        c.low_left = product(c.low_left, low, l);
        c.low_right = product(c.low_right, low, r);
        top_at += 1u;
        low_at += 1u;
        left_at += 1u;
        right_at += 1u;
    }
    return c;
}

// start + x w_g^T for one row and one run of columns.
fn row_by_run(start: vec4<f32>, g: u32, row: u32, run: u32) -> vec4<f32> {
    let steps = dims.K / 4u;
    var x_at = row * steps;
    var w_at = (g * dims.N + 4u * run + QUAD) * steps;
    var c = start;
    for (var step = 0u; step < steps; step++) {
        c = row_product(c, x_vec4[x_at], transpose(load_w(w_at)));
        x_at += 1u;
        w_at += 1u;
    }
    return c;
}

fn each_plus(c: mat4x4<f32>, bias: vec4<f32>) -> mat4x4<f32> {
    return mat4x4<f32>(c[0] + bias, c[1] + bias, c[2] + bias, c[3] + bias);
}

// One invocation computes 8 x 8 of y = x w_g^T + b_g.
@compute @workgroup_size(LANES)
fn forward_vec4(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
    let tile = forward_tile(group, lane);
    let columns = tile.columns;
    if (tile.m >= tile.end) | (tile.left >= columns) {
        return;
    }
    if tile.m + 8u <= tile.end && tile.right < columns {
        let c = whole_tile(Quarters(), tile);
        let top = (tile.m + QUAD) * columns;
        let low = top + 4u * columns;
        let bias_left = b_vec4[tile.g * columns + tile.left];
        let bias_right = b_vec4[tile.g * columns + tile.right];
        store_y(top + tile.left, each_plus(c.top_left, bias_left));
        store_y(top + tile.right, each_plus(c.top_right, bias_right));
        store_y(low + tile.left, each_plus(c.low_left, bias_left));
        store_y(low + tile.right, each_plus(c.low_right, bias_right));
        return;
    }
    for (var row = tile.m; row < min(tile.m + 8u, tile.end); row++) {
        for (var run = tile.left; run < min(tile.right + 1u, columns); run += COLUMN_LANES) {
            let c = row_by_run(vec4<f32>(), tile.g, row, run);
            y_vec4[row * columns + run] = c + b_vec4[tile.g * columns + run];
        }
    }
}

// One invocation computes 8 x 8 of y = x w_g^T.
@compute @workgroup_size(LANES)
fn forward_plain_vec4(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
    let tile = forward_tile(group, lane);
    let columns = tile.columns;
    if (tile.m >= tile.end) | (tile.left >= columns) {
        return;
    }
    if tile.m + 8u <= tile.end && tile.right < columns {
        let top = (tile.m + QUAD) * columns;
        let low = top + 4u * columns;
        var c = Quarters();
        if dims.accumulate != 0u {
            c = Quarters(
                load_y(top + tile.left),
                load_y(top + tile.right),
                load_y(low + tile.left),
                load_y(low + tile.right),
            );
        }
        c = whole_tile(c, tile);
        store_y(top + tile.left, c.top_left);
        store_y(top + tile.right, c.top_right);
        store_y(low + tile.left, c.low_left);
        store_y(low + tile.right, c.low_right);
        return;
    }
    for (var row = tile.m; row < min(tile.m + 8u, tile.end); row++) {
        for (var run = tile.left; run < min(tile.right + 1u, columns); run += COLUMN_LANES) {
            let at = row * columns + run;
            var c = vec4<f32>();
            if dims.accumulate != 0u {
                c = y_vec4[at];
            }
            y_vec4[at] = row_by_run(c, tile.g, row, run);
        }
    }
}

// One invocation computes 8 x 8 of dx = dy w_g, as rows m .. m + 7 and two runs of four columns.
@compute @workgroup_size(LANES)
fn backward_input_vec4(@builtin(workgroup_id) tile: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
    let rows = band(tile.y, 8u * (LANES / COLUMN_LANES));
    let g = rows.g;
    let end = rows.end;
    let m = rows.m + 8u * (lane / COLUMN_LANES);
    let columns = dims.K / 4u;
    let left = tile.x * (2u * COLUMN_LANES) + lane % COLUMN_LANES;
    let right = left + COLUMN_LANES;
    if (m >= end) | (left >= columns) {
        return;
    }
    let steps = dims.N / 4u;
    let w_row = (g * dims.N + QUAD) * columns;
    if m + 8u <= end && right < columns {
        var top_at = (m + QUAD) * steps;
        var low_at = top_at + 4u * steps;
        var left_at = w_row + left;
        var right_at = w_row + right;
        let at_top = (m + QUAD) * columns;
        let at_low = at_top + 4u * columns;
        var top_left = mat4x4<f32>();
        var top_right = mat4x4<f32>();
        var low_left = mat4x4<f32>();
        var low_right = mat4x4<f32>();
        if dims.accumulate != 0u {
            top_left = load_dx(at_top + left);
            top_right = load_dx(at_top + right);
            low_left = load_dx(at_low + left);
            low_right = load_dx(at_low + right);
        }
        for (var step = 0u; step < steps; step++) {
            let l = load_w(left_at);
            let r = load_w(right_at);
            let top = load_dy(top_at);
            top_left = product(top_left, top, l);
            top_right = product(top_right, top, r);
            let low = load_dy(low_at);
            low_left = product(low_left, low, l);
            low_right = product(low_right, low, r);
            top_at += 1u;
            low_at += 1u;
            left_at += 4u * columns;
            right_at += 4u * columns;
        }
        store_dx(at_top + left, top_left);
        store_dx(at_top + right, top_right);
        store_dx(at_low + left, low_left);
        store_dx(at_low + right, low_right);
        return;
    }
    for (var row = m; row < min(m + 8u, end); row++) {
        for (var run = left; run < min(right + 1u, columns); run += COLUMN_LANES) {
            var dy_at = row * steps;
            var w_at = w_row + run;
            var c = vec4<f32>();
            if dims.accumulate != 0u {
                c = dx_vec4[row * columns + run];
            }
            for (var step = 0u; step < steps; step++) {
                c = row_product(c, dy_vec4[dy_at], load_w(w_at));
                dy_at += 1u;
                w_at += 4u * columns;
            }
            dx_vec4[row * columns + run] = c;
        }
    }
}

// One invocation computes 8 x 8 of dw_g = dy^T x over the group's rows, as two runs of four rows n
// and two runs of four columns k.
@compute @workgroup_size(LANES)
fn backward_weight_vec4(@builtin(workgroup_id) tile: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
    let g = tile.z;
    let start = groups[g];
    let end = groups[g + 1u];
    let rows = dims.N / 4u;
    let columns = dims.K / 4u;
    let top = 2u * (tile.y * (LANES / COLUMN_LANES) + lane / COLUMN_LANES);
    let low = top + 1u;
    let left = tile.x * (2u * COLUMN_LANES) + lane % COLUMN_LANES;
    let right = left + COLUMN_LANES;
    if (top >= rows) | (left >= columns) {
        return;
    }
    if low < rows && right < columns {
        let at_top = (g * dims.N + 4u * top + QUAD) * columns;
        let at_low = at_top + 4u * columns;
        var dy_at = (start + QUAD) * rows + top;
        var left_at = (start + QUAD) * columns + left;
        var right_at = left_at + COLUMN_LANES;
        var top_left = mat4x4<f32>();
        var top_right = mat4x4<f32>();
        var low_left = mat4x4<f32>();
        var low_right = mat4x4<f32>();
        if dims.accumulate != 0u {
            top_left = load_dw(at_top + left);
            top_right = load_dw(at_top + right);
            low_left = load_dw(at_low + left);
            low_right = load_dw(at_low + right);
        }
        var m = start;
        for (; m + 4u <= end; m += 4u) {
            let l = load_x(left_at);
            let r = load_x(right_at);
            let t = transpose(load_dy(dy_at));
            top_left = product(top_left, t, l);
            top_right = product(top_right, t, r);
            let b = transpose(load_dy(dy_at + 1u));
            low_left = product(low_left, b, l);
            low_right = product(low_right, b, r);
            dy_at += 4u * rows;
            left_at += 4u * columns;
            right_at += 4u * columns;
        }
        for (; m < end; m++) {
            let l = x_vec4[m * columns + left];
            let r = x_vec4[m * columns + right];
            let t = dy_vec4[m * rows + top];
            top_left = outer(top_left, t, l);
            top_right = outer(top_right, t, r);
            let b = dy_vec4[m * rows + low];
            low_left = outer(low_left, b, l);
            low_right = outer(low_right, b, r);
        }
        store_dw(at_top + left, top_left);
        store_dw(at_top + right, top_right);
        store_dw(at_low + left, low_left);
        store_dw(at_low + right, low_right);
        return;
    }
    for (var row = top; row < min(low + 1u, rows); row++) {
        for (var run = left; run < min(right + 1u, columns); run += COLUMN_LANES) {
            let at = (g * dims.N + 4u * row + QUAD) * columns + run;
            var c = mat4x4<f32>();
            if dims.accumulate != 0u {
                c = load_dw(at);
            }
            for (var m = start; m < end; m++) {
                c = outer(c, dy_vec4[m * rows + row], x_vec4[m * columns + run]);
            }
            store_dw(at, c);
        }
    }
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
