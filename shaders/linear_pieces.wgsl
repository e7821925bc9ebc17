// Continued in linear_staged.wgsl.
//
// How the products of linear_odd.wgsl read their weights and outputs and write their outputs: number by number, and
// only what exists.

// Four rows of an operand at four of its columns.

fn block_of_w(rows: vec4<u32>, columns: vec4<u32>) -> mat4x4<Operand> {
    let at = rows * dims.K;
    return mat4x4<Operand>(
        vec4<Operand>(w[at.x + columns.x], w[at.x + columns.y], w[at.x + columns.z], w[at.x + columns.w]),
        vec4<Operand>(w[at.y + columns.x], w[at.y + columns.y], w[at.y + columns.z], w[at.y + columns.w]),
        vec4<Operand>(w[at.z + columns.x], w[at.z + columns.y], w[at.z + columns.z], w[at.z + columns.w]),
        vec4<Operand>(w[at.w + columns.x], w[at.w + columns.y], w[at.w + columns.z], w[at.w + columns.w]),
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

// One more step for so many rows and columns of a run.
fn some_outer(start: mat4x4<f32>, a: vec4<Operand>, rows: u32, b: vec4<Operand>, columns: u32) -> mat4x4<f32> {
    var c = start;
    if rows > 0u {
        c[0] = some_columns(c[0], a.x, b, columns);
    }
    if rows > 1u {
        c[1] = some_columns(c[1], a.y, b, columns);
    }
    if rows > 2u {
        c[2] = some_columns(c[2], a.z, b, columns);
    }
    if rows > 3u {
        c[3] = some_columns(c[3], a.w, b, columns);
    }
    return c;
}

fn some_columns(start: vec4<f32>, a: Operand, b: vec4<Operand>, columns: u32) -> vec4<f32> {
    if columns == 4u {
        return add_products(start, vec4<Operand>(a), b);
    }
    var c = start;
    if columns > 0u {
        c.x = add_product(c.x, a, b.x);
    }
    if columns > 1u {
        c.y = add_product(c.y, a, b.y);
    }
    if columns > 2u {
        c.z = add_product(c.z, a, b.z);
    }
    return c;
}
