// The ceilings of an adapter. Each kernel does one thing as fast as it goes: multiply-adds without memory,
// memory without arithmetic to speak of. What it works on depends on data that no compiler knows, and all
// results are stored, so that nothing can be left out.

enable f16;

override LANES: u32; // a power of two
override ROUNDS: u32;

struct Given {
    factor: f32, // below 1, so that chains of multiply-adds stay where numbers are normal
    summand: f32,
    first: f32,
}

@group(0) @binding(0) var<uniform> given: Given;
@group(0) @binding(1) var<storage, read_write> sums: array<f32>; // (workgroups LANES)
@group(0) @binding(2) var<storage, read> a: array<vec4<f32>>; // (workgroups LANES)
@group(0) @binding(3) var<storage, read> b: array<vec4<f32>>; // (workgroups LANES)
@group(0) @binding(4) var<storage, read_write> c: array<vec4<f32>>; // (workgroups LANES)

// Eight multiply-adds, one after the other. So many in a round that the loop costs nothing beside them.
fn eight_f32(s: f32, x: f32, y: f32) -> f32 {
    let t = fma(fma(fma(fma(s, x, y), x, y), x, y), x, y);
    return fma(fma(fma(fma(t, x, y), x, y), x, y), x, y);
}
fn eight_f32_vec4(s: vec4<f32>, x: vec4<f32>, y: vec4<f32>) -> vec4<f32> {
    let t = fma(fma(fma(fma(s, x, y), x, y), x, y), x, y);
    return fma(fma(fma(fma(t, x, y), x, y), x, y), x, y);
}
fn eight_f16_vec4(s: vec4<f16>, x: vec4<f16>, y: vec4<f16>) -> vec4<f16> {
    let t = fma(fma(fma(fma(s, x, y), x, y), x, y), x, y);
    return fma(fma(fma(fma(t, x, y), x, y), x, y), x, y);
}
fn eight_f64_vec4(s: vec4<f64>, x: vec4<f64>, y: vec4<f64>) -> vec4<f64> {
    let t = fma(fma(fma(fma(s, x, y), x, y), x, y), x, y);
    return fma(fma(fma(fma(t, x, y), x, y), x, y), x, y);
}

// One invocation takes 8 numbers through 16 ROUNDS multiply-adds each.
@compute @workgroup_size(LANES)
fn fma_f32(@builtin(global_invocation_id) id: vec3<u32>) {
    let x = given.factor;
    let y = given.summand;
    let first = given.first + f32(id.x);
    var s0 = first;
    var s1 = first + 1.0;
    var s2 = first + 2.0;
    var s3 = first + 3.0;
    var s4 = first + 4.0;
    var s5 = first + 5.0;
    var s6 = first + 6.0;
    var s7 = first + 7.0;
    for (var round = 0u; round < ROUNDS; round++) {
        s0 = eight_f32(eight_f32(s0, x, y), x, y);
        s1 = eight_f32(eight_f32(s1, x, y), x, y);
        s2 = eight_f32(eight_f32(s2, x, y), x, y);
        s3 = eight_f32(eight_f32(s3, x, y), x, y);
        s4 = eight_f32(eight_f32(s4, x, y), x, y);
        s5 = eight_f32(eight_f32(s5, x, y), x, y);
        s6 = eight_f32(eight_f32(s6, x, y), x, y);
        s7 = eight_f32(eight_f32(s7, x, y), x, y);
    }
    sums[id.x] = s0 + s1 + s2 + s3 + s4 + s5 + s6 + s7;
}

// One invocation takes 8 vectors through 8 ROUNDS multiply-adds each.
@compute @workgroup_size(LANES)
fn fma_f32_vec4(@builtin(global_invocation_id) id: vec3<u32>) {
    let x = vec4(given.factor);
    let y = vec4(given.summand);
    let first = vec4(0.0, 0.25, 0.5, 0.75) + given.first + f32(id.x);
    var s0 = first;
    var s1 = first + 1.0;
    var s2 = first + 2.0;
    var s3 = first + 3.0;
    var s4 = first + 4.0;
    var s5 = first + 5.0;
    var s6 = first + 6.0;
    var s7 = first + 7.0;
    for (var round = 0u; round < ROUNDS; round++) {
        s0 = eight_f32_vec4(s0, x, y);
        s1 = eight_f32_vec4(s1, x, y);
        s2 = eight_f32_vec4(s2, x, y);
        s3 = eight_f32_vec4(s3, x, y);
        s4 = eight_f32_vec4(s4, x, y);
        s5 = eight_f32_vec4(s5, x, y);
        s6 = eight_f32_vec4(s6, x, y);
        s7 = eight_f32_vec4(s7, x, y);
    }
    let s = s0 + s1 + s2 + s3 + s4 + s5 + s6 + s7;
    sums[id.x] = s.x + s.y + s.z + s.w;
}

