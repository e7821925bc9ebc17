// Continued in linear_common.wgsl.
//
// The `_vec4` products of linear.wgsl: tiles of 8 x 8 outputs.

override COLUMN_LANES: u32;

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
            run_of_dx(g, row, run);
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
            run_of_dw(g, row, run);
        }
    }
}
