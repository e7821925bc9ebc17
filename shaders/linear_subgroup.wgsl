// Continued in linear_lanes.wgsl.
//
// The matrix products of linear.wgsl for adapters with subgroups of eight lanes or more: the same
// entries, bindings, dimensions and operations. A workgroup shares the rows of its tile, so each of
// a team of eight lanes loads an eighth of what belongs to the rows and the subgroup passes it around. On a
// software adapter, where a load costs as much as twenty multiply-adds, that doubles the speed.
// linear_subgroup_4.wgsl has teams of four.
//
// Grids. An invocation computes 32 rows x 4 columns of outputs, a workgroup 32 x (4 * LANES); LANES
// is a multiple of TEAM. The grid is
//                      x: columns             y: rows               z
//     forward          ceil(N / (4 * LANES))  ceil(M / 32) + G - 1  1
//     forward_plain    the same
//     backward_input   ceil(K / (4 * LANES))  ceil(M / 32) + G - 1  1
//     backward_weight  ceil(K / (4 * LANES))  ceil(N / 32)          G
//
// K and N are multiples of four. Edge tiles run exactly the operations of the outputs that exist.
// Whether a tile is whole is the same for a whole workgroup, so every lane is there to pass values.

// The 32 rows m .. m + 31 of one group, and this invocation's run of four columns.
struct Place {
    g: u32,
    m: u32,
    end: u32, // of the group's rows
    run: u32, // in runs of four columns, of which the output has `columns`
    columns: u32,
    whole: bool, // whether all of the workgroup's outputs exist
}

fn forward_place(tile: vec3<u32>, lane: u32) -> Place {
    let rows = band(tile.y, 32u);
    let columns = dims.N / 4u;
    let whole = rows.m + 32u <= rows.end && (tile.x + 1u) * LANES <= columns;
    return Place(rows.g, rows.m, rows.end, tile.x * LANES + lane, columns, whole);
}

// start + x w_g^T for a whole tile.
fn whole_tile(start: Tile, place: Place, holder: u32) -> Tile {
    let steps = dims.K / 4u;
    let far = 16u * steps;
    var own_at = (place.m + held_rows(holder)) * steps;
    var w_at = (place.g * dims.N + 4u * place.run + QUAD) * steps;
    var c = start;
    for (var step = 0u; step < steps; step++) {
        c = tile_product(c, share_of_x(own_at, far), transpose(load_w(w_at)));
        own_at += 1u;
        w_at += 1u;
    }
    return c;
}

// start + x w_g^T for the four rows from `row`, and one run of columns.
fn rows_by_run(start: mat4x4<f32>, row: u32, place: Place) -> mat4x4<f32> {
    let steps = dims.K / 4u;
    var x_at = (row + QUAD) * steps;
    var w_at = (place.g * dims.N + 4u * place.run + QUAD) * steps;
    var c = start;
    for (var step = 0u; step < steps; step++) {
        c = product(c, load_x(x_at), transpose(load_w(w_at)));
        x_at += 1u;
        w_at += 1u;
    }
    return c;
}

// One invocation computes 32 x 4 of y = x w_g^T + b_g.
@compute @workgroup_size(LANES)
fn forward_vec4(
    @builtin(workgroup_id) tile: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
    @builtin(subgroup_invocation_id) holder: u32,
) {
    let place = forward_place(tile, lane);
    let columns = place.columns;
    if place.whole {
        let c = whole_tile(Tile(), place, holder);
        let bias = b_vec4[place.g * columns + place.run];
        let at = (place.m + order(holder)) * columns + place.run;
        store_y(at, each_plus(c.r0, bias));
        store_y(at + 4u * columns, each_plus(c.r4, bias));
        store_y(at + 8u * columns, each_plus(c.r8, bias));
        store_y(at + 12u * columns, each_plus(c.r12, bias));
        store_y(at + 16u * columns, each_plus(c.r16, bias));
        store_y(at + 20u * columns, each_plus(c.r20, bias));
        store_y(at + 24u * columns, each_plus(c.r24, bias));
        store_y(at + 28u * columns, each_plus(c.r28, bias));
        return;
    }
    if place.run >= columns {
        return;
    }
    let bias = b_vec4[place.g * columns + place.run];
    let last = min(place.m + 32u, place.end);
    var row = place.m;
    for (; row + 4u <= last; row += 4u) {
        let c = rows_by_run(mat4x4<f32>(), row, place);
        store_y((row + QUAD) * columns + place.run, each_plus(c, bias));
    }
    for (; row < last; row++) {
        y_vec4[row * columns + place.run] = row_by_run(vec4<f32>(), place.g, row, place.run) + bias;
    }
}

// One invocation computes 32 x 4 of y = x w_g^T.
@compute @workgroup_size(LANES)
fn forward_plain_vec4(
    @builtin(workgroup_id) tile: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
    @builtin(subgroup_invocation_id) holder: u32,
) {
    let place = forward_place(tile, lane);
    let columns = place.columns;
    if place.whole {
        let at = (place.m + order(holder)) * columns + place.run;
        var c = Tile();
        if dims.accumulate != 0u {
            c = Tile(
                load_y(at),
                load_y(at + 4u * columns),
                load_y(at + 8u * columns),
                load_y(at + 12u * columns),
                load_y(at + 16u * columns),
                load_y(at + 20u * columns),
                load_y(at + 24u * columns),
                load_y(at + 28u * columns),
            );
        }
        c = whole_tile(c, place, holder);
        store_y(at, c.r0);
        store_y(at + 4u * columns, c.r4);
        store_y(at + 8u * columns, c.r8);
        store_y(at + 12u * columns, c.r12);
        store_y(at + 16u * columns, c.r16);
        store_y(at + 20u * columns, c.r20);
        store_y(at + 24u * columns, c.r24);
        store_y(at + 28u * columns, c.r28);
        return;
    }
    if place.run >= columns {
        return;
    }
    let last = min(place.m + 32u, place.end);
    var row = place.m;
    for (; row + 4u <= last; row += 4u) {
        let at = (row + QUAD) * columns + place.run;
        var c = mat4x4<f32>();
        if dims.accumulate != 0u {
            c = load_y(at);
        }
        store_y(at, rows_by_run(c, row, place));
    }
    for (; row < last; row++) {
        let at = row * columns + place.run;
        var c = vec4<f32>();
        if dims.accumulate != 0u {
            c = y_vec4[at];
        }
        y_vec4[at] = row_by_run(c, place.g, row, place.run);
    }
}

