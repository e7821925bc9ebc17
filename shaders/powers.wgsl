// Powers of two, found and applied by integer arithmetic on a float's own exponent field: only a multiplication by one
// is a floating-point operation.

const EXPONENT_BIAS: i32 = 127;
const EXPONENT_MASK: u32 = 0x7f800000u;

// 2^e, for e inside the normal range of f32; the nearest normal power outside of it.
fn power_of_two(e: i32) -> f32 {
    return bitcast<f32>(u32(clamp(e, -126, 127) + EXPONENT_BIAS) << 23u);
}

// floor(log2 |x|) of the larger component; 0 where both are 0.
fn exponent_of(x: vec2<f32>) -> i32 {
    let bits = bitcast<vec2<u32>>(x) & vec2<u32>(EXPONENT_MASK);
    let larger = max(bits.x, bits.y);
    return select(i32(larger >> 23u) - EXPONENT_BIAS, 0, larger == 0u);
}
