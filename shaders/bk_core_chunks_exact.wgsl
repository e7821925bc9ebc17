// Continued in complex.wgsl.
//
// The two sweeps of BK-Core's exact gradient where rows are few and long: the lanes of a workgroup share a row, a chunk of
// consecutive steps each. What bk_core.wgsl computes, in three parts. Every lane finds the sum that its chunk makes of
// nothing, and the factor by which it keeps a sum that was there; one lane walks over the chunks, and so finds the sum with
// which each begins; every lane computes its chunk from there and stores it. A factor has a power of two of its own.
//
// Grid: one workgroup a row, in two dimensions.

struct Dims { B: u32, N: u32 }

@group(0) @binding(0) var<uniform> dims: Dims;
@group(0) @binding(6) var<storage, read> coupling: array<f32>;                  // (max(N-1,1)), -b c
@group(0) @binding(7) var<storage, read> theta: array<vec2<f32>>;               // (B,N+1)
@group(0) @binding(8) var<storage, read> theta_exponent: array<i32>;            // (B,N+1)
@group(0) @binding(9) var<storage, read> theta_inverse: array<vec2<f32>>;       // (B), 1/theta_N * 2^theta_exponent_N
@group(0) @binding(10) var<storage, read> phi: array<vec2<f32>>;                // (B,N)
@group(0) @binding(11) var<storage, read> phi_exponent: array<i32>;             // (B,N)
@group(0) @binding(15) var<storage, read> dg: array<vec2<f32>>;                 // (B,N), dL/dRe G and dL/dIm G
@group(0) @binding(16) var<storage, read_write> left: array<vec2<f32>>;         // (B,N), times 2^(2 theta_exponent)
@group(0) @binding(17) var<storage, read_write> da: array<f32>;                 // (B,N)

override LANES: u32;
// Steps of a chunk; the last one of a row may have fewer. A row has no more chunks than a workgroup has lanes.
override CHUNK: u32;

// As many lanes as there may be.
const MOST: u32 = 64u;

// A sum, and the factor and its exponent by which a sum that was there before is in it.
struct Part {
    sum: vec2<f32>,
    factor: f32,
    exponent: i32,
}

// What each chunk makes of nothing, and the sum with which it begins.
var<workgroup> parts: array<Part, MOST>;
var<workgroup> begun: array<vec2<f32>, MOST>;

// How many chunks so many steps are.
fn chunks_of(steps: u32) -> u32 {
    return (steps + CHUNK - 1u) / CHUNK;
}

// A part and one element more, whose theta or phi is x, after a coupling and a change of exponents.
fn joined(part: Part, w: vec2<f32>, x: vec2<f32>, joint: f32, change: i32) -> Part {
    let carry = -joint * power_of_two(2 * change);
    let factor = part.factor * carry;
    let drift = exponent_of(vec2<f32>(factor, 0.0));
    return Part(
        multiply_add(vec2<f32>(w.x, -w.y), square(x), carry * part.sum),
        factor * power_of_two(-drift),
        part.exponent + drift,
    );
}

// The sum with which each chunk but the first begins, one after the other.
fn walk(chunks: u32) {
    var sum = parts[0].sum;
    begun[1] = sum;
    for (var chunk = 2u; chunk < chunks; chunk++) {
        let part = parts[chunk - 1u];
        // A factor may be larger or smaller than f32 holds where the sum that it meets is as small or as large, so that
        // its power meets the sum in two halves.
        let half = part.exponent / 2;
        let kept = sum * power_of_two(half) * power_of_two(part.exponent - half);
        sum = fma(vec2<f32>(part.factor), kept, part.sum);
        begun[chunk] = sum;
    }
}

// The sum with which a lane's chunk begins. Every lane of a workgroup comes here, once its part is in its place.
fn beginning(chunks: u32, lane: u32) -> vec2<f32> {
    workgroupBarrier();
    if lane == 0u && chunks > 1u {
        walk(chunks);
    }
    workgroupBarrier();
    if lane == 0u || lane >= chunks {
        return vec2<f32>();
    }
    return begun[lane];
}

