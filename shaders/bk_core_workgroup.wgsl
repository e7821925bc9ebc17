// Continued in powers.wgsl.
//
// BK-Core's recursions where a workgroup's invocations run side by side: one lane computes a row, step by step, and all
// load what it needs and store what it has found, neighbouring lanes neighbouring elements. What bk_core.wgsl computes,
// by the same operations. A batch has few rows, and a step that waits for the memory takes ten times as long.
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
// Steps of a recursion between two rescalings.
override RESCALE: u32;

// Steps for which a workgroup loads and stores at once.
const STEPS = 256u;

// What these steps take of the diagonal and the couplings, and the mantissas and exponents that they find.
var<workgroup> diagonals: array<f32, STEPS>;
var<workgroup> couplings: array<f32, STEPS>;
var<workgroup> mantissas: array<vec2<f32>, STEPS>;
var<workgroup> exponents: array<i32, STEPS>;

// Two neighbouring elements of a recursion over one power of two.
struct Pair {
    previous: vec2<f32>,
    current: vec2<f32>,
    exponent: i32,
}

// The pair of 1 and the first element after it. `turn` is the imaginary part of z, and its negative.
fn begun(diagonal: f32, turn: vec2<f32>) -> Pair {
    return Pair(vec2<f32>(1.0, 0.0), vec2<f32>(diagonal - shift.z_re, turn.y), 0);
}

// The pair after step i. The imaginary part of (a - z) x is -z_im x.re, the real part gains z_im x.im.
fn after(pair: Pair, i: u32, diagonal: f32, joint: f32, turn: vec2<f32>) -> Pair {
    let next = fma(vec2<f32>(diagonal - shift.z_re), pair.current,
                   fma(turn, pair.current.yx, joint * pair.previous));
    var result = Pair(pair.current, next, pair.exponent);
    if i % RESCALE == RESCALE - 1u {
        let drift = max(exponent_of(result.current), exponent_of(result.previous));
        let scale = power_of_two(-drift);
        result.previous *= scale;
        result.current *= scale;
        result.exponent += drift;
    }
    return result;
}

// One workgroup computes theta_0 .. theta_N of one row, and 1 / theta_N.
@compute @workgroup_size(LANES)
fn theta_recursion(
    @builtin(workgroup_id) workgroup: vec3<u32>,
    @builtin(num_workgroups) workgroups: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
) {
    let row = workgroup.y * workgroups.x + workgroup.x;
    if row >= dims.B {
        return;
    }
    let n = dims.N;
    let base = row * (n + 1u);
    var turn = vec2<f32>();
    if lane == 0u {
        turn = vec2<f32>(shift.z_im, -shift.z_im);
    }
    var pair = Pair(vec2<f32>(), vec2<f32>(1.0, 0.0), 0);
    for (var first = 0u; first < n; first += STEPS) {
        let steps = min(STEPS, n - first);
        for (var step = lane; step < steps; step += LANES) {
            let i = first + step;
            diagonals[step] = a[row * n + i];
            couplings[step] = coupling[max(i, 1u) - 1u];
        }
        workgroupBarrier();
        if lane == 0u {
            for (var step = 0u; step < steps; step++) {
                mantissas[step] = pair.current;
                exponents[step] = pair.exponent;
                if first + step == 0u {
                    pair = begun(diagonals[step], turn);
                } else {
                    pair = after(pair, first + step, diagonals[step], couplings[step], turn);
                }
            }
        }
        workgroupBarrier();
        for (var step = lane; step < steps; step += LANES) {
            theta[base + first + step] = mantissas[step];
            theta_exponent[base + first + step] = exponents[step];
        }
    }
    if lane == 0u {
        // theta_N is brought to magnitude 1 whatever it is, so that its square can be divided by.
        let drift = exponent_of(pair.current);
        let last = pair.current * power_of_two(-drift);
        theta[base + n] = last;
        theta_exponent[base + n] = pair.exponent + drift;
        let norm = fma(last.x, last.x, last.y * last.y);
        theta_inverse[row] = vec2<f32>(last.x, -last.y) * (1.0 / norm);
    }
}

// One workgroup computes phi_{N-1} .. phi_0 of one row: step i computes phi_{N-1-i}.
@compute @workgroup_size(LANES)
fn phi_recursion(
    @builtin(workgroup_id) workgroup: vec3<u32>,
    @builtin(num_workgroups) workgroups: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
) {
    let row = workgroup.y * workgroups.x + workgroup.x;
    if row >= dims.B {
        return;
    }
    let n = dims.N;
    let last = row * n + n - 1u;
    var turn = vec2<f32>();
    if lane == 0u && n > 1u {
        turn = vec2<f32>(shift.z_im, -shift.z_im);
    }
    var pair = Pair(vec2<f32>(), vec2<f32>(1.0, 0.0), 0);
    for (var first = 0u; first < n; first += STEPS) {
        let steps = min(STEPS, n - first);
        for (var step = lane; step < steps; step += LANES) {
            let i = first + step;
            diagonals[step] = a[last + 1u - max(i, 1u)];
            couplings[step] = coupling[select(0u, n - i, i > 1u)];
        }
        workgroupBarrier();
        if lane == 0u {
            for (var step = 0u; step < steps; step++) {
                let i = first + step;
                if i == 1u {
                    pair = begun(diagonals[step], turn);
                } else if i > 1u {
                    pair = after(pair, i, diagonals[step], couplings[step], turn);
                }
                mantissas[step] = pair.current;
                exponents[step] = pair.exponent;
            }
        }
        workgroupBarrier();
        for (var step = lane; step < steps; step += LANES) {
            phi[last - first - step] = mantissas[step];
            phi_exponent[last - first - step] = exponents[step];
        }
    }
}
