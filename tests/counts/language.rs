//! WGSL's rarer types and functions against expectations worked out by hand, on every executor that
//! takes them: 64-bit and 16-bit scalars, their atomics and storage, matrices, vector geometry, packing
//! and bits at the edges. What executors compute is asked, not what it costs: only plain kernels run.
#![allow(clippy::print_stdout, reason = "whoever reads the log must see what was skipped")]

use flopmeter::{
    execute::{Bound, DeviceType, Dispatch, Executor},
    kernel::KernelModule,
};

/// Runs one workgroup of a kernel on its only buffer; none, and said so, where the device cannot.
fn run(executor: &mut dyn Executor, kernel: &KernelModule, words: &[u32]) -> Option<Vec<u32>> {
    let size = 4 * words.len() as u64;
    let program = match executor.compile(kernel) {
        Ok(program) => program,
        Err(error) if executor.adapter().device_type != DeviceType::Embedded => {
            let why = error.to_string();
            println!("SKIPPED on {}: {}", executor.adapter().name, why.lines().last().unwrap());
            return None;
        }
        Err(error) => panic!("{error}"),
    };
    let buffer = executor.allocate("x", size).unwrap();
    executor.write(buffer, 0, bytemuck::cast_slice(words)).unwrap();
    let bindings = [Bound { group: 0, binding: 0, buffer, offset: 0, size }];
    let dispatch = Dispatch { label: "test", program, bindings: &bindings, grid: [1; 3] };
    executor.dispatch(&dispatch).unwrap();
    Some(bytemuck::pod_collect_to_vec(&executor.read(buffer, 0, size).unwrap()))
}

fn wgsl(source: &str) -> KernelModule {
    KernelModule::from_wgsl("language", source, "main", &Default::default()).unwrap()
}

/// A kernel that computes each expression, a `u32`, from what it finds in memory, where no compiler can
/// evaluate it beforehand: `one` and `ones` are 1 and `u32::MAX`.
fn evaluates(enable: &str, declarations: &str, cases: &[(&str, u32)]) {
    evaluates_where(|_| true, enable, declarations, cases);
}

/// The same on those executors of which it can be asked.
fn evaluates_where(
    can: impl Fn(&dyn Executor) -> bool,
    enable: &str,
    declarations: &str,
    cases: &[(&str, u32)],
) {
    let mut body = String::new();
    for (i, (expression, _)) in cases.iter().enumerate() {
        body += &format!("x[{}] = {expression};\n", i + 2);
    }
    let source = format!(
        "{enable}
@group(0) @binding(0) var<storage, read_write> x: array<u32>;
@compute @workgroup_size(1) fn main() {{ let one = x[0]; let ones = x[1];
{declarations}
{body}}}"
    );
    let kernel = wgsl(&source);
    let mut words = vec![1, u32::MAX];
    words.resize(2 + cases.len(), 0xdead_beef);
    common::on_every_executor(|executor| {
        if !can(executor) {
            return;
        }
        let Some(found) = run(executor, &kernel, &words) else { return };
        for ((expression, expected), found) in cases.iter().zip(&found[2..]) {
            let name = &executor.adapter().name;
            assert_eq!(found, expected, "{expression} on {name}: {found:#x}, not {expected:#x}");
        }
    });
}

/// The same for expressions that are an `f32`. What is rounded on the way may be rounded otherwise
/// elsewhere: a few units in the last place of the largest number in it.
fn approximates(declarations: &str, cases: &[(&str, f32)]) {
    let mut body = String::new();
    for (i, (expression, _)) in cases.iter().enumerate() {
        body += &format!("x[{}] = bitcast<u32>({expression});\n", i + 2);
    }
    let source = format!(
        "@group(0) @binding(0) var<storage, read_write> x: array<u32>;
@compute @workgroup_size(1) fn main() {{ let one = f32(x[0]);
{declarations}
{body}}}"
    );
    near(&wgsl(&source), cases);
}

