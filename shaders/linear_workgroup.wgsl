// Continued in linear_staged.wgsl.
//
// The `_vec4` products of linear.wgsl for devices that run a workgroup's invocations side by side: a workgroup
// stages in its memory what all of its invocations need. Operations are those of linear.wgsl, each sum in the
// same order, and bindings are the same. K and N are multiples of four. The gradient of a weight is computed by
// linear_tiles.wgsl there, too.
//
// Grids. A workgroup computes R = TILE * LANES / COLUMN_LANES rows and C = TILE * COLUMN_LANES columns of its output:
//                           x: columns    y: rows              z
//     forward_vec4          ceil(N / C)   ceil(M / R) + G - 1  1
//     forward_plain_vec4    the same
//     backward_input_vec4   ceil(K / C)   ceil(M / R) + G - 1  1

// What a lane stages of x or of w_g, from column k of both on.
fn forward_values(block: Block, rows: Band, column: u32, k: u32) -> mat4x4<Operand> {
    let quads = dims.K / 4u;
    let quad = min(k / 4u + block.steps, quads - 1u);
    if block.rows {
        return transpose(load_x(up_to(rows.m + 4u * block.run, rows.end) * quads + quad));
    }
    return transpose(load_w((rows.g * dims.N + up_to(column + 4u * block.run, dims.N)) * quads + quad));
}

// start + x w_g^T over a tile.
fn forward_sums(start: Sums, lane: u32, own: Outputs, rows: Band, column: u32) -> Sums {
    let block = block_by_steps(lane);
    let end = select(0u, dims.K, rows.m < rows.end);
    var c = start;
    var values = forward_values(block, rows, column, 0u);
    for (var k = 0u; k < end; k += STEPS) {
        workgroupBarrier();
        stage(block, values);
        workgroupBarrier();
        // What comes next is on its way while the sums are made.
        if k + STEPS < end {
            values = forward_values(block, rows, column, k + STEPS);
        }
        c = add_some_steps(c, lane, own, min(end - k, STEPS));
    }
    return c;
}

// A workgroup computes a tile of y = x w_g^T + b_g.
@compute @workgroup_size(LANES)
fn forward_vec4(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
    let rows = band(group.y, 4u * row_runs());
    let column = 4u * group.x * column_runs();
    let own = outputs(lane, rows.m, rows.end, column, dims.N);
    let c = forward_sums(Sums(), lane, own, rows, column);
    let bias = rows.g * (dims.N / 4u);
    var biased = c;
    if own.left_columns > 0u {
        let b = b_vec4[bias + own.left / 4u];
        biased.top_left = plus(c.top_left, b, own.top_rows);
        biased.low_left = plus(c.low_left, b, own.low_rows);
    }
    if own.right_columns > 0u {
        let b = b_vec4[bias + own.right / 4u];
        biased.top_right = plus(c.top_right, b, own.top_rows);
        biased.low_right = plus(c.low_right, b, own.low_rows);
    }
    store_y_tile(0u, own, biased);
}

// A workgroup computes a tile of y = x w_g^T.
@compute @workgroup_size(LANES)
fn forward_plain_vec4(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
    let rows = band(group.y, 4u * row_runs());
    let column = 4u * group.x * column_runs();
    let own = outputs(lane, rows.m, rows.end, column, dims.N);
    var c = Sums();
    if dims.accumulate != 0u {
        c = old_y(0u, own);
    }
    store_y_tile(0u, own, forward_sums(c, lane, own, rows, column));
}

// What a lane stages of dy or of w_g, from column n of the one and row n of the other on.
fn input_values(block: Block, rows: Band, run: u32, n: u32) -> mat4x4<Operand> {
    let columns = dims.K / 4u;
    if block.rows {
        let quads = dims.N / 4u;
        let quad = min(n / 4u + block.steps, quads - 1u);
        return transpose(load_dy(up_to(rows.m + 4u * block.run, rows.end) * quads + quad));
    }
    let w_rows = rows.g * dims.N + up_to(n + 4u * block.steps, dims.N);
    return load_w(w_rows * columns + min(run + block.run, columns - 1u));
}

