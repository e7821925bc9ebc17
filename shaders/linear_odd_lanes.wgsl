// Continued in linear_lanes.wgsl.
//
// The tiles of linear_odd_subgroup.wgsl: where they lie, one step of their operands, what a tile at an edge adds up, and
// how outputs are read and written.

// Where a workgroup's outputs lie, and an invocation's among them.
struct Place {
    row: u32, // the first one
    rows: u32, // from none to 32
    column: u32, // the invocation's first one, of four
    start: u32, // the workgroup's first column
    width: u32, // the workgroup's columns
    quads: u32, // how often four rows of the invocation's four columns exist
    whole: bool, // whether all outputs of a tile exist
}

fn place_at(row: u32, row_end: u32, tile: u32, lane: u32, column_end: u32) -> Place {
    let start = 4u * tile * LANES;
    let rows = min(row_end - min(row, row_end), 32u);
    let width = min(column_end - start, 4u * LANES);
    let quads = select(0u, rows / 4u, 4u * lane + 4u <= width);
    return Place(row, rows, start + 4u * lane, start, width, quads, rows == 32u && width == 4u * LANES);
}

// Outputs that are in no four rows of four columns: in the last columns of those rows, and in the last rows.
fn singles(place: Place) -> u32 {
    return place.rows / 4u * 4u * (place.width % 4u) + place.rows % 4u * place.width;
}

// The row and the column of one of them.
fn single(place: Place, number: u32) -> vec2<u32> {
    let rest = max(place.width % 4u, 1u);
    let rows = place.rows / 4u * 4u;
    let beside = rows * (place.width % 4u);
    if number < beside {
        return vec2<u32>(place.row + number / rest, place.start + place.width - rest + number % rest);
    }
    let below = number - beside;
    return vec2<u32>(place.row + rows + below / place.width, place.start + below % place.width);
}

// The rows of a tile that a lane holds where it holds every eighth, of those that exist.
fn held(place: Place, holder: u32) -> vec4<u32> {
    return place.row + min(8u * QUAD + holder % 8u, vec4<u32>(place.rows - 1u));
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

// One more step for all of them.
fn tile_step(c: Tile, a: Step, b: vec4<f32>) -> Tile {
    return Tile(
        outer(c.r0, a.r0, b),
        outer(c.r4, a.r4, b),
        outer(c.r8, a.r8, b),
        outer(c.r12, a.r12, b),
        outer(c.r16, a.r16, b),
        outer(c.r20, a.r20, b),
        outer(c.r24, a.r24, b),
        outer(c.r28, a.r28, b),
    );
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

// A tile of an output as it is, and as it becomes, from a row and a column on, where four rows exist so often.

fn tile_of_y(row: u32, column: u32, quads: u32) -> Tile {
    return Tile(
        y_at(row, select(0u, 4u, quads > 0u), column, 4u),
        y_at(row + 4u, select(0u, 4u, quads > 1u), column, 4u),
        y_at(row + 8u, select(0u, 4u, quads > 2u), column, 4u),
        y_at(row + 12u, select(0u, 4u, quads > 3u), column, 4u),
        y_at(row + 16u, select(0u, 4u, quads > 4u), column, 4u),
        y_at(row + 20u, select(0u, 4u, quads > 5u), column, 4u),
        y_at(row + 24u, select(0u, 4u, quads > 6u), column, 4u),
        y_at(row + 28u, select(0u, 4u, quads > 7u), column, 4u),
    );
}

fn store_y_tile(row: u32, column: u32, quads: u32, c: Tile) {
    put_y(row, select(0u, 4u, quads > 0u), column, 4u, c.r0);
    put_y(row + 4u, select(0u, 4u, quads > 1u), column, 4u, c.r4);
    put_y(row + 8u, select(0u, 4u, quads > 2u), column, 4u, c.r8);
    put_y(row + 12u, select(0u, 4u, quads > 3u), column, 4u, c.r12);
    put_y(row + 16u, select(0u, 4u, quads > 4u), column, 4u, c.r16);
    put_y(row + 20u, select(0u, 4u, quads > 5u), column, 4u, c.r20);
    put_y(row + 24u, select(0u, 4u, quads > 6u), column, 4u, c.r24);
    put_y(row + 28u, select(0u, 4u, quads > 7u), column, 4u, c.r28);
}

fn tile_of_dx(row: u32, column: u32, quads: u32) -> Tile {
    return Tile(
        dx_at(row, select(0u, 4u, quads > 0u), column, 4u),
        dx_at(row + 4u, select(0u, 4u, quads > 1u), column, 4u),
        dx_at(row + 8u, select(0u, 4u, quads > 2u), column, 4u),
        dx_at(row + 12u, select(0u, 4u, quads > 3u), column, 4u),
        dx_at(row + 16u, select(0u, 4u, quads > 4u), column, 4u),
        dx_at(row + 20u, select(0u, 4u, quads > 5u), column, 4u),
        dx_at(row + 24u, select(0u, 4u, quads > 6u), column, 4u),
        dx_at(row + 28u, select(0u, 4u, quads > 7u), column, 4u),
    );
}

fn store_dx_tile(row: u32, column: u32, quads: u32, c: Tile) {
    put_dx(row, select(0u, 4u, quads > 0u), column, 4u, c.r0);
    put_dx(row + 4u, select(0u, 4u, quads > 1u), column, 4u, c.r4);
    put_dx(row + 8u, select(0u, 4u, quads > 2u), column, 4u, c.r8);
    put_dx(row + 12u, select(0u, 4u, quads > 3u), column, 4u, c.r12);
    put_dx(row + 16u, select(0u, 4u, quads > 4u), column, 4u, c.r16);
    put_dx(row + 20u, select(0u, 4u, quads > 5u), column, 4u, c.r20);
    put_dx(row + 24u, select(0u, 4u, quads > 6u), column, 4u, c.r24);
    put_dx(row + 28u, select(0u, 4u, quads > 7u), column, 4u, c.r28);
}

fn tile_of_dw(row: u32, column: u32, quads: u32) -> Tile {
    return Tile(
        dw_at(row, select(0u, 4u, quads > 0u), column, 4u),
        dw_at(row + 4u, select(0u, 4u, quads > 1u), column, 4u),
        dw_at(row + 8u, select(0u, 4u, quads > 2u), column, 4u),
        dw_at(row + 12u, select(0u, 4u, quads > 3u), column, 4u),
        dw_at(row + 16u, select(0u, 4u, quads > 4u), column, 4u),
        dw_at(row + 20u, select(0u, 4u, quads > 5u), column, 4u),
        dw_at(row + 24u, select(0u, 4u, quads > 6u), column, 4u),
        dw_at(row + 28u, select(0u, 4u, quads > 7u), column, 4u),
    );
}

fn store_dw_tile(row: u32, column: u32, quads: u32, c: Tile) {
    put_dw(row, select(0u, 4u, quads > 0u), column, 4u, c.r0);
    put_dw(row + 4u, select(0u, 4u, quads > 1u), column, 4u, c.r4);
    put_dw(row + 8u, select(0u, 4u, quads > 2u), column, 4u, c.r8);
    put_dw(row + 12u, select(0u, 4u, quads > 3u), column, 4u, c.r12);
    put_dw(row + 16u, select(0u, 4u, quads > 4u), column, 4u, c.r16);
    put_dw(row + 20u, select(0u, 4u, quads > 5u), column, 4u, c.r20);
    put_dw(row + 24u, select(0u, 4u, quads > 6u), column, 4u, c.r24);
    put_dw(row + 28u, select(0u, 4u, quads > 7u), column, 4u, c.r28);
}
