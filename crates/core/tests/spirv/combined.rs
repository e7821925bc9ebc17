//! Combined image samplers, taken apart: what is bound then, that it is a module still, and that it costs the same.

use std::collections::HashMap;

use flopmeter_core::spirv::SpirvModule;
use naga::{ImageClass, ImageDimension, ScalarKind, StorageAccess, StorageFormat, TypeInner};

use crate::{
    hand::cost,
    tools::{assembled, glslang, validate},
};

/// Reads through samplers of its own, of a parameter, and of the parameter of a parameter.
const SOURCE: &str = "#version 450
    layout(local_size_x = 8) in;
    layout(set = 1, binding = 4) uniform sampler2D color;
    layout(set = 1, binding = 0) uniform usampler3D volume;
    layout(set = 0, binding = 2) uniform sampler2DArray planes;
    layout(set = 0, binding = 3, rgba16f) uniform image2D target;
    layout(set = 0, binding = 6) uniform texture2D alone;
    layout(set = 0, binding = 7) uniform sampler how;
    layout(set = 0, binding = 8) buffer Out { vec4 x[]; };
    vec4 deeper(vec2 at, sampler2D inner, float level) { return textureLod(inner, at, level); }
    vec4 read(sampler2D outer, vec2 at) {
        vec4 sum = deeper(at, outer, 0.0);
        for (int i = 0; i < 3; ++i) { sum += deeper(at / vec2(textureSize(outer, 0)), outer, 0.0); }
        return sum + texelFetch(outer, ivec2(at), 0);
    }
    void main() {
        uint i = gl_LocalInvocationIndex;
        vec2 at = vec2(i, 2) * 0.125;
        vec4 sum = read(color, at) + textureGather(color, at, 2) + texture(planes, vec3(at, 1));
        if (i > 2) { sum += vec4(texture(volume, vec3(at, 0.5))); }
        sum += texture(sampler2D(alone, how), at);
        imageStore(target, ivec2(i, 0), sum);
        x[i] = sum;
    }";

#[test]
fn an_image_and_a_sampler_stand_where_both_were_combined() {
    for arguments in [&["--target-env", "vulkan1.1"][..], &["-g"], &["-Od"]] {
        let Some(words) = glslang(SOURCE, arguments) else { return };
        let combined = SpirvModule { name: "combined".to_owned(), words };
        let apart = combined.clone().apart().unwrap();
        validate(&apart.words);
        let interface = apart.interface("main").unwrap();
        let bound = interface.resources.iter().map(|its| (&*its.name, its.group, its.binding));
        let mut bound: Vec<_> = bound.collect();
        bound.sort_unstable();
        let wanted = [
            ("Out", 0, 8),
            ("alone", 0, 6),
            ("color", 1, 4),
            // Which of two behind all others of a set is whose, goes by the order of the module.
            ("color_sampler", 1, 5),
            ("how", 0, 7),
            ("planes", 0, 2),
            ("planes_sampler", 0, 9),
            ("target", 0, 3),
            ("volume", 1, 0),
            ("volume_sampler", 1, 6),
        ];
        assert_eq!(bound, wanted);
        let handle = |group: u32, binding: u32| &interface.handles[&(group, binding)];
        let image = |dim, arrayed, class| TypeInner::Image { dim, arrayed, class };
        let sampled = |kind| ImageClass::Sampled { kind, multi: false };
        let plane = image(ImageDimension::D2, false, sampled(ScalarKind::Float));
        assert_eq!((handle(1, 4), handle(0, 6)), (&plane, &plane));
        assert_eq!(*handle(0, 2), image(ImageDimension::D2, true, sampled(ScalarKind::Float)));
        assert_eq!(*handle(1, 0), image(ImageDimension::D3, false, sampled(ScalarKind::Uint)));
        let (format, access) = (StorageFormat::Rgba16Float, StorageAccess::STORE);
        let stored = ImageClass::Storage { format, access };
        assert_eq!(*handle(0, 3), image(ImageDimension::D2, false, stored));
        for (group, binding) in [(1, 5), (0, 7), (0, 9), (1, 6)] {
            assert_eq!(*handle(group, binding), TypeInner::Sampler { comparison: false });
        }
        assert_eq!(interface.integer_samplers, [(1, 6)].into());
        let prices =
            [&combined, &apart].map(|its| cost(&its.words, &HashMap::new(), None).unwrap());
        assert_eq!(prices[0], prices[1]);
        // What is apart stays as it is.
        assert_eq!(apart.clone().apart().unwrap().words, apart.words);
    }
}

