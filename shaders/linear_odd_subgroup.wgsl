// Continued in linear_odd_lanes.wgsl.
//
// The products of linear_subgroup.wgsl for extents that are no multiples of four: the same tiles, of which the last may
// have any number of rows and columns, and whose operands are loaded number by number. Lanes share what they load at the
// edges, too, for what exists of a tile in fours; the invocations compute the outputs beside those one by one.
//
// Grids are those of linear_subgroup.wgsl: tiles of 32 rows and 4 * LANES columns.

// start + x w_g^T for a whole tile.
fn whole_y(start: Tile, place: Place, weights: u32, holder: u32) -> Tile {
    let own = held(place, holder);
    let columns = weights + place.column + QUAD;
    var c = start;
    var k = 0u;
    for (; k + 4u <= dims.K; k += 4u) {
        c = tile_product(c, block_of_x(own, k + QUAD), transpose(block_of_w(columns, k + QUAD)));
    }
    for (; k < dims.K; k++) {
        c = tile_step(c, step_of_eighths(step_of_x(own, k)), step_of_w(columns, k));
    }
    return c;
}

// The same for a tile at an edge.
fn edge_y(start: Tile, place: Place, weights: u32, holder: u32) -> Tile {
    let own = held(place, holder);
    let columns = weights + up_to(place.column, dims.N);
    var c = start;
    var k = 0u;
    for (; k + 4u <= dims.K; k += 4u) {
        let a = every_eighth(block_of_x(own, k + QUAD));
        c = some_product(c, place.quads, a, transpose(block_of_w(columns, k + QUAD)));
    }
    for (; k < dims.K; k++) {
        c = some_step(c, place.quads, step_of_eighths(step_of_x(own, k)), step_of_w(columns, k));
    }
    return c;
}

// start + x w_g^T for one output, of a row of x and a row of w.
fn one_y(start: f32, row: u32, column: u32) -> f32 {
    var c = start;
    for (var k = 0u; k < dims.K; k++) {
        c = fma(x[row * dims.K + k], w[column * dims.K + k], c);
    }
    return c;
}

// A workgroup computes a tile of y = x w_g^T + b_g.
@compute @workgroup_size(LANES)
fn forward(
    @builtin(workgroup_id) tile: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
    @builtin(subgroup_invocation_id) holder: u32,
) {
    let rows = band(tile.y, 32u);
    if rows.m == rows.end {
        return;
    }
    let place = place_at(rows.m, rows.end, tile.x, lane, dims.N);
    let weights = rows.g * dims.N;
    let at = weights + up_to(place.column, dims.N);
    let biases = vec4<f32>(b[at.x], b[at.y], b[at.z], b[at.w]);
    var c = Tile();
    if place.whole {
        c = whole_y(c, place, weights, holder);
    } else {
        c = edge_y(c, place, weights, holder);
    }
    if place.quads > 0u {
        put_y(place.row, 4u, place.column, 4u, each_plus(c.r0, biases));
    }
    if place.quads > 1u {
        put_y(place.row + 4u, 4u, place.column, 4u, each_plus(c.r4, biases));
    }
    if place.quads > 2u {
        put_y(place.row + 8u, 4u, place.column, 4u, each_plus(c.r8, biases));
    }
    if place.quads > 3u {
        put_y(place.row + 12u, 4u, place.column, 4u, each_plus(c.r12, biases));
    }
    if place.quads > 4u {
        put_y(place.row + 16u, 4u, place.column, 4u, each_plus(c.r16, biases));
    }
    if place.quads > 5u {
        put_y(place.row + 20u, 4u, place.column, 4u, each_plus(c.r20, biases));
    }
    if place.quads > 6u {
        put_y(place.row + 24u, 4u, place.column, 4u, each_plus(c.r24, biases));
    }
    if place.quads > 7u {
        put_y(place.row + 28u, 4u, place.column, 4u, each_plus(c.r28, biases));
    }
    for (var i = lane; i < singles(place); i += LANES) {
        let one = single(place, i);
        let column = weights + one.y;
        y[one.x * dims.N + one.y] = one_y(0.0, one.x, column) + b[column];
    }
}

// A workgroup computes a tile of y = x w_g^T.
@compute @workgroup_size(LANES)
fn forward_plain(
    @builtin(workgroup_id) tile: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
    @builtin(subgroup_invocation_id) holder: u32,
) {
    let rows = band(tile.y, 32u);
    if rows.m == rows.end {
        return;
    }
    let place = place_at(rows.m, rows.end, tile.x, lane, dims.N);
    let weights = rows.g * dims.N;
    var c = Tile();
    if dims.accumulate != 0u {
        c = tile_of_y(place.row, place.column, place.quads);
    }
    if place.whole {
        c = whole_y(c, place, weights, holder);
    } else {
        c = edge_y(c, place, weights, holder);
    }
    store_y_tile(place.row, place.column, place.quads, c);
    for (var i = lane; i < singles(place); i += LANES) {
        let one = single(place, i);
        let at = one.x * dims.N + one.y;
        var start = 0.0;
        if dims.accumulate != 0u {
            start = y[at];
        }
        y[at] = one_y(start, one.x, weights + one.y);
    }
}

