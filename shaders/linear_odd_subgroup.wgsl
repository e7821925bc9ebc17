// Continued in linear_odd_lanes.wgsl.
//
// The products of linear_subgroup.wgsl for extents that are no multiples of four: the same tiles, of which the last may
// have any number of rows and columns. Lanes share what they load at the edges, too. A workgroup is one subgroup.
//
// Rows of operands are loaded in vectors and begin anywhere within them, each at the same number of a vector in every four
// steps. What a vector lacks of a run of four numbers, the next one of the row has. Along a row that is the next step's;
// across lanes, of which each has a run of one row, it is the next lane's. A tensor's last vector may be cut off, so four
// steps are loaded so where numbers enough follow, and the last steps number by number. x, w and dy have four numbers or
// more, which a binding of vectors takes and `choice` sees to.
//
// Whole tiles have loops of their own: at the edges each output asks whether it exists.
//
// Grids are those of linear_subgroup.wgsl: tiles of 32 rows and 4 * LANES columns.

// start + x w_g^T for what exists of a tile.
fn tile_y(start: Tile, place: Place, weights: u32, holder: u32) -> Tile {
    let own = place.row + min(8u * QUAD + holder % 8u, vec4<u32>(place.rows - 1u));
    let columns = weights + up_to(place.column, dims.N);
    var c = start;
    var k = 0u;
    // Numbers enough follow those of all rows but the last ones of x and w.
    let is_last = place.row + place.rows == dims.M || weights + place.start + place.width == dims.G * dims.N;
    let enough = select(4u, 8u, is_last);
    if dims.K >= enough {
        let x_start = start_alike(own * dims.K);
        let w_start = start_at(columns * dims.K);
        var run = 0u;
        var x_last = load_x(x_start.at);
        var w_last = load_w(w_start.at);
        if place.whole {
            for (; k + enough <= dims.K; k += 4u) {
                run += 1u;
                let x_next = load_x(x_start.at + run);
                let w_next = load_w(w_start.at + run);
                let a = from_within(x_start, x_last, x_next);
                c = tile_product(c, a, transpose(from_within(w_start, w_last, w_next)));
                x_last = x_next;
                w_last = w_next;
            }
        } else {
            for (; k + enough <= dims.K; k += 4u) {
                run += 1u;
                let x_next = load_x(x_start.at + run);
                let w_next = load_w(w_start.at + run);
                let a = from_within(x_start, x_last, x_next);
                c = some_product(c, place, every_eighth(a), from_within(w_start, w_last, w_next));
                x_last = x_next;
                w_last = w_next;
            }
        }
    }
    for (; k < dims.K; k++) {
        c = some_step(c, place, step_of_eighths(step_of_x(own, k)), step_of_w(columns, k));
    }
    return c;
}

// A workgroup computes a tile of y = x w_g^T + b_g.
@compute @workgroup_size(LANES)
fn forward(@builtin(workgroup_id) tile: vec3<u32>, @builtin(subgroup_invocation_id) holder: u32) {
    let band = band(tile.y, 32u);
    if band.m == band.end {
        return;
    }
    let place = place_at(band.m, band.end, tile.x, holder, dims.N);
    let weights = band.g * dims.N;
    let biases = bias(band.g, place.column, place.columns);
    let c = tile_y(Tile(), place, weights, holder);
    for (var row = 0u; row < place.rows; row += 4u) {
        let outputs = plus_bias(quad_at(c, row), biases, place.rows - row, place.columns);
        put_y(place.row + row, place.rows - row, place.column, place.columns, outputs);
    }
}

// A workgroup computes a tile of y = x w_g^T.
@compute @workgroup_size(LANES)
fn forward_plain(@builtin(workgroup_id) tile: vec3<u32>, @builtin(subgroup_invocation_id) holder: u32) {
    let band = band(tile.y, 32u);
    if band.m == band.end {
        return;
    }
    let place = place_at(band.m, band.end, tile.x, holder, dims.N);
    let weights = band.g * dims.N;
    var start = Tile();
    if dims.accumulate != 0u {
        for (var row = 0u; row < place.rows; row += 4u) {
            start = with_quad(start, row, y_at(place.row + row, place.rows - row, place.column, place.columns));
        }
    }
    let c = tile_y(start, place, weights, holder);
    for (var row = 0u; row < place.rows; row += 4u) {
        put_y(place.row + row, place.rows - row, place.column, place.columns, quad_at(c, row));
    }
}

