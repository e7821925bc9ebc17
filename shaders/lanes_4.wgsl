// Continued in products.wgsl.
//
// lanes.wgsl for teams of four. Lanes swap what they hold in pairs: SwiftShader shuffles one register for that, where to
// pass on what one lane holds took a product 1.5 times as long. So each lane has its own rows first, and the others' in an
// order of its own.

// Lanes of a team.
const TEAM = 4u;

// What a lane holds of 32 rows: four of the first 16, and four of the last.
struct Share {
    near: mat4x4<f32>,
    far: mat4x4<f32>,
}

// Which of 16 they are, where the team's lanes hold every fourth row.
fn held_rows(holder: u32) -> vec4<u32> {
    return vec4<u32>(0u, 4u, 8u, 12u) + holder % TEAM;
}

// In which order four adjacent rows, or the shares of the four lanes, come to a lane.
fn order(holder: u32) -> vec4<u32> {
    return vec4<u32>(0u, 1u, 2u, 3u) ^ vec4<u32>(holder % TEAM);
}

// What the four lanes hold, in this lane's order.
fn each_lane(own: vec4<f32>) -> mat4x4<f32> {
    return mat4x4<f32>(own, quadSwapX(own), quadSwapY(own), quadSwapDiagonal(own));
}

// 32 rows of which lane l holds the rows l, l + 4, l + 8 and so on, in every lane.
fn every_fourth(own: Share) -> Panel {
    return Panel(
        each_lane(own.near[0]),
        each_lane(own.near[1]),
        each_lane(own.near[2]),
        each_lane(own.near[3]),
        each_lane(own.far[0]),
        each_lane(own.far[1]),
        each_lane(own.far[2]),
        each_lane(own.far[3]),
    );
}
