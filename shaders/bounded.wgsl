// Continued in elements.wgsl.
//
// Arguments of tanh that no driver overflows on. Vulkan lets a driver make tanh of exponentials, whose quotient is NaN
// from 89 on: SwiftShader does. From 16 on tanh is 1 in single precision. The bound is found among bits, which takes no
// floating-point operation; NaN stays NaN.

// Bits of 16 and of infinity.
const FAR: u32 = 0x41800000u;
const BEYOND: u32 = 0x7f800000u;

// A number, or 16 with its sign where it is further from 0 than that.
fn bounded(x: f32) -> f32 {
    let bits = bitcast<u32>(x);
    let size = bits & 0x7fffffffu;
    return bitcast<f32>(select(bits, (bits & 0x80000000u) | FAR, size > FAR && size <= BEYOND));
}

// The same of four numbers.
fn bounded_quad(x: vec4<f32>) -> vec4<f32> {
    let bits = bitcast<vec4<u32>>(x);
    let size = bits & vec4(0x7fffffffu);
    let is_far = (size > vec4(FAR)) & (size <= vec4(BEYOND));
    return bitcast<vec4<f32>>(select(bits, (bits & vec4(0x80000000u)) | vec4(FAR), is_far));
}
