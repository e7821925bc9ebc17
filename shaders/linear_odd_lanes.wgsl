// Continued in linear_lanes.wgsl.
//
// The tiles of linear_odd_subgroup.wgsl: where they and their pieces lie, how operands are loaded, what a tile adds up, and
// how its outputs are read.

// Where a workgroup's outputs lie, and an invocation's among them.
struct Place {
    row: u32, // the first one
    rows: u32, // from none to 32
    column: u32, // the invocation's first one, of four
    start: u32, // the workgroup's first column
    width: u32, // the workgroup's columns
    quads: u32, // how often four rows of the invocation's four columns exist
}

fn place_at(row: u32, row_end: u32, tile: u32, lane: u32, column_end: u32) -> Place {
    let start = 4u * tile * LANES;
    let rows = min(row_end - min(row, row_end), 32u);
    let width = min(column_end - start, 4u * LANES);
    let quads = select(0u, rows / 4u, 4u * lane + 4u <= width);
    return Place(row, rows, start + 4u * lane, start, width, quads);
}

// Outputs of a tile that an invocation computes by itself, none of them in four rows of four columns.
struct Piece {
    row: u32,
    rows: u32, // from one to four
    column: u32,
    columns: u32, // from one to four
}

// How many there are: in the last columns of rows in fours, and in the last rows.
fn pieces(place: Place) -> u32 {
    let beside = select(0u, place.rows / 4u, place.width % 4u > 0u);
    return beside + select(0u, (place.width + 3u) / 4u, place.rows % 4u > 0u);
}

fn piece(place: Place, number: u32) -> Piece {
    let beside = select(0u, place.rows / 4u, place.width % 4u > 0u);
    let whole = vec2<u32>(place.rows, place.width) / 4u * 4u;
    if number < beside {
        return Piece(place.row + 4u * number, 4u, place.start + whole.y, place.width - whole.y);
    }
    let below = 4u * (number - beside);
    return Piece(place.row + whole.x, place.rows - whole.x, place.start + below, min(place.width - below, 4u));
}

// Its rows and columns as four of each, of which those beyond the last are the last.

fn rows_of(piece: Piece) -> vec4<u32> {
    return up_to(piece.row, piece.row + piece.rows);
}

fn columns_of(piece: Piece) -> vec4<u32> {
    return up_to(piece.column, piece.column + piece.columns);
}

// Where four runs of numbers begin within the vectors of a tensor.
struct Start {
    at: vec4<u32>, // the vector
    half: vec4<bool>, // whether in its second half
    odd: vec4<bool>, // whether at the second number of that
}

fn start_at(number: vec4<u32>) -> Start {
    return Start(number / 4u, (number & vec4<u32>(2u)) != vec4<u32>(), (number & vec4<u32>(1u)) != vec4<u32>());
}

// The four numbers of each run from there on, of the vector that they begin in and the next one.
fn from_within(start: Start, last: mat4x4<f32>, next: mat4x4<f32>) -> mat4x4<f32> {
    return mat4x4<f32>(
        four_from(start.half.x, start.odd.x, last[0], next[0]),
        four_from(start.half.y, start.odd.y, last[1], next[1]),
        four_from(start.half.z, start.odd.z, last[2], next[2]),
        four_from(start.half.w, start.odd.w, last[3], next[3]),
    );
}

fn four_from(half: bool, odd: bool, last: vec4<f32>, next: vec4<f32>) -> vec4<f32> {
    let a = bitcast<vec4<u32>>(last);
    let b = bitcast<vec4<u32>>(next);
    let low = select(a, vec4<u32>(a.zw, b.xy), half);
    let high = select(b.x, b.z, half);
    return bitcast<vec4<f32>>(select(low, vec4<u32>(low.yzw, high), odd));
}

