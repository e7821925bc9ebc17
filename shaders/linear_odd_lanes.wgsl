// Continued in linear_lanes.wgsl.
//
// The tiles of linear_odd_subgroup.wgsl: where they lie, how operands are loaded, and what a tile adds up.

// Where a workgroup's outputs lie, and an invocation's among them.
struct Place {
    row: u32, // the first one
    rows: u32, // from none to 32
    column: u32, // the invocation's first one
    columns: u32, // the invocation's, from none to four
    start: u32, // the workgroup's first column
    width: u32, // the workgroup's columns
    runs: u32, // of four columns that they make, of which the last one may be cut off
    whole: bool, // whether all outputs of the tile exist
}

fn place_at(row: u32, row_end: u32, tile: u32, holder: u32, column_end: u32) -> Place {
    let start = 4u * tile * LANES;
    let rows = min(row_end - min(row, row_end), 32u);
    let width = min(column_end - start, 4u * LANES);
    let column = 4u * holder;
    let columns = min(width - min(column, width), 4u);
    let whole = rows == 32u && width == 4u * LANES;
    return Place(row, rows, start + column, columns, start, width, (width + 3u) / 4u, whole);
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

// The same for runs that begin at the same number of a vector, as rows do that lie a multiple of four rows apart.
fn start_alike(number: vec4<u32>) -> Start {
    return Start(number / 4u, vec4<bool>((number.x & 2u) != 0u), vec4<bool>((number.x & 1u) != 0u));
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

// Runs of four rows that lanes hold together, each lane one run of each row: of every row its own vector, from within
// which its run begins. The next lane's vector has the rest.
struct Runs {
    start: Start, // of the lane's own runs
    behind: u32, // of one row, by the lane modulo four: the vector behind that of the last lane
    holds: bool, // whether this lane loads it: one of the first four among eight lanes does
    eighth: u32, // the first of those eight
    next: u32, // the next lane
    is_last: bool, // whether there is none
}

// The runs of a lane among so many, where rows begin at these numbers and have so many vectors, the last one in part.
fn runs_from(first: vec4<u32>, vectors: u32, lane: u32, lanes: u32, holder: u32) -> Runs {
    var start = start_at(first);
    let behind = start.at[holder % 4u] + vectors;
    start.at += min(lane, vectors);
    let next = holder - lane + (lane + 1u) % lanes;
    return Runs(start, behind, holder % 8u < 4u, holder - holder % 8u, next, lane == lanes - 1u);
}

// A lane's run of one of the four rows.
fn run_of(runs: Runs, row: u32, own: vec4<f32>, behind: vec4<f32>) -> vec4<f32> {
    let next = subgroupShuffle(bitcast<vec4<u32>>(own).xyz, runs.next);
    let end = subgroupShuffle(bitcast<vec4<u32>>(behind).xyz, runs.eighth + row);
    let rest = vec4<u32>(select(next, end, runs.is_last), 0u);
    return four_from(runs.start.half[row], runs.start.odd[row], own, bitcast<vec4<f32>>(rest));
}

// Four such runs, so many vectors further on. Each vector is loaded beside what is passed on of it: where all four are
// loaded before, gradients by input take 1.2 times as long on Mesa 25's llvmpipe.

fn runs_of_w(runs: Runs, step: u32) -> mat4x4<f32> {
    var behind = vec4<f32>();
    if runs.holds {
        behind = w_vec4[runs.behind + step];
    }
    let at = runs.start.at + step;
    return mat4x4<f32>(
        run_of(runs, 0u, w_vec4[at.x], behind),
        run_of(runs, 1u, w_vec4[at.y], behind),
        run_of(runs, 2u, w_vec4[at.z], behind),
        run_of(runs, 3u, w_vec4[at.w], behind),
    );
}

fn runs_of_x(runs: Runs, step: u32) -> mat4x4<f32> {
    var behind = vec4<f32>();
    if runs.holds {
        behind = x_vec4[runs.behind + step];
    }
    let at = runs.start.at + step;
    return mat4x4<f32>(
        run_of(runs, 0u, x_vec4[at.x], behind),
        run_of(runs, 1u, x_vec4[at.y], behind),
        run_of(runs, 2u, x_vec4[at.z], behind),
        run_of(runs, 3u, x_vec4[at.w], behind),
    );
}

fn runs_of_dy(runs: Runs, step: u32) -> mat4x4<f32> {
    var behind = vec4<f32>();
    if runs.holds {
        behind = dy_vec4[runs.behind + step];
    }
    let at = runs.start.at + step;
    return mat4x4<f32>(
        run_of(runs, 0u, dy_vec4[at.x], behind),
        run_of(runs, 1u, dy_vec4[at.y], behind),
        run_of(runs, 2u, dy_vec4[at.z], behind),
        run_of(runs, 3u, dy_vec4[at.w], behind),
    );
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

fn every_four(own: mat4x4<f32>) -> Panel {
    return Panel(
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

// Four more steps for what exists of a tile: b[j] holds the steps of column j.
fn some_product(start: Tile, place: Place, a: Panel, b: mat4x4<f32>) -> Tile {
    var c = start;
    c.r0 = some_rows(c.r0, place.rows, place.columns, a.r0, b);
    c.r4 = some_rows(c.r4, max(place.rows, 4u) - 4u, place.columns, a.r4, b);
    c.r8 = some_rows(c.r8, max(place.rows, 8u) - 8u, place.columns, a.r8, b);
    c.r12 = some_rows(c.r12, max(place.rows, 12u) - 12u, place.columns, a.r12, b);
    c.r16 = some_rows(c.r16, max(place.rows, 16u) - 16u, place.columns, a.r16, b);
    c.r20 = some_rows(c.r20, max(place.rows, 20u) - 20u, place.columns, a.r20, b);
    c.r24 = some_rows(c.r24, max(place.rows, 24u) - 24u, place.columns, a.r24, b);
    c.r28 = some_rows(c.r28, max(place.rows, 28u) - 28u, place.columns, a.r28, b);
    return c;
}

fn some_rows(start: mat4x4<f32>, rows: u32, columns: u32, a: mat4x4<f32>, b: mat4x4<f32>) -> mat4x4<f32> {
    var c = start;
    if rows > 0u {
        c[0] = some_chains(c[0], columns, a[0], b);
    }
    if rows > 1u {
        c[1] = some_chains(c[1], columns, a[1], b);
    }
    if rows > 2u {
        c[2] = some_chains(c[2], columns, a[2], b);
    }
    if rows > 3u {
        c[3] = some_chains(c[3], columns, a[3], b);
    }
    return c;
}

fn some_chains(start: vec4<f32>, columns: u32, a: vec4<f32>, b: mat4x4<f32>) -> vec4<f32> {
    var c = start;
    if columns > 0u {
        c.x = chain(c.x, a, b[0]);
    }
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

// One more step for it.
fn some_step(start: Tile, place: Place, a: Step, b: vec4<f32>) -> Tile {
    var c = start;
    c.r0 = outer_some(c.r0, a.r0, place.rows, b, place.columns);
    c.r4 = outer_some(c.r4, a.r4, max(place.rows, 4u) - 4u, b, place.columns);
    c.r8 = outer_some(c.r8, a.r8, max(place.rows, 8u) - 8u, b, place.columns);
    c.r12 = outer_some(c.r12, a.r12, max(place.rows, 12u) - 12u, b, place.columns);
    c.r16 = outer_some(c.r16, a.r16, max(place.rows, 16u) - 16u, b, place.columns);
    c.r20 = outer_some(c.r20, a.r20, max(place.rows, 20u) - 20u, b, place.columns);
    c.r24 = outer_some(c.r24, a.r24, max(place.rows, 24u) - 24u, b, place.columns);
    c.r28 = outer_some(c.r28, a.r28, max(place.rows, 28u) - 28u, b, place.columns);
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

// Four rows of a tile, by the number of the first one, and a tile with others in their place.

fn quad_at(c: Tile, row: u32) -> mat4x4<f32> {
    switch row {
        case 0u: {
            return c.r0;
        }
        case 4u: {
            return c.r4;
        }
        case 8u: {
            return c.r8;
        }
        case 12u: {
            return c.r12;
        }
        case 16u: {
            return c.r16;
        }
        case 20u: {
            return c.r20;
        }
        case 24u: {
            return c.r24;
        }
        default: {
            return c.r28;
        }
    }
}

fn with_quad(start: Tile, row: u32, values: mat4x4<f32>) -> Tile {
    var c = start;
    switch row {
        case 0u: {
            c.r0 = values;
        }
        case 4u: {
            c.r4 = values;
        }
        case 8u: {
            c.r8 = values;
        }
        case 12u: {
            c.r12 = values;
        }
        case 16u: {
            c.r16 = values;
        }
        case 20u: {
            c.r20 = values;
        }
        case 24u: {
            c.r24 = values;
        }
        default: {
            c.r28 = values;
        }
    }
    return c;
}
