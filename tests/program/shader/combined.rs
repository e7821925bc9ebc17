//! Textures and samplers of GLSL that a compiler is needed for, and of SPIR-V: a sampler that GLSL combines with its texture
//! is bound by itself, and everything is as the same kernel in WGSL.

use super::{floats, members::compiled, refused, report, shader, written};
use crate::command::flopmeter;

const WGSL: &str = "
@group(0) @binding(0) var plane: texture_2d<f32>;
@group(0) @binding(1) var sums: texture_storage_2d<r32float, read_write>;
@group(0) @binding(2) var<storage, read_write> x: array<vec4<f32>>;
@group(0) @binding(3) var how: sampler;
fn beside(at: vec2<u32>) -> vec4<f32> {
    return textureSampleLevel(plane, how, (vec2<f32>(at) + 1.25) / vec2<f32>(textureDimensions(plane)), 0.0);
}
@compute @workgroup_size(4, 4)
fn main(@builtin(local_invocation_id) id: vec3<u32>) {
    let sum = beside(id.xy) + textureLoad(plane, id.xy, 0);
    textureStore(sums, id.xy, textureLoad(sums, id.xy) + sum);
    x[id.y * 4 + id.x] = sum * 0.5;
}";

const GLSL: &str = "#version 450
layout(local_size_x = 4, local_size_y = 4) in;
layout(binding = 0) uniform sampler2D plane;
layout(binding = 1, r32f) uniform image2D sums;
layout(binding = 2) buffer Out { vec4 x[]; };
vec4 beside(sampler2D from, uvec2 at) {
    return texture(from, (vec2(at) + 1.25) / vec2(textureSize(from, 0)));
}
void main() {
    uvec2 id = gl_LocalInvocationID.xy;
    vec4 sum = beside(plane, id) + texelFetch(plane, ivec2(id), 0);
    imageStore(sums, ivec2(id), imageLoad(sums, ivec2(id)) + sum);
    x[id.y * 4 + id.x] = sum * 0.5;
}";

const BOUND: [&str; 4] = [
    "--dispatch=1",
    "--bind=0.0=texture:4x4:random",
    "--bind=0.1=texture:4x4:iota",
    "--bind=0.2=zeros:64",
];

#[test]
fn a_combined_image_sampler_is_a_texture_and_a_sampler() {
    let folder = tempfile::tempdir().unwrap();
    let wgsl = written(&folder, "kernel.wgsl", WGSL);
    let Some(spirv) = compiled(&folder, "module", GLSL) else { return };
    let glsl = written(&folder, "kernel.comp", GLSL);
    let adapters = if common::gpu().is_some() { &["auto", "embedded"][..] } else { &["embedded"] };
    let [x, sums] = ["x", "sums"].map(|name| folder.path().join(name));
    let dumps = [format!("--dump=0.2={}", x.display()), format!("--dump=0.1={}", sums.display())];
    let dumps = dumps.each_ref().map(String::as_str);
    for sampler in ["sampler:nearest:repeat", "sampler:nearest:clamp"] {
        let bind = format!("--bind=0.3={sampler}");
        let ran = |file: &str, adapter: &str| {
            let run = [file, "--adapter", adapter, &bind, "--repeat=0"];
            let found = report(&[&run[..], &BOUND, &dumps].concat());
            assert_eq!(found["bind"]["0.3"], sampler);
            let floats_of = |found: &serde_json::Value| {
                let mut ops = found["ops"].as_object().unwrap().clone();
                ops.retain(|op, _| op.starts_with("f32.") || op == "int.sample");
                (ops, found["traffic"].clone())
            };
            (floats_of(&found), floats(&x), floats(&sums))
        };
        let wanted = ran(&wgsl, "embedded");
        // 16 invocations: a sample and a load of 16 bytes, a load and a store of 4, and a store of 16 to the buffer.
        assert_eq!(
            wanted.0.1,
            serde_json::json!({
                "storage.store_bytes": 256, "texture.load_bytes": 576, "texture.store_bytes": 64
            })
        );
        for adapter in adapters {
            for file in [&wgsl, &glsl, &spirv] {
                assert_eq!(ran(file, adapter), wanted, "{file} on {adapter}");
            }
        }
    }
    // Lines are those of the text, and each executor that there is agrees.
    let found = report(&[&[&*glsl, "--adapter=embedded"], &BOUND[..]].concat());
    let lines = found["lines"].as_array().unwrap();
    let fetch = lines.iter().find(|line| line["line"] == 11).unwrap();
    assert_eq!(fetch["executions"], 16, "{fetch}");
    for file in [&glsl, &spirv] {
        let check = [&["check", &**file], &BOUND[..]].concat();
        flopmeter(&check).assert().success();
        flopmeter(&[&check[..], &["--bind=0.3=sampler:linear"]].concat()).assert().success();
    }
}

#[test]
fn the_sampler_that_was_combined_is_listed() {
    let folder = tempfile::tempdir().unwrap();
    let Some(spirv) = compiled(&folder, "module", GLSL) else { return };
    let listed = shader(&[&spirv]).assert().success();
    let listed = String::from_utf8_lossy(&listed.get_output().stdout).into_owned();
    let words: Vec<&str> = listed.split_whitespace().collect();
    let listed = words.join(" ");
    for row in [
        "0.0 plane handle texture_2d<f32>",
        "0.1 sums handle texture_storage_2d<r32float,read_write>",
        "0.3 plane_sampler handle sampler",
    ] {
        assert!(listed.contains(row), "{listed}");
    }
}