// One step of 32 rows, four at a time.
struct Step {
    r0: vec4<f32>,
    r4: vec4<f32>,
    r8: vec4<f32>,
    r12: vec4<f32>,
    r16: vec4<f32>,
    r20: vec4<f32>,
    r24: vec4<f32>,
    r28: vec4<f32>,
}

// One step of 32 rows of which lane l holds the rows l, l + 8, l + 16 and l + 24.
fn step_of_eighths(own: vec4<f32>) -> Step {
    let low = transpose(low_lanes(own));
    let high = transpose(high_lanes(own));
    return Step(low[0], high[0], low[1], high[1], low[2], high[2], low[3], high[3]);
}

// Four steps of 32 rows of which lane l holds the rows 4 l .. 4 l + 3, and one.

fn every_four(own: mat4x4<f32>) -> Lanes {
    return Lanes(
        lane_0(own),
        lane_1(own),
        lane_2(own),
        lane_3(own),
        lane_4(own),
        lane_5(own),
        lane_6(own),
        lane_7(own),
    );
}

fn step_of_four(own: vec4<f32>) -> Step {
    return Step(
        subgroupBroadcast(own, 0u),
        subgroupBroadcast(own, 1u),
        subgroupBroadcast(own, 2u),
        subgroupBroadcast(own, 3u),
        subgroupBroadcast(own, 4u),
        subgroupBroadcast(own, 5u),
        subgroupBroadcast(own, 6u),
        subgroupBroadcast(own, 7u),
    );
}

// Four more steps for the rows of a tile that exist.
fn some_product(start: Tile, quads: u32, a: Lanes, b: mat4x4<f32>) -> Tile {
    var c = start;
    if quads > 0u {
        c.r0 = product(c.r0, a.r0, b);
    }
    if quads > 1u {
        c.r4 = product(c.r4, a.r4, b);
    }
    if quads > 2u {
        c.r8 = product(c.r8, a.r8, b);
    }
    if quads > 3u {
        c.r12 = product(c.r12, a.r12, b);
    }
    if quads > 4u {
        c.r16 = product(c.r16, a.r16, b);
    }
    if quads > 5u {
        c.r20 = product(c.r20, a.r20, b);
    }
    if quads > 6u {
        c.r24 = product(c.r24, a.r24, b);
    }
    if quads > 7u {
        c.r28 = product(c.r28, a.r28, b);
    }
    return c;
}

// One more step for them.
fn some_step(start: Tile, quads: u32, a: Step, b: vec4<f32>) -> Tile {
    var c = start;
    if quads > 0u {
        c.r0 = outer(c.r0, a.r0, b);
    }
    if quads > 1u {
        c.r4 = outer(c.r4, a.r4, b);
    }
    if quads > 2u {
        c.r8 = outer(c.r8, a.r8, b);
    }
    if quads > 3u {
        c.r12 = outer(c.r12, a.r12, b);
    }
    if quads > 4u {
        c.r16 = outer(c.r16, a.r16, b);
    }
    if quads > 5u {
        c.r20 = outer(c.r20, a.r20, b);
    }
    if quads > 6u {
        c.r24 = outer(c.r24, a.r24, b);
    }
    if quads > 7u {
        c.r28 = outer(c.r28, a.r28, b);
    }
    return c;
}

// Four more steps for a piece: a[i] holds the steps of row i, b[j] those of column j.
fn piece_product(start: mat4x4<f32>, piece: Piece, a: mat4x4<f32>, b: mat4x4<f32>) -> mat4x4<f32> {
    var c = start;
    c[0] = some_chains(c[0], piece.columns, a[0], b);
    if piece.rows > 1u {
        c[1] = some_chains(c[1], piece.columns, a[1], b);
    }
    if piece.rows > 2u {
        c[2] = some_chains(c[2], piece.columns, a[2], b);
    }
    if piece.rows > 3u {
        c[3] = some_chains(c[3], piece.columns, a[3], b);
    }
    return c;
}

