// Continued in products.wgsl.
//
// How rows that eight lanes of a subgroup hold come to all of its lanes, as factors of products of small tiles. Which
// lane gives has to be a constant.

// Lanes of a team.
const TEAM = 8u;

// What a lane holds of 32 rows: four of them.
alias Share = mat4x4<f32>;

// Which they are, where the team's lanes hold every eighth row.
fn held_rows(holder: u32) -> vec4<u32> {
    return vec4<u32>(0u, 8u, 16u, 24u) + holder % TEAM;
}

// In which order four adjacent rows, or the shares of four adjacent lanes, come to a lane: in their own.
fn order(holder: u32) -> vec4<u32> {
    return vec4<u32>(0u, 1u, 2u, 3u);
}

// What lanes 0 to 3 hold, in every lane.
fn low_lanes(own: vec4<f32>) -> mat4x4<f32> {
    return mat4x4<f32>(
        subgroupBroadcast(own, 0u),
        subgroupBroadcast(own, 1u),
        subgroupBroadcast(own, 2u),
        subgroupBroadcast(own, 3u),
    );
}

// What lanes 4 to 7 hold, in every lane.
fn high_lanes(own: vec4<f32>) -> mat4x4<f32> {
    return mat4x4<f32>(
        subgroupBroadcast(own, 4u),
        subgroupBroadcast(own, 5u),
        subgroupBroadcast(own, 6u),
        subgroupBroadcast(own, 7u),
    );
}

// 32 rows of which lane l holds the rows l, l + 8, l + 16 and l + 24, in every lane.
fn every_eighth(own: Share) -> Panel {
    return Panel(
        low_lanes(own[0]),
        high_lanes(own[0]),
        low_lanes(own[1]),
        high_lanes(own[1]),
        low_lanes(own[2]),
        high_lanes(own[2]),
        low_lanes(own[3]),
        high_lanes(own[3]),
    );
}