/// One of an array stays what it is, for whoever binds it to refuse; a function cannot be given it.
#[test]
fn one_of_several_stays_combined() {
    let source = |does: &str| {
        format!(
            "#version 450
             layout(binding = 0) uniform sampler2D colors[4];
             layout(binding = 1) buffer Out {{ vec4 x; }};
             layout(binding = 2) uniform sampler2D other;
             vec4 read(sampler2D from) {{ return texture(from, vec2(0)); }}
             void main() {{ x = {does}; }}"
        )
    };
    let does = "texture(colors[2], vec2(0)) + read(other)";
    let Some(words) = glslang(&source(does), &[]) else { return };
    let apart = SpirvModule { name: "several".to_owned(), words }.apart().unwrap();
    validate(&apart.words);
    assert_eq!(apart.interface("main").unwrap().arrays, [(0, 0)].into());
    let words = glslang(&source("read(colors[2])"), &[]).unwrap();
    let refused = SpirvModule { name: "several".to_owned(), words }.apart().unwrap_err();
    let refused = refused.to_string();
    assert!(refused.contains("'colors'") && refused.contains("a variable of its own"), "{refused}");
}

/// What compilers say of a value that was loaded goes with it, what they say of a variable for debuggers stays, and a function
/// that takes an image and a sampler already has another type.
#[test]
fn a_module_is_valid_whatever_is_said_of_what_was_combined() {
    let precise = "#version 310 es
        precision mediump float;
        layout(local_size_x = 4) in;
        layout(binding = 0) uniform mediump sampler2D color;
        layout(binding = 1) buffer Out { highp vec4 x[]; };
        mediump vec4 read(mediump sampler2D from, vec2 at) { return textureLod(from, at, 0.0); }
        void main() { x[0] = read(color, vec2(0.25)); }";
    let both = "#version 450
        layout(binding = 0) uniform sampler2D color;
        layout(binding = 1) buffer Out { vec4 x[]; };
        layout(binding = 3) uniform texture2D alone;
        layout(binding = 4) uniform sampler how;
        vec4 f(sampler2D from) { return texture(from, vec2(0.25)); }
        vec4 g(texture2D from, sampler by) { return texture(sampler2D(from, by), vec2(0.5)); }
        void main() { x[0] = f(color) + g(alone, how); }";
    for source in [precise, both, SOURCE] {
        for arguments in [&[][..], &["-g"], &["-gV"], &["-gVS"]] {
            let Some(words) = glslang(source, arguments) else { return };
            let combined = SpirvModule { name: "said".to_owned(), words };
            validate(&combined.words);
            let apart = combined.apart().unwrap();
            validate(&apart.words);
            let resources = apart.interface("main").unwrap().resources;
            assert!(resources.iter().any(|its| its.name == "color_sampler"), "{resources:?}");
        }
    }
}