fn some_chains(start: vec4<f32>, columns: u32, a: vec4<f32>, b: mat4x4<f32>) -> vec4<f32> {
    var c = start;
    c.x = chain(c.x, a, b[0]);
    if columns > 1u {
        c.y = chain(c.y, a, b[1]);
    }
    if columns > 2u {
        c.z = chain(c.z, a, b[2]);
    }
    if columns > 3u {
        c.w = chain(c.w, a, b[3]);
    }
    return c;
}

// One step of an operand for four rows of a product: a column of it, or a row.

fn step_of_x(rows: vec4<u32>, k: u32) -> vec4<f32> {
    let at = rows * dims.K + k;
    return vec4<f32>(x[at.x], x[at.y], x[at.z], x[at.w]);
}

fn step_of_w(rows: vec4<u32>, k: u32) -> vec4<f32> {
    let at = rows * dims.K + k;
    return vec4<f32>(w[at.x], w[at.y], w[at.z], w[at.w]);
}

fn step_of_dy(rows: vec4<u32>, n: u32) -> vec4<f32> {
    let at = rows * dims.N + n;
    return vec4<f32>(dy[at.x], dy[at.y], dy[at.z], dy[at.w]);
}

fn run_of_w(row: u32, columns: vec4<u32>) -> vec4<f32> {
    let at = row * dims.K + columns;
    return vec4<f32>(w[at.x], w[at.y], w[at.z], w[at.w]);
}

fn run_of_dy(row: u32, columns: vec4<u32>) -> vec4<f32> {
    let at = row * dims.N + columns;
    return vec4<f32>(dy[at.x], dy[at.y], dy[at.z], dy[at.w]);
}

fn run_of_x(row: u32, columns: vec4<u32>) -> vec4<f32> {
    let at = row * dims.K + columns;
    return vec4<f32>(x[at.x], x[at.y], x[at.z], x[at.w]);
}

// Four rows of a tile, by their number, and a tile with others in their place.

fn quad_at(c: Tile, quad: u32) -> mat4x4<f32> {
    switch quad {
        case 0u: {
            return c.r0;
        }
        case 1u: {
            return c.r4;
        }
        case 2u: {
            return c.r8;
        }
        case 3u: {
            return c.r12;
        }
        case 4u: {
            return c.r16;
        }
        case 5u: {
            return c.r20;
        }
        case 6u: {
            return c.r24;
        }
        default: {
            return c.r28;
        }
    }
}

fn with_quad(start: Tile, quad: u32, values: mat4x4<f32>) -> Tile {
    var c = start;
    switch quad {
        case 0u: {
            c.r0 = values;
        }
        case 1u: {
            c.r4 = values;
        }
        case 2u: {
            c.r8 = values;
        }
        case 3u: {
            c.r12 = values;
        }
        case 4u: {
            c.r16 = values;
        }
        case 5u: {
            c.r20 = values;
        }
        case 6u: {
            c.r24 = values;
        }
        default: {
            c.r28 = values;
        }
    }
    return c;
}

// A tile of an output as it is, from a row and a column on, where four rows exist so often.

fn tile_of_y(row: u32, column: u32, quads: u32) -> Tile {
    var c = Tile();
    for (var quad = 0u; quad < quads; quad++) {
        c = with_quad(c, quad, y_at(row + 4u * quad, 4u, column, 4u));
    }
    return c;
}

fn tile_of_dx(row: u32, column: u32, quads: u32) -> Tile {
    var c = Tile();
    for (var quad = 0u; quad < quads; quad++) {
        c = with_quad(c, quad, dx_at(row + 4u * quad, 4u, column, 4u));
    }
    return c;
}

fn tile_of_dw(row: u32, column: u32, quads: u32) -> Tile {
    var c = Tile();
    for (var quad = 0u; quad < quads; quad++) {
        c = with_quad(c, quad, dw_at(row + 4u * quad, 4u, column, 4u));
    }
    return c;
}