// start + dy w_g for what exists of a tile.
fn tile_dx(start: Tile, place: Place, weights: u32, holder: u32) -> Tile {
    let own = place.row + min(8u * QUAD + holder % 8u, vec4<u32>(place.rows - 1u));
    let columns = up_to(place.column, dims.K);
    var c = start;
    var n = 0u;
    // Four numbers behind a row are there for every row of dy but the last one. A step reads up to seven numbers of the
    // row behind its fourth of w, so that one more row has to follow.
    let enough = select(5u, 8u, place.row + place.rows == dims.M);
    if dims.N >= enough && dims.K >= 8u {
        let w_runs = runs_from((weights + QUAD) * dims.K + place.start, place.runs, holder, LANES, holder);
        let dy_start = start_alike(own * dims.N);
        var w_step = 0u;
        var run = 0u;
        var dy_last = load_dy(dy_start.at);
        if place.whole {
            for (; n + enough <= dims.N; n += 4u) {
                run += 1u;
                let dy_next = load_dy(dy_start.at + run);
                let b = runs_of_w(w_runs, w_step);
                c = tile_product(c, from_within(dy_start, dy_last, dy_next), b);
                dy_last = dy_next;
                w_step += dims.K;
            }
        } else {
            for (; n + enough <= dims.N; n += 4u) {
                run += 1u;
                let dy_next = load_dy(dy_start.at + run);
                let b = runs_of_w(w_runs, w_step);
                c = some_product(c, place, every_eighth(from_within(dy_start, dy_last, dy_next)), transpose(b));
                dy_last = dy_next;
                w_step += dims.K;
            }
        }
    }
    for (; n < dims.N; n++) {
        c = some_step(c, place, step_of_eighths(step_of_dy(own, n)), run_of_w(weights + n, columns));
    }
    return c;
}

// A workgroup computes a tile of dx = dy w_g.
@compute @workgroup_size(LANES)
fn backward_input(@builtin(workgroup_id) tile: vec3<u32>, @builtin(subgroup_invocation_id) holder: u32) {
    let band = band(tile.y, 32u);
    if band.m == band.end {
        return;
    }
    let place = place_at(band.m, band.end, tile.x, holder, dims.K);
    let weights = band.g * dims.N;
    var start = Tile();
    if dims.accumulate != 0u {
        for (var row = 0u; row < place.rows; row += 4u) {
            start = with_quad(start, row, dx_at(place.row + row, place.rows - row, place.column, place.columns));
        }
    }
    let c = tile_dx(start, place, weights, holder);
    for (var row = 0u; row < place.rows; row += 4u) {
        put_dx(place.row + row, place.rows - row, place.column, place.columns, quad_at(c, row));
    }
}

// start + dy^T x over the rows of a group, for what exists of a tile. Lane l holds the rows 4 l .. 4 l + 3.
fn tile_dw(start: Tile, place: Place, first: u32, end: u32, holder: u32) -> Tile {
    let rows = up_to(place.row + 4u * (holder % 8u), place.row + place.rows);
    let columns = up_to(place.column, dims.K);
    var c = start;
    var m = first;
    // A step reads up to seven numbers of the rows behind its fourth ones of x and dy.
    let enough = select(4u, 5u, end == dims.M);
    if m + enough <= end && dims.K >= 8u && dims.N >= 8u {
        let x_runs = runs_from((first + QUAD) * dims.K + place.start, place.runs, holder, LANES, holder);
        let dy_vectors = (place.rows + 3u) / 4u;
        let dy_runs = runs_from((first + QUAD) * dims.N + place.row, dy_vectors, holder % 8u, 8u, holder);
        var x_step = 0u;
        var dy_step = 0u;
        if place.whole {
            for (; m + enough <= end; m += 4u) {
                let b = runs_of_x(x_runs, x_step);
                let a = runs_of_dy(dy_runs, dy_step);
                c = tile_by_four(c, transpose(a), b);
                x_step += dims.K;
                dy_step += dims.N;
            }
        } else {
            for (; m + enough <= end; m += 4u) {
                let b = runs_of_x(x_runs, x_step);
                let a = runs_of_dy(dy_runs, dy_step);
                c = some_product(c, place, every_four(transpose(a)), transpose(b));
                x_step += dims.K;
                dy_step += dims.N;
            }
        }
    }
    for (; m < end; m++) {
        c = some_step(c, place, step_of_four(run_of_dy(m, rows)), run_of_x(m, columns));
    }
    return c;
}

// A workgroup computes a tile of dw_g = dy^T x over the group's rows.
@compute @workgroup_size(LANES)
fn backward_weight(@builtin(workgroup_id) tile: vec3<u32>, @builtin(subgroup_invocation_id) holder: u32) {
    let place = place_at(32u * tile.y, dims.N, tile.x, holder, dims.K);
    let first = tile.z * dims.N + place.row;
    var start = Tile();
    if dims.accumulate != 0u {
        for (var row = 0u; row < place.rows; row += 4u) {
            start = with_quad(start, row, dw_at(first + row, place.rows - row, place.column, place.columns));
        }
    }
    let c = tile_dw(start, place, groups[tile.z], groups[tile.z + 1u], holder);
    for (var row = 0u; row < place.rows; row += 4u) {
        put_dw(first + row, place.rows - row, place.column, place.columns, quad_at(c, row));
    }
}
