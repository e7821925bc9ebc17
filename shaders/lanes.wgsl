// Continued in products.wgsl.
//
// How rows that eight lanes of a subgroup hold come to all of its lanes, as factors of products of small tiles. Which
// lane gives has to be a constant.

// 32 rows, four at a time.
struct Lanes {
    r0: mat4x4<f32>,
    r4: mat4x4<f32>,
    r8: mat4x4<f32>,
    r12: mat4x4<f32>,
    r16: mat4x4<f32>,
    r20: mat4x4<f32>,
    r24: mat4x4<f32>,
    r28: mat4x4<f32>,
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
fn every_eighth(own: mat4x4<f32>) -> Lanes {
    return Lanes(
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
