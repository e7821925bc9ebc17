// Continued in elements.wgsl.
//
// P numbers rounded to half precision, to the nearest, for products that take their operands so. What is 65520 or more
// becomes infinite; what is 2^-25 or less becomes 0, and what is less than 2^-14 has fewer than 11 bits.
//
// `_vec4` entries want P to be a multiple of four, and bind vec4 views of the same buffers.

enable f16;

struct Dims {
    P: u32,
}

@group(0) @binding(0) var<uniform> dims: Dims;
@group(0) @binding(1) var<storage, read> full: array<f32>;        // (P)
@group(0) @binding(2) var<storage, read_write> half: array<f16>;  // (P)
@group(0) @binding(1) var<storage, read> full_vec4: array<vec4<f32>>;       // (P / 4)
@group(0) @binding(2) var<storage, read_write> half_vec4: array<vec4<f16>>; // (P / 4)

// One invocation rounds one number.
@compute @workgroup_size(LANES)
fn narrow(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
) {
    let i = element(group, groups, lane);
    if i >= dims.P {
        return;
    }
    half[i] = f16(full[i]);
}

// One invocation rounds four numbers.
@compute @workgroup_size(LANES)
fn narrow_vec4(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
) {
    let i = element(group, groups, lane);
    if i >= dims.P / 4u {
        return;
    }
    half_vec4[i] = vec4<f16>(full_vec4[i]);
}