// One invocation computes 32 x 4 of dx = dy w_g.
@compute @workgroup_size(LANES)
fn backward_input_vec4(
    @builtin(workgroup_id) tile: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
    @builtin(subgroup_invocation_id) holder: u32,
) {
    let rows = band(tile.y, 32u);
    let g = rows.g;
    let end = rows.end;
    let m = rows.m;
    let columns = dims.K / 4u;
    let steps = dims.N / 4u;
    let run = tile.x * LANES + lane;
    let w_start = (g * dims.N + QUAD) * columns + run;
    if m + 32u <= end && (tile.x + 1u) * LANES <= columns {
        let at = (m + order(holder)) * columns + run;
        let far = 16u * steps;
        var own_at = (m + held_rows(holder)) * steps;
        var w_at = w_start;
        var c = Tile();
        if dims.accumulate != 0u {
            c = Tile(
                load_dx(at),
                load_dx(at + 4u * columns),
                load_dx(at + 8u * columns),
                load_dx(at + 12u * columns),
                load_dx(at + 16u * columns),
                load_dx(at + 20u * columns),
                load_dx(at + 24u * columns),
                load_dx(at + 28u * columns),
            );
        }
        for (var step = 0u; step < steps; step++) {
            c = tile_product(c, share_of_dy(own_at, far), load_w(w_at));
            own_at += 1u;
            w_at += 4u * columns;
        }
        store_dx(at, c.r0);
        store_dx(at + 4u * columns, c.r4);
        store_dx(at + 8u * columns, c.r8);
        store_dx(at + 12u * columns, c.r12);
        store_dx(at + 16u * columns, c.r16);
        store_dx(at + 20u * columns, c.r20);
        store_dx(at + 24u * columns, c.r24);
        store_dx(at + 28u * columns, c.r28);
        return;
    }
    if run >= columns {
        return;
    }
    let last = min(m + 32u, end);
    var row = m;
    for (; row + 4u <= last; row += 4u) {
        let at = (row + QUAD) * columns + run;
        var dy_at = (row + QUAD) * steps;
        var w_at = w_start;
        var c = mat4x4<f32>();
        if dims.accumulate != 0u {
            c = load_dx(at);
        }
        for (var step = 0u; step < steps; step++) {
            c = product(c, load_dy(dy_at), load_w(w_at));
            dy_at += 1u;
            w_at += 4u * columns;
        }
        store_dx(at, c);
    }
    for (; row < last; row++) {
        run_of_dx(g, row, run);
    }
}

// One invocation computes 32 x 4 of dw_g = dy^T x over the group's rows. Lane l of a team holds the
// rows n = 4 l .. 4 l + 3 of the tile, and of a team of four those 16 further.
@compute @workgroup_size(LANES)
fn backward_weight_vec4(
    @builtin(workgroup_id) tile: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
    @builtin(subgroup_invocation_id) holder: u32,
) {
    let g = tile.z;
    let start = groups[g];
    let end = groups[g + 1u];
    let rows = dims.N / 4u;
    let columns = dims.K / 4u;
    let top = 8u * tile.y;
    let run = tile.x * LANES + lane;
    if top + 8u <= rows && (tile.x + 1u) * LANES <= columns {
        let at = (g * dims.N + 4u * top + QUAD) * columns + run;
        let far = at + 16u * columns;
        let next = 4u * columns * order(holder);
        var own_at = (start + QUAD) * rows + top + holder % TEAM;
        var x_at = (start + QUAD) * columns + run;
        var c = Tile();
        if dims.accumulate != 0u {
            c = Tile(
                load_dw(at + next.x),
                load_dw(at + next.y),
                load_dw(at + next.z),
                load_dw(at + next.w),
                load_dw(far + next.x),
                load_dw(far + next.y),
                load_dw(far + next.z),
                load_dw(far + next.w),
            );
        }
        var m = start;
        for (; m + 4u <= end; m += 4u) {
            c = tile_by_four(c, share_of_columns(own_at), load_x(x_at));
            own_at += 4u * rows;
            x_at += 4u * columns;
        }
        for (; m < end; m++) {
            c = tile_by_one(c, m * rows + top + holder % TEAM, x_vec4[m * columns + run]);
        }
        store_dw(at + next.x, c.r0);
        store_dw(at + next.y, c.r4);
        store_dw(at + next.z, c.r8);
        store_dw(at + next.w, c.r12);
        store_dw(far + next.x, c.r16);
        store_dw(far + next.y, c.r20);
        store_dw(far + next.z, c.r24);
        store_dw(far + next.w, c.r28);
        return;
    }
    if run >= columns {
        return;
    }
    for (var quad = top; quad < min(top + 8u, rows); quad++) {
        run_of_dw(g, quad, run);
    }
}
