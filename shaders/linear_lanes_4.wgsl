// Continued in linear_numbers.wgsl, with lanes_4.wgsl for products.wgsl.
//
// linear_lanes.wgsl for teams of four lanes. A lane's tile has rows, and where columns of dy become rows runs of four of
// them, in the order in which they come to it.

// A tile of 32 x 4 outputs, four rows at a time.
alias Tile = Panel;

// What a lane loads of 32 rows at four steps. Rows 16 further are `far` vectors further.

fn share_of_x(at: vec4<u32>, far: u32) -> Share {
    return Share(load_x(at), load_x(at + far));
}

fn share_of_dy(at: vec4<u32>, far: u32) -> Share {
    return Share(load_dy(at), load_dy(at + far));
}

// What a lane loads of 32 columns of dy at four rows: four adjacent ones of the first 16, and of the last.
fn share_of_columns(at: vec4<u32>) -> Share {
    return Share(transpose(load_dy(at)), transpose(load_dy(at + 4u)));
}

// Four more steps for a tile of which lane l holds the rows l, l + 4, l + 8 and so on.
fn tile_product(c: Tile, own: Share, b: mat4x4<f32>) -> Tile {
    return Tile(
        product(c.r0, each_lane(own.near[0]), b),
        product(c.r4, each_lane(own.near[1]), b),
        product(c.r8, each_lane(own.near[2]), b),
        product(c.r12, each_lane(own.near[3]), b),
        product(c.r16, each_lane(own.far[0]), b),
        product(c.r20, each_lane(own.far[1]), b),
        product(c.r24, each_lane(own.far[2]), b),
        product(c.r28, each_lane(own.far[3]), b),
    );
}

// What each of the other lanes holds, in the order in which they come.

fn first_other(own: mat4x4<f32>) -> mat4x4<f32> {
    return mat4x4<f32>(quadSwapX(own[0]), quadSwapX(own[1]), quadSwapX(own[2]), quadSwapX(own[3]));
}

fn second_other(own: mat4x4<f32>) -> mat4x4<f32> {
    return mat4x4<f32>(quadSwapY(own[0]), quadSwapY(own[1]), quadSwapY(own[2]), quadSwapY(own[3]));
}

fn third_other(own: mat4x4<f32>) -> mat4x4<f32> {
    return mat4x4<f32>(quadSwapDiagonal(own[0]), quadSwapDiagonal(own[1]), quadSwapDiagonal(own[2]), quadSwapDiagonal(own[3]));
}

// Four more steps for a tile of which lane l holds the rows 4 l .. 4 l + 3, and those 16 further.
fn tile_by_four(c: Tile, own: Share, b: mat4x4<f32>) -> Tile {
    return Tile(
        product(c.r0, own.near, b),
        product(c.r4, first_other(own.near), b),
        product(c.r8, second_other(own.near), b),
        product(c.r12, third_other(own.near), b),
        product(c.r16, own.far, b),
        product(c.r20, first_other(own.far), b),
        product(c.r24, second_other(own.far), b),
        product(c.r28, third_other(own.far), b),
    );
}

// One more step for such a tile, of which this lane's rows are at a vector of dy, and four further.
fn tile_by_one(c: Tile, at: u32, b: vec4<f32>) -> Tile {
    let near = each_lane(dy_vec4[at]);
    let far = each_lane(dy_vec4[at + 4u]);
    return Tile(
        outer(c.r0, near[0], b),
        outer(c.r4, near[1], b),
        outer(c.r8, near[2], b),
        outer(c.r12, near[3], b),
        outer(c.r16, far[0], b),
        outer(c.r20, far[1], b),
        outer(c.r24, far[2], b),
        outer(c.r28, far[3], b),
    );
}