// The same in half precision.
@compute @workgroup_size(LANES)
fn fma_f16_vec4(@builtin(global_invocation_id) id: vec3<u32>) {
    let x = vec4<f16>(f16(given.factor));
    let y = vec4<f16>(f16(given.summand));
    let first = vec4<f16>(vec4(0.0, 0.25, 0.5, 0.75) + given.first + f32(id.x % LANES));
    var s0 = first;
    var s1 = first + 1.0h;
    var s2 = first + 2.0h;
    var s3 = first + 3.0h;
    var s4 = first + 4.0h;
    var s5 = first + 5.0h;
    var s6 = first + 6.0h;
    var s7 = first + 7.0h;
    for (var round = 0u; round < ROUNDS; round++) {
        s0 = eight_f16_vec4(s0, x, y);
        s1 = eight_f16_vec4(s1, x, y);
        s2 = eight_f16_vec4(s2, x, y);
        s3 = eight_f16_vec4(s3, x, y);
        s4 = eight_f16_vec4(s4, x, y);
        s5 = eight_f16_vec4(s5, x, y);
        s6 = eight_f16_vec4(s6, x, y);
        s7 = eight_f16_vec4(s7, x, y);
    }
    let s = s0 + s1 + s2 + s3 + s4 + s5 + s6 + s7;
    sums[id.x] = f32(s.x + s.y + s.z + s.w);
}

// The same in double precision.
@compute @workgroup_size(LANES)
fn fma_f64_vec4(@builtin(global_invocation_id) id: vec3<u32>) {
    let x = vec4<f64>(f64(given.factor));
    let y = vec4<f64>(f64(given.summand));
    let first = vec4<f64>(vec4(0.0, 0.25, 0.5, 0.75) + given.first + f32(id.x));
    var s0 = first;
    var s1 = first + 1.0lf;
    var s2 = first + 2.0lf;
    var s3 = first + 3.0lf;
    var s4 = first + 4.0lf;
    var s5 = first + 5.0lf;
    var s6 = first + 6.0lf;
    var s7 = first + 7.0lf;
    for (var round = 0u; round < ROUNDS; round++) {
        s0 = eight_f64_vec4(s0, x, y);
        s1 = eight_f64_vec4(s1, x, y);
        s2 = eight_f64_vec4(s2, x, y);
        s3 = eight_f64_vec4(s3, x, y);
        s4 = eight_f64_vec4(s4, x, y);
        s5 = eight_f64_vec4(s5, x, y);
        s6 = eight_f64_vec4(s6, x, y);
        s7 = eight_f64_vec4(s7, x, y);
    }
    let s = s0 + s1 + s2 + s3 + s4 + s5 + s6 + s7;
    sums[id.x] = f32(s.x + s.y + s.z + s.w);
}

// One invocation copies one vector.
@compute @workgroup_size(LANES)
fn copy(@builtin(global_invocation_id) id: vec3<u32>) {
    c[id.x] = a[id.x];
}

// One invocation computes one vector of c = a + factor b.
@compute @workgroup_size(LANES)
fn triad(@builtin(global_invocation_id) id: vec3<u32>) {
    c[id.x] = fma(vec4(given.factor), b[id.x], a[id.x]);
}

var<workgroup> tile: array<vec4<f32>, LANES>;

// One invocation loads four vectors of the workgroup's in each of ROUNDS rounds, never what it loaded last.
@compute @workgroup_size(LANES)
fn workgroup_load(
    @builtin(global_invocation_id) id: vec3<u32>, @builtin(local_invocation_index) lane: u32
) {
    tile[lane] = vec4(given.first + f32(lane));
    workgroupBarrier();
    var s0 = vec4(0.0);
    var s1 = vec4(0.0);
    var s2 = vec4(0.0);
    var s3 = vec4(0.0);
    for (var round = 0u; round < ROUNDS; round++) {
        let at = lane + round;
        s0 += tile[at % LANES];
        s1 += tile[(at + LANES / 4u) % LANES];
        s2 += tile[(at + LANES / 2u) % LANES];
        s3 += tile[(at + 3u * LANES / 4u) % LANES];
    }
    let s = s0 + s1 + s2 + s3;
    sums[id.x] = s.x + s.y + s.z + s.w;
}

// One invocation does nothing.
@compute @workgroup_size(1)
fn nothing() {}
