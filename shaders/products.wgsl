// Products of small tiles, which matrix products, attention and norms are made of. m[i] is row i of a tile, and its
// components are four adjacent columns, or four steps of a sum.

// Four more steps for one row: c plus the sum over s of a[s] b[s], in the order of the steps.
fn row_product(c: vec4<f32>, a: vec4<f32>, b: mat4x4<f32>) -> vec4<f32> {
    return fma(a.wwww, b[3], fma(a.zzzz, b[2], fma(a.yyyy, b[1], fma(a.xxxx, b[0], c))));
}

// Four more steps for four rows: a[i] holds the steps of row i, b[s] the columns of step s.
fn product(c: mat4x4<f32>, a: mat4x4<f32>, b: mat4x4<f32>) -> mat4x4<f32> {
    return mat4x4<f32>(
        row_product(c[0], a[0], b),
        row_product(c[1], a[1], b),
        row_product(c[2], a[2], b),
        row_product(c[3], a[3], b),
    );
}

// One more step for four rows: a[i] belongs to row i.
fn outer(c: mat4x4<f32>, a: vec4<f32>, b: vec4<f32>) -> mat4x4<f32> {
    return mat4x4<f32>(fma(a.xxxx, b, c[0]), fma(a.yyyy, b, c[1]), fma(a.zzzz, b, c[2]), fma(a.wwww, b, c[3]));
}

// sum + a . b, in the order of the components.
fn chain(sum: f32, a: vec4<f32>, b: vec4<f32>) -> f32 {
    return fma(a.w, b.w, fma(a.z, b.z, fma(a.y, b.y, fma(a.x, b.x, sum))));
}
