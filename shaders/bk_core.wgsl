// Continued in complex.wgsl.
//
// BK-Core: the diagonal of (H - z)^-1 for a tridiagonal H, and two gradients of it. Each row of a
// batch has its own diagonal a; all rows share the off-diagonals b and c.
//
// theta_0 = 1, theta_1 = a_0 - z, theta_{i+1} = (a_i - z) theta_i - b_{i-1} c_{i-1} theta_{i-1};
// phi_{N-1} = 1, phi_{N-2} = a_{N-1} - z, phi_i = (a_{i+1} - z) phi_{i+1} - b_{i+1} c_{i+1} phi_{i+2};
// G_i = theta_i phi_i / theta_N.
//
// Both recursions leave f32 within a hundred steps, so an element is a complex mantissa (re, im) and
// a power-of-two exponent: value = mantissa * 2^exponent. The exponent is found and applied by
// integer arithmetic; only the multiplication by the power is a floating-point operation. No branch around
// one depends on data.
//
// Grids, in two dimensions: one invocation a row (B) for the recursions and the exact gradient, one an
// off-diagonal element (N-1) for couple, one an element (B N) for the rest.

struct Dims { B: u32, N: u32 }
struct Shift { z_re: f32, z_im: f32 }

@group(0) @binding(0) var<uniform> dims: Dims;
@group(0) @binding(1) var<uniform> shift: Shift;
@group(0) @binding(2) var<storage, read> v: array<f32>;                            // (B,N)
@group(0) @binding(3) var<storage, read_write> a: array<f32>;                      // (B,N)
@group(0) @binding(4) var<storage, read> b: array<f32>;                            // (max(N-1,1))
@group(0) @binding(5) var<storage, read> c: array<f32>;                            // (max(N-1,1))
@group(0) @binding(6) var<storage, read_write> coupling: array<f32>;               // (max(N-1,1)), -b c
@group(0) @binding(7) var<storage, read_write> theta: array<vec2<f32>>;            // (B,N+1)
@group(0) @binding(8) var<storage, read_write> theta_exponent: array<i32>;         // (B,N+1)
@group(0) @binding(9) var<storage, read_write> theta_inverse: array<vec2<f32>>;    // (B), 1/theta_N * 2^theta_exponent_N
@group(0) @binding(10) var<storage, read_write> phi: array<vec2<f32>>;             // (B,N)
@group(0) @binding(11) var<storage, read_write> phi_exponent: array<i32>;          // (B,N)
@group(0) @binding(12) var<storage, read_write> g: array<vec2<f32>>;               // (B,N)
@group(0) @binding(13) var<storage, read_write> features: array<vec2<f32>>;        // (B,N)
@group(0) @binding(14) var<storage, read> dfeatures: array<vec2<f32>>;             // (B,N)
@group(0) @binding(15) var<storage, read_write> dg: array<vec2<f32>>;              // (B,N), dL/dRe G and dL/dIm G
@group(0) @binding(16) var<storage, read_write> left: array<vec2<f32>>;            // (B,N), times 2^(2 theta_exponent)
@group(0) @binding(17) var<storage, read_write> da: array<f32>;                    // (B,N)
@group(0) @binding(18) var<storage, read_write> dv: array<f32>;                    // (B,N)

override LANES: u32;

// Steps of a recursion between two rescalings. A step grows a mantissa by |a - z| + |b c| at most, in this
// model by less than 2^3, and products of four mantissas must stay inside f32.
override RESCALE: u32;
const MAX_MAGNITUDE: f32 = 50.0;
const MAX_FEATURE: f32 = 10.0;
const MAX_POTENTIAL: f32 = 3.0;
// The share of the inverse-square term in the published gradient.
const ALPHA: f32 = 0.5;
const MAX_GRADIENT: f32 = 1000.0;

fn element(workgroup: vec3<u32>, workgroups: vec3<u32>, lane: u32) -> u32 {
    return (workgroup.y * workgroups.x + workgroup.x) * LANES + lane;
}

