// Continued in bounded.wgsl.
//
// gelu by tanh, x/2 (1 + t) with t = tanh(u) and u = x (LINEAR + CUBIC x^2), and its slope,
// (1 + t)/2 + x/2 (1 - t^2) u' with u' = LINEAR + 3 CUBIC x^2. What the value and the slope have in common is computed
// once.

// sqrt(2/pi), and 0.044715 times that.
const LINEAR: f32 = 0.7978845608028654;
const CUBIC: f32 = 0.035677408136300125;

// What the value and the slope of gelu follow from.
struct Bend {
    half: f32,   // x/2
    square: f32, // x^2
    bent: f32,   // t
}

// The same of four numbers.
struct BendQuad {
    half: vec4<f32>,
    square: vec4<f32>,
    bent: vec4<f32>,
}

fn bend(x: f32) -> Bend {
    let square = x * x;
    return Bend(0.5 * x, square, tanh(bounded(x * fma(CUBIC, square, LINEAR))));
}

fn bend_quad(x: vec4<f32>) -> BendQuad {
    let square = x * x;
    return BendQuad(0.5 * x, square, tanh(bounded_quad(x * fma(vec4(CUBIC), square, vec4(LINEAR)))));
}

fn gelu(curve: Bend) -> f32 {
    return fma(curve.half, curve.bent, curve.half);
}

fn gelu_quad(curve: BendQuad) -> vec4<f32> {
    return fma(curve.half, curve.bent, curve.half);
}

fn gelu_slope(curve: Bend) -> f32 {
    let steep = curve.half * (1.0 - curve.bent * curve.bent);
    return fma(steep, fma(3.0 * CUBIC, curve.square, LINEAR), fma(0.5, curve.bent, 0.5));
}

fn gelu_slope_quad(curve: BendQuad) -> vec4<f32> {
    let steep = curve.half * (1.0 - curve.bent * curve.bent);
    let further = fma(vec4(3.0 * CUBIC), curve.square, vec4(LINEAR));
    return fma(steep, further, fma(vec4(0.5), curve.bent, vec4(0.5)));
}
