//! Textures and samplers as a user of `flopmeter shader` and `check` binds them, and how what does not fit is refused.

use std::fs;

use super::{floats, refused, report, shader, written};
use crate::command::flopmeter;

/// Halves a plane, adds what a sampler finds beside each texel to another, and says how large the plane is.
const HALVED: &str = "
@group(0) @binding(0) var plane: texture_2d<f32>;
@group(0) @binding(1) var how: sampler;
@group(0) @binding(2) var half: texture_storage_2d<rgba8unorm, write>;
@group(0) @binding(3) var sum: texture_storage_2d<r32float, read_write>;
@compute @workgroup_size(4, 4)
fn main(@builtin(global_invocation_id) id: vec3<u32>) {
    let size = textureDimensions(plane);
    if any(id.xy >= size) { return; }
    textureStore(half, id.xy, 0.5 * textureLoad(plane, id.xy, 0));
    let beside = textureSampleLevel(plane, how, (vec2<f32>(id.xy) + 1.25) / vec2<f32>(size), 0.0);
    textureStore(sum, id.xy, textureLoad(sum, id.xy) + beside);
}";

const BOUND: [&str; 4] = [
    "--dispatch=2,1",
    "--bind=0.0=texture:6x3:rgba8unorm:random",
    "--bind=0.2=texture:6x3",
    "--bind=0.3=texture:6x3:iota",
];

#[test]
fn textures_are_filled_counted_and_written() {
    let folder = tempfile::tempdir().unwrap();
    let file = written(&folder, "halved.wgsl", HALVED);
    let [plane, half, sum] = ["plane", "half.npy", "sum"].map(|name| folder.path().join(name));
    let dumps = [
        format!("--dump=0.0={}", plane.display()),
        format!("--dump=0.2={}", half.display()),
        format!("--dump=0.3={}", sum.display()),
    ];
    let dumps = dumps.each_ref().map(String::as_str);
    for adapter in ["--adapter=auto", "--adapter=embedded"] {
        let found = report(&[&[&*file, adapter], &BOUND[..], &dumps].concat());
        let bind = serde_json::json!({
            "0.0": "texture:6x3:rgba8unorm:random",
            "0.1": "sampler:nearest:clamp",
            "0.2": "texture:6x3:rgba8unorm:zeros",
            "0.3": "texture:6x3:r32float:iota",
        });
        assert_eq!(found["bind"], bind);
        // 18 texels: a load and a sample of 16 bytes, a load of 4, and two stores of 4.
        let traffic = serde_json::json!({"texture.load_bytes": 648, "texture.store_bytes": 144});
        assert_eq!(found["traffic"], traffic);
        assert_eq!(found["ops"]["int.sample"], 18);
        assert_eq!(found["bindings"][0]["bytes"], 72);
        let plane = floats(&plane);
        assert_eq!(plane.len(), 72);
        assert!(plane.iter().all(|x| (0.0..=1.0).contains(x)) && plane.iter().any(|&x| x > 0.6));
        let npy = fs::read(&half).unwrap();
        let head = String::from_utf8_lossy(&npy[..128]).into_owned();
        assert!(head.contains("(3, 6, 4,)") && head.contains("<f4"), "{head}");
        let halves = npy[npy.len() - 4 * 72..].as_chunks::<4>().0.iter();
        for (half, whole) in halves.zip(&plane) {
            let off = f32::from_le_bytes(*half) - 0.5 * whole;
            assert!(off.abs() <= 0.501 / 255.0, "{off}");
        }
        let sum = floats(&sum);
        for (at, sum) in sum.iter().enumerate() {
            let (x, y) = (at % 6, at / 6);
            let beside = plane[4 * ((y + 1).min(2) * 6 + (x + 1).min(5))];
            // A driver may round once more where it makes a fraction of an integer.
            let off = (sum - (at as f32 + beside)).abs();
            assert!(off <= f32::EPSILON * sum.max(1.0), "{at} with {adapter}: {off}");
        }
    }
}

