// Continued in products.wgsl.
//
// What a team of lanes has together, however many they are.

// 32 rows, four at a time.
struct Lanes {
    r0: mat4x4<f32>,
    r4: mat4x4<f32>,
    r8: mat4x4<f32>,
    r12: mat4x4<f32>,
    r16: mat4x4<f32>,
    r20: mat4x4<f32>,
    r24: mat4x4<f32>,
    r28: mat4x4<f32>,
}
