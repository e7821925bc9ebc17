// Continued in linear_staged.wgsl.
//
// The products of linear_workgroup.wgsl for extents that are no multiples of four: the same tiles, of which the last
// may have any number of rows and columns, and whose operands are loaded number by number.
//
// Grids are those of linear_workgroup.wgsl.

// What a lane stages of x or of w_g, from column k of both on.
fn forward_values(block: Block, rows: Band, column: u32, k: u32) -> mat4x4<f32> {
    let steps = up_to(k + 4u * block.steps, dims.K);
    if block.rows {
        return transpose(block_of_x(up_to(rows.m + 4u * block.run, rows.end), steps));
    }
    return transpose(block_of_w(rows.g * dims.N + up_to(column + 4u * block.run, dims.N), steps));
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
        c = add_steps(c, lane, own, min(end - k, STEPS));
    }
    return c;
}

// A workgroup computes a tile of y = x w_g^T + b_g.
@compute @workgroup_size(LANES)
fn forward(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
    let rows = band(group.y, 4u * row_runs());
    let column = 4u * group.x * column_runs();
    let own = outputs(lane, rows.m, rows.end, column, dims.N);
    let c = forward_sums(Sums(), lane, own, rows, column);
    let left = bias(rows.g, own.left, own.left_columns);
    let right = bias(rows.g, own.right, own.right_columns);
    let biased = Sums(
        plus(c.top_left, left, own.top_rows, own.left_columns),
        plus(c.top_right, right, own.top_rows, own.right_columns),
        plus(c.low_left, left, own.low_rows, own.left_columns),
        plus(c.low_right, right, own.low_rows, own.right_columns),
    );
    store_y_tile(0u, own, biased);
}