// A workgroup computes a tile of dx = dy w_g.
@compute @workgroup_size(LANES)
fn backward_input_vec4(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
    let rows = band(group.y, 4u * row_runs());
    let run = group.x * column_runs();
    let own = outputs(lane, rows.m, rows.end, 4u * run, dims.K);
    var c = Sums();
    if dims.accumulate != 0u {
        c = old_dx(0u, own);
    }
    var block = block_by_runs(lane);
    if lane < LANES / 2u {
        block = block_by_steps(lane);
    }
    let end = select(0u, dims.N, rows.m < rows.end);
    var values = input_values(block, rows, run, 0u);
    for (var n = 0u; n < end; n += STEPS) {
        workgroupBarrier();
        stage(block, values);
        workgroupBarrier();
        if n + STEPS < end {
            values = input_values(block, rows, run, n + STEPS);
        }
        c = add_some_steps(c, lane, own, min(end - n, STEPS));
    }
    store_dx_tile(0u, own, c);
}

fn plus(values: mat4x4<f32>, bias: vec4<f32>, rows: u32) -> mat4x4<f32> {
    var sums = values;
    if rows > 0u {
        sums[0] += bias;
    }
    if rows > 1u {
        sums[1] += bias;
    }
    if rows > 2u {
        sums[2] += bias;
    }
    if rows > 3u {
        sums[3] += bias;
    }
    return sums;
}

// An invocation's outputs as they are and as they become, where they exist.

fn own_y(row: u32, rows: u32, column: u32, columns: u32) -> mat4x4<f32> {
    let width = dims.N / 4u;
    let at = row * width + column / 4u;
    var values = mat4x4<f32>();
    if (rows > 0u) & (columns > 0u) {
        values[0] = y_vec4[at];
    }
    if (rows > 1u) & (columns > 0u) {
        values[1] = y_vec4[at + width];
    }
    if (rows > 2u) & (columns > 0u) {
        values[2] = y_vec4[at + 2u * width];
    }
    if (rows > 3u) & (columns > 0u) {
        values[3] = y_vec4[at + 3u * width];
    }
    return values;
}

fn store_y_run(row: u32, rows: u32, column: u32, columns: u32, values: mat4x4<f32>) {
    let width = dims.N / 4u;
    let at = row * width + column / 4u;
    if (rows > 0u) & (columns > 0u) {
        y_vec4[at] = values[0];
    }
    if (rows > 1u) & (columns > 0u) {
        y_vec4[at + width] = values[1];
    }
    if (rows > 2u) & (columns > 0u) {
        y_vec4[at + 2u * width] = values[2];
    }
    if (rows > 3u) & (columns > 0u) {
        y_vec4[at + 3u * width] = values[3];
    }
}

fn old_y(first: u32, own: Outputs) -> Sums {
    let top = first + own.top;
    let low = first + own.low;
    return Sums(
        own_y(top, own.top_rows, own.left, own.left_columns),
        own_y(top, own.top_rows, own.right, own.right_columns),
        own_y(low, own.low_rows, own.left, own.left_columns),
        own_y(low, own.low_rows, own.right, own.right_columns),
    );
}

fn store_y_tile(first: u32, own: Outputs, c: Sums) {
    let top = first + own.top;
    let low = first + own.low;
    store_y_run(top, own.top_rows, own.left, own.left_columns, c.top_left);
    store_y_run(top, own.top_rows, own.right, own.right_columns, c.top_right);
    store_y_run(low, own.low_rows, own.left, own.left_columns, c.low_left);
    store_y_run(low, own.low_rows, own.right, own.right_columns, c.low_right);
}