fn near(kernel: &KernelModule, cases: &[(&str, f32)]) {
    let mut words = vec![1, u32::MAX];
    words.resize(2 + cases.len(), 0xdead_beef);
    common::on_every_executor(|executor| {
        let Some(found) = run(executor, kernel, &words) else { return };
        for ((expression, expected), found) in cases.iter().zip(&found[2..]) {
            let found = f32::from_bits(*found);
            // 16 units in the last place of a number of some size, 1 at least.
            let apart = (found - expected).abs() / expected.abs().max(1.0);
            let name = &executor.adapter().name;
            assert!(apart < 2e-6, "{expression} on {name}: {found}, not {expected}");
        }
    });
}

#[test]
fn bits_at_their_edges() {
    let zero = "let zero = one - 1u; let top = one << 31u; let minus = bitcast<i32>(ones);";
    evaluates(
        "",
        zero,
        &[
            ("countLeadingZeros(zero)", 32),
            ("countLeadingZeros(one)", 31),
            ("countTrailingZeros(zero)", 32),
            ("countTrailingZeros(top)", 31),
            ("countOneBits(ones)", 32),
            ("firstLeadingBit(zero)", u32::MAX),
            ("firstLeadingBit(top)", 31),
            ("bitcast<u32>(firstLeadingBit(minus))", u32::MAX),
            ("bitcast<u32>(firstLeadingBit(minus - 1))", 0),
            ("bitcast<u32>(firstLeadingBit(bitcast<i32>(top)))", 30),
            ("firstTrailingBit(zero)", u32::MAX),
            ("firstTrailingBit(ones << 5u)", 5),
            ("reverseBits(one)", 1 << 31),
            ("extractBits(ones, 32u, zero)", 0),
            ("extractBits(ones, 40u, 8u)", 0),
            ("extractBits(ones, zero, 32u)", u32::MAX),
            ("extractBits(ones, 28u, 9u)", 15),
            ("bitcast<u32>(extractBits(minus, 4u, zero))", 0),
            ("bitcast<u32>(extractBits(8i, 3u, one))", u32::MAX),
            ("bitcast<u32>(extractBits(8i, 3u, one + 1u))", 1),
            ("insertBits(zero, ones, zero, 32u)", u32::MAX),
            ("insertBits(zero, ones, 30u, 5u)", 3 << 30),
            ("insertBits(ones, zero, 32u, 4u)", u32::MAX),
            ("insertBits(ones, zero, 8u, zero)", u32::MAX),
            ("ones >> (31u * one)", 1),
            ("bitcast<u32>(bitcast<i32>(top) >> (31u * one))", u32::MAX),
            ("bitcast<u32>(abs(bitcast<i32>(top)))", 1 << 31),
            ("bitcast<u32>(-bitcast<i32>(top))", 1 << 31),
            ("bitcast<u32>(sign(minus))", u32::MAX),
            ("bitcast<u32>(clamp(minus, 3, 5))", 3),
            ("dot(vec4(ones, one, one, one), vec4(one, 2u, 3u, 4u))", 8),
            (
                "u32(all(vec2(one == 1u, ones == 1u))) + 2u * u32(any(vec2(one == 1u, ones == 1u)))",
                2,
            ),
        ],
    );
}

#[test]
fn conversions_truncate_and_round() {
    evaluates(
        "",
        "let big = 3.5e9 * f32(one); let less = -1.9 * f32(one);",
        &[
            ("u32(big)", 3_500_000_000),
            ("bitcast<u32>(i32(less))", u32::MAX),
            ("bitcast<u32>(f32(ones))", 4_294_967_296_f32.to_bits()),
            ("bitcast<u32>(f32(bitcast<i32>(ones)))", (-1_f32).to_bits()),
            ("u32(bool(ones)) + u32(bool(less)) + u32(bool(one - 1u))", 2),
            // 16777217 lies between two singles and goes to the even one.
            ("u32(f32(16777217u * one))", 16_777_216),
            ("bitcast<u32>(quantizeToF16(1.0009765625 * f32(one)))", 1.000_976_6_f32.to_bits()),
            ("bitcast<u32>(quantizeToF16(1.00048828125 * f32(one)))", 1_f32.to_bits()),
        ],
    );
}

