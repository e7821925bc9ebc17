// Continued in matrices_16.wgsl.
//
// Matrix products of operands in half precision by cooperative matrices of SIDE rows and columns: x, w and dy are f16,
// sums, biases and outputs f32. A subgroup multiplies whole matrices, so a product of two numbers is added without being
// widened: an output costs as many multiplications and additions as its sum has terms, and no conversion.
//
// A workgroup is one subgroup, LANES is its size, and it computes a block of 2 x 2 matrices: each that it loads meets two
// others. Where the last row or column of matrices stands alone, the matrices of a block are computed one by one, never
// one that does not exist. M, K and N are multiples of SIDE, and G is 1.
//
// Grid, for BLOCK = 2 SIDE:
//     forward, forward_plain   ceil(N / BLOCK), ceil(M / BLOCK), 1
//     backward_input           ceil(K / BLOCK), ceil(M / BLOCK), 1
//     backward_weight          ceil(K / BLOCK), ceil(N / BLOCK), 1

enable f16;
enable wgpu_cooperative_matrix;

const BLOCK: u32 = 2u * SIDE;

// Matrices of x, w and dy by their first row and column, as the left or the right factor of a product; `across` are
// those whose rows lie down the columns of the tensor.

fn x_left(m: u32, k: u32) -> Left {
    return coopLoadT<Left>(&x[m * dims.K + k], dims.K);
}

fn x_right(m: u32, k: u32) -> Right {
    return coopLoadT<Right>(&x[m * dims.K + k], dims.K);
}

fn w_right(n: u32, k: u32) -> Right {
    return coopLoadT<Right>(&w[n * dims.K + k], dims.K);
}

fn w_right_across(k: u32, n: u32) -> Right {
    return coopLoad<Right>(&w[n * dims.K + k], dims.K);
}

fn dy_left(m: u32, n: u32) -> Left {
    return coopLoadT<Left>(&dy[m * dims.N + n], dims.N);
}

fn dy_left_across(n: u32, m: u32) -> Left {
    return coopLoad<Left>(&dy[m * dims.N + n], dims.N);
}

// What the sums of a matrix of an output start from.

fn start_of_y(m: u32, n: u32) -> Sum {
    var start = Sum();
    if dims.accumulate != 0u {
        start = coopLoadT<Sum>(&y[m * dims.N + n], dims.N);
    }
    return start;
}

fn start_of_dx(m: u32, k: u32) -> Sum {
    var start = Sum();
    if dims.accumulate != 0u {
        start = coopLoadT<Sum>(&dx[m * dims.K + k], dims.K);
    }
    return start;
}

fn start_of_dw(n: u32, k: u32) -> Sum {
    var start = Sum();
    if dims.accumulate != 0u {
        start = coopLoadT<Sum>(&dw[n * dims.K + k], dims.K);
    }
    return start;
}

// Stores take what they are given from names: what is computed in the call, naga's reader evaluates behind it.

fn write_y(c: Sum, m: u32, n: u32) {
    let stride = dims.N;
    let at = &y[m * stride + n];
    coopStoreT(c, at, stride);
}

fn write_dx(c: Sum, m: u32, k: u32) {
    let stride = dims.K;
    let at = &dx[m * stride + k];
    coopStoreT(c, at, stride);
}

fn write_dw(c: Sum, n: u32, k: u32) {
    let stride = dims.K;
    let at = &dw[n * stride + k];
    coopStoreT(c, at, stride);
}

// One matrix of y = x w^T.
fn matrix_of_y(m: u32, n: u32) {
    var c = start_of_y(m, n);
    for (var k = 0u; k < dims.K; k += SIDE) {
        c = coopMultiplyAdd(x_left(m, k), w_right_across(k, n), c);
    }
    write_y(c, m, n);
}

// A block of y = x w^T.
fn block_of_y(m: u32, n: u32) {
    let below = m + SIDE;
    let beside = n + SIDE;
    var c00 = start_of_y(m, n);
    var c01 = start_of_y(m, beside);
    var c10 = start_of_y(below, n);
    var c11 = start_of_y(below, beside);
    for (var k = 0u; k < dims.K; k += SIDE) {
        let a0 = x_left(m, k);
        let a1 = x_left(below, k);
        let b0 = w_right_across(k, n);
        let b1 = w_right_across(k, beside);
        c00 = coopMultiplyAdd(a0, b0, c00);
        c01 = coopMultiplyAdd(a0, b1, c01);
        c10 = coopMultiplyAdd(a1, b0, c10);
        c11 = coopMultiplyAdd(a1, b1, c11);
    }
    write_y(c00, m, n);
    write_y(c01, m, beside);
    write_y(c10, below, n);
    write_y(c11, below, beside);
}

// What there is of a block of y = x w^T.
fn part_of_y(m: u32, n: u32) {
    if (m + BLOCK <= dims.M) & (n + BLOCK <= dims.N) {
        block_of_y(m, n);
    } else {
        for (var row = m; row < min(m + BLOCK, dims.M); row += SIDE) {
            for (var column = n; column < min(n + BLOCK, dims.N); column += SIDE) {
                matrix_of_y(row, column);
            }
        }
    }
}

