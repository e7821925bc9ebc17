// Continued in elements.wgsl.
//
// What a gated activation over P elements binds, y = activation(gate) * up, and its gradients.
//
// `_vec4` entries want P to be a multiple of four, and bind vec4 views of the same buffers.

struct Dims {
    P: u32,
}

@group(0) @binding(0) var<uniform> dims: Dims;
@group(0) @binding(1) var<storage, read> gate: array<f32>;                  // (P)
@group(0) @binding(2) var<storage, read> up: array<f32>;                    // (P)
@group(0) @binding(3) var<storage, read> dy: array<f32>;                    // (P)
@group(0) @binding(4) var<storage, read_write> y: array<f32>;               // (P)
@group(0) @binding(4) var<storage, read_write> dgate: array<f32>;           // (P)
@group(0) @binding(5) var<storage, read_write> dup: array<f32>;             // (P)
@group(0) @binding(1) var<storage, read> gate_vec4: array<vec4<f32>>;       // (P / 4)
@group(0) @binding(2) var<storage, read> up_vec4: array<vec4<f32>>;         // (P / 4)
@group(0) @binding(3) var<storage, read> dy_vec4: array<vec4<f32>>;         // (P / 4)
@group(0) @binding(4) var<storage, read_write> y_vec4: array<vec4<f32>>;    // (P / 4)
@group(0) @binding(4) var<storage, read_write> dgate_vec4: array<vec4<f32>>; // (P / 4)
@group(0) @binding(5) var<storage, read_write> dup_vec4: array<vec4<f32>>;  // (P / 4)
