//! Textures: texels in the size of the format that the shader states, else as the shader gets them, and samples.

use flopmeter::{
    execute::Limits,
    instrument::instrument,
    observe::KernelLaunch,
    op::{Cost, Traffic},
    shader::{ShaderRequest, run},
};

use super::{super::harness::kernel, Ops, ops};

const DECLARATIONS: &str = "
@group(0) @binding(0) var plane: texture_2d<f32>;
@group(0) @binding(1) var whole: texture_3d<u32>;
@group(0) @binding(2) var small: texture_storage_2d<rgba8unorm, write>;
@group(0) @binding(3) var kept: texture_storage_1d<r32sint, read_write>;
@group(0) @binding(4) var large: texture_storage_2d_array<rgba16float, write>;
@group(0) @binding(5) var how: sampler;
var<private> q: vec4<f32>; var<private> k: vec4<u32>; var<private> i: vec4<i32>; var<private> n: vec2<u32>;
fn first(image: texture_2d<f32>) -> vec4<f32> { return textureLoad(image, vec2<u32>(0, 0), 0); }
";

/// What fills each binding.
const FILLS: [(u32, &str); 5] = [
    (0, "texture:4x4:random"),
    (1, "texture:4x4x4:random"),
    (2, "texture:4x4"),
    (3, "texture:4:random"),
    (4, "texture:4x4x2"),
];

/// No traffic, in a constant.
const NONE: Traffic = Traffic {
    storage_load: 0,
    storage_store: 0,
    uniform_load: 0,
    texture_load: 0,
    texture_store: 0,
    workgroup_load: 0,
    workgroup_store: 0,
    atomics: 0,
    barriers: 0,
};

/// Each way to touch a texture, with what it costs.
pub const STATEMENTS: &[(&str, Ops<'static>, Traffic)] = &[
    ("q = textureLoad(plane, n, 0);", &[], Traffic { texture_load: 16, ..NONE }),
    ("k = textureLoad(whole, k.xyz, 0);", &[], Traffic { texture_load: 16, ..NONE }),
    ("q.x = first(plane).x;", &[], Traffic { texture_load: 16, ..NONE }),
    ("i = textureLoad(kept, n.x);", &[], Traffic { texture_load: 4, ..NONE }),
    ("textureStore(small, n, q);", &[], Traffic { texture_store: 4, ..NONE }),
    ("textureStore(kept, n.x, i);", &[], Traffic { texture_store: 4, ..NONE }),
    ("textureStore(large, n, 1, q);", &[], Traffic { texture_store: 8, ..NONE }),
    (
        "q = textureSampleLevel(plane, how, q.xy, 0.0);",
        &[("int.sample", 1)],
        Traffic { texture_load: 16, ..NONE },
    ),
    (
        "q = textureSampleBaseClampToEdge(plane, how, q.xy);",
        &[("int.sample", 1)],
        Traffic { texture_load: 16, ..NONE },
    ),
    (
        "q = textureGather(1, plane, how, q.xy);",
        &[("int.sample", 1)],
        Traffic { texture_load: 16, ..NONE },
    ),
    ("n = textureDimensions(plane);", &[], NONE),
    ("n.x = textureNumLevels(plane) + textureNumLayers(large);", &[("int.add", 1)], NONE),
];

#[test]
fn touching_a_texture_costs_what_the_vocabulary_says() {
    for (statement, expected, traffic) in STATEMENTS {
        let source =
            format!("{DECLARATIONS}@compute @workgroup_size(1) fn main() {{ {statement} }}");
        let instrumented = instrument(&kernel(&source, "main", &[]), &Limits::WEBGPU).unwrap();
        let runs = instrumented.table.blocks().iter().map(|block| block.price.times(1));
        let expected = Cost { ops: ops(expected), traffic: *traffic };
        assert_eq!(runs.sum::<Cost>(), expected, "{statement}");
    }
}

#[test]
fn touching_a_texture_is_counted_where_it_runs() {
    let lines: String = STATEMENTS.iter().map(|(statement, ..)| format!("{statement}\n")).collect();
    let head = format!("{DECLARATIONS}@compute @workgroup_size(1) fn main() {{\n");
    let first = head.lines().count() as u32 + 1;
    let kernel = kernel(&format!("{head}{lines}}}"), "main", &[]);
    let fills = FILLS.map(|(binding, fill)| ((0, binding), fill.parse().unwrap()));
    common::on_every_executor(|executor| {
        let launches = [KernelLaunch { kernel: &kernel, grid: [1; 3] }];
        let fills = fills.clone().into();
        let request = ShaderRequest {
            launches: &launches,
            fills: &fills,
            dumps: &[],
            runs: 0.into(),
            under_way: &Default::default(),
        };
        let ran = run(executor, &request).unwrap();
        let observed = &ran.series.launches[0];
        for (number, (statement, expected, traffic)) in (first..).zip(STATEMENTS) {
            if statement.contains("first(") {
                // The line of the function has it.
                continue;
            }
            let found = observed.lines.get(&number).map_or(Cost::default(), |line| line.cost);
            let expected = Cost { ops: ops(expected), traffic: *traffic };
            assert_eq!(found, expected, "{statement}");
        }
        let all = STATEMENTS
            .iter()
            .map(|(_, expected, traffic)| Cost { ops: ops(expected), traffic: *traffic });
        assert_eq!(observed.cost, all.sum::<Cost>());
        if let Some(witness) = &observed.witness {
            assert_eq!(witness.tally, observed.cost);
        }
    });
}
