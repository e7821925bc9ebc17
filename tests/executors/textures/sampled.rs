//! Reads through samplers, held against the definition in double precision.

use super::{floats, ran, words};

/// Places along an axis, in extents: within a texture of up to seven texels and beyond both edges, never on a border
/// between texels nor in the middle of one.
const PLACES: [f64; 10] = [-1.37, -0.61, -0.04, 0.06, 0.21, 0.52, 0.83, 0.97, 1.18, 2.45];

/// The texel that stands for one that may be beyond the edges.
fn wrapped(texel: i64, extent: i64, mode: &str) -> i64 {
    match mode {
        "clamp" => texel.clamp(0, extent - 1),
        "repeat" => texel.rem_euclid(extent),
        _ => {
            let there = texel.rem_euclid(2 * extent);
            there.min(2 * extent - 1 - there)
        }
    }
}

/// Two texels along an axis, and the weight of the second.
fn around(place: f64, extent: i64, mode: &str, linear: bool) -> ([i64; 2], f64) {
    let scaled = place * extent as f64 - if linear { 0.5 } else { 0.0 };
    let first = scaled.floor();
    let texels = [first as i64, first as i64 + 1].map(|texel| wrapped(texel, extent, mode));
    (texels, if linear { scaled - first } else { 0.0 })
}

/// What a sampler gives of the channels of a texture at a place along each axis.
fn reference(
    texels: &[f32],
    extent: [i64; 3],
    place: [f64; 3],
    axes: usize,
    mode: &str,
    linear: bool,
) -> [f64; 4] {
    let along: Vec<_> =
        (0..3).map(|i| around(place[i], extent[i], mode, linear && i < axes)).collect();
    let mut sum = [0.0; 4];
    for corner in 0..8_usize {
        let bit = |i: usize| corner >> i & 1;
        let at = |i: usize| if i < axes { along[i].0[bit(i)] } else { place[i] as i64 };
        let weight: f64 = (0..3)
            .map(|i| match (i < axes, bit(i)) {
                (true, 0) => 1.0 - along[i].1,
                (true, _) => along[i].1,
                (false, 0) => 1.0,
                (false, _) => 0.0,
            })
            .product();
        let texel = ((at(2) * extent[1] + at(1)) * extent[0] + at(0)) as usize;
        for (channel, sum) in sum.iter_mut().enumerate() {
            *sum += weight * f64::from(texels[4 * texel + channel]);
        }
    }
    sum
}

/// A kind of texture: how WGSL declares and samples it, its extents, and along how many axes it is filtered.
const KINDS: [(&str, &str, [i64; 3], usize); 4] = [
    ("texture_1d", "vec2(p.x, 0.0).x", [7, 1, 1], 1),
    ("texture_2d", "p.xy", [5, 3, 1], 2),
    ("texture_2d_array", "p.xy, 1", [5, 3, 2], 2),
    ("texture_3d", "p", [5, 3, 2], 3),
];