#[test]
fn conversions_saturate() {
    let clamped = |executor: &dyn Executor| {
        !common::gl_cannot(executor, "naga's GLSL converts without clamping first")
    };
    evaluates_where(
        clamped,
        "",
        "let huge = 1e20 * f32(one); let less = -1.9 * f32(one);",
        &[
            // The nearest integer that is a single, too.
            ("u32(huge)", 0xffff_ff00),
            ("bitcast<u32>(i32(huge))", 0x7fff_ff80),
            ("bitcast<u32>(i32(-huge))", i32::MIN as u32),
            ("u32(less)", 0),
        ],
    );
}

#[test]
fn packing_both_ways() {
    evaluates(
        "",
        "let f = f32(one); let v = vec4(1.0, -1.0, 0.2, -2.0) * f; let w = vec4(1.0, 0.2, -0.5, 7.0) * f;
let i = vec4(127, -128, 200, -300) * vec4(i32(one)); let u = vec4(1u, 255u, 300u, 0x1ffu) * one;",
        &[
            // 0.2 * 127 = 25.4
            ("pack4x8snorm(v)", 0x8119_817f),
            // 0.2 * 255 = 51
            ("pack4x8unorm(w)", 0xff00_33ff),
            // 0.2 * 32767 = 6553.4
            ("pack2x16snorm(v.zy)", 0x8001_1999),
            // 0.2 * 65535 = 13107
            ("pack2x16unorm(w.yz)", 0x0000_3333),
            ("pack2x16float(vec2(1.5, -0.25) * f)", 0xb400_3e00),
            ("pack4xI8(i)", 0xd4c8_807f),
            ("pack4xU8(u)", 0xff2c_ff01),
            ("pack4xI8Clamp(i)", 0x807f_807f),
            ("pack4xU8Clamp(u)", 0xffff_ff01),
            ("bitcast<u32>(unpack4xI8(0x80ff017fu * one).x)", 127),
            ("bitcast<u32>(unpack4xI8(0x80ff017fu * one).z)", u32::MAX),
            ("bitcast<u32>(unpack4xI8(0x80ff017fu * one).w)", -128_i32 as u32),
            ("unpack4xU8(0x80ff017fu * one).w", 0x80),
            ("unpack4xU8(0x80ff017fu * one).y", 1),
            ("bitcast<u32>(unpack2x16float(0xb4003e00u * one).x)", 1.5_f32.to_bits()),
            ("bitcast<u32>(unpack2x16float(0xb4003e00u * one).y)", (-0.25_f32).to_bits()),
            // The smallest half is a subnormal, 2^-24.
            ("bitcast<u32>(unpack2x16float(0xfc000001u * one).x)", 2_f32.powi(-24).to_bits()),
            ("bitcast<u32>(unpack2x16float(0xfc000001u * one).y)", f32::NEG_INFINITY.to_bits()),
            // -128 and -127 are both -1.
            ("bitcast<u32>(unpack4x8snorm(0x8081007fu * one).w)", (-1_f32).to_bits()),
            ("bitcast<u32>(unpack4x8snorm(0x8081007fu * one).z)", (-1_f32).to_bits()),
            ("bitcast<u32>(unpack4x8snorm(0x8081007fu * one).x)", 1_f32.to_bits()),
            ("bitcast<u32>(unpack2x16snorm(0x80000000u * one).y)", (-1_f32).to_bits()),
            ("bitcast<u32>(unpack2x16unorm(0xffff0000u * one).y)", 1_f32.to_bits()),
            // 127 * 127 - 128 * 2 + 1 * 3 - 1 * 4
            ("bitcast<u32>(dot4I8Packed(0xff01807fu * one, 0x0403027fu))", 15_872),
            ("dot4U8Packed(0xff01807fu * one, 0x0403027fu)", 127 * 127 + 256 + 3 + 1020),
        ],
    );
    approximates(
        "let word = 0x33191981u * u32(one);",
        &[
            ("unpack4x8unorm(word).x", 129.0 / 255.0),
            ("unpack4x8unorm(word).w", 51.0 / 255.0),
            ("unpack4x8snorm(word).y", 25.0 / 127.0),
            ("unpack2x16unorm(word).y", 13081.0 / 65535.0),
            ("unpack2x16snorm(word).x", 6529.0 / 32767.0),
        ],
    );
}

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