// One workgroup computes left_0 .. left_{N-1} of one row.
@compute @workgroup_size(LANES)
fn backward_exact_left(
    @builtin(workgroup_id) workgroup: vec3<u32>,
    @builtin(num_workgroups) workgroups: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
) {
    let row = workgroup.y * workgroups.x + workgroup.x;
    if row >= dims.B {
        return;
    }
    let n = dims.N;
    let chunks = chunks_of(n);
    let base = row * (n + 1u);
    let first = min(lane * CHUNK, n);
    let end = min(first + CHUNK, n);
    if lane + 1u < chunks {
        var part = Part(vec2<f32>(), 1.0, 0);
        for (var i = first; i < end; i++) {
            // The first element has nothing before it, of which nothing is made.
            let before = max(i, 1u) - 1u;
            let change = theta_exponent[base + before] - theta_exponent[base + i];
            part = joined(part, dg[row * n + i], theta[base + i], coupling[before], change);
        }
        parts[lane] = part;
    }
    var sum = beginning(chunks, lane);
    for (var i = first; i < end; i++) {
        let w = dg[row * n + i];
        if i == 0u {
            sum = vec2<f32>(w.x, -w.y);
        } else {
            let change = theta_exponent[base + i - 1u] - theta_exponent[base + i];
            let carry = -coupling[i - 1u] * power_of_two(2 * change);
            sum = multiply_add(vec2<f32>(w.x, -w.y), square(theta[base + i]), carry * sum);
        }
        left[row * n + i] = sum;
    }
}

// One workgroup computes da_{N-1} .. da_0 of one row, the right sums on the way: step t computes da_{N-1-t}.
@compute @workgroup_size(LANES)
fn backward_exact(
    @builtin(workgroup_id) workgroup: vec3<u32>,
    @builtin(num_workgroups) workgroups: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
) {
    let row = workgroup.y * workgroups.x + workgroup.x;
    if row >= dims.B {
        return;
    }
    let n = dims.N;
    let chunks = chunks_of(n);
    let base = row * (n + 1u);
    let last = row * n + n - 1u;
    let first = min(lane * CHUNK, n);
    let end = min(first + CHUNK, n);
    if lane + 1u < chunks {
        var part = Part(vec2<f32>(), 1.0, 0);
        for (var t = first; t < end; t++) {
            // The last element has nothing behind it, of which nothing is made.
            let behind = max(t, 1u) - 1u;
            let change = phi_exponent[last - behind] - phi_exponent[last - t];
            part = joined(part, dg[last - t], phi[last - t], coupling[n - 2u - behind], change);
        }
        parts[lane] = part;
    }
    // right_i + w_i phi_i^2.
    var sum = beginning(chunks, lane);
    // -Re(x / theta_N^2) = x.re factor.x + x.im factor.y.
    var factor = vec2<f32>();
    if lane < chunks {
        let inverse_squared = square(theta_inverse[row]);
        factor = vec2<f32>(-inverse_squared.x, inverse_squared.y);
    }
    let last_exponent = theta_exponent[base + n];
    for (var t = first; t < end; t++) {
        let at = last - t;
        let i = n - 1u - t;
        let w = dg[at];
        var total = left[at];
        let own = phi_exponent[at];
        if t == 0u {
            sum = vec2<f32>(w.x, -w.y);
        } else {
            let carry = -coupling[i] * power_of_two(2 * (phi_exponent[at + 1u] - own));
            let right = carry * sum;
            let phi_squared = square(phi[at]);
            total = multiply_add(square(theta[base + i]), right, multiply(phi_squared, total));
            if i > 0u {
                sum = multiply_add(vec2<f32>(w.x, -w.y), phi_squared, right);
            }
        }
        da[at] = fma(total.x, factor.x, total.y * factor.y)
            * power_of_two(2 * (theta_exponent[base + i] + own - last_exponent));
    }
}
