//! What compilers write: glslang's modules with all that GLSL has, and naga's of WGSL, which are counted as naga's
//! IR counts them.

use std::collections::HashMap;

use flopmeter_core::{
    op::{Cost, Op, OpCounts, Scalar},
    spirv::{Counters, Means, Specialization, SpirvKernel},
};

use crate::{
    every_means,
    tools::{can_validate, complaint, glslang, validate},
};

/// What one invocation of a straight kernel costs.
fn cost(words: &[u32], given: &Specialization) -> Cost {
    let kernel = SpirvKernel::read("written", words, "main", given, Some(32)).unwrap();
    for means in every_means() {
        validate(&kernel.counting(&means).unwrap());
    }
    let table = kernel.table();
    let mut counters = vec![0; table.bytes() as usize];
    let workgroup = table.invocations([1; 3]);
    counters[..8].copy_from_slice(&workgroup.to_le_bytes());
    let executions = table.decode(&counters, workgroup).unwrap();
    table.cost(&executions)
}

#[test]
fn memory_is_counted_without_its_padding() {
    let source = "#version 450
        layout(local_size_x = 1) in;
        layout(std140, binding = 0) uniform U { mat3 m; layout(row_major) mat2x4 r; float last; } u;
        layout(std430, binding = 1) buffer B { mat3 m; vec3 v; float f[]; } b;
        shared vec3 s[4];
        void main() {
            b.m = u.m;
            s[1] = b.v;
            b.f[0] = u.last + u.r[0].x;
        }";
    let Some(words) = glslang(source, &[]) else { return };
    let traffic = cost(&words, &HashMap::new()).traffic;
    assert_eq!(traffic.uniform_load, 3 * 12 + 4 + 4);
    assert_eq!(traffic.storage_load, 12);
    assert_eq!(traffic.storage_store, 3 * 12 + 4);
    assert_eq!(traffic.workgroup_store, 12);
}

/// Compilers load structures as a whole and store their members, which comes to the same.
#[test]
fn a_structure_is_loaded_as_it_is_stored() {
    let source = "#version 450
        layout(local_size_x = 1) in;
        struct S { vec3 v; vec3 n[2]; float f; mat2x3 m; };
        layout(std430, binding = 0) buffer B { S s[]; };
        shared S part;
        void main() { part = s[0]; s[1] = part; }";
    let Some(words) = glslang(source, &[]) else { return };
    let traffic = cost(&words, &HashMap::new()).traffic;
    let bytes = 4 * (3 + 6 + 1 + 6);
    assert_eq!([traffic.storage_load, traffic.storage_store], [bytes; 2]);
    assert_eq!([traffic.workgroup_load, traffic.workgroup_store], [bytes; 2]);
}

#[test]
fn texels_are_counted_in_the_size_that_is_stated_or_else_received() {
    let source = "#version 450
        layout(local_size_x = 1) in;
        layout(binding = 0, rgba8) uniform image2D small;
        layout(binding = 1, r32f) uniform image3D kept;
        layout(binding = 2) uniform writeonly image2D unstated;
        layout(binding = 3) uniform sampler2D source;
        void main() {
            vec4 texel = texelFetch(source, ivec2(1), 0) + textureLod(source, vec2(0.5), 0.0);
            texel += textureGather(source, vec2(0.5)) + imageLoad(kept, ivec3(1));
            imageStore(small, ivec2(0), texel);
            imageStore(kept, ivec3(0), texel);
            imageStore(unstated, imageSize(small), texel);
        }";
    let Some(words) = glslang(source, &[]) else { return };
    let Cost { ops, traffic } = cost(&words, &HashMap::new());
    assert_eq!(traffic.texture_load, 3 * 16 + 4);
    assert_eq!(traffic.texture_store, 4 + 4 + 16);
    assert_eq!(ops.get(Scalar::Int, Op::Sample), 2);
}

/// All that a projective read divides is divided: a place, and what the texel is compared with.
#[test]
fn a_projective_read_divides_also_what_is_compared() {
    let source = "#version 450
        layout(local_size_x = 1) in;
        layout(binding = 0) buffer B { float f[]; };
        layout(binding = 1) uniform sampler2DShadow shadow;
        layout(binding = 2) uniform sampler2D plane;
        void main() {
            vec4 at = vec4(f[0], f[1], f[2], f[3]);
            f[4] = textureProj(shadow, at);
            f[5] = textureProj(plane, at).x;
        }";
    let Some(words) = glslang(source, &[]) else { return };
    let Cost { ops, traffic } = cost(&words, &HashMap::new());
    assert_eq!(ops.floating(), OpCounts::f32(Op::Div, 3 + 2));
    assert_eq!((ops.get(Scalar::Int, Op::Sample), traffic.texture_load), (2, 4 + 16));
}

