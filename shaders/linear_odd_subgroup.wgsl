// Continued in linear_odd_lanes.wgsl.
//
// The products of linear_subgroup.wgsl for extents that are no multiples of four: the same tiles, of which the last may
// have any number of rows and columns. Lanes share what they load at the edges, too, for what exists of a tile in fours;
// an invocation computes pieces of the outputs beside those by itself.
//
// Outputs and gradients by x load x and dy in vectors, and w too: rows begin anywhere within them, each at the same
// number of a vector in every four steps. A tensor's last vector may be cut off, so four steps are loaded so where numbers
// enough follow, and the last steps number by number. A gradient by w loads numbers: its operands' rows would take two
// vectors for four of them. x, w and dy have four numbers or more, which a binding of vectors takes and `choice` sees to.
//
// Grids are those of linear_subgroup.wgsl: tiles of 32 rows and 4 * LANES columns.

// start + x w_g^T for what exists of a tile in fours.
fn tile_y(start: Tile, place: Place, weights: u32, holder: u32) -> Tile {
    let own = place.row + min(8u * QUAD + holder % 8u, vec4<u32>(place.rows - 1u));
    let columns = weights + up_to(place.column, dims.N);
    var c = start;
    var k = 0u;
    // Numbers enough follow those of all rows but the last ones of x and w.
    let is_last = place.row + place.rows == dims.M || weights + place.start + place.width == dims.G * dims.N;
    let enough = select(4u, 8u, is_last);
    if dims.K >= enough {
        let x_start = start_at(own * dims.K);
        let w_start = start_at(columns * dims.K);
        var x_at = x_start.at;
        var w_at = w_start.at;
        var x_last = load_x(x_at);
        var w_last = load_w(w_at);
        for (; k + enough <= dims.K; k += 4u) {
            x_at += 1u;
            w_at += 1u;
            let x_next = load_x(x_at);
            let w_next = load_w(w_at);
            let a = every_eighth(from_within(x_start, x_last, x_next));
            c = some_product(c, place.quads, a, transpose(from_within(w_start, w_last, w_next)));
            x_last = x_next;
            w_last = w_next;
        }
    }
    for (; k < dims.K; k++) {
        c = some_step(c, place.quads, step_of_eighths(step_of_x(own, k)), step_of_w(columns, k));
    }
    return c;
}