// start + dy w_g for a whole tile.
fn whole_dx(start: Tile, place: Place, weights: u32, holder: u32) -> Tile {
    let own = held(place, holder);
    let columns = place.column + QUAD;
    var c = start;
    var n = 0u;
    for (; n + 4u <= dims.N; n += 4u) {
        c = tile_product(c, block_of_dy(own, n + QUAD), block_of_w(weights + n + QUAD, columns));
    }
    for (; n < dims.N; n++) {
        c = tile_step(c, step_of_eighths(step_of_dy(own, n)), run_of_w(weights + n, columns));
    }
    return c;
}

// The same for a tile at an edge.
fn edge_dx(start: Tile, place: Place, weights: u32, holder: u32) -> Tile {
    let own = held(place, holder);
    let columns = up_to(place.column, dims.K);
    var c = start;
    var n = 0u;
    for (; n + 4u <= dims.N; n += 4u) {
        let a = every_eighth(block_of_dy(own, n + QUAD));
        c = some_product(c, place.quads, a, block_of_w(weights + n + QUAD, columns));
    }
    for (; n < dims.N; n++) {
        c = some_step(c, place.quads, step_of_eighths(step_of_dy(own, n)), run_of_w(weights + n, columns));
    }
    return c;
}

// A workgroup computes a tile of dx = dy w_g.
@compute @workgroup_size(LANES)
fn backward_input(
    @builtin(workgroup_id) tile: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
    @builtin(subgroup_invocation_id) holder: u32,
) {
    let rows = band(tile.y, 32u);
    if rows.m == rows.end {
        return;
    }
    let place = place_at(rows.m, rows.end, tile.x, lane, dims.K);
    let weights = rows.g * dims.N;
    var c = Tile();
    if dims.accumulate != 0u {
        c = tile_of_dx(place.row, place.column, place.quads);
    }
    if place.whole {
        c = whole_dx(c, place, weights, holder);
    } else {
        c = edge_dx(c, place, weights, holder);
    }
    store_dx_tile(place.row, place.column, place.quads, c);
    for (var i = lane; i < singles(place); i += LANES) {
        let one = single(place, i);
        let at = one.x * dims.K + one.y;
        var sum = 0.0;
        if dims.accumulate != 0u {
            sum = dx[at];
        }
        for (var n = 0u; n < dims.N; n++) {
            sum = fma(dy[one.x * dims.N + n], w[(weights + n) * dims.K + one.y], sum);
        }
        dx[at] = sum;
    }
}

// A workgroup computes a tile of dw_g = dy^T x over the group's rows. Lane l holds the rows 4 l .. 4 l + 3 of the tile.
@compute @workgroup_size(LANES)
fn backward_weight(
    @builtin(workgroup_id) tile: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
    @builtin(subgroup_invocation_id) holder: u32,
) {
    let start = groups[tile.z];
    let end = groups[tile.z + 1u];
    let place = place_at(32u * tile.y, dims.N, tile.x, lane, dims.K);
    let first = tile.z * dims.N + place.row;
    let rows = place.row + min(4u * (holder % 8u) + QUAD, vec4<u32>(place.rows - 1u));
    let columns = up_to(place.column, dims.K);
    var c = Tile();
    if dims.accumulate != 0u {
        c = tile_of_dw(first, place.column, place.quads);
    }
    var m = start;
    if place.whole {
        for (; m + 4u <= end; m += 4u) {
            c = tile_by_four(c, transpose(block_of_dy(m + QUAD, rows)), block_of_x(m + QUAD, columns));
        }
    } else {
        for (; m + 4u <= end; m += 4u) {
            let a = every_four(transpose(block_of_dy(m + QUAD, rows)));
            c = some_product(c, place.quads, a, block_of_x(m + QUAD, columns));
        }
    }
    for (; m < end; m++) {
        c = some_step(c, place.quads, step_of_four(run_of_dy(m, rows)), run_of_x(m, columns));
    }
    store_dw_tile(first, place.column, place.quads, c);
    for (var i = lane; i < singles(place); i += LANES) {
        let one = single(place, i);
        let at = (tile.z * dims.N + one.x) * dims.K + one.y;
        var sum = 0.0;
        if dims.accumulate != 0u {
            sum = dw[at];
        }
        for (var m = start; m < end; m++) {
            sum = fma(dy[m * dims.N + one.x], x[m * dims.K + one.y], sum);
        }
        dw[at] = sum;
    }
}