/// A clock is read for nothing, and what the device does by itself in a step of a ray query is in no count.
#[test]
fn clocks_and_rays_leave_the_kernels_own_arithmetic() {
    let source = "#version 460
        #extension GL_ARB_shader_clock : require
        #extension GL_EXT_ray_query : require
        #extension GL_EXT_shader_realtime_clock : require
        layout(local_size_x = 1) in;
        layout(binding = 0) buffer B { float f[]; uvec2 time; };
        layout(binding = 1) uniform accelerationStructureEXT scene;
        void main() {
            rayQueryEXT query;
            rayQueryInitializeEXT(
                query, scene, gl_RayFlagsNoneEXT, 255u, vec3(f[0] * 0.5, f[1], 1.0), 0.0, vec3(f[2]), 9.0);
            rayQueryProceedEXT(query);
            rayQueryGenerateIntersectionEXT(query, f[3] + 1.0);
            rayQueryConfirmIntersectionEXT(query);
            rayQueryTerminateEXT(query);
            mat4x3 to = rayQueryGetIntersectionObjectToWorldEXT(query, true);
            f[4] = rayQueryGetIntersectionTEXT(query, true) / to[0].x;
            time = clock2x32ARB() ^ clockRealtime2x32EXT();
        }";
    let Some(words) = glslang(source, &[]) else { return };
    let Cost { ops, traffic } = cost(&words, &HashMap::new());
    let expected = [Op::Mul, Op::Add, Op::Div].map(|op| OpCounts::f32(op, 1));
    assert_eq!(ops.floating(), expected.into_iter().sum());
    assert_eq!(ops.get(Scalar::Int, Op::Trace), 1);
    assert_eq!((traffic.storage_load, traffic.storage_store), (4 * 4, 4 + 8));
}

#[test]
fn constants_have_the_values_of_the_pipeline() {
    let source = "#version 450
        layout(local_size_x_id = 0, local_size_y = 2) in;
        layout(constant_id = 1) const int N = 3;
        layout(constant_id = 2) const bool FAST = true;
        layout(constant_id = 3) const uint KIND = 1u;
        const int M = (N * 4 - 2) / 2 + (N >> 1);
        layout(binding = 0) buffer B { float f[]; } b;
        struct Part { float x[M]; };
        layout(binding = 1) buffer C { Part parts[]; } c;
        void main() {
            if (FAST) b.f[0] = 1.0 / b.f[1]; else b.f[0] = sqrt(b.f[1]);
            switch (KIND) {
                case 1u: b.f[2] = exp(b.f[3]); break;
                case 7u: b.f[2] = tanh(b.f[3]); break;
                default: b.f[2] = sin(b.f[3]); break;
            }
            if (M > 40) b.f[4] = log(b.f[5]);
        }";
    let Some(words) = glslang(source, &[]) else { return };
    let count = |given: &[(u32, u64)], ops: &[Op], workgroup: u64| {
        let given = given.iter().copied().collect();
        let expected: OpCounts = ops.iter().map(|&op| OpCounts::f32(op, workgroup)).sum();
        assert_eq!(cost(&words, &given).ops.floating(), expected);
    };
    count(&[], &[Op::Div, Op::Exp], 2);
    count(&[(0, 8), (2, 0), (3, 7)], &[Op::Sqrt, Op::Tanh], 16);
    count(&[(1, 40), (3, 2)], &[Op::Div, Op::Trig, Op::Log], 2);
}

