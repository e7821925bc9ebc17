// Continued in powers.wgsl.
//
// Complex numbers as pairs, real part first.

// x y.
fn multiply(x: vec2<f32>, y: vec2<f32>) -> vec2<f32> {
    return fma(vec2<f32>(x.x), y, vec2<f32>(-x.y, x.y) * y.yx);
}

// x y + z.
fn multiply_add(x: vec2<f32>, y: vec2<f32>, z: vec2<f32>) -> vec2<f32> {
    return fma(vec2<f32>(x.x), y, fma(vec2<f32>(-x.y, x.y), y.yx, z));
}

// x^2.
fn square(x: vec2<f32>) -> vec2<f32> {
    return vec2<f32>(fma(x.x, x.x, -(x.y * x.y)), (x.x + x.x) * x.y);
}
