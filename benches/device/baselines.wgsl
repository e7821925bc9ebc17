// What the crate's kernels are held against: a copy, and causal attention that is not fused, its S x S
// square written to storage and read back. Tiles of four by four, as in attention.wgsl, and as there
// nothing above the diagonal's tiles is computed. S and WIDTH are multiples of four, B is 1.

override LANES: u32;

struct Dims {
    S: u32,
    HEADS: u32,
    KV_HEADS: u32,
    WIDTH: u32,
    scale: f32,
}

@group(0) @binding(0) var<uniform> dims: Dims;
@group(0) @binding(1) var<storage, read> q_vec4: array<vec4<f32>>;             // (S, HEADS, WIDTH / 4)
@group(0) @binding(2) var<storage, read> k_vec4: array<vec4<f32>>;             // (S, KV_HEADS, WIDTH / 4)
@group(0) @binding(3) var<storage, read> v_vec4: array<vec4<f32>>;             // (S, KV_HEADS, WIDTH / 4)
@group(0) @binding(4) var<storage, read_write> square_vec4: array<vec4<f32>>;  // (HEADS, S, S / 4)
@group(0) @binding(5) var<storage, read_write> o_vec4: array<vec4<f32>>;       // (S, HEADS, WIDTH / 4)
@group(0) @binding(6) var<storage, read> from_vec4: array<vec4<f32>>;          // (P / 4)
@group(0) @binding(7) var<storage, read_write> to_vec4: array<vec4<f32>>;      // (P / 4)

const QUAD: vec4<u32> = vec4<u32>(0u, 1u, 2u, 3u);

// One invocation copies four elements.
@compute @workgroup_size(LANES)
fn copy(
    @builtin(global_invocation_id) id: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
) {
    let at = id.y * groups.x * LANES + id.x;
    if at < arrayLength(&to_vec4) {
        to_vec4[at] = from_vec4[at];
    }
}

fn load_q(at: vec4<u32>) -> mat4x4<f32> {
    return mat4x4<f32>(q_vec4[at.x], q_vec4[at.y], q_vec4[at.z], q_vec4[at.w]);
}

fn load_k(at: vec4<u32>) -> mat4x4<f32> {
    return mat4x4<f32>(k_vec4[at.x], k_vec4[at.y], k_vec4[at.z], k_vec4[at.w]);
}

fn load_v(at: vec4<u32>) -> mat4x4<f32> {
    return mat4x4<f32>(v_vec4[at.x], v_vec4[at.y], v_vec4[at.z], v_vec4[at.w]);
}

fn load_square(at: vec4<u32>) -> mat4x4<f32> {
    return mat4x4<f32>(square_vec4[at.x], square_vec4[at.y], square_vec4[at.z], square_vec4[at.w]);
}

// One invocation computes four by four of q . k, for tile (y, x) of head z.
@compute @workgroup_size(LANES)
fn scores(@builtin(global_invocation_id) id: vec3<u32>) {
    let tiles = dims.S / 4u;
    let steps = dims.WIDTH / 4u;
    if id.x >= tiles || id.x > id.y {
        return;
    }
    let kv_head = id.z / (dims.HEADS / dims.KV_HEADS);
    var q_at = (4u * id.y + QUAD) * dims.HEADS * steps + id.z * steps;
    var k_at = (4u * id.x + QUAD) * dims.KV_HEADS * steps + kv_head * steps;
    var c = mat4x4<f32>();
    for (var step = 0u; step < steps; step++) {
        c = product(c, load_q(q_at), transpose(load_k(k_at)));
        q_at += 1u;
        k_at += 1u;
    }
    let at = (id.z * dims.S + 4u * id.y + QUAD) * tiles + id.x;
    square_vec4[at.x] = c[0];
    square_vec4[at.y] = c[1];
    square_vec4[at.z] = c[2];
    square_vec4[at.w] = c[3];
}

// One invocation turns one row of scores into probabilities, and what is above the diagonal into zeros.
@compute @workgroup_size(LANES)
fn softmax(@builtin(global_invocation_id) id: vec3<u32>) {
    if id.x >= dims.HEADS * dims.S {
        return;
    }
    let i = id.x % dims.S;
    let first = id.x * (dims.S / 4u);
    let last = first + i / 4u;
    // The row's own tile ends at the diagonal.
    let seen = QUAD <= vec4(i % 4u);
    square_vec4[last] = select(vec4(-3.4028234e38), square_vec4[last], seen);
    var tops = square_vec4[last];
    for (var at = first; at < last; at++) {
        tops = max(tops, square_vec4[at]);
    }
    let top = max(max(tops.x, tops.y), max(tops.z, tops.w));
    var sums = vec4<f32>();
    for (var at = first; at <= last; at++) {
        let p = exp((square_vec4[at] - top) * dims.scale);
        square_vec4[at] = p;
        sums += p;
    }
    let share = 1.0 / (sums.x + sums.y + sums.z + sums.w);
    for (var at = first; at <= last; at++) {
        square_vec4[at] *= share;
    }
}

// One invocation computes four by four of o, for vector x of rows 4 y to 4 y + 3 of head z.
@compute @workgroup_size(LANES)
fn values(@builtin(global_invocation_id) id: vec3<u32>) {
    let tiles = dims.S / 4u;
    let steps = dims.WIDTH / 4u;
    if id.x >= steps {
        return;
    }
    let kv_head = id.z / (dims.HEADS / dims.KV_HEADS);
    var v_at = QUAD * dims.KV_HEADS * steps + kv_head * steps + id.x;
    var p_at = (id.z * dims.S + 4u * id.y + QUAD) * tiles;
    var c = mat4x4<f32>();
    for (var j = 0u; j <= id.y; j++) {
        c = product(c, load_square(p_at), load_v(v_at));
        p_at += 1u;
        v_at += 4u * dims.KV_HEADS * steps;
    }
    let at = (4u * id.y + QUAD) * dims.HEADS * steps + id.z * steps + id.x;
    o_vec4[at.x] = c[0];
    o_vec4[at.y] = c[1];
    o_vec4[at.z] = c[2];
    o_vec4[at.w] = c[3];
}
