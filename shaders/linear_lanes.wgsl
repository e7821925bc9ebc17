// Continued in linear_numbers.wgsl, with lanes.wgsl for products.wgsl.
//
// Tiles of a matrix product whose rows the lanes of a subgroup hold, and how one lane's share comes to all of them.

// A tile of 32 x 4 outputs, four rows at a time.
alias Tile = Panel;

// What a lane loads of 32 rows at four steps. Rows 16 further are `far` vectors further.

fn share_of_x(at: vec4<u32>, far: u32) -> Share {
    return load_x(at);
}

fn share_of_dy(at: vec4<u32>, far: u32) -> Share {
    return load_dy(at);
}

// What a lane loads of 32 columns of dy at four rows: four adjacent ones.
fn share_of_columns(at: vec4<u32>) -> Share {
    return transpose(load_dy(at));
}

// Four more steps for a tile of which lane l holds the rows l, l + 8, l + 16 and l + 24.
fn tile_product(c: Tile, own: Share, b: mat4x4<f32>) -> Tile {
    return Tile(
        product(c.r0, low_lanes(own[0]), b),
        product(c.r4, high_lanes(own[0]), b),
        product(c.r8, low_lanes(own[1]), b),
        product(c.r12, high_lanes(own[1]), b),
        product(c.r16, low_lanes(own[2]), b),
        product(c.r20, high_lanes(own[2]), b),
        product(c.r24, low_lanes(own[3]), b),
        product(c.r28, high_lanes(own[3]), b),
    );
}

// What one lane holds, in every lane; which one has to be a constant.
fn lane_0(own: mat4x4<f32>) -> mat4x4<f32> {
    return mat4x4<f32>(
        subgroupBroadcast(own[0], 0u),
        subgroupBroadcast(own[1], 0u),
        subgroupBroadcast(own[2], 0u),
        subgroupBroadcast(own[3], 0u),
    );
}

fn lane_1(own: mat4x4<f32>) -> mat4x4<f32> {
    return mat4x4<f32>(
        subgroupBroadcast(own[0], 1u),
        subgroupBroadcast(own[1], 1u),
        subgroupBroadcast(own[2], 1u),
        subgroupBroadcast(own[3], 1u),
    );
}

fn lane_2(own: mat4x4<f32>) -> mat4x4<f32> {
    return mat4x4<f32>(
        subgroupBroadcast(own[0], 2u),
        subgroupBroadcast(own[1], 2u),
        subgroupBroadcast(own[2], 2u),
        subgroupBroadcast(own[3], 2u),
    );
}

fn lane_3(own: mat4x4<f32>) -> mat4x4<f32> {
    return mat4x4<f32>(
        subgroupBroadcast(own[0], 3u),
        subgroupBroadcast(own[1], 3u),
        subgroupBroadcast(own[2], 3u),
        subgroupBroadcast(own[3], 3u),
    );
}

fn lane_4(own: mat4x4<f32>) -> mat4x4<f32> {
    return mat4x4<f32>(
        subgroupBroadcast(own[0], 4u),
        subgroupBroadcast(own[1], 4u),
        subgroupBroadcast(own[2], 4u),
        subgroupBroadcast(own[3], 4u),
    );
}

fn lane_5(own: mat4x4<f32>) -> mat4x4<f32> {
    return mat4x4<f32>(
        subgroupBroadcast(own[0], 5u),
        subgroupBroadcast(own[1], 5u),
        subgroupBroadcast(own[2], 5u),
        subgroupBroadcast(own[3], 5u),
    );
}

fn lane_6(own: mat4x4<f32>) -> mat4x4<f32> {
    return mat4x4<f32>(
        subgroupBroadcast(own[0], 6u),
        subgroupBroadcast(own[1], 6u),
        subgroupBroadcast(own[2], 6u),
        subgroupBroadcast(own[3], 6u),
    );
}

fn lane_7(own: mat4x4<f32>) -> mat4x4<f32> {
    return mat4x4<f32>(
        subgroupBroadcast(own[0], 7u),
        subgroupBroadcast(own[1], 7u),
        subgroupBroadcast(own[2], 7u),
        subgroupBroadcast(own[3], 7u),
    );
}

// Four more steps for a tile of which lane l holds the rows 4 l .. 4 l + 3.
fn tile_by_four(c: Tile, own: Share, b: mat4x4<f32>) -> Tile {
    return Tile(
        product(c.r0, lane_0(own), b),
        product(c.r4, lane_1(own), b),
        product(c.r8, lane_2(own), b),
        product(c.r12, lane_3(own), b),
        product(c.r16, lane_4(own), b),
        product(c.r20, lane_5(own), b),
        product(c.r24, lane_6(own), b),
        product(c.r28, lane_7(own), b),
    );
}

// One more step for such a tile, of which this lane's rows are at a vector of dy.
fn tile_by_one(c: Tile, at: u32, b: vec4<f32>) -> Tile {
    let own = dy_vec4[at];
    return Tile(
        outer(c.r0, subgroupBroadcast(own, 0u), b),
        outer(c.r4, subgroupBroadcast(own, 1u), b),
        outer(c.r8, subgroupBroadcast(own, 2u), b),
        outer(c.r12, subgroupBroadcast(own, 3u), b),
        outer(c.r16, subgroupBroadcast(own, 4u), b),
        outer(c.r20, subgroupBroadcast(own, 5u), b),
        outer(c.r24, subgroupBroadcast(own, 6u), b),
        outer(c.r28, subgroupBroadcast(own, 7u), b),
    );
}