/// A texture has its size, so that no count is said of what fills it.
#[test]
fn whole_numbers_of_a_range_fill_a_texture() {
    let folder = tempfile::tempdir().unwrap();
    let file = written(&folder, "halved.wgsl", HALVED);
    let plane = folder.path().join("plane");
    let dump = format!("--dump=0.0={}", plane.display());
    let bind = "--bind=0.0=texture:6x3:random:3..5";
    let found = report(&[&*file, "--adapter=embedded", BOUND[0], bind, BOUND[2], BOUND[3], &dump]);
    assert_eq!(found["bind"]["0.0"], "texture:6x3:rgba32float:random:3..5");
    let plane = floats(&plane);
    assert_eq!(plane.len(), 72);
    assert!(plane.iter().all(|x| [3.0, 4.0].contains(x)) && plane.contains(&3.0), "{plane:?}");
}

/// An image is saved as a byte for each channel, and read as what those stand for.
#[test]
fn bytes_fill_a_texture_of_a_byte_a_channel() {
    let folder = tempfile::tempdir().unwrap();
    let source = "
        @group(0) @binding(0) var image: texture_2d<f32>;
        @group(0) @binding(1) var<storage, read_write> x: array<vec4<f32>>;
        @compute @workgroup_size(1) fn main(@builtin(workgroup_id) id: vec3<u32>) {
            x[id.y * 3u + id.x] = textureLoad(image, id.xy, 0);
        }";
    let file = written(&folder, "read.wgsl", source);
    let bytes: Vec<u8> = (0..24).map(|i| 11 * i).collect();
    let [image, left] = ["image", "left"].map(|name| folder.path().join(name));
    fs::write(&image, &bytes).unwrap();
    let bind = format!("--bind=0.0=texture:3x2:rgba8unorm:file:{}", image.display());
    let dump = format!("--dump=0.1={}", left.display());
    let run = ["--dispatch=3,2", "--bind=0.1=zeros:24", "--adapter=embedded"];
    report(&[&[&*file, &bind, &dump], &run[..]].concat());
    let stood_for: Vec<f32> = bytes.iter().map(|&byte| f32::from(byte) / 255.0).collect();
    assert_eq!(floats(&left), stood_for);
}

/// The same bytes say what a texture should hold.
#[test]
fn bytes_are_expected_of_a_texture_of_a_byte_a_channel() {
    let folder = tempfile::tempdir().unwrap();
    let source = "
        @group(0) @binding(0) var image: texture_2d<f32>;
        @group(0) @binding(1) var copy: texture_storage_2d<rgba8unorm, write>;
        @compute @workgroup_size(1) fn main(@builtin(workgroup_id) id: vec3<u32>) {
            textureStore(copy, id.xy, textureLoad(image, id.xy, 0));
        }";
    let file = written(&folder, "copy.wgsl", source);
    let bytes: Vec<u8> = (0..24).map(|i| 11 * i).collect();
    let [image, other] = ["image", "other"].map(|name| folder.path().join(name));
    fs::write(&image, &bytes).unwrap();
    fs::write(&other, [&bytes[1..], &[0]].concat()).unwrap();
    let bind = format!("--bind=0.0=texture:3x2:rgba8unorm:file:{}", image.display());
    let run = ["--dispatch=3,2", "--bind=0.1=texture:3x2", "--adapter=embedded", "--repeat=0"];
    for (wanted, code) in [(&image, 0), (&other, 1)] {
        let expect = format!("--expect=0.1={}", wanted.display());
        flopmeter(&[&["shader", &*file, &bind, &expect][..], &run].concat()).assert().code(code);
    }
}

#[test]
fn every_executor_leaves_the_same_in_textures() {
    let folder = tempfile::tempdir().unwrap();
    let file = written(&folder, "halved.wgsl", HALVED);
    let arguments = [&["check", &*file][..], &BOUND].concat();
    flopmeter(&arguments).assert().success();
    // Drivers weigh texels by fewer bits.
    flopmeter(&[&arguments[..], &["--bind=0.1=sampler:linear:mirror"]].concat()).assert().success();
    // What an earlier run left is expected of the next, and is not what another left.
    let left = folder.path().join("left.npy");
    let dump = format!("--dump=0.3={}", left.display());
    report(&[&[&*file, "--adapter=embedded", &dump], &BOUND[..]].concat());
    // Singles, as a driver makes them of integers.
    let expect = format!("--expect=0.3={}:1e-6", left.display());
    flopmeter(&[&arguments[..], &[&expect]].concat()).assert().success();
    let linear = flopmeter(&[&arguments[..], &[&expect, "--bind=0.1=sampler:linear"]].concat())
        .assert()
        .code(1);
    let text = String::from_utf8_lossy(&linear.get_output().stdout).into_owned();
    assert!(text.contains("FAIL") && text.contains("'sum'"), "{text}");
}