// A workgroup computes a tile of y = x w_g^T.
@compute @workgroup_size(LANES)
fn forward_plain(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
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
fn input_values(block: Block, rows: Band, column: u32, n: u32) -> mat4x4<f32> {
    let steps = up_to(n + 4u * block.steps, dims.N);
    if block.rows {
        return transpose(block_of_dy(up_to(rows.m + 4u * block.run, rows.end), steps));
    }
    return block_of_w(rows.g * dims.N + steps, up_to(column + 4u * block.run, dims.K));
}

// A workgroup computes a tile of dx = dy w_g.
@compute @workgroup_size(LANES)
fn backward_input(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
    let rows = band(group.y, 4u * row_runs());
    let column = 4u * group.x * column_runs();
    let own = outputs(lane, rows.m, rows.end, column, dims.K);
    var c = Sums();
    if dims.accumulate != 0u {
        c = old_dx(0u, own);
    }
    var block = block_by_runs(lane);
    if lane < LANES / 2u {
        block = block_by_steps(lane);
    }
    let end = select(0u, dims.N, rows.m < rows.end);
    var values = input_values(block, rows, column, 0u);
    for (var n = 0u; n < end; n += STEPS) {
        workgroupBarrier();
        stage(block, values);
        workgroupBarrier();
        if n + STEPS < end {
            values = input_values(block, rows, column, n + STEPS);
        }
        c = add_steps(c, lane, own, min(end - n, STEPS));
    }
    store_dx_tile(0u, own, c);
}

// What a lane stages of dy or of x, from row m of both on.
fn weight_values(block: Block, end: u32, row: u32, column: u32, m: u32) -> mat4x4<f32> {
    let steps = up_to(m + 4u * block.steps, end);
    if block.rows {
        return block_of_dy(steps, up_to(row + 4u * block.run, dims.N));
    }
    return block_of_x(steps, up_to(column + 4u * block.run, dims.K));
}

// A workgroup computes a tile of dw_g = dy^T x over the group's rows.
@compute @workgroup_size(LANES)
fn backward_weight(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
    let first = group.z * dims.N;
    let row = 4u * group.y * row_runs();
    let column = 4u * group.x * column_runs();
    let own = outputs(lane, row, dims.N, column, dims.K);
    var c = Sums();
    if dims.accumulate != 0u {
        c = old_dw(first, own);
    }
    let block = block_by_runs(lane);
    let end = groups[group.z + 1u];
    var values = weight_values(block, end, row, column, groups[group.z]);
    for (var m = groups[group.z]; m < end; m += STEPS) {
        workgroupBarrier();
        stage(block, values);
        workgroupBarrier();
        if m + STEPS < end {
            values = weight_values(block, end, row, column, m + STEPS);
        }
        c = add_steps(c, lane, own, min(end - m, STEPS));
    }
    store_dw_tile(first, own, c);
}

fn bias(g: u32, column: u32, columns: u32) -> vec4<f32> {
    var values = vec4<f32>();
    for (var i = 0u; i < columns; i++) {
        values[i] = b[g * dims.N + column + i];
    }
    return values;
}

fn plus(values: mat4x4<f32>, bias: vec4<f32>, rows: u32, columns: u32) -> mat4x4<f32> {
    var sums = values;
    if rows > 0u {
        sums[0] = plus_some(sums[0], bias, columns);
    }
    if rows > 1u {
        sums[1] = plus_some(sums[1], bias, columns);
    }
    if rows > 2u {
        sums[2] = plus_some(sums[2], bias, columns);
    }
    if rows > 3u {
        sums[3] = plus_some(sums[3], bias, columns);
    }
    return sums;
}

fn plus_some(values: vec4<f32>, bias: vec4<f32>, columns: u32) -> vec4<f32> {
    if columns == 4u {
        return values + bias;
    }
    var sums = values;
    if columns > 0u {
        sums.x += bias.x;
    }
    if columns > 1u {
        sums.y += bias.y;
    }
    if columns > 2u {
        sums.z += bias.z;
    }
    return sums;
}

// Four rows of an operand at four of its columns.

fn block_of_w(rows: vec4<u32>, columns: vec4<u32>) -> mat4x4<f32> {
    let at = rows * dims.K;
    return mat4x4<f32>(
        vec4<f32>(w[at.x + columns.x], w[at.x + columns.y], w[at.x + columns.z], w[at.x + columns.w]),
        vec4<f32>(w[at.y + columns.x], w[at.y + columns.y], w[at.y + columns.z], w[at.y + columns.w]),
        vec4<f32>(w[at.z + columns.x], w[at.z + columns.y], w[at.z + columns.z], w[at.z + columns.w]),
        vec4<f32>(w[at.w + columns.x], w[at.w + columns.y], w[at.w + columns.z], w[at.w + columns.w]),
    );
}

// An invocation's outputs as they are and as they become, where they exist.

fn own_y(row: u32, rows: u32, column: u32, columns: u32) -> mat4x4<f32> {
    let at = row * dims.N + column;
    var values = mat4x4<f32>();
    if rows > 0u {
        values[0] = own_y_row(at, columns);
    }
    if rows > 1u {
        values[1] = own_y_row(at + dims.N, columns);
    }
    if rows > 2u {
        values[2] = own_y_row(at + 2u * dims.N, columns);
    }
    if rows > 3u {
        values[3] = own_y_row(at + 3u * dims.N, columns);
    }
    return values;
}

fn own_y_row(at: u32, columns: u32) -> vec4<f32> {
    var values = vec4<f32>();
    if columns > 0u {
        values.x = y[at];
    }
    if columns > 1u {
        values.y = y[at + 1u];
    }
    if columns > 2u {
        values.z = y[at + 2u];
    }
    if columns > 3u {
        values.w = y[at + 3u];
    }
    return values;
}

fn store_y_run(row: u32, rows: u32, column: u32, columns: u32, values: mat4x4<f32>) {
    let at = row * dims.N + column;
    if rows > 0u {
        store_y_row(at, columns, values[0]);
    }
    if rows > 1u {
        store_y_row(at + dims.N, columns, values[1]);
    }
    if rows > 2u {
        store_y_row(at + 2u * dims.N, columns, values[2]);
    }
    if rows > 3u {
        store_y_row(at + 3u * dims.N, columns, values[3]);
    }
}

fn store_y_row(at: u32, columns: u32, values: vec4<f32>) {
    if columns > 0u {
        y[at] = values.x;
    }
    if columns > 1u {
        y[at + 1u] = values.y;
    }
    if columns > 2u {
        y[at + 2u] = values.z;
    }
    if columns > 3u {
        y[at + 3u] = values.w;
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
    let at = row * dims.K + column;
    var values = mat4x4<f32>();
    if rows > 0u {
        values[0] = own_dx_row(at, columns);
    }
    if rows > 1u {
        values[1] = own_dx_row(at + dims.K, columns);
    }
    if rows > 2u {
        values[2] = own_dx_row(at + 2u * dims.K, columns);
    }
    if rows > 3u {
        values[3] = own_dx_row(at + 3u * dims.K, columns);
    }
    return values;
}

fn own_dx_row(at: u32, columns: u32) -> vec4<f32> {
    var values = vec4<f32>();
    if columns > 0u {
        values.x = dx[at];
    }
    if columns > 1u {
        values.y = dx[at + 1u];
    }
    if columns > 2u {
        values.z = dx[at + 2u];
    }
    if columns > 3u {
        values.w = dx[at + 3u];
    }
    return values;
}

fn store_dx_run(row: u32, rows: u32, column: u32, columns: u32, values: mat4x4<f32>) {
    let at = row * dims.K + column;
    if rows > 0u {
        store_dx_row(at, columns, values[0]);
    }
    if rows > 1u {
        store_dx_row(at + dims.K, columns, values[1]);
    }
    if rows > 2u {
        store_dx_row(at + 2u * dims.K, columns, values[2]);
    }
    if rows > 3u {
        store_dx_row(at + 3u * dims.K, columns, values[3]);
    }
}

fn store_dx_row(at: u32, columns: u32, values: vec4<f32>) {
    if columns > 0u {
        dx[at] = values.x;
    }
    if columns > 1u {
        dx[at + 1u] = values.y;
    }
    if columns > 2u {
        dx[at + 2u] = values.z;
    }
    if columns > 3u {
        dx[at + 3u] = values.w;
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

fn own_dw(row: u32, rows: u32, column: u32, columns: u32) -> mat4x4<f32> {
    let at = row * dims.K + column;
    var values = mat4x4<f32>();
    if rows > 0u {
        values[0] = own_dw_row(at, columns);
    }
    if rows > 1u {
        values[1] = own_dw_row(at + dims.K, columns);
    }
    if rows > 2u {
        values[2] = own_dw_row(at + 2u * dims.K, columns);
    }
    if rows > 3u {
        values[3] = own_dw_row(at + 3u * dims.K, columns);
    }
    return values;
}

fn own_dw_row(at: u32, columns: u32) -> vec4<f32> {
    var values = vec4<f32>();
    if columns > 0u {
        values.x = dw[at];
    }
    if columns > 1u {
        values.y = dw[at + 1u];
    }
    if columns > 2u {
        values.z = dw[at + 2u];
    }
    if columns > 3u {
        values.w = dw[at + 3u];
    }
    return values;
}

fn store_dw_run(row: u32, rows: u32, column: u32, columns: u32, values: mat4x4<f32>) {
    let at = row * dims.K + column;
    if rows > 0u {
        store_dw_row(at, columns, values[0]);
    }
    if rows > 1u {
        store_dw_row(at + dims.K, columns, values[1]);
    }
    if rows > 2u {
        store_dw_row(at + 2u * dims.K, columns, values[2]);
    }
    if rows > 3u {
        store_dw_row(at + 3u * dims.K, columns, values[3]);
    }
}

fn store_dw_row(at: u32, columns: u32, values: vec4<f32>) {
    if columns > 0u {
        dw[at] = values.x;
    }
    if columns > 1u {
        dw[at + 1u] = values.y;
    }
    if columns > 2u {
        dw[at + 2u] = values.z;
    }
    if columns > 3u {
        dw[at + 3u] = values.w;
    }
}

fn old_dw(first: u32, own: Outputs) -> Sums {
    let top = first + own.top;
    let low = first + own.low;
    return Sums(
        own_dw(top, own.top_rows, own.left, own.left_columns),
        own_dw(top, own.top_rows, own.right, own.right_columns),
        own_dw(low, own.low_rows, own.left, own.left_columns),
        own_dw(low, own.low_rows, own.right, own.right_columns),
    );
}

fn store_dw_tile(first: u32, own: Outputs, c: Sums) {
    let top = first + own.top;
    let low = first + own.low;
    store_dw_run(top, own.top_rows, own.left, own.left_columns, c.top_left);
    store_dw_run(top, own.top_rows, own.right, own.right_columns, c.top_right);
    store_dw_run(low, own.low_rows, own.left, own.left_columns, c.low_left);
    store_dw_run(low, own.low_rows, own.right, own.right_columns, c.low_right);
}
