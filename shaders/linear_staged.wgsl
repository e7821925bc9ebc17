// Continued in linear_numbers.wgsl.
//
// Tiles of a matrix product that a workgroup stages in its memory: for STEPS steps of the sum at a time, the rows
// and the columns of the workgroup's outputs that those steps need. An invocation computes TILE x TILE outputs, TILE
// being 4 or 8: with 8, two runs of four rows and two of four columns that lie apart, so that adjacent lanes touch
// adjacent addresses. An output's sum is one chain in the order of its steps.

override COLUMN_LANES: u32;
override TILE: u32;

const STEPS: u32 = 16u;

// By step, then by run of four: enough for 32 runs, which are 256 lanes of 8 x 8. The runs of a step, whose number is a
// power of two, lie in an order of its own (`place`), since adjacent lanes stage the same run of different steps, and
// would wait for one another at the same bank of the memory.
var<workgroup> staged_rows: array<vec4<Operand>, 512>;
var<workgroup> staged_columns: array<vec4<Operand>, 512>;

fn row_runs() -> u32 {
    return LANES / COLUMN_LANES * (TILE / 4u);
}

fn column_runs() -> u32 {
    return COLUMN_LANES * (TILE / 4u);
}

// The four steps and the four rows, or columns, that a lane stages: the first half of the lanes has rows, the other
// half has columns, and where those are more lanes than there are blocks, the last of them have none.
struct Block {
    rows: bool,
    steps: u32, // counted in fours
    run: u32,
}

// Adjacent lanes have adjacent steps, for an operand that has those beside each other in memory.
fn block_by_steps(lane: u32) -> Block {
    let half = lane % (LANES / 2u);
    return Block(lane < LANES / 2u, half % (STEPS / 4u), half / (STEPS / 4u));
}

// Adjacent lanes have adjacent runs.
fn block_by_runs(lane: u32) -> Block {
    let half = lane % (LANES / 2u);
    let rows = lane < LANES / 2u;
    let runs = select(column_runs(), row_runs(), rows);
    return Block(rows, half / runs, half % runs);
}

// Where a step has a run.
fn place(step: u32, run: u32, runs: u32) -> u32 {
    return step * runs + (run ^ (step / 4u * 2u & (runs - 1u)));
}

// Puts what a lane loaded where all can read it: values[i] is step i, for four rows or columns.
fn stage(block: Block, values: mat4x4<Operand>) {
    if block.rows {
        let runs = row_runs();
        let at = place(4u * block.steps, block.run, runs);
        if (block.run < runs) & (block.steps < STEPS / 4u) {
            staged_rows[at] = values[0];
            staged_rows[at + runs] = values[1];
            staged_rows[at + 2u * runs] = values[2];
            staged_rows[at + 3u * runs] = values[3];
        }
    } else {
        let runs = column_runs();
        let at = place(4u * block.steps, block.run, runs);
        if (block.run < runs) & (block.steps < STEPS / 4u) {
            staged_columns[at] = values[0];
            staged_columns[at + runs] = values[1];
            staged_columns[at + 2u * runs] = values[2];
            staged_columns[at + 3u * runs] = values[3];
        }
    }
}

// Where an invocation's outputs lie, and how many there are of each run: from none to four.
struct Outputs {
    top: u32,
    low: u32,
    left: u32,
    right: u32,
    top_rows: u32,
    low_rows: u32,
    left_columns: u32,
    right_columns: u32,
}

// The outputs of a lane in a tile that begins at a row and a column, where rows and columns end.
fn outputs(lane: u32, row: u32, row_end: u32, column: u32, column_end: u32) -> Outputs {
    let row_lanes = LANES / COLUMN_LANES;
    let top = row + 4u * (lane / COLUMN_LANES);
    let low = top + 4u * row_lanes;
    let left = column + 4u * (lane % COLUMN_LANES);
    let right = left + 4u * COLUMN_LANES;
    let two = TILE == 8u;
    return Outputs(
        top,
        low,
        left,
        right,
        of_run(top, row_end),
        select(0u, of_run(low, row_end), two),
        of_run(left, column_end),
        select(0u, of_run(right, column_end), two),
    );
}

fn of_run(start: u32, end: u32) -> u32 {
    return min(end - min(start, end), 4u);
}

// An invocation's outputs, by rows and columns.
struct Sums {
    top_left: mat4x4<f32>,
    top_right: mat4x4<f32>,
    low_left: mat4x4<f32>,
    low_right: mat4x4<f32>,
}

// One more step of outputs that are all there.
fn add_step(start: Sums, step: u32, rows: u32, columns: u32, top: u32, left: u32) -> Sums {
    var c = start;
    let t = staged_rows[place(step, top, rows)];
    let l = staged_columns[place(step, left, columns)];
    c.top_left = outer(c.top_left, t, l);
    if TILE == 8u {
        let b = staged_rows[place(step, top + LANES / COLUMN_LANES, rows)];
        let r = staged_columns[place(step, left + COLUMN_LANES, columns)];
        c.top_right = outer(c.top_right, t, r);
        c.low_left = outer(c.low_left, b, l);
        c.low_right = outer(c.low_right, b, r);
    }
    return c;
}

// All of the staged steps of outputs that are all there. One after the other without a loop: an NVIDIA H200 was a fifth
// faster so than with one step a round, and no faster with lanes placed otherwise or with two stages in turn.
fn add_steps(start: Sums, lane: u32) -> Sums {
    var c = start;
    let rows = row_runs();
    let columns = column_runs();
    let top = lane / COLUMN_LANES;
    let left = lane % COLUMN_LANES;
    c = add_step(c, 0u, rows, columns, top, left);
    c = add_step(c, 1u, rows, columns, top, left);
    c = add_step(c, 2u, rows, columns, top, left);
    c = add_step(c, 3u, rows, columns, top, left);
    c = add_step(c, 4u, rows, columns, top, left);
    c = add_step(c, 5u, rows, columns, top, left);
    c = add_step(c, 6u, rows, columns, top, left);
    c = add_step(c, 7u, rows, columns, top, left);
    c = add_step(c, 8u, rows, columns, top, left);
    c = add_step(c, 9u, rows, columns, top, left);
    c = add_step(c, 10u, rows, columns, top, left);
    c = add_step(c, 11u, rows, columns, top, left);
    c = add_step(c, 12u, rows, columns, top, left);
    c = add_step(c, 13u, rows, columns, top, left);
    c = add_step(c, 14u, rows, columns, top, left);
    c = add_step(c, 15u, rows, columns, top, left);
    return c;
}

// Whether all outputs of an invocation are there, and all steps.
fn is_whole(own: Outputs, steps: u32) -> bool {
    let rows = own.top_rows + own.low_rows;
    return rows == TILE && own.left_columns + own.right_columns == TILE && steps == STEPS;
}