// The same for a piece.
fn piece_y(start: mat4x4<f32>, piece: Piece, weights: u32) -> mat4x4<f32> {
    let rows = rows_of(piece);
    let columns = weights + columns_of(piece);
    var c = start;
    var k = 0u;
    if dims.K >= 8u {
        let x_start = start_at(rows * dims.K);
        let w_start = start_at(columns * dims.K);
        var x_at = x_start.at;
        var w_at = w_start.at;
        var x_last = load_x(x_at);
        var w_last = load_w(w_at);
        for (; k + 8u <= dims.K; k += 4u) {
            x_at += 1u;
            w_at += 1u;
            let x_next = load_x(x_at);
            let w_next = load_w(w_at);
            c = piece_product(c, piece, from_within(x_start, x_last, x_next), from_within(w_start, w_last, w_next));
            x_last = x_next;
            w_last = w_next;
        }
    }
    for (; k < dims.K; k++) {
        c = outer_some(c, step_of_x(rows, k), piece.rows, step_of_w(columns, k), piece.columns);
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
    let band = band(tile.y, 32u);
    if band.m == band.end {
        return;
    }
    let place = place_at(band.m, band.end, tile.x, lane, dims.N);
    let weights = band.g * dims.N;
    let at = weights + up_to(place.column, dims.N);
    let biases = vec4<f32>(b[at.x], b[at.y], b[at.z], b[at.w]);
    var c = tile_y(Tile(), place, weights, holder);
    for (var quad = 0u; quad < place.quads; quad++) {
        put_y(place.row + 4u * quad, 4u, place.column, 4u, each_plus(quad_at(c, quad), biases));
    }
    for (var i = lane; i < pieces(place); i += LANES) {
        let piece = piece(place, i);
        let sums = piece_y(mat4x4<f32>(), piece, weights);
        let biases = bias(band.g, piece.column, piece.columns);
        let outputs = plus_bias(sums, biases, piece.rows, piece.columns);
        put_y(piece.row, piece.rows, piece.column, piece.columns, outputs);
    }
}

// A workgroup computes a tile of y = x w_g^T.
@compute @workgroup_size(LANES)
fn forward_plain(
    @builtin(workgroup_id) tile: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
    @builtin(subgroup_invocation_id) holder: u32,
) {
    let band = band(tile.y, 32u);
    if band.m == band.end {
        return;
    }
    let place = place_at(band.m, band.end, tile.x, lane, dims.N);
    let weights = band.g * dims.N;
    var start = Tile();
    if dims.accumulate != 0u {
        start = tile_of_y(place.row, place.column, place.quads);
    }
    var c = tile_y(start, place, weights, holder);
    for (var quad = 0u; quad < place.quads; quad++) {
        put_y(place.row + 4u * quad, 4u, place.column, 4u, quad_at(c, quad));
    }
    for (var i = lane; i < pieces(place); i += LANES) {
        let piece = piece(place, i);
        var sums = mat4x4<f32>();
        if dims.accumulate != 0u {
            sums = y_at(piece.row, piece.rows, piece.column, piece.columns);
        }
        put_y(piece.row, piece.rows, piece.column, piece.columns, piece_y(sums, piece, weights));
    }
}

// start + dy w_g for what exists of a tile in fours.
fn tile_dx(start: Tile, place: Place, weights: u32, holder: u32) -> Tile {
    let own = place.row + min(8u * QUAD + holder % 8u, vec4<u32>(place.rows - 1u));
    let columns = up_to(place.column, dims.K);
    var c = start;
    var n = 0u;
    // Four numbers behind a row are there for every row of dy but the last one. A step reads w into the row behind its
    // fourth, so that one more row has to follow.
    let enough = select(5u, 8u, place.row + place.rows == dims.M);
    if dims.N >= enough && dims.K >= 4u {
        let dy_start = start_at(own * dims.N);
        let w_start = start_at((weights + QUAD) * dims.K + min(place.column, dims.K - 4u));
        var dy_at = dy_start.at;
        var w_at = w_start.at;
        var dy_last = load_dy(dy_at);
        for (; n + enough <= dims.N; n += 4u) {
            dy_at += 1u;
            let dy_next = load_dy(dy_at);
            let a = every_eighth(from_within(dy_start, dy_last, dy_next));
            c = some_product(c, place.quads, a, from_within(w_start, load_w(w_at), load_w(w_at + 1u)));
            w_at += dims.K;
            dy_last = dy_next;
        }
    }
    for (; n < dims.N; n++) {
        c = some_step(c, place.quads, step_of_eighths(step_of_dy(own, n)), run_of_w(weights + n, columns));
    }
    return c;
}

// The same for a piece.
fn piece_dx(start: mat4x4<f32>, piece: Piece, weights: u32) -> mat4x4<f32> {
    let rows = rows_of(piece);
    let columns = columns_of(piece);
    var c = start;
    var n = 0u;
    if dims.N >= 8u && dims.K >= 4u {
        let dy_start = start_at(rows * dims.N);
        let w_start = start_at((weights + QUAD) * dims.K + piece.column);
        var dy_at = dy_start.at;
        var w_at = w_start.at;
        var dy_last = load_dy(dy_at);
        for (; n + 8u <= dims.N; n += 4u) {
            dy_at += 1u;
            let dy_next = load_dy(dy_at);
            let b = transpose(from_within(w_start, load_w(w_at), load_w(w_at + 1u)));
            c = piece_product(c, piece, from_within(dy_start, dy_last, dy_next), b);
            w_at += dims.K;
            dy_last = dy_next;
        }
    }
    for (; n < dims.N; n++) {
        c = outer_some(c, step_of_dy(rows, n), piece.rows, run_of_w(weights + n, columns), piece.columns);
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
    let band = band(tile.y, 32u);
    if band.m == band.end {
        return;
    }
    let place = place_at(band.m, band.end, tile.x, lane, dims.K);
    let weights = band.g * dims.N;
    var start = Tile();
    if dims.accumulate != 0u {
        start = tile_of_dx(place.row, place.column, place.quads);
    }
    var c = tile_dx(start, place, weights, holder);
    for (var quad = 0u; quad < place.quads; quad++) {
        put_dx(place.row + 4u * quad, 4u, place.column, 4u, quad_at(c, quad));
    }
    for (var i = lane; i < pieces(place); i += LANES) {
        let piece = piece(place, i);
        var sums = mat4x4<f32>();
        if dims.accumulate != 0u {
            sums = dx_at(piece.row, piece.rows, piece.column, piece.columns);
        }
        put_dx(piece.row, piece.rows, piece.column, piece.columns, piece_dx(sums, piece, weights));
    }
}

// start + dy^T x over the rows of a group, for what exists of a tile in fours. Lane l holds the rows 4 l .. 4 l + 3.
fn tile_dw(start: Tile, place: Place, first: u32, end: u32, holder: u32) -> Tile {
    let rows = up_to(place.row + 4u * (holder % 8u), place.row + place.rows);
    let columns = up_to(place.column, dims.K);
    var c = start;
    var m = first;
    for (; m + 4u <= end; m += 4u) {
        let a = every_four(transpose(block_of_dy(m + QUAD, rows)));
        c = some_product(c, place.quads, a, block_of_x(m + QUAD, columns));
    }
    for (; m < end; m++) {
        c = some_step(c, place.quads, step_of_four(run_of_dy(m, rows)), run_of_x(m, columns));
    }
    return c;
}

// The same for a piece.
fn piece_dw(start: mat4x4<f32>, piece: Piece, first: u32, end: u32) -> mat4x4<f32> {
    let rows = rows_of(piece);
    let columns = columns_of(piece);
    var c = start;
    var m = first;
    for (; m + 4u <= end; m += 4u) {
        let a = transpose(block_of_dy(m + QUAD, rows));
        c = piece_product(c, piece, a, transpose(block_of_x(m + QUAD, columns)));
    }
    for (; m < end; m++) {
        c = outer_some(c, run_of_dy(m, rows), piece.rows, run_of_x(m, columns), piece.columns);
    }
    return c;
}

// A workgroup computes a tile of dw_g = dy^T x over the group's rows.
@compute @workgroup_size(LANES)
fn backward_weight(
    @builtin(workgroup_id) tile: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
    @builtin(subgroup_invocation_id) holder: u32,
) {
    let first = groups[tile.z];
    let end = groups[tile.z + 1u];
    let place = place_at(32u * tile.y, dims.N, tile.x, lane, dims.K);
    let weights = tile.z * dims.N;
    var start = Tile();
    if dims.accumulate != 0u {
        start = tile_of_dw(weights + place.row, place.column, place.quads);
    }
    var c = tile_dw(start, place, first, end, holder);
    for (var quad = 0u; quad < place.quads; quad++) {
        put_dw(weights + place.row + 4u * quad, 4u, place.column, 4u, quad_at(c, quad));
    }
    for (var i = lane; i < pieces(place); i += LANES) {
        let piece = piece(place, i);
        var sums = mat4x4<f32>();
        if dims.accumulate != 0u {
            sums = dw_at(weights + piece.row, piece.rows, piece.column, piece.columns);
        }
        let outputs = piece_dw(sums, piece, first, end);
        put_dw(weights + piece.row, piece.rows, piece.column, piece.columns, outputs);
    }
}
