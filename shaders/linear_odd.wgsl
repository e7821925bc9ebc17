// Continued in linear_pieces.wgsl.
//
// The products of linear_workgroup.wgsl for extents that are no multiples of four: the same tiles, of which the last
// may have any number of rows and columns, and whose operands are loaded number by number.
//
// Grids are those of linear_workgroup.wgsl; backward_weight has ceil(K / C), ceil(N / R) and G workgroups.

// What a lane stages of x or of w_g, from column k of both on.
fn forward_values(block: Block, rows: Band, column: u32, k: u32) -> mat4x4<Operand> {
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
        c = add_some_steps(c, lane, own, min(end - k, STEPS));
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
        plus_bias(c.top_left, left, own.top_rows, own.left_columns),
        plus_bias(c.top_right, right, own.top_rows, own.right_columns),
        plus_bias(c.low_left, left, own.low_rows, own.left_columns),
        plus_bias(c.low_right, right, own.low_rows, own.right_columns),
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
fn input_values(block: Block, rows: Band, column: u32, n: u32) -> mat4x4<Operand> {
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
        c = add_some_steps(c, lane, own, min(end - n, STEPS));
    }
    store_dx_tile(0u, own, c);
}

// What a lane stages of dy or of x, from row m of both on.
fn weight_values(block: Block, end: u32, row: u32, column: u32, m: u32) -> mat4x4<Operand> {
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
        c = add_some_steps(c, lane, own, min(end - m, STEPS));
    }
    store_dw_tile(first, own, c);
}