#[test]
fn textures_that_do_not_fit_are_named_with_what_to_say_instead() {
    let folder = tempfile::tempdir().unwrap();
    let file = written(&folder, "halved.wgsl", HALVED);
    let with = |binding: &str, says: &[&str]| {
        let given = format!("--bind={binding}");
        let key = &given[..10];
        let mut arguments = vec![&*file, "--adapter=embedded", &*given];
        arguments.extend(BOUND.iter().filter(|other| !other.starts_with(key)));
        refused(&arguments, says);
    };
    let without = [&*file, "--adapter=embedded", BOUND[0], BOUND[2], BOUND[3]];
    refused(&without, &["'plane'", "no fixed size", "--bind 0.0=texture:WIDTHxHEIGHT"]);
    with("0.0=texture", &["'' is no size of a texture", "texture:WIDTHxHEIGHT"]);
    with("0.0=texture:6x0", &["'6x0' is no size", "from 1 to 16384"]);
    with("0.0=texture:6x3x2", &["2 extents", "texture:WIDTHxHEIGHT"]);
    with("0.0=texture:6x3:rgba9unorm", &["'rgba9unorm' is no format", "rgba8unorm"]);
    with("0.0=texture:6x3:rgba8uint", &["other numbers than the u32 of rgba8uint"]);
    with("0.0=texture:6x3:values:1,2", &["72 scalars, not 2"]);
    with("0.0=texture:6x3:random:7..7", &["'7..7' is no LOW..HIGH"]);
    with("0.0=zeros:18", &["it is a texture", "texture:WIDTHxHEIGHT"]);
    with("0.0=sampler", &["it is a texture"]);
    with("0.1=texture:6x3", &["it is a sampler", "sampler:linear"]);
    with("0.1=sampler:cubic", &["'cubic' is nothing that a sampler does", "nearest or linear"]);
    with("0.2=texture:6x3:rgba8snorm", &["declares rgba8unorm, not rgba8snorm"]);
    let dumped = [&[&*file, "--adapter=embedded", "--dump=0.1=/dev/null"], &BOUND[..]].concat();
    refused(&dumped, &["0.1 is a sampler"]);
    let product = ["--bind=0.0=texture:2x1", "--dispatch=1", "--adapter=embedded"];
    refused(&[&[super::PRODUCT], &product[..]].concat(), &["it is a buffer", "zeros:COUNT"]);
    let kinds = [
        ("texture_depth_2d", "a depth texture"),
        ("texture_cube<f32>", "a cube texture"),
        ("texture_multisampled_2d<f32>", "a multisampled texture"),
        ("texture_storage_2d<rgb10a2unorm, write>", "the format Rgb10a2Unorm"),
    ];
    for (kind, says) in kinds {
        let source = format!(
            "@group(0) @binding(0) var image: {kind};
             @group(0) @binding(1) var<storage, read_write> x: vec2<u32>;
             @compute @workgroup_size(1) fn main() {{ x = textureDimensions(image); }}"
        );
        let file = written(&folder, "kind.wgsl", &source);
        let bind = "--bind=0.0=texture:2x2";
        refused(&[&file, "--dispatch=1", "--adapter=embedded", bind], &["'image' at 0.0", says]);
    }
}

#[test]
fn glsl_has_textures_too_and_a_texel_beyond_the_edge_is_a_finding() {
    let folder = tempfile::tempdir().unwrap();
    let source = "#version 450
layout(local_size_x = 8) in;
layout(binding = 0, r32f) uniform image2D image;
void main() {
    ivec2 at = ivec2(gl_LocalInvocationIndex, 0);
    imageStore(image, at, 2.0 * imageLoad(image, at));
}";
    let file = written(&folder, "image.comp", source);
    let run = |size: &str| {
        let bind = format!("--bind=0.0=texture:{size}:iota");
        shader(&[&file, "--dispatch=1", "--adapter=embedded", &bind])
    };
    run("8x1").assert().success();
    let beyond = run("6x1").assert().code(1);
    let text = String::from_utf8_lossy(&beyond.get_output().stdout).into_owned();
    assert!(text.contains("FAIL") && text.contains("line 6"), "{text}");
}