#[test]
fn integers_of_64_bits() {
    // Halves of a 64-bit value, the low one first.
    let low = |e: &str| format!("u32(({e}) & 0xfffffffflu)");
    let high = |e: &str| format!("u32(({e}) >> 32u)");
    let wide = [
        ("u * u", 0xffff_fffe_0000_0001_u64),
        // 2^64 - 2^33 + 1, and 2^33 more
        ("u * u + u + u + 2lu", 1),
        ("top / 3lu", 0x2aaa_aaaa_aaaa_aaaa),
        ("top % 10lu", 8),
        ("top / (u - u)", 1 << 63),
        ("u << (20u * one)", 0xfffff << 32 | 0xfff0_0000),
        ("~u", 0xffff_ffff << 32),
        ("u ^ (u << 16u)", 0xffff_0000_ffff),
        ("min(u, top) + max(u, top)", 1 << 63 | 0xffff_ffff),
        ("clamp(top, 1lu, u)", 0xffff_ffff),
        ("bitcast<u64>(s / t)", 1 << 63),
        ("bitcast<u64>(s % t)", 0),
        ("bitcast<u64>(-7li * i64(one) / 2li)", -3_i64 as u64),
        ("bitcast<u64>(-7li * i64(one) % 2li)", -1_i64 as u64),
        ("bitcast<u64>(s >> 62u)", -2_i64 as u64),
        ("bitcast<u64>(abs(t))", 1),
        ("bitcast<u64>(max(s, t))", u64::MAX),
        ("bitcast<u64>(i64(bitcast<i32>(ones)))", u64::MAX),
        ("u64(ones)", 0xffff_ffff),
        ("u64(1.5e10 * f32(one))", 15_000_000_512),
        ("bitcast<u64>(i64(-1.5e10 * f32(one)))", -15_000_000_512_i64 as u64),
        ("u64(1e30 * f32(one))", 0xffff_ff00_0000_0000),
        ("bitcast<u64>(i64(1e30lf * f64(one)))", 0x7fff_ffff_ffff_fc00),
        ("bitcast<u64>(i64(-1e30 * f32(one)))", 1 << 63),
        ("u64(i32(1e30lf * f64(one)))", 0x7fff_ffff),
        ("select(u, top, s < t)", 1 << 63),
        ("u64(u > top) + 2lu * u64(top >= top) + 4lu * u64(s != t)", 6),
        ("choices[one]", 5),
        ("dot(vec2(u, top), vec2(2lu, 1lu))", 1 << 63 | 0x1_ffff_fffe),
    ];
    let cases: Vec<(String, u32)> = wide
        .iter()
        .flat_map(|(e, expected)| [(low(e), *expected as u32), (high(e), (expected >> 32) as u32)])
        .chain([
            ("bitcast<u32>(f32(top))".into(), 2_f32.powi(63).to_bits()),
            ("bitcast<u32>(f32(s))".into(), (-2_f32.powi(63)).to_bits()),
        ])
        .collect();
    let cases: Vec<(&str, u32)> = cases.iter().map(|(e, x)| (e.as_str(), *x)).collect();
    evaluates(
        "",
        "let u = u64(ones); let top = u64(one) << 63u; let s = bitcast<i64>(top); let t = -i64(one);
var choices = array<u64, 3>(4lu, 5lu, 6lu);",
        &cases,
    );
}