// One invocation computes one diagonal element: a = clamp(v, -3, 3) - 2.
@compute @workgroup_size(LANES)
fn potential(
    @builtin(workgroup_id) workgroup: vec3<u32>,
    @builtin(num_workgroups) workgroups: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
) {
    let i = element(workgroup, workgroups, lane);
    if (i >= dims.B * dims.N) { return; }
    a[i] = clamp(v[i], -MAX_POTENTIAL, MAX_POTENTIAL) - 2.0;
}

// One invocation computes dv for one element: da where |v| <= 3, else 0.
@compute @workgroup_size(LANES)
fn backward_potential(
    @builtin(workgroup_id) workgroup: vec3<u32>,
    @builtin(num_workgroups) workgroups: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
) {
    let i = element(workgroup, workgroups, lane);
    if (i >= dims.B * dims.N) { return; }
    dv[i] = select(0.0, da[i], abs(v[i]) <= MAX_POTENTIAL);
}

// One invocation computes one -b_i c_i, which every row and every recursion shares.
@compute @workgroup_size(LANES)
fn couple(
    @builtin(workgroup_id) workgroup: vec3<u32>,
    @builtin(num_workgroups) workgroups: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
) {
    let i = element(workgroup, workgroups, lane);
    if (i + 1u >= dims.N) { return; }
    coupling[i] = -b[i] * c[i];
}

// One invocation computes theta_0 .. theta_N of one row, and 1 / theta_N.
@compute @workgroup_size(LANES)
fn theta_recursion(
    @builtin(workgroup_id) workgroup: vec3<u32>,
    @builtin(num_workgroups) workgroups: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
) {
    let row = element(workgroup, workgroups, lane);
    if (row >= dims.B) { return; }
    let n = dims.N;
    let diagonal = row * n;
    let base = row * (n + 1u);
    let z_re = shift.z_re;
    // The imaginary part of (a - z) x is -z_im x.re, the real part gains z_im x.im.
    let turn = vec2<f32>(shift.z_im, -shift.z_im);

    var previous = vec2<f32>(1.0, 0.0);
    var current = vec2<f32>(a[diagonal] - z_re, turn.y);
    var exponent = 0;
    theta[base] = previous;
    theta_exponent[base] = 0;
    for (var i = 1u; i < n; i += 1u) {
        theta[base + i] = current;
        theta_exponent[base + i] = exponent;
        let next = fma(vec2<f32>(a[diagonal + i] - z_re), current,
                       fma(turn, current.yx, coupling[i - 1u] * previous));
        previous = current;
        current = next;
        if (i % RESCALE == RESCALE - 1u) {
            let drift = max(exponent_of(current), exponent_of(previous));
            let scale = power_of_two(-drift);
            previous *= scale;
            current *= scale;
            exponent += drift;
        }
    }
    // theta_N is brought to magnitude 1 whatever it is, so that its square can be divided by.
    let drift = exponent_of(current);
    current *= power_of_two(-drift);
    theta[base + n] = current;
    theta_exponent[base + n] = exponent + drift;
    let norm = fma(current.x, current.x, current.y * current.y);
    theta_inverse[row] = vec2<f32>(current.x, -current.y) * (1.0 / norm);
}

// One invocation computes phi_{N-1} .. phi_0 of one row.
@compute @workgroup_size(LANES)
fn phi_recursion(
    @builtin(workgroup_id) workgroup: vec3<u32>,
    @builtin(num_workgroups) workgroups: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
) {
    let row = element(workgroup, workgroups, lane);
    if (row >= dims.B) { return; }
    let n = dims.N;
    let last = row * n + n - 1u;
    var previous = vec2<f32>(1.0, 0.0);
    phi[last] = previous;
    phi_exponent[last] = 0;
    if (n == 1u) { return; }

    let z_re = shift.z_re;
    let turn = vec2<f32>(shift.z_im, -shift.z_im);
    var current = vec2<f32>(a[last] - z_re, turn.y);
    var exponent = 0;
    phi[last - 1u] = current;
    phi_exponent[last - 1u] = 0;
    // Step i computes phi_{N-1-i}.
    for (var i = 2u; i < n; i += 1u) {
        let next = fma(vec2<f32>(a[last - i + 1u] - z_re), current,
                       fma(turn, current.yx, coupling[n - i] * previous));
        previous = current;
        current = next;
        if (i % RESCALE == RESCALE - 1u) {
            let drift = max(exponent_of(current), exponent_of(previous));
            let scale = power_of_two(-drift);
            previous *= scale;
            current *= scale;
            exponent += drift;
        }
        phi[last - i] = current;
        phi_exponent[last - i] = exponent;
    }
}