/// On GL a texture of one dimension would read as nothing.
#[test]
fn a_texture_of_one_dimension_is_refused_on_gl() {
    let folder = tempfile::tempdir().unwrap();
    let source = "
        @group(0) @binding(0) var line: texture_1d<f32>;
        @group(0) @binding(1) var<storage, read_write> x: array<f32, 4>;
        @compute @workgroup_size(4) fn main(@builtin(local_invocation_index) i: u32) {
            x[i] = textureLoad(line, i, 0).x;
        }";
    let file = written(&folder, "line.wgsl", source);
    let x = folder.path().join("x");
    let dump = format!("--dump=0.1={}", x.display());
    let mut command = shader(&[&*file, "--dispatch=1", "--bind=0.0=texture:4:iota", &dump]);
    let assert = command.env("VK_DRIVER_FILES", "/nonexistent").assert();
    let output = assert.get_output();
    let message = String::from_utf8_lossy(&output.stderr);
    if output.status.success() {
        // Nothing but the embedded executor is there.
        assert_eq!(floats(&x), [0.0, 4.0, 8.0, 12.0]);
    } else {
        assert!(message.contains("a texture of one dimension"), "{message}");
    }
}

/// Not every adapter weighs singles, which textures are of where no format is said: Mesa's GL, which is there where no
/// Vulkan driver is, does not.
#[test]
fn a_texture_of_any_format_is_read_where_the_nearest_texel_is() {
    let folder = tempfile::tempdir().unwrap();
    let source = "
        @group(0) @binding(0) var plane: texture_2d<f32>;
        @group(0) @binding(1) var how: sampler;
        @group(1) @binding(0) var<uniform> most: u32;
        @group(1) @binding(2) var<storage> by: f32;
        @group(1) @binding(3) var<storage, read_write> x: array<f32, 8>;
        @compute @workgroup_size(8) fn main(@builtin(local_invocation_index) i: u32) {
            let at = (vec2<f32>(vec2(i % 4u, i / 4u)) + 0.5) / vec2<f32>(4.0, 2.0);
            if i < most { x[i] = by * textureSampleLevel(plane, how, at, 0.0).y; }
        }";
    let file = written(&folder, "sampled.wgsl", source);
    let x = folder.path().join("x");
    let dump = format!("--dump=1.3={}", x.display());
    let arguments = |plane: &'static str| {
        let bound = ["--bind=1.0=values:7", "--bind=1.2=values:2", "--repeat=0", "--dispatch=1"];
        [&[&*file, &*dump, plane], &bound[..]].concat().into_iter().map(str::to_owned)
    };
    for driver in [None, Some("/nonexistent")] {
        let run = |plane: &'static str, sampler: &str| {
            let mut command = shader(&[]);
            command.args(arguments(plane)).arg(format!("--bind=0.1={sampler}"));
            if let Some(driver) = driver {
                command.env("VK_DRIVER_FILES", driver);
            }
            command.assert()
        };
        run("--bind=0.0=texture:4x2:iota", "sampler").success();
        // Of four channels the second.
        assert_eq!(floats(&x), [2.0, 10.0, 18.0, 26.0, 34.0, 42.0, 50.0, 0.0], "{driver:?}");
        run("--bind=0.0=texture:4x2:rgba16float:iota", "sampler").success();
        assert_eq!(floats(&x)[..7], [2.0, 10.0, 18.0, 26.0, 34.0, 42.0, 50.0], "{driver:?}");
        run("--bind=0.0=texture:4x2:rgba16float:iota", "sampler:linear").success();
        let linear = run("--bind=0.0=texture:4x2:iota", "sampler:linear");
        let output = linear.get_output();
        let message = String::from_utf8_lossy(&output.stderr);
        let says = message.contains("rgba32float") && message.contains("the format rgba16float");
        assert!(output.status.success() || says, "{driver:?}: {message}");
    }
}
