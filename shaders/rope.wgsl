// Rotary positions, in place, of the first ROTARY elements of a head: element d of the first half of
// them and element d of their second half are the two coordinates of a point, which the position turns
// by the angle whose cosine and sine the tables hold. The other elements stay as they are. The gradient
// turns back. Neither needs anything that the other leaves.
//
// `_vec4` entries want ROTARY to be a multiple of eight and WIDTH one of four, and bind vec4 views of the
// same buffers.

override LANES: u32;

struct Dims {
    B: u32,
    S: u32,
    HEADS: u32,
    WIDTH: u32,  // of a head
    ROTARY: u32, // of it; even
}

@group(0) @binding(0) var<uniform> dims: Dims;
@group(0) @binding(1) var<storage, read> cosine: array<f32>;                // (S, ROTARY / 2)
@group(0) @binding(2) var<storage, read> sine: array<f32>;                  // (S, ROTARY / 2)
@group(0) @binding(3) var<storage, read_write> x: array<f32>;               // (B, S, HEADS, WIDTH)
@group(0) @binding(3) var<storage, read_write> dx: array<f32>;              // (B, S, HEADS, WIDTH)
@group(0) @binding(1) var<storage, read> cosine_vec4: array<vec4<f32>>;     // (S, ROTARY / 8)
@group(0) @binding(2) var<storage, read> sine_vec4: array<vec4<f32>>;       // (S, ROTARY / 8)
@group(0) @binding(3) var<storage, read_write> x_vec4: array<vec4<f32>>;    // (B, S, HEADS, WIDTH / 4)
@group(0) @binding(3) var<storage, read_write> dx_vec4: array<vec4<f32>>;   // (B, S, HEADS, WIDTH / 4)

// Where this invocation's points are: their first coordinates, and their angles in the tables. The
// second coordinates lie `half` further on.
struct Place {
    exists: bool,
    first: u32,
    angle: u32,
}

// The place of an invocation, where a head is `width` elements, or runs of elements, and what is turned
// twice `half` of them. Two grid dimensions, because one ends at 65535 workgroups.
fn place(group: vec3<u32>, groups: vec3<u32>, lane: u32, width: u32, half: u32) -> Place {
    let i = (group.y * groups.x + group.x) * LANES + lane;
    let d = i % half;
    let head = i / half; // counts through B, S and HEADS
    let s = head / dims.HEADS % dims.S;
    return Place(head < dims.B * dims.S * dims.HEADS, width * head + d, half * s + d);
}

// One invocation turns one point of x.
@compute @workgroup_size(LANES)
fn forward(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
) {
    let half = dims.ROTARY / 2u;
    let at = place(group, groups, lane, dims.WIDTH, half);
    if !at.exists {
        return;
    }
    let c = cosine[at.angle];
    let s = sine[at.angle];
    let a = x[at.first];
    let b = x[at.first + half];
    x[at.first] = fma(a, c, -(b * s));
    x[at.first + half] = fma(b, c, a * s);
}

// One invocation turns four points of x.
@compute @workgroup_size(LANES)
fn forward_vec4(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
) {
    let half = dims.ROTARY / 8u;
    let at = place(group, groups, lane, dims.WIDTH / 4u, half);
    if !at.exists {
        return;
    }
    let c = cosine_vec4[at.angle];
    let s = sine_vec4[at.angle];
    let a = x_vec4[at.first];
    let b = x_vec4[at.first + half];
    x_vec4[at.first] = fma(a, c, -(b * s));
    x_vec4[at.first + half] = fma(b, c, a * s);
}

// One invocation turns one point of dx back.
@compute @workgroup_size(LANES)
fn backward(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
) {
    let half = dims.ROTARY / 2u;
    let at = place(group, groups, lane, dims.WIDTH, half);
    if !at.exists {
        return;
    }
    let c = cosine[at.angle];
    let s = sine[at.angle];
    let a = dx[at.first];
    let b = dx[at.first + half];
    dx[at.first] = fma(a, c, b * s);
    dx[at.first + half] = fma(b, c, -(a * s));
}

// One invocation turns four points of dx back.
@compute @workgroup_size(LANES)
fn backward_vec4(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
) {
    let half = dims.ROTARY / 8u;
    let at = place(group, groups, lane, dims.WIDTH / 4u, half);
    if !at.exists {
        return;
    }
    let c = cosine_vec4[at.angle];
    let s = sine_vec4[at.angle];
    let a = dx_vec4[at.first];
    let b = dx_vec4[at.first + half];
    dx_vec4[at.first] = fma(a, c, b * s);
    dx_vec4[at.first + half] = fma(b, c, -(a * s));
}