// One invocation computes one G = theta phi / theta_N, shortened to magnitude 50 where it is longer,
// and the features that it gives: its two parts, clamped to +-10.
@compute @workgroup_size(LANES)
fn resolvent(
    @builtin(workgroup_id) workgroup: vec3<u32>,
    @builtin(num_workgroups) workgroups: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
) {
    let i = element(workgroup, workgroups, lane);
    if (i >= dims.B * dims.N) { return; }
    let row = i / dims.N;
    // theta has one element a row more than phi.
    let at = i + row;
    let mantissa = multiply(multiply(theta[at], phi[i]), theta_inverse[row]);
    let exponent = theta_exponent[at] + phi_exponent[i] - theta_exponent[row * (dims.N + 1u) + dims.N];
    // Beyond 2^20 only the direction matters: capping the power there keeps |G|^2 inside f32.
    let value = mantissa * power_of_two(min(exponent, 20 - exponent_of(mantissa)));
    let norm = fma(value.x, value.x, value.y * value.y);
    let shortened = MAX_MAGNITUDE * inverseSqrt(norm);
    let limited = value * select(1.0, shortened, norm > MAX_MAGNITUDE * MAX_MAGNITUDE);
    g[i] = limited;
    features[i] = clamp(limited, vec2<f32>(-MAX_FEATURE), vec2<f32>(MAX_FEATURE));
}

// One invocation computes dg for one element: dfeatures, 0 in a part that was clamped.
@compute @workgroup_size(LANES)
fn backward_features(
    @builtin(workgroup_id) workgroup: vec3<u32>,
    @builtin(num_workgroups) workgroups: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
) {
    let i = element(workgroup, workgroups, lane);
    if (i >= dims.B * dims.N) { return; }
    dg[i] = select(vec2<f32>(), dfeatures[i], abs(g[i]) <= vec2<f32>(MAX_FEATURE));
}

// One invocation computes the published approximation of one da. With w = dg and q = G^2, of which
// q' is q kept from vanishing: (1 - ALPHA) * -Re(w q) + ALPHA * -Re(w / (q' + 1e-6)), 0 where that
// is not finite, clamped. |q| = |G|^2 spares a root.
@compute @workgroup_size(LANES)
fn backward_hybrid(
    @builtin(workgroup_id) workgroup: vec3<u32>,
    @builtin(num_workgroups) workgroups: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
) {
    let i = element(workgroup, workgroups, lane);
    if (i >= dims.B * dims.N) { return; }
    let value = g[i];
    let w = dg[i];
    let y_squared = value.y * value.y;
    let magnitude = fma(value.x, value.x, y_squared);
    let q = vec2<f32>(fma(value.x, value.x, -y_squared), (value.x + value.x) * value.y);
    let by_square = fma(w.y, q.y, -(w.x * q.x));

    let kept = q * select(1.0, 1e-3 / (magnitude + 1e-9), magnitude < 1e-3);
    let divisor = vec2<f32>(kept.x + 1e-6, kept.y);
    let norm = fma(divisor.x, divisor.x, divisor.y * divisor.y);
    let by_inverse = fma(w.x, divisor.x, w.y * divisor.y) / norm;

    let gradient = fma(-ALPHA, by_inverse, (1.0 - ALPHA) * by_square);
    let finite = (bitcast<u32>(gradient) & EXPONENT_MASK) != EXPONENT_MASK;
    da[i] = clamp(select(0.0, gradient, finite), -MAX_GRADIENT, MAX_GRADIENT);
}