/// Kernels with much of what Vulkan has; all that is asked of them is to stay valid.
const KERNELS: &[&str] = &[
    "#version 450
     #extension GL_EXT_buffer_reference : require
     #extension GL_EXT_buffer_reference_uvec2 : require
     layout(local_size_x = 32) in;
     layout(buffer_reference, std430) buffer Data { float f[]; };
     layout(push_constant) uniform P { uvec2 address; uint n; } p;
     void main() {
         Data data = Data(p.address);
         for (uint i = gl_GlobalInvocationID.x; i < p.n; i += 32u) data.f[i] = fma(data.f[i], 2.0, 1.0);
     }",
    "#version 450
     #extension GL_KHR_shader_subgroup_arithmetic : require
     #extension GL_EXT_shader_explicit_arithmetic_types : require
     #extension GL_EXT_shader_16bit_storage : require
     #extension GL_EXT_shader_subgroup_extended_types_float16 : require
     layout(local_size_x = 64) in;
     layout(binding = 0) buffer B { float16_t h[]; } b;
     layout(binding = 1) buffer C { double d; int64_t i; uint n; } c;
     shared uint shared_sum;
     void main() {
         if (gl_LocalInvocationIndex == 0u) shared_sum = 0u;
         barrier();
         float16_t sum = subgroupAdd(b.h[gl_GlobalInvocationID.x]);
         if (subgroupElect()) atomicAdd(shared_sum, uint(sum));
         barrier();
         if (gl_WorkGroupID.x > 3u) return;
         c.d += double(sum); c.i *= 3L; atomicMax(c.n, shared_sum);
     }",
    "#version 450
     #extension GL_KHR_memory_scope_semantics : require
     #pragma use_vulkan_memory_model
     layout(local_size_x = 8, local_size_y = 8) in;
     layout(binding = 0, rgba32f) uniform image2D picture;
     layout(binding = 1) uniform sampler2D source;
     float fold(float x, int n) { for (int i = 0; i < n; ++i) { if (x > 10.0) break; x = x * x + 1.0; } return x; }
     void main() {
         ivec2 at = ivec2(gl_GlobalInvocationID.xy);
         vec4 value = texelFetch(source, at, 0);
         do { value.x = fold(value.y, at.x); if (value.z < 0.0) continue; value.z -= 1.0; } while (value.z > 0.0);
         imageStore(picture, at, value);
     }",
];

#[test]
fn what_glslang_writes_stays_valid() {
    for (source, arguments) in KERNELS
        .iter()
        .flat_map(|kernel| [&[][..], &["-g"], &["-gVS"]].map(|arguments| (kernel, arguments)))
    {
        let Some(words) = glslang(source, arguments) else { return };
        // Debug information of some versions is not valid to begin with.
        if complaint(&words).is_some() {
            assert_eq!(*arguments, ["-gVS"]);
            continue;
        }
        let kernel =
            SpirvKernel::read("written", &words, "main", &HashMap::new(), Some(32)).unwrap();
        for means in every_means() {
            validate(&kernel.counting(&means).unwrap());
        }
    }
}

#[test]
fn a_lost_variable_of_the_interface_is_not_valid() {
    let Some(words) = glslang(KERNELS[0], &[]) else { return };
    let kernel = SpirvKernel::read("written", &words, "main", &HashMap::new(), None).unwrap();
    let mut counted = kernel.counting(&every_means()[0]).unwrap();
    let entry = counted.iter().position(|word| word & 0xffff == 15).unwrap();
    let end = entry + (counted[entry] >> 16) as usize;
    counted.remove(end - 1);
    counted[entry] -= 1 << 16;
    assert_eq!(complaint(&counted).is_some(), can_validate());
}

#[test]
fn lines_are_those_of_the_module() {
    let source = "#version 450
layout(local_size_x = 1) in;
layout(binding = 0) buffer B { float f[]; } b;
void main() {
    float x = b.f[0];
    x = x * x;
    b.f[1] = x + 1.0;
}";
    for arguments in [&["-g"][..], &["-gVS"]] {
        let Some(words) = glslang(source, arguments) else { return };
        let kernel = SpirvKernel::read("written", &words, "main", &HashMap::new(), None).unwrap();
        let lines = kernel.table().lines(&vec![1; kernel.table().blocks().len()]);
        let ops: Vec<_> = lines.iter().map(|(&line, of)| (line, of.cost.ops)).collect();
        let expected =
            [(5, OpCounts::ZERO), (6, OpCounts::f32(Op::Mul, 1)), (7, OpCounts::f32(Op::Add, 1))];
        assert_eq!(ops, expected, "{arguments:?}");
    }
}

#[test]
fn an_address_needs_no_descriptor_and_a_binding_no_address() {
    let Some(words) = glslang(KERNELS[1], &[]) else { return };
    let kernel = SpirvKernel::read("written", &words, "main", &HashMap::new(), None).unwrap();
    let counting = |counters| {
        let means = Means { counters, wide_atomics: false, subgroups: false };
        kernel.counting(&means).unwrap()
    };
    // The memory model with 64-bit addresses, and a decoration of something as in set 3.
    let addressed = |words: &[u32]| words.windows(2).any(|words| words == [3 << 16 | 14, 5348]);
    let bound = |words: &[u32]| words.windows(4).any(|words| matches!(words, [0x4_0047, _, 34, 3]));
    let words = counting(Counters::Address(64));
    assert!(addressed(&words) && !bound(&words));
    let words = counting(Counters::Binding { set: 3, binding: 9 });
    assert!(bound(&words) && !addressed(&words));
    assert_eq!(kernel.table().invocations([2, 1, 1]), 128);
}