// A subgroup computes a block of y = x w^T + b. Once the sums are stored, each invocation adds b to some of them: which
// of a matrix's numbers an invocation has, WGSL does not say.
@compute @workgroup_size(LANES)
fn forward(@builtin(workgroup_id) tile: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
    let m = tile.y * BLOCK;
    let n = tile.x * BLOCK;
    part_of_y(m, n);
    storageBarrier();
    let columns = min(BLOCK, dims.N - min(n, dims.N));
    let outputs = min(BLOCK, dims.M - min(m, dims.M)) * columns;
    for (var i = lane; i < outputs; i += LANES) {
        let column = n + i % columns;
        y[(m + i / columns) * dims.N + column] += b[column];
    }
}

// A subgroup computes a block of y = x w^T.
@compute @workgroup_size(LANES)
fn forward_plain(@builtin(workgroup_id) tile: vec3<u32>) {
    part_of_y(tile.y * BLOCK, tile.x * BLOCK);
}

// One matrix of dx = dy w.
fn matrix_of_dx(m: u32, k: u32) {
    var c = start_of_dx(m, k);
    for (var n = 0u; n < dims.N; n += SIDE) {
        c = coopMultiplyAdd(dy_left(m, n), w_right(n, k), c);
    }
    write_dx(c, m, k);
}

// A block of dx = dy w.
fn block_of_dx(m: u32, k: u32) {
    let below = m + SIDE;
    let beside = k + SIDE;
    var c00 = start_of_dx(m, k);
    var c01 = start_of_dx(m, beside);
    var c10 = start_of_dx(below, k);
    var c11 = start_of_dx(below, beside);
    for (var n = 0u; n < dims.N; n += SIDE) {
        let a0 = dy_left(m, n);
        let a1 = dy_left(below, n);
        let b0 = w_right(n, k);
        let b1 = w_right(n, beside);
        c00 = coopMultiplyAdd(a0, b0, c00);
        c01 = coopMultiplyAdd(a0, b1, c01);
        c10 = coopMultiplyAdd(a1, b0, c10);
        c11 = coopMultiplyAdd(a1, b1, c11);
    }
    write_dx(c00, m, k);
    write_dx(c01, m, beside);
    write_dx(c10, below, k);
    write_dx(c11, below, beside);
}

// A subgroup computes a block of dx = dy w.
@compute @workgroup_size(LANES)
fn backward_input(@builtin(workgroup_id) tile: vec3<u32>) {
    let m = tile.y * BLOCK;
    let k = tile.x * BLOCK;
    if (m + BLOCK <= dims.M) & (k + BLOCK <= dims.K) {
        block_of_dx(m, k);
    } else {
        for (var row = m; row < min(m + BLOCK, dims.M); row += SIDE) {
            for (var column = k; column < min(k + BLOCK, dims.K); column += SIDE) {
                matrix_of_dx(row, column);
            }
        }
    }
}

// One matrix of dw = dy^T x.
fn matrix_of_dw(n: u32, k: u32) {
    var c = start_of_dw(n, k);
    for (var m = 0u; m < dims.M; m += SIDE) {
        c = coopMultiplyAdd(dy_left_across(n, m), x_right(m, k), c);
    }
    write_dw(c, n, k);
}

// A block of dw = dy^T x.
fn block_of_dw(n: u32, k: u32) {
    let below = n + SIDE;
    let beside = k + SIDE;
    var c00 = start_of_dw(n, k);
    var c01 = start_of_dw(n, beside);
    var c10 = start_of_dw(below, k);
    var c11 = start_of_dw(below, beside);
    for (var m = 0u; m < dims.M; m += SIDE) {
        let a0 = dy_left_across(n, m);
        let a1 = dy_left_across(below, m);
        let b0 = x_right(m, k);
        let b1 = x_right(m, beside);
        c00 = coopMultiplyAdd(a0, b0, c00);
        c01 = coopMultiplyAdd(a0, b1, c01);
        c10 = coopMultiplyAdd(a1, b0, c10);
        c11 = coopMultiplyAdd(a1, b1, c11);
    }
    write_dw(c00, n, k);
    write_dw(c01, n, beside);
    write_dw(c10, below, k);
    write_dw(c11, below, beside);
}

// A subgroup computes a block of dw = dy^T x.
@compute @workgroup_size(LANES)
fn backward_weight(@builtin(workgroup_id) tile: vec3<u32>) {
    let n = tile.y * BLOCK;
    let k = tile.x * BLOCK;
    if (n + BLOCK <= dims.N) & (k + BLOCK <= dims.K) {
        block_of_dw(n, k);
    } else {
        for (var row = n; row < min(n + BLOCK, dims.N); row += SIDE) {
            for (var column = k; column < min(k + BLOCK, dims.K); column += SIDE) {
                matrix_of_dw(row, column);
            }
        }
    }
}