#[test]
fn what_cannot_be_bound_of_them_is_named_with_the_way_out() {
    let folder = tempfile::tempdir().unwrap();
    let declared = "#version 450
        layout(local_size_x = 4) in;
        layout(binding = 0) uniform samplerBuffer texels;
        layout(binding = 1) writeonly uniform image2D unstated;
        layout(binding = 2) uniform sampler2DShadow shadow;
        layout(binding = 3) uniform samplerCube cube;
        layout(binding = 4) uniform isampler2D numbers;
        layout(binding = 5) uniform sampler2DArray planes;
        layout(binding = 6, r32ui) uniform uimage2D counts;
        layout(binding = 9) buffer Out { float x[]; };
        void main() { x[0] = ";
    let refused = |name: &str, does: &str, bind: &[&str], says: &[&str]| {
        let Some(file) = compiled(&folder, name, &format!("{declared}{does}; }}")) else { return };
        refused(&[&[&*file, "--dispatch=1", "--bind=0.9=zeros:4"], bind].concat(), says);
    };
    refused("texels", "texelFetch(texels, 0).x", &[], &["'texels' at 0.0", "a storage buffer"]);
    let stores = "0.0; imageStore(unstated, ivec2(0), vec4(1))";
    refused("unstated", stores, &["--bind=0.1=texture:4x4"], &["'unstated' at 0.1", "a format"]);
    let shadow = "texture(shadow, vec3(0))";
    refused("shadow", shadow, &["--bind=0.2=texture:4x4"], &["'shadow' at 0.2", "a depth texture"]);
    refused("cube", "texture(cube, vec3(0)).x", &[], &["'cube' at 0.3", "a cube texture"]);
    let linear = ["--bind=0.4=texture:4x4", "--bind=0.10=sampler:linear"];
    let samples = "float(texture(numbers, vec2(0)).x)";
    refused("numbers", samples, &linear, &["'numbers_sampler'", "sampler:nearest"]);
    let atomic = "float(imageAtomicAdd(counts, ivec2(0), 2u))";
    let texels = "--bind=0.6=texture:4x4";
    refused("atomic", atomic, &[texels], &["'counts' at 0.6", "a texture with atomics"]);
    // What naga's reader makes something else of runs on devices alone.
    let embedded = ["--adapter=embedded", "--bind=0.5=texture:4x4x2"];
    let layer = "texture(planes, vec3(0.5)).x";
    refused("layer", layer, &embedded, &["which rounds the layer of an array"]);
    let beside = "texelFetchOffset(planes, ivec3(0), 0, ivec2(1)).x";
    refused("beside", beside, &embedded, &["OpImageFetch at an offset"]);
}

/// What naga's reader has to be helped with, and what a sampler does beside reading.
#[test]
fn texels_are_read_in_every_way_that_executors_have() {
    let folder = tempfile::tempdir().unwrap();
    let declared = "#version 450
        layout(local_size_x = 8) in;
        layout(binding = 0) uniform sampler2D plane;
        layout(binding = 1) uniform sampler2DArray planes;
        layout(binding = 2, r32f) coherent volatile uniform image2D shared_;
        layout(binding = 3) uniform isampler2D numbers;
        layout(binding = 4) buffer Out { vec4 x[]; };
        vec4 other(isampler2D from, int i) { return vec4(texelFetch(from, ivec2(i & 3, 1), 0)); }
        void main() { int i = int(gl_LocalInvocationIndex); x[i] = ";
    let texture = |binding: u32, of: &str| format!("--bind=0.{binding}=texture:{of}");
    let plane = texture(0, "4x4:iota");
    let cases = [
        ("textureProj(plane, vec3(float(i) * 0.5 + 0.25, 0.75, 2.0))", vec![plane.clone()], 16),
        ("texelFetch(planes, ivec3(1, 2, i & 1), 0)", vec![texture(1, "4x4x2:iota")], 0),
        ("imageLoad(shared_, ivec2(i, 0))", vec![texture(2, "8x1:iota")], 0),
        (
            "other(numbers, i) + texture(plane, vec2(0.3))",
            vec![plane, texture(3, "4x4:iota"), "--bind=0.5=sampler:linear".to_owned()],
            0,
        ),
    ];
    for (index, (does, bind, divisions)) in cases.iter().enumerate() {
        let source = format!("{declared}{does}; }}");
        let Some(file) = compiled(&folder, &format!("case{index}"), &source) else { return };
        let bind: Vec<&str> = bind.iter().map(String::as_str).collect();
        let run = [&[&*file, "--dispatch=1", "--bind=0.4=zeros:32"], &bind[..]].concat();
        let adapters: &[&str] =
            if common::gpu().is_some() { &["auto", "embedded"] } else { &["embedded"] };
        for adapter in adapters {
            let found = report(&[&run[..], &["--adapter", adapter, "--repeat=0"]].concat());
            assert_eq!(
                found["ops"]["f32.div"].as_u64().unwrap_or(0),
                *divisions,
                "{does} {adapter}"
            );
        }
        flopmeter(&[&["check"], &run[..]].concat()).assert().success();
    }
}