/// A kernel with one texture; what it does with that, and what is said of it, is put in.
fn listing(said: &str, depth: u32, does: &str, functions: &str) -> String {
    format!(
        "OpCapability Shader
         OpMemoryModel Logical GLSL450
         OpEntryPoint GLCompute %main \"main\"
         OpExecutionMode %main LocalSize 4 1 1
         OpName %color \"color\"
         OpName %block \"block\"
         OpDecorate %array ArrayStride 16
         OpMemberDecorate %block 0 Offset 0
         OpDecorate %block Block
         OpDecorate %out DescriptorSet 0
         OpDecorate %out Binding 1
         {said}
         %void = OpTypeVoid
         %fn = OpTypeFunction %void
         %float = OpTypeFloat 32
         %uint = OpTypeInt 32 0
         %vec2 = OpTypeVector %float 2
         %vec4 = OpTypeVector %float 4
         %image = OpTypeImage %float 2D {depth} 0 0 1 Unknown
         %both = OpTypeSampledImage %image
         %place = OpTypePointer UniformConstant %both
         %array = OpTypeRuntimeArray %vec4
         %block = OpTypeStruct %array
         %block_place = OpTypePointer StorageBuffer %block
         %texel_place = OpTypePointer StorageBuffer %vec4
         %out = OpVariable %block_place StorageBuffer
         %0 = OpConstant %uint 0
         %zero = OpConstant %float 0
         %at = OpConstantComposite %vec2 %zero %zero
         %reads = OpTypeFunction %vec4 %both
         %color = OpVariable %place UniformConstant
         %main = OpFunction %void None %fn
         %entry = OpLabel
         %loaded = OpLoad %both %color
         {does}
         %x = OpAccessChain %texel_place %out %0 %0
         OpStore %x %texel
         OpReturn
         OpFunctionEnd
         {functions}"
    )
}

const AT: &str = "OpDecorate %color DescriptorSet 0\nOpDecorate %color Binding 0";
const SAMPLED: &str = "%texel = OpImageSampleExplicitLod %vec4 %loaded %at Lod %zero";

#[test]
fn decorations_of_a_group_are_those_of_each_that_is_in_it() {
    let grouped = "OpDecorate %group DescriptorSet 0
         OpDecorate %group Binding 0
         %group = OpDecorationGroup
         OpGroupDecorate %group %color";
    for said in [AT, grouped] {
        let Some(words) = assembled(&listing(said, 0, SAMPLED, "")) else { return };
        let bytes: Vec<u8> = words.iter().flat_map(|word| word.to_le_bytes()).collect();
        let module = SpirvModule::read("group", &bytes).unwrap().apart().unwrap();
        validate(&module.words);
        let bound = module.interface("main").unwrap().resources;
        let bound: Vec<_> = bound.iter().map(|its| (&*its.name, its.group, its.binding)).collect();
        assert_eq!(bound, [("color", 0, 0), ("block", 0, 1), ("color_sampler", 0, 2)]);
    }
}

#[test]
fn a_copy_of_what_was_loaded_is_it() {
    let copied = "%copy = OpCopyObject %both %loaded
         OpBranch %next
         %next = OpLabel
         %texel = OpImageSampleExplicitLod %vec4 %copy %at Lod %zero";
    let Some(words) = assembled(&listing(AT, 0, copied, "")) else { return };
    let module = SpirvModule { name: "copied".to_owned(), words }.apart().unwrap();
    validate(&module.words);
}

#[test]
fn one_that_is_passed_by_value_is_refused_by_name() {
    let does = "%texel = OpFunctionCall %vec4 %read %loaded";
    let function = "%read = OpFunction %vec4 None %reads
         %given = OpFunctionParameter %both
         %first = OpLabel
         %sampled = OpImageSampleExplicitLod %vec4 %given %at Lod %zero
         OpReturnValue %sampled
         OpFunctionEnd";
    let Some(words) = assembled(&listing(AT, 0, does, function)) else { return };
    let refused = SpirvModule { name: "value".to_owned(), words }.apart().unwrap_err().to_string();
    assert!(refused.contains("OpFunctionParameter"), "{refused}");
}

/// Whether an image is one of depths is left open by some compilers, and what is done with it says.
#[test]
fn an_image_whose_texels_are_compared_is_one_of_depths() {
    let compared = "%depth = OpImageSampleDrefExplicitLod %float %loaded %at %zero Lod %zero
         %texel = OpCompositeConstruct %vec4 %depth %depth %depth %depth";
    for (does, is_compared) in [(SAMPLED, false), (compared, true)] {
        let Some(words) = assembled(&listing(AT, 2, does, "")) else { return };
        let module = SpirvModule { name: "depth".to_owned(), words }.apart().unwrap();
        let handle = &module.interface("main").unwrap().handles[&(0, 0)];
        let TypeInner::Image { class, .. } = handle else { panic!("{handle:?}") };
        assert_eq!(matches!(class, ImageClass::Depth { multi: false }), is_compared, "{class:?}");
    }
}