#[test]
fn doubles() {
    evaluates(
        "",
        "let d = f64(one) / 3.0lf; let big = f64(ones) * f64(ones);",
        &[
            // 1/3 as a double is 0x3fd5555555555555.
            ("u32(bitcast<u64>(d) >> 32u)", 0x3fd5_5555),
            ("u32(bitcast<u64>(d) & 0xfffffffflu)", 0x5555_5555),
            ("u32(fma(d, 3.0lf, 1.5lf) * 2.0lf)", 5),
            ("u32(sqrt(big))", u32::MAX),
            ("u32(big / f64(ones))", u32::MAX),
            ("u32(floor(d * 10.0lf)) + u32(ceil(d * 10.0lf)) * 10u", 43),
            ("u32(min(d, 0.25lf) * 100.0lf) + u32(max(d, 0.25lf) * 3000.0lf)", 1025),
            ("u32(abs(-d) * 6.0lf)", 2),
            ("bitcast<u32>(f32(d))", (1_f32 / 3.0).to_bits()),
            ("bitcast<u32>(f32(big))", 1.844_674_4e19_f32.to_bits()),
            ("bitcast<u32>(i32(-2.5lf * f64(one)))", -2_i32 as u32),
            ("u32(dot(vec2(d, d), vec2(3.0lf, 6.0lf)) * 2.0lf)", 6),
            ("u32(select(1.0lf, 2.0lf, d > 0.3lf))", 2),
        ],
    );
}

#[test]
fn halves_in_registers() {
    evaluates(
        "enable f16;",
        "let h = f16(one) * 0.1h; let big = 60000.0h * f16(one);",
        &[
            // 0.1 as a half is 0x2e66.
            ("pack2x16float(vec2<f32>(vec2<f16>(h, -h)))", 0xae66_2e66),
            // 0.1 + 0.2 lies between two halves and goes to the even one, 0x34cc.
            ("pack2x16float(vec2<f32>(vec2<f16>(h + 0.2h, h * h)))", 0x211e_34cc),
            ("u32(big)", 60_000),
            // Past 65504 there is infinity.
            ("pack2x16float(vec2<f32>(vec2<f16>(big * 2.0h, -big - big)))", 0xfc00_7c00),
            ("bitcast<u32>(f32(h))", 0.099_975_586_f32.to_bits()),
            ("pack2x16float(vec2<f32>(vec2<f16>(sqrt(4.0h * f16(one)), floor(-h))))", 0xbc00_4000),
            ("u32(big * 2.0h) + u32(i32(big * -2.0h) + 65504)", 65504),
            // 2049 lies between two halves and goes to the even one.
            ("u32(f16(ones & 2049u))", 2048),
            ("pack2x16float(vec2(f32(f16(1.0 / 3.0 * f32(one))), 0.0))", 0x3555),
        ],
    );
}

#[test]
fn halves_in_storage() {
    // A half, a vector, a matrix with padded columns, a runtime-sized array; and halves in workgroup memory.
    let source = "enable f16;
struct S { first: f16, v: vec3<f16>, m: mat2x3<f16>, rest: array<f16> }
@group(0) @binding(0) var<storage, read_write> s: S;
var<workgroup> tile: array<f16, 4>;
@compute @workgroup_size(4) fn main(@builtin(local_invocation_index) i: u32) {
    tile[3u - i] = s.rest[i];
    workgroupBarrier();
    s.rest[i] = tile[i] * 2.0h;
    if i == 0u {
        s.first = s.v.z;
        s.v = s.v.zyx + vec3<f16>(s.m[1]);
        s.m[0][2] = -s.m[1].y;
    }
}";
    let half = |x: f32| u32::from(half::f16::from_f32(x).to_bits());
    let words = |halves: &[f32]| -> Vec<u32> {
        halves.chunks(2).map(|pair| half(pair[0]) | half(pair[1]) << 16).collect()
    };
    // first and padding; v and padding; two columns of m with padding; four of rest.
    let before = [
        1.0, 9.0, 9.0, 9.0, 2.0, 3.0, 4.0, 9.0, 5.0, 6.0, 7.0, 9.0, 8.0, 0.5, 0.25, 9.0, 1.5, 2.5,
        3.5, 4.5,
    ];
    let after = [
        4.0, 9.0, 9.0, 9.0, 12.0, 3.5, 2.25, 9.0, 5.0, 6.0, -0.5, 9.0, 8.0, 0.5, 0.25, 9.0, 9.0,
        7.0, 5.0, 3.0,
    ];
    common::on_every_executor(|executor| {
        let Some(found) = run(executor, &wgsl(source), &words(&before)) else { return };
        assert_eq!(found, words(&after), "{}", executor.adapter().name);
    });
}

