// Continued in linear_outputs.wgsl.
//
// Matrix products with and without bias, forward beside backward, for G contiguous groups of rows: group g owns
// rows groups[g] .. groups[g + 1] of x, y and dy, and the weights w[g]. G = 1 is a dense layer,
// G = E a mixture of experts whose rows are sorted by expert. The bounds are data; a group may be
// empty, and the operations are those of M rows however the rows are divided.
//
// Grids. An invocation computes a tile of outputs, ROWS x COLUMNS of them: 8 x 8 in the `_vec4`
// entries (1 x 4 for the bias), 1 x 4 in the `_columns` entries, 1 x 1 in the others. A workgroup has
// COLUMN_LANES invocations along the output's columns and LANES / COLUMN_LANES along its rows, so
// R = ROWS * LANES / COLUMN_LANES rows in all. The grid is
//                      x: columns                           y: rows              z
//     forward          ceil(N / (COLUMNS * COLUMN_LANES))   ceil(M / R) + G - 1  1
//     forward_plain    the same
//     backward_input   ceil(K / (COLUMNS * COLUMN_LANES))   ceil(M / R) + G - 1  1
//     backward_weight  ceil(K / (COLUMNS * COLUMN_LANES))   ceil(N / R)          G
//     backward_bias    ceil(N / (COLUMNS * LANES))          1                    G
// The rows of a tile belong to one group. Groups are not known when a grid is chosen; whatever they
// are, they have no more row tiles than that, and the few left over return at once.
//
// `_vec4` entries want K and N to be multiples of four, and bind vec4 views of the same buffers;
// `_columns` entries want that of the output's columns alone, whatever is summed over.
// Edge tiles run exactly the operations of the outputs that exist, never those of a padded tile. Guards join their
// conditions with `|`: both are there anyway, and `||` is one more branch to take and to count.

// One invocation computes one db[g, n] = sum over the group's rows m of dy[m, n].
@compute @workgroup_size(LANES)
fn backward_bias(@builtin(workgroup_id) tile: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
    let g = tile.z;
    let n = tile.x * LANES + lane;
    if n >= dims.N {
        return;
    }
    let at = g * dims.N + n;
    let end = groups[g + 1u];
    var dy_at = groups[g] * dims.N + n;
    var sum = 0.0;
    if dims.accumulate != 0u {
        sum = db[at];
    }
    for (var m = groups[g]; m < end; m++) {
        sum += dy[dy_at];
        dy_at += dims.N;
    }
    db[at] = sum;
}

// One invocation computes four db[g, n] = sum over the group's rows m of dy[m, n].
@compute @workgroup_size(LANES)
fn backward_bias_vec4(@builtin(workgroup_id) tile: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
    let g = tile.z;
    let columns = dims.N / 4u;
    let run = tile.x * LANES + lane;
    if run >= columns {
        return;
    }
    let end = groups[g + 1u];
    var dy_at = groups[g] * columns + run;
    var sum = vec4<f32>();
    if dims.accumulate != 0u {
        sum = db_vec4[g * columns + run];
    }
    for (var m = groups[g]; m < end; m++) {
        sum += dy_vec4[dy_at];
        dy_at += columns;
    }
    db_vec4[g * columns + run] = sum;
}
