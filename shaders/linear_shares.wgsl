// Continued in linear_numbers.wgsl.
//
// Gradients of weights whose outputs are few and whose sums are long, for devices that run a workgroup's invocations
// side by side: TEAM slices of a workgroup take every TEAM'th row of the group each, and the slices' sums are
// added to what the output starts from, in the order of the slices.
//
// A slice begins with its first product, and not with zero plus that, so every output still costs as many
// multiplications as there are rows, and as many additions. They are two operations, not one fused: a slice's first
// product and the sum of two slices have no counterpart to be fused with, and how many there are the groups decide.
//
// Grid: LANES / TEAM = 16 lanes compute 16 x 16 outputs of a slice, 4 x 4 each, so
//     backward_weight, backward_weight_vec4: ceil(K / 16), ceil(N / 16), G
// `backward_weight_vec4` wants K and N to be multiples of four.

override TEAM: u32;

// By slice, lane of a slice, and row of four of that lane's outputs: for 256 lanes.
var<workgroup> shares: array<vec4<f32>, 1024>;

const SIDE: u32 = 4u; // lanes of a slice along rows, and along columns

// a[i] belongs to row i.
fn times(a: vec4<Operand>, b: vec4<Operand>) -> mat4x4<f32> {
    return mat4x4<f32>(vec4<f32>(a.xxxx * b), vec4<f32>(a.yyyy * b), vec4<f32>(a.zzzz * b), vec4<f32>(a.wwww * b));
}

fn add_times(c: mat4x4<f32>, a: vec4<Operand>, b: vec4<Operand>) -> mat4x4<f32> {
    let more = times(a, b);
    return mat4x4<f32>(c[0] + more[0], c[1] + more[1], c[2] + more[2], c[3] + more[3]);
}

// Puts a lane's sums where others can read them.
fn share(lane: u32, c: mat4x4<f32>) {
    shares[4u * lane] = c[0];
    shares[4u * lane + 1u] = c[1];
    shares[4u * lane + 2u] = c[2];
    shares[4u * lane + 3u] = c[3];
}

// A workgroup computes 16 x 16 of dw_g = dy^T x over the group's rows.
@compute @workgroup_size(LANES)
fn backward_weight_vec4(@builtin(workgroup_id) tile: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
    let rows = dims.N / 4u;
    let columns = dims.K / 4u;
    let slice = lane / (SIDE * SIDE);
    let row = tile.y * SIDE + lane / SIDE % SIDE;
    let column = tile.x * SIDE + lane % SIDE;
    let start = groups[tile.z];
    let end = groups[tile.z + 1u];
    if (row < rows) & (column < columns) {
        var c = mat4x4<f32>();
        var m = start + slice;
        if m < end {
            c = times(dy_vec4[m * rows + row], x_vec4[m * columns + column]);
            m += TEAM;
        }
        // Four rows at once: their loads wait for nothing but each other.
        for (; m + 3u * TEAM < end; m += 4u * TEAM) {
            let at = (m + TEAM * QUAD) * rows + row;
            let a = load_dy(at);
            let b = load_x((m + TEAM * QUAD) * columns + column);
            c = add_times(c, a[0], b[0]);
            c = add_times(c, a[1], b[1]);
            c = add_times(c, a[2], b[2]);
            c = add_times(c, a[3], b[3]);
        }
        for (; m < end; m += TEAM) {
            c = add_times(c, dy_vec4[m * rows + row], x_vec4[m * columns + column]);
        }
        share(lane, c);
    }
    workgroupBarrier();
    // Each of four times as many lanes as a slice has sums up one row of four outputs.
    let own = lane / 4u;
    let n = 4u * (tile.y * SIDE + own / SIDE) + lane % 4u;
    let run = tile.x * SIDE + own % SIDE;
    if (lane < 4u * SIDE * SIDE) & (n < dims.N) & (run < columns) {
        let at = (tile.z * dims.N + n) * columns + run;
        var sum = vec4<f32>();
        if dims.accumulate != 0u {
            sum = dw_vec4[at];
        }
        for (var other = 0u; other < min(TEAM, end - start); other++) {
            sum += shares[lane + other * (4u * SIDE * SIDE)];
        }
        dw_vec4[at] = sum;
    }
}