#[test]
fn samples_are_what_their_definition_says() {
    let places: Vec<[f64; 3]> = (0..PLACES.len())
        .map(|i| [PLACES[i], PLACES[(i + 3) % PLACES.len()], PLACES[(i + 7) % PLACES.len()]])
        .collect();
    let given: Vec<String> = places
        .iter()
        .flat_map(|[x, y, z]| [*x, *y, *z, 0.0].map(|place| (place as f32).to_string()))
        .collect();
    let given = format!("values:{}", given.join(","));
    common::on_every_executor(|executor| {
        for (kind, at, extent, axes) in KINDS {
            let source = format!(
                "@group(0) @binding(0) var image: {kind}<f32>;
                 @group(0) @binding(1) var how: sampler;
                 @group(0) @binding(2) var<storage, read_write> places: array<vec4<f32>, 10>;
                 @group(0) @binding(3) var<storage, read_write> seen: array<vec4<f32>, 10>;
                 @compute @workgroup_size(10)
                 fn main(@builtin(local_invocation_index) i: u32) {{
                     let p = places[i].xyz;
                     seen[i] = textureSampleLevel(image, how, {at}, 0.0);
                 }}"
            );
            let extents: Vec<String> = extent[..if kind == "texture_1d" {
                1
            } else if kind == "texture_2d" {
                2
            } else {
                3
            }]
                .iter()
                .map(i64::to_string)
                .collect();
            let texture = format!("texture:{}:random", extents.join("x"));
            for linear in [false, true] {
                for mode in ["clamp", "repeat", "mirror"] {
                    let filter = if linear { "linear" } else { "nearest" };
                    let sampler = format!("sampler:{filter}:{mode}");
                    let fills = [(0, &*texture), (1, &sampler), (2, &given)];
                    let run = ran(executor, &source, &fills, &[0, 3]).unwrap();
                    let (texels, seen) = (floats(&run, 0), floats(&run, 3));
                    for (place, seen) in places.iter().zip(seen.chunks(4)) {
                        let mut place = place.map(|place| f64::from(place as f32));
                        if kind == "texture_2d_array" {
                            place[2] = 1.0;
                        } else if axes < 3 {
                            place[2] = 0.0;
                        }
                        if axes < 2 {
                            place[1] = 0.0;
                        }
                        let wanted = reference(&texels, extent, place, axes, mode, linear);
                        for (seen, wanted) in seen.iter().zip(wanted) {
                            // Texels are within 1 of 0. Nearest ones come as they are; a weight may be of as few as
                            // 8 bits, where a device so has it, along each axis.
                            let off = (f64::from(*seen) - wanted).abs();
                            let may = if linear { axes as f64 * 2.0 / 256.0 } else { 0.0 };
                            let name = &executor.adapter().name;
                            assert!(off <= may, "{kind} {sampler} at {place:?} on {name}: {off}");
                        }
                    }
                    let cost = run.series.launches[0].cost;
                    assert_eq!(cost.traffic.texture_load, 10 * 16);
                }
            }
        }
    });
}

#[test]
fn gathers_take_one_channel_of_four_texels_and_edges_are_clamped_to() {
    const SOURCE: &str = "
        @group(0) @binding(0) var image: texture_2d<f32>;
        @group(0) @binding(1) var whole: texture_2d<u32>;
        @group(0) @binding(2) var how: sampler;
        @group(0) @binding(3) var<storage, read_write> x: array<vec4<f32>, 4>;
        @compute @workgroup_size(1) fn main() {
            // Between the texels (1, 0), (2, 0), (1, 1) and (2, 1).
            x[0] = textureGather(2, image, how, vec2<f32>(2.0 / 5.0, 1.0 / 3.0));
            x[1] = vec4<f32>(textureGather(0, whole, how, vec2<f32>(2.0 / 5.0, 1.0 / 3.0)));
            x[2] = textureSampleBaseClampToEdge(image, how, vec2<f32>(-0.7, 1.6));
            x[3] = textureSampleLevel(image, how, vec2<f32>(0.5, 0.5), 0.0, vec2<i32>(1, -1));
        }";
    let fills = [(0, "texture:5x3:iota"), (1, "texture:5x3:r32uint:iota"), (2, "sampler:repeat")];
    common::on_every_executor(|executor| {
        let run = ran(executor, SOURCE, &fills, &[3]).unwrap();
        let channel = |x: u32, y: u32, c: u32| (4 * (y * 5 + x) + c) as f32;
        let texel = |x: u32, y: u32| [0, 1, 2, 3].map(|c| channel(x, y, c));
        let name = &executor.adapter().name;
        let wanted = [
            [(1, 1), (2, 1), (2, 0), (1, 0)].map(|(x, y)| channel(x, y, 2)),
            [(1, 1), (2, 1), (2, 0), (1, 0)].map(|(x, y)| (y * 5 + x) as f32),
            texel(0, 2),
            texel(3, 0),
        ];
        assert_eq!(floats(&run, 3), wanted.concat(), "{name}");
        assert_eq!(words(&run, 3).len(), 16);
        let cost = run.series.launches[0].cost;
        let samples =
            flopmeter::op::OpCounts::of(flopmeter::op::Scalar::Int, flopmeter::op::Op::Sample, 4);
        assert_eq!(cost.ops.get(flopmeter::op::Scalar::Int, flopmeter::op::Op::Sample), 4);
        assert_eq!(samples.flops(flopmeter::op::Convention::Ieee), 0);
    });
}
