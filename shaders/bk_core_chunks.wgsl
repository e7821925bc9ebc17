// Continued in complex.wgsl.
//
// BK-Core's recursions where rows are few and long: the lanes of a workgroup share a row, a chunk of consecutive steps each.
// What bk_core.wgsl computes, in three parts. Every lane finds what its chunk makes of the two unit pairs, of which any
// pair that a chunk begins with is a sum; one lane walks over the chunks, and so finds the pair with which each begins; every
// lane computes its chunk from there and stores it. What a chunk makes of a unit pair is what a recursion makes of a part of
// the matrix, so it keeps within f32 as a row does. Both have powers of two of their own, which may lie far apart.
//
// A pair is two neighbouring elements over one power of two: the one before in xy, the current one in zw. Step t makes
// element t + 1 out of elements t - 1 and t, of which element -1 is 0 and element 0 is 1.
//
// Grid: one workgroup a row, in two dimensions.

struct Dims { B: u32, N: u32 }
struct Shift { z_re: f32, z_im: f32 }

@group(0) @binding(0) var<uniform> dims: Dims;
@group(0) @binding(1) var<uniform> shift: Shift;
@group(0) @binding(3) var<storage, read> a: array<f32>;                         // (B,N)
@group(0) @binding(6) var<storage, read> coupling: array<f32>;                  // (max(N-1,1)), -b c
@group(0) @binding(7) var<storage, read_write> theta: array<vec2<f32>>;         // (B,N+1)
@group(0) @binding(8) var<storage, read_write> theta_exponent: array<i32>;      // (B,N+1)
@group(0) @binding(9) var<storage, read_write> theta_inverse: array<vec2<f32>>; // (B), 1/theta_N * 2^theta_exponent_N
@group(0) @binding(10) var<storage, read_write> phi: array<vec2<f32>>;          // (B,N)
@group(0) @binding(11) var<storage, read_write> phi_exponent: array<i32>;       // (B,N)

override LANES: u32;
// Steps of a chunk; the last one of a row may have fewer. A row has no more chunks than a workgroup has lanes.
override CHUNK: u32;
// Steps of a recursion between two rescalings.
override RESCALE: u32;

// As many lanes as there may be.
const MOST: u32 = 64u;

// An exponent of zero, below that of every number.
const NONE: i32 = -0x20000000;

// What each chunk makes of the pairs (1, 0) and (0, 1), and the exponents of both.
var<workgroup> ones: array<vec4<f32>, MOST>;
var<workgroup> others: array<vec4<f32>, MOST>;
var<workgroup> exponents: array<vec2<i32>, MOST>;
// The pair with which each chunk begins.
var<workgroup> begun: array<vec4<f32>, MOST>;
var<workgroup> begun_exponents: array<i32, MOST>;

// The steps of a row: step t takes a[diagonal + t * stride] and, but for the first, coupling[joint + t * stride].
struct Row {
    diagonal: u32,
    joint: u32,
    stride: u32,
    // z_im, -z_im, twice.
    turn: vec4<f32>,
}

// floor(log2 |x|) of the largest component, and `zero` where all are 0.
fn magnitude(x: vec4<f32>, zero: i32) -> i32 {
    let bits = bitcast<vec4<u32>>(x) & vec4<u32>(EXPONENT_MASK);
    let larger = max(bits.xy, bits.zw);
    let largest = max(larger.x, larger.y);
    return select(i32(largest >> 23u) - EXPONENT_BIAS, zero, largest == 0u);
}

// How many chunks so many steps are.
fn chunks_of(steps: u32) -> u32 {
    return (steps + CHUNK - 1u) / CHUNK;
}

// z_im and -z_im, twice.
fn turned() -> vec4<f32> {
    return vec4<f32>(shift.z_im, -shift.z_im, 0.0, 0.0).xyxy;
}

// What a chunk makes of both unit pairs. A row's first one has no coupling before it, and no use for what it makes of the
// first pair. How many steps there are is asked of the row, although it is CHUNK: of a loop whose rounds are known when it is
// compiled, drivers make sums of other roundings, and not the same ones where it counts.
fn reduce(row: Row, steps: u32, lane: u32) {
    // Both pairs side by side: the first one's elements in xy.
    var previous = vec4<f32>(1.0, 0.0, 0.0, 0.0);
    var current = vec4<f32>(0.0, 0.0, 1.0, 0.0);
    var exponent = vec2<i32>();
    let first = lane * CHUNK;
    let end = min(first + CHUNK, steps);
    for (var t = first; t < end; t++) {
        let joint = coupling[row.joint + max(t, 1u) * row.stride];
        let diagonal = a[row.diagonal + t * row.stride] - shift.z_re;
        let next = fma(vec4<f32>(diagonal), current, fma(row.turn, current.yxwz, joint * previous));
        previous = current;
        current = next;
        if (t - first) % RESCALE == RESCALE - 1u || t == end - 1u {
            let one = magnitude(vec4<f32>(previous.xy, current.xy), 0);
            let other = magnitude(vec4<f32>(previous.zw, current.zw), 0);
            let scale = vec2<f32>(power_of_two(-one), power_of_two(-other)).xxyy;
            previous *= scale;
            current *= scale;
            exponent += vec2<i32>(one, other);
        }
    }
    ones[lane] = vec4<f32>(previous.xy, current.xy);
    others[lane] = vec4<f32>(previous.zw, current.zw);
    exponents[lane] = exponent;
}

