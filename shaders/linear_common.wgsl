// Continued in products.wgsl.
//
// What the files of matrix products share: dimensions and bindings, the rows of a group, and how tiles are
// read and written, and what is computed where they are not whole.

struct Dims {
    M: u32,
    K: u32,
    N: u32,
    G: u32,
    accumulate: u32, // 1: the chain of sums starts at what the output holds, 0: at zero
}

override LANES: u32;

@group(0) @binding(0) var<uniform> dims: Dims;
@group(0) @binding(1) var<storage, read> groups: array<u32>; // (G + 1)

@group(0) @binding(2) var<storage, read> x: array<Operand>; // (M, K)
@group(0) @binding(3) var<storage, read> w: array<Operand>; // (G, N, K)
@group(0) @binding(4) var<storage, read> b: array<f32>; // (G, N)
@group(0) @binding(5) var<storage, read> dy: array<Operand>; // (M, N)
@group(0) @binding(6) var<storage, read_write> y: array<f32>; // (M, N)
@group(0) @binding(6) var<storage, read_write> dx: array<f32>; // (M, K)
@group(0) @binding(6) var<storage, read_write> dw: array<f32>; // (G, N, K)
@group(0) @binding(6) var<storage, read_write> db: array<f32>; // (G, N)

// The same buffers in vectors; some entries see an operand both ways.
@group(0) @binding(7) var<storage, read> x_vec4: array<vec4<Operand>>; // (M, K / 4)
@group(0) @binding(8) var<storage, read> w_vec4: array<vec4<Operand>>; // (G, N, K / 4)
@group(0) @binding(4) var<storage, read> b_vec4: array<vec4<f32>>; // (G, N / 4)
@group(0) @binding(9) var<storage, read> dy_vec4: array<vec4<Operand>>; // (M, N / 4)
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

const QUAD: vec4<u32> = vec4<u32>(0u, 1u, 2u, 3u);

// Matrices are read as WGSL stores them, one vec4 after another: m[i] is row i of a tile and
// its components are four adjacent columns, or four steps of a sum.

fn load_x(at: vec4<u32>) -> mat4x4<Operand> {
    return mat4x4<Operand>(x_vec4[at.x], x_vec4[at.y], x_vec4[at.z], x_vec4[at.w]);
}

fn load_w(at: vec4<u32>) -> mat4x4<Operand> {
    return mat4x4<Operand>(w_vec4[at.x], w_vec4[at.y], w_vec4[at.z], w_vec4[at.w]);
}

fn load_dy(at: vec4<u32>) -> mat4x4<Operand> {
    return mat4x4<Operand>(dy_vec4[at.x], dy_vec4[at.y], dy_vec4[at.z], dy_vec4[at.w]);
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

fn each_plus(c: mat4x4<f32>, bias: vec4<f32>) -> mat4x4<f32> {
    return mat4x4<f32>(c[0] + bias, c[1] + bias, c[2] + bias, c[3] + bias);
}

// What follows is for the edges, where tiles are not whole.

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

// One row and one run of columns of dx = dy w_g.
fn run_of_dx(g: u32, row: u32, run: u32) {
    let steps = dims.N / 4u;
    let columns = dims.K / 4u;
    let at = row * columns + run;
    var dy_at = row * steps;
    var w_at = (g * dims.N + QUAD) * columns + run;
    var c = vec4<f32>();
    if dims.accumulate != 0u {
        c = dx_vec4[at];
    }
    for (var step = 0u; step < steps; step++) {
        c = row_product(c, dy_vec4[dy_at], load_w(w_at));
        dy_at += 1u;
        w_at += 4u * columns;
    }
    dx_vec4[at] = c;
}

// A run of four rows and one of four columns of dw_g = dy^T x over the group's rows.
fn run_of_dw(g: u32, quad: u32, run: u32) {
    let rows = dims.N / 4u;
    let columns = dims.K / 4u;
    let at = (g * dims.N + 4u * quad + QUAD) * columns + run;
    let end = groups[g + 1u];
    var c = mat4x4<f32>();
    if dims.accumulate != 0u {
        c = load_dw(at);
    }
    for (var m = groups[g]; m < end; m++) {
        c = outer(c, dy_vec4[m * rows + quad], x_vec4[m * columns + run]);
    }
    store_dw(at, c);
}
