// Continued in operands.wgsl.
//
// Products of small tiles, which matrix products, attention and norms are made of. m[i] is row i of a tile, and its
// components are four adjacent columns, or four steps of a sum.

// A panel: 32 rows of four columns, four rows at a time.
struct Panel {
    r0: mat4x4<f32>,
    r4: mat4x4<f32>,
    r8: mat4x4<f32>,
    r12: mat4x4<f32>,
    r16: mat4x4<f32>,
    r20: mat4x4<f32>,
    r24: mat4x4<f32>,
    r28: mat4x4<f32>,
}

// Four more steps for one row: c plus the sum over s of a[s] b[s], in the order of the steps.
fn row_product(c: vec4<f32>, a: vec4<Operand>, b: mat4x4<Operand>) -> vec4<f32> {
    let two = add_products(add_products(c, a.xxxx, b[0]), a.yyyy, b[1]);
    return add_products(add_products(two, a.zzzz, b[2]), a.wwww, b[3]);
}

// Four more steps for four rows: a[i] holds the steps of row i, b[s] the columns of step s.
fn product(c: mat4x4<f32>, a: mat4x4<Operand>, b: mat4x4<Operand>) -> mat4x4<f32> {
    return mat4x4<f32>(
        row_product(c[0], a[0], b),
        row_product(c[1], a[1], b),
        row_product(c[2], a[2], b),
        row_product(c[3], a[3], b),
    );
}

// One more step for four rows: a[i] belongs to row i.
fn outer(c: mat4x4<f32>, a: vec4<Operand>, b: vec4<Operand>) -> mat4x4<f32> {
    return mat4x4<f32>(
        add_products(c[0], a.xxxx, b),
        add_products(c[1], a.yyyy, b),
        add_products(c[2], a.zzzz, b),
        add_products(c[3], a.wwww, b),
    );
}

// sum + a . b, in the order of the components.
fn chain(sum: f32, a: vec4<Operand>, b: vec4<Operand>) -> f32 {
    return add_product(add_product(add_product(add_product(sum, a.x, b.x), a.y, b.y), a.z, b.z), a.w, b.w);
}
