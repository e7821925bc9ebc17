//! Combined image samplers, taken apart: what is bound then, that it is a module still, and that it costs the same.

use std::collections::HashMap;

use flopmeter_core::spirv::SpirvModule;
use naga::{ImageClass, ImageDimension, ScalarKind, StorageAccess, StorageFormat, TypeInner};

use crate::{
    hand::cost,
    tools::{glslang, validate},
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

#[test]
fn one_of_several_is_refused_by_the_name_of_all() {
    let source = "#version 450
    layout(binding = 0) uniform sampler2D colors[4];
    layout(binding = 1) buffer Out { vec4 x; };
    void main() { x = texture(colors[2], vec2(0)); }";
    let Some(words) = glslang(source, &[]) else { return };
    let refused = SpirvModule { name: "several".to_owned(), words }.apart().unwrap_err();
    let refused = refused.to_string();
    assert!(refused.contains("'colors'") && refused.contains("a variable of its own"), "{refused}");
}
