// Continued in linear_common.wgsl.
//
// How matrix products read operands and read and write outputs where extents are no multiples of four: number by
// number, and of outputs those that exist.

// Four indices from `first` on, of which those beyond the last are the last: what they load is not used.
fn up_to(first: u32, end: u32) -> vec4<u32> {
    return min(first + QUAD, vec4<u32>(max(end, 1u) - 1u));
}

// Four rows of an operand at four of its columns.

fn block_of_x(rows: vec4<u32>, columns: vec4<u32>) -> mat4x4<Operand> {
    let at = rows * dims.K;
    return mat4x4<Operand>(
        vec4<Operand>(x[at.x + columns.x], x[at.x + columns.y], x[at.x + columns.z], x[at.x + columns.w]),
        vec4<Operand>(x[at.y + columns.x], x[at.y + columns.y], x[at.y + columns.z], x[at.y + columns.w]),
        vec4<Operand>(x[at.z + columns.x], x[at.z + columns.y], x[at.z + columns.z], x[at.z + columns.w]),
        vec4<Operand>(x[at.w + columns.x], x[at.w + columns.y], x[at.w + columns.z], x[at.w + columns.w]),
    );
}

fn block_of_dy(rows: vec4<u32>, columns: vec4<u32>) -> mat4x4<Operand> {
    let at = rows * dims.N;
    return mat4x4<Operand>(
        vec4<Operand>(dy[at.x + columns.x], dy[at.x + columns.y], dy[at.x + columns.z], dy[at.x + columns.w]),
        vec4<Operand>(dy[at.y + columns.x], dy[at.y + columns.y], dy[at.y + columns.z], dy[at.y + columns.w]),
        vec4<Operand>(dy[at.z + columns.x], dy[at.z + columns.y], dy[at.z + columns.z], dy[at.z + columns.w]),
        vec4<Operand>(dy[at.w + columns.x], dy[at.w + columns.y], dy[at.w + columns.z], dy[at.w + columns.w]),
    );
}

fn block_of_w(rows: vec4<u32>, columns: vec4<u32>) -> mat4x4<Operand> {
    let at = rows * dims.K;
    return mat4x4<Operand>(
        vec4<Operand>(w[at.x + columns.x], w[at.x + columns.y], w[at.x + columns.z], w[at.x + columns.w]),
        vec4<Operand>(w[at.y + columns.x], w[at.y + columns.y], w[at.y + columns.z], w[at.y + columns.w]),
        vec4<Operand>(w[at.z + columns.x], w[at.z + columns.y], w[at.z + columns.z], w[at.z + columns.w]),
        vec4<Operand>(w[at.w + columns.x], w[at.w + columns.y], w[at.w + columns.z], w[at.w + columns.w]),
    );
}

// So many rows and columns of an output: from none to four of each.

fn y_at(row: u32, rows: u32, column: u32, columns: u32) -> mat4x4<f32> {
    let at = row * dims.N + column;
    var values = mat4x4<f32>();
    if rows > 0u {
        values[0] = y_row_at(at, columns);
    }
    if rows > 1u {
        values[1] = y_row_at(at + dims.N, columns);
    }
    if rows > 2u {
        values[2] = y_row_at(at + 2u * dims.N, columns);
    }
    if rows > 3u {
        values[3] = y_row_at(at + 3u * dims.N, columns);
    }
    return values;
}

fn y_row_at(at: u32, columns: u32) -> vec4<f32> {
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

fn put_y(row: u32, rows: u32, column: u32, columns: u32, values: mat4x4<f32>) {
    let at = row * dims.N + column;
    if rows > 0u {
        put_y_row(at, columns, values[0]);
    }
    if rows > 1u {
        put_y_row(at + dims.N, columns, values[1]);
    }
    if rows > 2u {
        put_y_row(at + 2u * dims.N, columns, values[2]);
    }
    if rows > 3u {
        put_y_row(at + 3u * dims.N, columns, values[3]);
    }
}

fn put_y_row(at: u32, columns: u32, values: vec4<f32>) {
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

fn dx_at(row: u32, rows: u32, column: u32, columns: u32) -> mat4x4<f32> {
    let at = row * dims.K + column;
    var values = mat4x4<f32>();
    if rows > 0u {
        values[0] = dx_row_at(at, columns);
    }
    if rows > 1u {
        values[1] = dx_row_at(at + dims.K, columns);
    }
    if rows > 2u {
        values[2] = dx_row_at(at + 2u * dims.K, columns);
    }
    if rows > 3u {
        values[3] = dx_row_at(at + 3u * dims.K, columns);
    }
    return values;
}

fn dx_row_at(at: u32, columns: u32) -> vec4<f32> {
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

fn put_dx(row: u32, rows: u32, column: u32, columns: u32, values: mat4x4<f32>) {
    let at = row * dims.K + column;
    if rows > 0u {
        put_dx_row(at, columns, values[0]);
    }
    if rows > 1u {
        put_dx_row(at + dims.K, columns, values[1]);
    }
    if rows > 2u {
        put_dx_row(at + 2u * dims.K, columns, values[2]);
    }
    if rows > 3u {
        put_dx_row(at + 3u * dims.K, columns, values[3]);
    }
}

fn put_dx_row(at: u32, columns: u32, values: vec4<f32>) {
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

fn dw_at(row: u32, rows: u32, column: u32, columns: u32) -> mat4x4<f32> {
    let at = row * dims.K + column;
    var values = mat4x4<f32>();
    if rows > 0u {
        values[0] = dw_row_at(at, columns);
    }
    if rows > 1u {
        values[1] = dw_row_at(at + dims.K, columns);
    }
    if rows > 2u {
        values[2] = dw_row_at(at + 2u * dims.K, columns);
    }
    if rows > 3u {
        values[3] = dw_row_at(at + 3u * dims.K, columns);
    }
    return values;
}

fn dw_row_at(at: u32, columns: u32) -> vec4<f32> {
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

fn put_dw(row: u32, rows: u32, column: u32, columns: u32, values: mat4x4<f32>) {
    let at = row * dims.K + column;
    if rows > 0u {
        put_dw_row(at, columns, values[0]);
    }
    if rows > 1u {
        put_dw_row(at + dims.K, columns, values[1]);
    }
    if rows > 2u {
        put_dw_row(at + 2u * dims.K, columns, values[2]);
    }
    if rows > 3u {
        put_dw_row(at + 3u * dims.K, columns, values[3]);
    }
}

fn put_dw_row(at: u32, columns: u32, values: vec4<f32>) {
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

// One more step for so many rows and columns of a run.
fn outer_some(start: mat4x4<f32>, a: vec4<Operand>, rows: u32, b: vec4<Operand>, columns: u32) -> mat4x4<f32> {
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

// The bias of so many columns, and what becomes of outputs with it.

fn bias(g: u32, column: u32, columns: u32) -> vec4<f32> {
    var values = vec4<f32>();
    for (var i = 0u; i < columns; i++) {
        values[i] = b[g * dims.N + column + i];
    }
    return values;
}

fn plus_bias(values: mat4x4<f32>, bias: vec4<f32>, rows: u32, columns: u32) -> mat4x4<f32> {
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