// The pair with which each chunk but the first begins, one after the other. The first one makes its pair of (0, 1).
fn walk(chunks: u32) {
    var pair = others[0];
    var exponent = exponents[0].y;
    begun[1] = pair;
    begun_exponents[1] = exponent;
    for (var chunk = 2u; chunk < chunks; chunk++) {
        let one = ones[chunk - 1u];
        let other = others[chunk - 1u];
        let own = exponents[chunk - 1u];
        // Both parts are brought to the power of two of the larger one before they are added.
        let reach = max(
            own.x + magnitude(pair.xyxy, NONE) + magnitude(one, NONE),
            own.y + magnitude(pair.zwzw, NONE) + magnitude(other, NONE),
        );
        let level = select(reach, 0, reach < NONE / 2);
        let previous = pair.xy * power_of_two(own.x - level);
        let current = pair.zw * power_of_two(own.y - level);
        let sum = vec4<f32>(
            multiply_add(previous, one.xy, multiply(current, other.xy)),
            multiply_add(previous, one.zw, multiply(current, other.zw)),
        );
        let drift = magnitude(sum, 0);
        pair = sum * power_of_two(-drift);
        exponent += level + drift;
        begun[chunk] = pair;
        begun_exponents[chunk] = exponent;
    }
}

// The pair with which a lane's chunk begins, of so many steps of a row in all. Every lane of a workgroup comes here.
fn beginning(row: Row, steps: u32, lane: u32) -> vec4<f32> {
    let chunks = chunks_of(steps);
    if lane + 1u < chunks {
        reduce(row, steps, lane);
    }
    workgroupBarrier();
    if lane == 0u && chunks > 1u {
        walk(chunks);
    }
    workgroupBarrier();
    if lane == 0u || lane >= chunks {
        return vec4<f32>(0.0, 0.0, 1.0, 0.0);
    }
    return begun[lane];
}

// The exponent of that pair.
fn beginning_exponent(steps: u32, lane: u32) -> i32 {
    if lane == 0u || lane >= chunks_of(steps) {
        return 0;
    }
    return begun_exponents[lane];
}

// The pair after step t.
fn after(pair: vec4<f32>, t: u32, row: Row) -> vec4<f32> {
    let diagonal = a[row.diagonal + t * row.stride] - shift.z_re;
    if t == 0u {
        return vec4<f32>(pair.zw, diagonal, row.turn.y);
    }
    let joint = coupling[row.joint + t * row.stride];
    let next = fma(vec2<f32>(diagonal), pair.zw, fma(row.turn.xy, pair.wz, joint * pair.xy));
    return vec4<f32>(pair.zw, next);
}

// One workgroup computes theta_0 .. theta_N of one row, and 1 / theta_N.
@compute @workgroup_size(LANES)
fn theta_recursion(
    @builtin(workgroup_id) workgroup: vec3<u32>,
    @builtin(num_workgroups) workgroups: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
) {
    let at = workgroup.y * workgroups.x + workgroup.x;
    if at >= dims.B {
        return;
    }
    let steps = dims.N;
    let base = at * (steps + 1u);
    // Joint 0 lies before the second step.
    var row = Row(at * steps, 0xffffffffu, 1u, vec4<f32>());
    if lane < chunks_of(steps) {
        row.turn = turned();
    }
    var pair = beginning(row, steps, lane);
    var exponent = beginning_exponent(steps, lane);
    let first = min(lane * CHUNK, steps);
    let end = min(first + CHUNK, steps);
    for (var t = first; t < end; t++) {
        theta[base + t] = pair.zw;
        theta_exponent[base + t] = exponent;
        pair = after(pair, t, row);
        if t > 0u && t % RESCALE == RESCALE - 1u {
            let drift = magnitude(pair, 0);
            pair *= power_of_two(-drift);
            exponent += drift;
        }
    }
    if first < end && end == steps {
        // theta_N is brought to magnitude 1 whatever it is, so that its square can be divided by.
        let drift = exponent_of(pair.zw);
        let last = pair.zw * power_of_two(-drift);
        theta[base + steps] = last;
        theta_exponent[base + steps] = exponent + drift;
        let norm = fma(last.x, last.x, last.y * last.y);
        theta_inverse[at] = vec2<f32>(last.x, -last.y) * (1.0 / norm);
    }
}

// One workgroup computes phi_{N-1} .. phi_0 of one row: step t computes phi_{N-2-t}.
@compute @workgroup_size(LANES)
fn phi_recursion(
    @builtin(workgroup_id) workgroup: vec3<u32>,
    @builtin(num_workgroups) workgroups: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
) {
    let at = workgroup.y * workgroups.x + workgroup.x;
    if at >= dims.B {
        return;
    }
    let steps = dims.N - 1u;
    let last = at * dims.N + steps;
    // Joint N - 2 lies before the second step.
    var row = Row(last, steps, 0xffffffffu, vec4<f32>());
    if lane < chunks_of(steps) {
        row.turn = turned();
    }
    var pair = beginning(row, steps, lane);
    var exponent = beginning_exponent(steps, lane);
    let first = min(lane * CHUNK, steps);
    let end = min(first + CHUNK, steps);
    for (var t = first; t < end; t++) {
        phi[last - t] = pair.zw;
        phi_exponent[last - t] = exponent;
        pair = after(pair, t, row);
        // Step t is the step t + 1 by whose number rows are rescaled.
        if t > 0u && (t + 1u) % RESCALE == RESCALE - 1u {
            let drift = magnitude(pair, 0);
            pair *= power_of_two(-drift);
            exponent += drift;
        }
    }
    if (first < end && end == steps) || (lane == 0u && steps == 0u) {
        phi[last - steps] = pair.zw;
        phi_exponent[last - steps] = exponent;
    }
}