#[test]
fn atomics_of_64_bits() {
    let source = "struct S { sum: atomic<u64>, least: atomic<i64>, most: atomic<u64>, bits: atomic<u64>,
    odd: atomic<u64>, both: atomic<u64>, last: atomic<u64>, shared_sum: u64, olds: atomic<u64>, won: atomic<u64> }
@group(0) @binding(0) var<storage, read_write> s: S;
var<workgroup> tile: atomic<u64>;
@compute @workgroup_size(64) fn main(@builtin(local_invocation_index) i: u32) {
    let old = atomicAdd(&s.sum, 0x100000001lu);
    atomicAdd(&s.olds, old >> 32u);
    atomicMin(&s.least, -i64(i));
    atomicMax(&s.most, u64(i) << 33u);
    atomicOr(&s.bits, 1lu << i);
    atomicXor(&s.odd, 1lu << (i / 2u));
    atomicAnd(&s.both, ~(1lu << i));
    atomicExchange(&s.last, 0x700000000lu);
    atomicAdd(&tile, u64(i) * 0x100000000lu);
    atomicSub(&tile, 1lu);
    let won = atomicCompareExchangeWeak(&s.won, 5lu, u64(i) + 0x500000000lu);
    if won.exchanged { atomicStore(&s.last, 0x900000000lu); }
    workgroupBarrier();
    if i == 0u { s.shared_sum = atomicLoad(&tile); }
}";
    let mut before = vec![0_u32; 20];
    (before[10], before[11], before[18]) = (u32::MAX, u32::MAX, 5);
    common::on_every_executor(|executor| {
        let Some(found) = run(executor, &wgsl(source), &before) else { return };
        let found: Vec<u64> =
            found.chunks(2).map(|w| u64::from(w[0]) | u64::from(w[1]) << 32).collect();
        assert_eq!(found[0], 64 << 32 | 64);
        assert_eq!(found[1], -63_i64 as u64);
        assert_eq!(found[2], 63 << 33);
        assert_eq!(found[3], u64::MAX);
        assert_eq!(found[4], 0);
        assert_eq!(found[5], 0);
        assert!([7 << 32, 9 << 32].contains(&found[6]), "{:#x}", found[6]);
        assert_eq!(found[7], (2016 << 32) - 64);
        // Each lane saw another number of lanes before it.
        assert_eq!(found[8], 2016);
        assert!((5 << 32..(5 << 32) + 64).contains(&found[9]), "{:#x}", found[9]);
    });
}

#[test]
fn atomics_of_floats() {
    let source = "@group(0) @binding(0) var<storage, read_write> x: array<atomic<f32>, 2>;
@compute @workgroup_size(32) fn main(@builtin(local_invocation_index) i: u32) {
    atomicAdd(&x[0], f32(i) * 0.5);
    atomicSub(&x[1], 1.0);
}";
    common::on_every_executor(|executor| {
        let before = [1_f32.to_bits(), 2_f32.to_bits()];
        let Some(found) = run(executor, &wgsl(source), &before) else { return };
        assert_eq!(found, [249_f32.to_bits(), (-30_f32).to_bits()]);
    });
}