// The exact gradient follows from dG_j/da_i = -G_ij G_ji and, for j <= i,
// G_ij G_ji = b_j c_j .. b_{i-1} c_{i-1} (theta_j phi_i / theta_N)^2. With w_j = conj(dg_j):
//   da_i = -Re((phi_i^2 left_i + theta_i^2 right_i) / theta_N^2)
//   left_i = w_i theta_i^2 + b_{i-1} c_{i-1} left_{i-1}              the j <= i
//   right_i = b_i c_i (w_{i+1} phi_{i+1}^2 + right_{i+1})            the j > i
// which is the adjoint of both recursions in two first-order sweeps. left grows like theta^2 and
// right like phi^2, so each borrows twice the exponent of the other and carries none. The shortening
// to |G| <= 50 is not differentiated: |G| <= 1 / |Im z| wherever H is real and symmetric.

// One invocation computes left_0 .. left_{N-1} of one row.
@compute @workgroup_size(LANES)
fn backward_exact_left(
    @builtin(workgroup_id) workgroup: vec3<u32>,
    @builtin(num_workgroups) workgroups: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
) {
    let row = element(workgroup, workgroups, lane);
    if (row >= dims.B) { return; }
    let n = dims.N;
    let first = row * n;
    let base = row * (n + 1u);
    var w = dg[first];
    var sum = vec2<f32>(w.x, -w.y);
    var exponent = 0;
    left[first] = sum;
    for (var i = 1u; i < n; i += 1u) {
        let next_exponent = theta_exponent[base + i];
        let carry = -coupling[i - 1u] * power_of_two(2 * (exponent - next_exponent));
        exponent = next_exponent;
        w = dg[first + i];
        sum = multiply_add(vec2<f32>(w.x, -w.y), square(theta[base + i]), carry * sum);
        left[first + i] = sum;
    }
}

// One invocation computes da_{N-1} .. da_0 of one row, the right sums on the way. theta_i^2 is
// computed here a second time: five operations against eight bytes an element.
@compute @workgroup_size(LANES)
fn backward_exact(
    @builtin(workgroup_id) workgroup: vec3<u32>,
    @builtin(num_workgroups) workgroups: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
) {
    let row = element(workgroup, workgroups, lane);
    if (row >= dims.B) { return; }
    let n = dims.N;
    let first = row * n;
    let base = row * (n + 1u);
    let last_exponent = theta_exponent[base + n];
    let inverse_squared = square(theta_inverse[row]);
    // -Re(x / theta_N^2) = x.re factor.x + x.im factor.y.
    let factor = vec2<f32>(-inverse_squared.x, inverse_squared.y);

    var i = n - 1u;
    var w = dg[first + i];
    // right_i + w_i phi_i^2.
    var sum = vec2<f32>(w.x, -w.y);
    var exponent = 0;
    let corner = left[first + i];
    da[first + i] = fma(corner.x, factor.x, corner.y * factor.y)
        * power_of_two(2 * (theta_exponent[base + i] - last_exponent));
    if (n == 1u) { return; }
    loop {
        i -= 1u;
        let next_exponent = phi_exponent[first + i];
        let carry = -coupling[i] * power_of_two(2 * (exponent - next_exponent));
        exponent = next_exponent;
        let right = carry * sum;
        let phi_squared = square(phi[first + i]);
        let total = multiply_add(square(theta[base + i]), right, multiply(phi_squared, left[first + i]));
        da[first + i] = fma(total.x, factor.x, total.y * factor.y)
            * power_of_two(2 * (theta_exponent[base + i] + exponent - last_exponent));
        if (i == 0u) { break; }
        w = dg[first + i];
        sum = multiply_add(vec2<f32>(w.x, -w.y), phi_squared, right);
    }
}