// So many rows and columns of a run.
fn add_some_times(start: mat4x4<f32>, a: vec4<Operand>, rows: u32, b: vec4<Operand>, columns: u32, first: bool) -> mat4x4<f32> {
    var c = start;
    if rows > 0u {
        c[0] = add_some(c[0], a.x, b, columns, first);
    }
    if rows > 1u {
        c[1] = add_some(c[1], a.y, b, columns, first);
    }
    if rows > 2u {
        c[2] = add_some(c[2], a.z, b, columns, first);
    }
    if rows > 3u {
        c[3] = add_some(c[3], a.w, b, columns, first);
    }
    return c;
}

fn add_some(start: vec4<f32>, a: Operand, b: vec4<Operand>, columns: u32, first: bool) -> vec4<f32> {
    var c = start;
    if columns > 0u {
        c.x = add_one(c.x, a, b.x, first);
    }
    if columns > 1u {
        c.y = add_one(c.y, a, b.y, first);
    }
    if columns > 2u {
        c.z = add_one(c.z, a, b.z, first);
    }
    if columns > 3u {
        c.w = add_one(c.w, a, b.w, first);
    }
    return c;
}

fn add_one(start: f32, a: Operand, b: Operand, first: bool) -> f32 {
    let term = f32(a * b);
    if first {
        return term;
    }
    return start + term;
}

// A workgroup computes 16 x 16 of dw_g = dy^T x over the group's rows.
@compute @workgroup_size(LANES)
fn backward_weight(@builtin(workgroup_id) tile: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
    let slice = lane / (SIDE * SIDE);
    let row = 4u * (tile.y * SIDE + lane / SIDE % SIDE);
    let column = 4u * (tile.x * SIDE + lane % SIDE);
    let rows = min(dims.N - min(row, dims.N), 4u);
    let columns = min(dims.K - min(column, dims.K), 4u);
    let start = groups[tile.z];
    let end = groups[tile.z + 1u];
    if (rows > 0u) & (columns > 0u) {
        var c = mat4x4<f32>();
        let dy_at = min(row + QUAD, vec4<u32>(dims.N - 1u));
        let x_at = min(column + QUAD, vec4<u32>(dims.K - 1u));
        // Four rows at once: their loads wait for nothing but each other.
        for (var m = start + slice; m < end; m += 4u * TEAM) {
            let at = min(m + TEAM * QUAD, vec4<u32>(end - 1u));
            let a = block_of_dy(at, dy_at);
            let b = block_of_x(at, x_at);
            c = add_some_times(c, a[0], rows, b[0], columns, m < start + TEAM);
            if m + TEAM < end {
                c = add_some_times(c, a[1], rows, b[1], columns, false);
            }
            if m + 2u * TEAM < end {
                c = add_some_times(c, a[2], rows, b[2], columns, false);
            }
            if m + 3u * TEAM < end {
                c = add_some_times(c, a[3], rows, b[3], columns, false);
            }
        }
        share(lane, c);
    }
    workgroupBarrier();
    // Each lane sums up one output.
    let own = lane / 16u;
    let n = 4u * (tile.y * SIDE + own / SIDE) + lane / 4u % 4u;
    let k = 4u * (tile.x * SIDE + own % SIDE) + lane % 4u;
    if (lane < 16u * SIDE * SIDE) & (n < dims.N) & (k < dims.K) {
        let at = (tile.z * dims.N + n) * dims.K + k;
        var sum = 0.0;
        if dims.accumulate != 0u {
            sum = dw[at];
        }
        for (var other = 0u; other < min(TEAM, end - start); other++) {
            sum += shares[lane / 4u + other * (4u * SIDE * SIDE)][lane % 4u];
        }
        dw[at] = sum;
    }
}
