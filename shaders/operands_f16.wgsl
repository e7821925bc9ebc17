// What stands in the place of operands.wgsl where products multiply numbers in half precision: a product is rounded to
// half precision, and sums are in single precision.

enable f16;

alias Operand = f16;

// sum + a b.
fn add_product(sum: f32, a: Operand, b: Operand) -> f32 {
    return sum + f32(a * b);
}

// The same, component by component.
fn add_products(sums: vec4<f32>, a: vec4<Operand>, b: vec4<Operand>) -> vec4<f32> {
    return sums + vec4<f32>(a * b);
}
