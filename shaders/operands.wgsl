// What products multiply, and how a product comes to a sum: numbers in single precision, by multiply-adds.

alias Operand = f32;

// sum + a b.
fn add_product(sum: f32, a: Operand, b: Operand) -> f32 {
    return fma(a, b, sum);
}

// The same, component by component.
fn add_products(sums: vec4<f32>, a: vec4<Operand>, b: vec4<Operand>) -> vec4<f32> {
    return fma(a, b, sums);
}
