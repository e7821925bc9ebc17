// Continued in teams.wgsl.
//
// The gradient of a product's bias where a workgroup's invocations run side by side: a workgroup has LANES / TEAM
// neighbouring columns of one group of rows, and TEAM lanes share a column's rows. What linear.wgsl computes, by as many
// operations.
//
// `_vec4` entries want N to be a multiple of four, and bind vec4 views of the same buffers.
//
// Grid: a workgroup for each LANES / TEAM columns, 1, G.

struct Dims {
    N: u32,
    accumulate: u32, // 1: sums start at what the output holds, 0: at zero
}

@group(0) @binding(0) var<uniform> dims: Dims;
@group(0) @binding(1) var<storage, read> groups: array<u32>;              // (G + 1)
@group(0) @binding(5) var<storage, read> dy: array<f32>;                  // (M, N)
@group(0) @binding(6) var<storage, read_write> db: array<f32>;            // (G, N)
@group(0) @binding(5) var<storage, read> dy_vec4: array<vec4<f32>>;       // (M, N / 4)
@group(0) @binding(6) var<storage, read_write> db_vec4: array<vec4<f32>>; // (G, N / 4)

// TEAM lanes compute db[g, n] = sum over the group's rows m of dy[m, n].
@compute @workgroup_size(LANES)
fn backward_bias(@builtin(workgroup_id) tile: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
    let first = groups[tile.z];
    let rows = groups[tile.z + 1u] - first;
    let place = place_in_column(lane, tile.x * (LANES / TEAM), dims.N, rows);
    let leads = place.rank == 0u && place.item < dims.N;
    var start = 0.0;
    if leads && dims.accumulate != 0u {
        start = db[tile.z * dims.N + place.item];
    }
    var share = 0.0;
    if place.busy {
        let step = TEAM * dims.N;
        var at = (first + place.rank) * dims.N + place.item;
        share = dy[at];
        var left = (rows - 1u - place.rank) / TEAM;
        // Four loads at once, which wait for none of each other's sums.
        for (; left >= 4u; left -= 4u) {
            share += dy[at + step];
            share += dy[at + 2u * step];
            share += dy[at + 3u * step];
            at += 4u * step;
            share += dy[at];
        }
        for (; left > 0u; left--) {
            at += step;
            share += dy[at];
        }
    }
    let sum = total(start, share, place);
    if leads {
        db[tile.z * dims.N + place.item] = sum;
    }
}

// TEAM lanes compute four db[g, n] = sum over the group's rows m of dy[m, n].
@compute @workgroup_size(LANES)
fn backward_bias_vec4(@builtin(workgroup_id) tile: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
    let columns = dims.N / 4u;
    let first = groups[tile.z];
    let rows = groups[tile.z + 1u] - first;
    let place = place_in_column(lane, tile.x * (LANES / TEAM), columns, rows);
    let leads = place.rank == 0u && place.item < columns;
    var start = vec4<f32>();
    if leads && dims.accumulate != 0u {
        start = db_vec4[tile.z * columns + place.item];
    }
    var share = vec4<f32>();
    if place.busy {
        let step = TEAM * columns;
        var at = (first + place.rank) * columns + place.item;
        share = dy_vec4[at];
        var left = (rows - 1u - place.rank) / TEAM;
        // Four loads at once, which wait for none of each other's sums.
        for (; left >= 4u; left -= 4u) {
            share += dy_vec4[at + step];
            share += dy_vec4[at + 2u * step];
            share += dy_vec4[at + 3u * step];
            at += 4u * step;
            share += dy_vec4[at];
        }
        for (; left > 0u; left--) {
            at += step;
            share += dy_vec4[at];
        }
    }
    let sum = total_vec4(start, share, place);
    if leads {
        db_vec4[tile.z * columns + place.item] = sum;
    }
}
