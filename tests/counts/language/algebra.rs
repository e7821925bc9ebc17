//! Vector geometry, transcendental functions and matrices.

use flopmeter::kernel::KernelModule;

use super::{approximates, near};

#[test]
fn geometry() {
    approximates(
        "let i = vec2(0.6, -0.8) * one; let n = vec2(0.0, 1.0) * one; let v = vec3(1.0, -2.0, 2.0) * one;",
        &[
            // k = 1 - 0.25 (1 - 0.64) = 0.91; 0.5 i - (0.5 (-0.8) + sqrt(k)) n
            ("refract(i, n, 0.5 * one).x", 0.3),
            ("refract(i, n, 0.5 * one).y", -0.953_939_2),
            // k = 1 - 4 (0.36) < 0
            ("refract(i, n, 2.0 * one).x", 0.0),
            ("refract(i, n, 2.0 * one).y", 0.0),
            ("faceForward(v, vec3(one), v).x", -1.0),
            ("faceForward(v, -vec3(one), v).z", 2.0),
            ("reflect(i, n).y", 0.8),
            ("length(v)", 3.0),
            ("distance(v, vec3(1.0, 2.0, -1.0))", 5.0),
            ("normalize(v).y", -2.0 / 3.0),
            ("cross(v, vec3(0.0, 1.0, 0.0)).x", -2.0),
            ("cross(v, vec3(0.0, 1.0, 0.0)).z", 1.0),
            ("mix(one, 5.0, 0.25)", 2.0),
            ("smoothstep(0.0, 2.0, 0.5 * one)", 0.156_25),
            ("step(2.0, one) + step(one, 2.0)", 1.0),
            ("saturate(1.5 * one) + saturate(-1.5 * one)", 1.0),
            ("degrees(3.1415927 * one)", 180.0),
            ("radians(90.0 * one)", std::f32::consts::FRAC_PI_2),
            ("fract(-1.25 * one)", 0.75),
            ("modf(-1.25 * one).fract", -0.25),
            ("modf(-1.25 * one).whole", -1.0),
            ("frexp(-6.0 * one).fract", -0.75),
            ("f32(frexp(-6.0 * one).exp)", 3.0),
            ("ldexp(0.75 * one, 3)", 6.0),
            ("round(2.5 * one) + round(3.5 * one)", 6.0),
            ("trunc(-1.75 * one)", -1.0),
            ("sign(-0.5 * one)", -1.0),
            ("inverseSqrt(4.0 * one)", 0.5),
            ("fma(2.0, one, 0.5)", 2.5),
            ("-7.5 % (2.0 * one)", -1.5),
            ("select(1.0, 2.0, one > 0.5)", 2.0),
        ],
    );
}

#[test]
fn functions_that_are_not_arithmetic() {
    // WGSL asks for less than this of each; what both executors compute is far better here.
    approximates(
        "",
        &[
            ("exp(one)", std::f32::consts::E),
            ("exp2(-one)", 0.5),
            ("log(2.0 * one)", std::f32::consts::LN_2),
            ("log2(8.0 * one)", 3.0),
            ("pow(2.0 * one, 0.5)", std::f32::consts::SQRT_2),
            ("sinh(one)", 1.175_201_2),
            ("cosh(one)", 1.543_080_6),
            ("asinh(one)", 0.881_373_6),
            ("acosh(2.0 * one)", 1.316_957_8),
            ("atanh(0.5 * one)", 0.549_306_15),
        ],
    );
}

#[test]
fn matrices() {
    // The product of a lower and an upper triangle with ones on their diagonals, the first row doubled:
    // the determinant is 2. Columns are listed.
    approximates(
        "let m = mat4x4(2.0, 2.0, 0.0, 1.0, 6.0, 7.0, -1.0, 3.0, 0.0, 2.0, -1.0, 3.0, -2.0, -2.0, 1.0, 3.0) * one;
let n = mat3x2(1.0, 2.0, 3.0, 4.0, 5.0, 6.0) * one; let k = mat3x3(2.0, 0.0, 1.0, 1.0, 3.0, 2.0, 1.0, 1.0, 2.0) * one;",
        &[
            ("determinant(m)", 2.0),
            // 2 (6 - 2) - 1 (0 - 1) + 1 (0 - 3)
            ("determinant(k)", 6.0),
            ("determinant(mat2x2(1.0, 2.0, 3.0, 4.0) * one)", -2.0),
            ("(m * vec4(1.0, 2.0, 3.0, 4.0)).x", 6.0),
            ("(vec4(1.0, 2.0, 3.0, 4.0) * m).y", 29.0),
            ("(n * vec3(1.0, 1.0, 2.0)).y", 18.0),
            ("(vec2(1.0, -1.0) * n).z", -1.0),
            ("transpose(n)[1].z", 6.0),
            ("(n * transpose(n))[0].y", 44.0),
            ("(k + k - k * 0.5)[1].y", 4.5),
        ],
    );
}

#[test]
fn the_inverses_of_matrices() {
    // GLSL has them. The 4x4 matrix is the one above before doubling, whose inverse is of integers.
    let source = "#version 450
layout(local_size_x = 1) in;
layout(set = 0, binding = 0) buffer X { uint x[]; };
void main() {
    float one = float(x[0]);
    mat4 a = inverse(mat4(1.0, 2.0, 0.0, 1.0, 3.0, 7.0, -1.0, 3.0, 0.0, 2.0, -1.0, 3.0, -1.0, -2.0, 1.0, 3.0) * one);
    mat3 b = inverse(mat3(2.0, 0.0, 1.0, 1.0, 3.0, 2.0, 1.0, 1.0, 2.0) * one);
    mat2 c = inverse(mat2(1.0, 2.0, 3.0, 4.0) * one);
    x[2] = floatBitsToUint(a[0].x); x[3] = floatBitsToUint(a[1].x); x[4] = floatBitsToUint(a[2].x);
    x[5] = floatBitsToUint(a[3].x); x[6] = floatBitsToUint(a[0].w); x[7] = floatBitsToUint(a[2].z);
    x[8] = floatBitsToUint(b[0].x); x[9] = floatBitsToUint(b[1].z); x[10] = floatBitsToUint(b[2].y);
    x[11] = floatBitsToUint(c[0].x); x[12] = floatBitsToUint(c[0].y); x[13] = floatBitsToUint(c[1].y);
}";
    let module = naga::front::glsl::Frontend::default()
        .parse(&naga::front::glsl::Options::from(naga::ShaderStage::Compute), source)
        .unwrap();
    let kernel =
        KernelModule::from_module("inverse", Some(source), &module, "main", &Default::default())
            .unwrap();
    let cases = [
        ("a[0].x", -30.0),
        ("a[1].x", 18.0),
        ("a[2].x", 21.0),
        ("a[3].x", -5.0),
        ("a[0].w", 5.0),
        ("a[2].z", 4.0),
        // The adjugate's columns are (4, 1, -3), (0, 3, -3), (-2, -2, 6).
        ("b[0].x", 4.0 / 6.0),
        ("b[1].z", -0.5),
        ("b[2].y", -2.0 / 6.0),
        ("c[0].x", -2.0),
        ("c[0].y", 1.0),
        ("c[1].y", -0.5),
    ];
    near(&kernel, &cases);
}
