//! Bits at their edges, conversions, and packing both ways.

use flopmeter::execute::Executor;

use super::{approximates, evaluates, evaluates_where};

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
