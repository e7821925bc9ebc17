// Continued in linear_staged.wgsl.
//
// The tiles of linear_odd.wgsl where rows, columns or steps are fewer than a tile has: an invocation's outputs as they
// are and as they become, and the sums of those that exist.

fn old_y(first: u32, own: Outputs) -> Sums {
    let top = first + own.top;
    let low = first + own.low;
    return Sums(
        y_at(top, own.top_rows, own.left, own.left_columns),
        y_at(top, own.top_rows, own.right, own.right_columns),
        y_at(low, own.low_rows, own.left, own.left_columns),
        y_at(low, own.low_rows, own.right, own.right_columns),
    );
}

fn store_y_tile(first: u32, own: Outputs, c: Sums) {
    let top = first + own.top;
    let low = first + own.low;
    put_y(top, own.top_rows, own.left, own.left_columns, c.top_left);
    put_y(top, own.top_rows, own.right, own.right_columns, c.top_right);
    put_y(low, own.low_rows, own.left, own.left_columns, c.low_left);
    put_y(low, own.low_rows, own.right, own.right_columns, c.low_right);
}

fn old_dx(first: u32, own: Outputs) -> Sums {
    let top = first + own.top;
    let low = first + own.low;
    return Sums(
        dx_at(top, own.top_rows, own.left, own.left_columns),
        dx_at(top, own.top_rows, own.right, own.right_columns),
        dx_at(low, own.low_rows, own.left, own.left_columns),
        dx_at(low, own.low_rows, own.right, own.right_columns),
    );
}

fn store_dx_tile(first: u32, own: Outputs, c: Sums) {
    let top = first + own.top;
    let low = first + own.low;
    put_dx(top, own.top_rows, own.left, own.left_columns, c.top_left);
    put_dx(top, own.top_rows, own.right, own.right_columns, c.top_right);
    put_dx(low, own.low_rows, own.left, own.left_columns, c.low_left);
    put_dx(low, own.low_rows, own.right, own.right_columns, c.low_right);
}

fn old_dw(first: u32, own: Outputs) -> Sums {
    let top = first + own.top;
    let low = first + own.low;
    return Sums(
        dw_at(top, own.top_rows, own.left, own.left_columns),
        dw_at(top, own.top_rows, own.right, own.right_columns),
        dw_at(low, own.low_rows, own.left, own.left_columns),
        dw_at(low, own.low_rows, own.right, own.right_columns),
    );
}

fn store_dw_tile(first: u32, own: Outputs, c: Sums) {
    let top = first + own.top;
    let low = first + own.low;
    put_dw(top, own.top_rows, own.left, own.left_columns, c.top_left);
    put_dw(top, own.top_rows, own.right, own.right_columns, c.top_right);
    put_dw(low, own.low_rows, own.left, own.left_columns, c.low_left);
    put_dw(low, own.low_rows, own.right, own.right_columns, c.low_right);
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
        c.top_left = outer_some(c.top_left, t, own.top_rows, l, own.left_columns);
        if TILE == 8u {
            let b = staged_rows[place(step, top + LANES / COLUMN_LANES, rows)];
            let r = staged_columns[place(step, left + COLUMN_LANES, columns)];
            c.top_right = outer_some(c.top_right, t, own.top_rows, r, own.right_columns);
            c.low_left = outer_some(c.low_left, b, own.low_rows, l, own.left_columns);
            c.low_right = outer_some(c.low_right, b, own.low_rows, r, own.right_columns);
        }
    }
    return c;
}