fn own_dx(row: u32, rows: u32, column: u32, columns: u32) -> mat4x4<f32> {
    let width = dims.K / 4u;
    let at = row * width + column / 4u;
    var values = mat4x4<f32>();
    if (rows > 0u) & (columns > 0u) {
        values[0] = dx_vec4[at];
    }
    if (rows > 1u) & (columns > 0u) {
        values[1] = dx_vec4[at + width];
    }
    if (rows > 2u) & (columns > 0u) {
        values[2] = dx_vec4[at + 2u * width];
    }
    if (rows > 3u) & (columns > 0u) {
        values[3] = dx_vec4[at + 3u * width];
    }
    return values;
}

fn store_dx_run(row: u32, rows: u32, column: u32, columns: u32, values: mat4x4<f32>) {
    let width = dims.K / 4u;
    let at = row * width + column / 4u;
    if (rows > 0u) & (columns > 0u) {
        dx_vec4[at] = values[0];
    }
    if (rows > 1u) & (columns > 0u) {
        dx_vec4[at + width] = values[1];
    }
    if (rows > 2u) & (columns > 0u) {
        dx_vec4[at + 2u * width] = values[2];
    }
    if (rows > 3u) & (columns > 0u) {
        dx_vec4[at + 3u * width] = values[3];
    }
}

fn old_dx(first: u32, own: Outputs) -> Sums {
    let top = first + own.top;
    let low = first + own.low;
    return Sums(
        own_dx(top, own.top_rows, own.left, own.left_columns),
        own_dx(top, own.top_rows, own.right, own.right_columns),
        own_dx(low, own.low_rows, own.left, own.left_columns),
        own_dx(low, own.low_rows, own.right, own.right_columns),
    );
}

fn store_dx_tile(first: u32, own: Outputs, c: Sums) {
    let top = first + own.top;
    let low = first + own.low;
    store_dx_run(top, own.top_rows, own.left, own.left_columns, c.top_left);
    store_dx_run(top, own.top_rows, own.right, own.right_columns, c.top_right);
    store_dx_run(low, own.low_rows, own.left, own.left_columns, c.low_left);
    store_dx_run(low, own.low_rows, own.right, own.right_columns, c.low_right);
}

// So many more of the staged steps: at the edges what exists, and no more.
fn add_some_steps(start: Sums, lane: u32, own: Outputs, steps: u32) -> Sums {
    if is_whole(own, steps) {
        return add_steps(start, lane);
    }
    var c = start;
    let rows = row_runs();
    let columns = column_runs();
    let top = lane / COLUMN_LANES;
    let left = lane % COLUMN_LANES;
    for (var step = 0u; step < steps; step++) {
        let t = staged_rows[place(step, top, rows)];
        let l = staged_columns[place(step, left, columns)];
        c.top_left = some_outer(c.top_left, t, own.top_rows, l, own.left_columns);
        if TILE == 8u {
            let b = staged_rows[place(step, top + LANES / COLUMN_LANES, rows)];
            let r = staged_columns[place(step, left + COLUMN_LANES, columns)];
            c.top_right = some_outer(c.top_right, t, own.top_rows, r, own.right_columns);
            c.low_left = some_outer(c.low_left, b, own.low_rows, l, own.left_columns);
            c.low_right = some_outer(c.low_right, b, own.low_rows, r, own.right_columns);
        }
    }
    return c;
}

// One more step for so many rows of a run, and for four columns or none: those that are missing are whole runs. With a
// way to compute fewer of them, an NVIDIA H200 took 1.2 times as long, even where none is missing.
fn some_outer(start: mat4x4<f32>, a: vec4<Operand>, rows: u32, b: vec4<Operand>, columns: u32) -> mat4x4<f32> {
    var c = start;
    if columns == 0u {
        return c;
    }
    if rows > 0u {
        c[0] = add_products(c[0], a.xxxx, b);
    }
    if rows > 1u {
        c[1] = add_products(c[1], a.yyyy, b);
    }
    if rows > 2u {
        c[2] = add_products(c[2], a.zzzz, b);
    }
    if rows > 3u {
        c[3] = add_products(c[3], a.wwww, b);
    }
    return c;
}
