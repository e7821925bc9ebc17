// Continued in elements.wgsl.
//
// gelu by erf, x m(x) with m(x) = (1 + erf(x / sqrt(2)))/2, and its slope, m(x) + x d(x) with d(x) = exp(-x^2/2) / sqrt(2 pi).
// m is how much of a normal distribution lies below x, and d its density there. No device has erf: m(-|x|) is d(x) times a
// polynomial of t = 1 / (1 + RATE |x|), by formula 26.2.17 of Abramowitz and Stegun, Handbook of Mathematical Functions, which
// is off by less than 7.5e-8 everywhere. What the value and the slope have in common is computed once.

// 1 / sqrt(2 pi).
const PEAK: f32 = 0.3989422804014327;

// What t falls by, and the factors of t, t^2, t^3, t^4 and t^5.
const RATE: f32 = 0.2316419;
const FIRST: f32 = 0.319381530;
const SECOND: f32 = -0.356563782;
const THIRD: f32 = 1.781477937;
const FOURTH: f32 = -1.821255978;
const FIFTH: f32 = 1.330274429;

// What the value and the slope of gelu follow from.
struct Bend {
    x: f32,
    density: f32, // d(x)
    below: f32,   // m(x)
}

// The same of four numbers.
struct BendQuad {
    x: vec4<f32>,
    density: vec4<f32>,
    below: vec4<f32>,
}

fn bend(x: f32) -> Bend {
    let density = PEAK * exp(-0.5 * (x * x));
    let t = 1.0 / fma(RATE, abs(x), 1.0);
    let polynomial = t * fma(t, fma(t, fma(t, fma(t, FIFTH, FOURTH), THIRD), SECOND), FIRST);
    let tail = density * polynomial;
    return Bend(x, density, select(tail, 1.0 - tail, x > 0.0));
}

fn bend_quad(x: vec4<f32>) -> BendQuad {
    let density = PEAK * exp(-0.5 * (x * x));
    let t = 1.0 / fma(vec4(RATE), abs(x), vec4(1.0));
    let higher = fma(t, fma(t, fma(t, vec4(FIFTH), vec4(FOURTH)), vec4(THIRD)), vec4(SECOND));
    let tail = density * (t * fma(t, higher, vec4(FIRST)));
    return BendQuad(x, density, select(tail, 1.0 - tail, x > vec4<f32>()));
}

fn gelu(curve: Bend) -> f32 {
    return curve.x * curve.below;
}

fn gelu_quad(curve: BendQuad) -> vec4<f32> {
    return curve.x * curve.below;
}

fn gelu_slope(curve: Bend) -> f32 {
    return fma(curve.x, curve.density, curve.below);
}

fn gelu_slope_quad(curve: BendQuad) -> vec4<f32> {
    return fma(curve.x, curve.density, curve.below);
}
