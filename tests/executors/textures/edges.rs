//! Texels that are not there, and texels that two invocations touch.

use flopmeter::execute::{OutOfBounds, Texel, cpu::Cpu};

use super::{floats, ran, words};

/// Touches texels of a plane of 4 x 3 texels, some of them beyond it.
const BEYOND: &str = "@group(0) @binding(0) var plane: texture_2d<f32>;
@group(0) @binding(1) var kept: texture_storage_2d<r32float, read_write>;
@group(0) @binding(2) var<storage, read_write> x: array<vec4<f32>, 8>;
@compute @workgroup_size(8)
fn main(@builtin(local_invocation_index) i: u32) {
    let at = vec2<i32>(i32(i) - 2, 1);
    x[i] = textureLoad(plane, at, 0);
    x[i] += textureLoad(plane, vec2<i32>(0, 0), i32(i) - 7);
    textureStore(kept, at, vec4<f32>(9.0));
}";

#[test]
fn what_is_beyond_a_texture_is_a_finding_and_is_not_there() {
    let mut embedded = common::embedded();
    let fills = [(0, "texture:4x3:iota"), (1, "texture:4x3:iota")];
    let run = ran(&mut embedded, BEYOND, &fills, &[1, 2]).unwrap();
    let witness = run.series.launches[0].witness.as_ref().unwrap();
    let outside: Vec<_> = witness
        .out_of_bounds
        .iter()
        .map(|OutOfBounds { line, accesses, .. }| (line.unwrap(), *accesses))
        .collect();
    // Of eight invocations two are before the plane and two behind it, and seven ask for a level that is not there.
    assert_eq!(outside, [(7, 4), (8, 7), (9, 4)]);
    let first = witness.out_of_bounds.iter().map(|its| its.first.as_ref().unwrap().to_string());
    let first: Vec<String> = first.collect();
    let beside = |does: &str, variable: &str| {
        format!("{does} texel -2 1 of '{variable}', which has 4 x 3 texels, in invocation 0 0 0")
    };
    let level = "loads at an index out of bounds of 'plane', in invocation 0 0 0";
    assert_eq!(first, [&*beside("loads", "plane"), level, &*beside("stores", "kept")]);
    assert!(witness.out_of_bounds.iter().all(|its| its.first.as_ref().unwrap().bytes.is_none()));
    let mut kept: Vec<f32> = (0..12).map(|i| i as f32).collect();
    kept[4..8].fill(9.0);
    assert_eq!(floats(&run, 1), kept);
    let x = floats(&run, 2);
    assert_eq!(x[..4], [0.0; 4]);
    assert_eq!(x[4 * 2..][..4], [16.0, 17.0, 18.0, 19.0]);
    assert_eq!(x[4 * 7..][..4], [0.0, 1.0, 2.0, 3.0]);
}

#[test]
fn two_invocations_that_store_one_texel_race() {
    let source = |at: &str| {
        format!(
            "@group(0) @binding(0) var kept: texture_storage_2d<r32uint, read_write>;
@compute @workgroup_size(8)
fn main(@builtin(local_invocation_index) i: u32) {{
    textureStore(kept, vec2<u32>({at} % 5u, {at} / 5u), vec4<u32>(i));
}}"
        )
    };
    let found = |at: &str| {
        let mut cpu = Cpu::new(32).unwrap().detecting_races();
        let run = ran(&mut cpu, &source(at), &[(0, "texture:5x2")], &[0]).unwrap();
        let witness = run.series.launches[0].witness.clone().unwrap();
        (witness.races.unwrap(), words(&run, 0))
    };
    let (races, left) = found("i");
    assert_eq!((races, &left[..8]), (Vec::new(), &[0, 1, 2, 3, 4, 5, 6, 7][..]));
    let (races, _) = found("(5u + i / 2u)");
    assert_eq!((races.len(), races[0].lines), (1, [Some(4), Some(4)]));
    assert_eq!((races[0].count, &*races[0].variable), (4, "kept"));
    // Lanes 0 and 1 meet in the first texel of the second row, behind five of four bytes.
    let texel = Texel { at: vec![0, 1], extent: vec![5, 2] };
    assert_eq!((races[0].texel.clone(), races[0].byte), (Some(texel), 20));
    let says = races[0].to_string();
    assert!(says.ends_with("4 times, such as texel 0 1 of 'kept'"), "{says}");
}

#[test]
fn texels_are_ordered_by_barriers_for_textures_alone() {
    let lines = |barrier: &str| {
        let source = format!(
            "@group(0) @binding(0) var kept: texture_storage_2d<r32uint, read_write>;
@compute @workgroup_size(8)
fn main(@builtin(local_invocation_index) i: u32) {{
    textureStore(kept, vec2(i, 0u), vec4(i));
    {barrier}();
    let next = textureLoad(kept, vec2((i + 1u) % 8u, 0u));
    textureBarrier();
    textureStore(kept, vec2(i, 0u), next);
}}"
        );
        let mut cpu = Cpu::new(32).unwrap().detecting_races();
        let run = ran(&mut cpu, &source, &[(0, "texture:8x1")], &[0]).unwrap();
        let races = run.series.launches[0].witness.clone().unwrap().races.unwrap();
        races.into_iter().map(|race| race.lines).collect::<Vec<_>>()
    };
    assert_eq!(lines("textureBarrier"), Vec::<[Option<u32>; 2]>::new());
    for barrier in ["storageBarrier", "workgroupBarrier"] {
        assert_eq!(lines(barrier), [[Some(4), Some(6)]], "{barrier}");
    }
}

#[test]
fn extents_are_those_of_the_texture() {
    const SOURCE: &str = "
        @group(0) @binding(0) var line: texture_1d<i32>;
        @group(0) @binding(1) var plane: texture_storage_2d<rgba8unorm, write>;
        @group(0) @binding(2) var planes: texture_2d_array<f32>;
        @group(0) @binding(3) var volume: texture_3d<u32>;
        @group(0) @binding(4) var<storage, read_write> x: array<u32, 12>;
        fn wide(image: texture_3d<u32>) -> vec3<u32> { return textureDimensions(image); }
        @compute @workgroup_size(1) fn main() {
            x[0] = textureDimensions(line);
            let size = textureDimensions(plane);
            x[1] = size.x; x[2] = size.y;
            let each = textureDimensions(planes);
            x[3] = each.x; x[4] = each.y; x[5] = textureNumLayers(planes);
            let all = wide(volume);
            x[6] = all.x; x[7] = all.y; x[8] = all.z;
            x[9] = textureNumLevels(planes);
            x[10] = textureLoad(volume, vec3<u32>(1, 2, 3), 0).y;
            x[11] = u32(textureLoad(planes, vec2<u32>(1, 2), 1, 0).w);
        }";
    let fills = [
        (0, "texture:9"),
        (1, "texture:8x7"),
        (2, "texture:2x3x4:iota"),
        (3, "texture:3x4x5:rgba16uint:iota"),
    ];
    common::on_every_executor(|executor| {
        let x = words(&ran(executor, SOURCE, &fills, &[4]).unwrap(), 4);
        let texel = (3 * 4 + 2) * 3 + 1;
        let layered = (3 + 2) * 2 + 1;
        assert_eq!(x, [9, 8, 7, 2, 3, 4, 3, 4, 5, 1, 4 * texel + 1, 4 * layered + 3]);
    });
}

/// A place that far from the texture has no number of 32 bits among its texels; its repetitions are all the same.
#[test]
fn a_place_far_away_is_a_place_in_a_repetition() {
    const SOURCE: &str = "
        @group(0) @binding(0) var image: texture_2d<f32>;
        @group(0) @binding(1) var how: sampler;
        @group(0) @binding(2) var<storage, read_write> places: array<f32, 4>;
        @group(0) @binding(3) var<storage, read_write> seen: array<vec4<f32>, 4>;
        @compute @workgroup_size(4)
        fn main(@builtin(local_invocation_index) i: u32) {
            seen[i] = textureSampleLevel(image, how, vec2(places[i], 0.5), 0.0);
        }";
    common::on_every_executor(|executor| {
        for mode in ["repeat", "mirror"] {
            let sampler = format!("sampler:linear:{mode}");
            let fills = [
                (0, "texture:5x1:random"),
                (1, &*sampler),
                (2, "values:0,-790000000,3000000000,2000000512"),
            ];
            let run = ran(executor, SOURCE, &fills, &[3]).unwrap();
            let seen = floats(&run, 3);
            let (first, others) = seen.split_at(4);
            for (seen, wanted) in others.iter().zip(first.iter().cycle()) {
                // Halfway between two texels, whose weights may be of as few as 8 bits.
                let off = (seen - wanted).abs();
                assert!(off <= 2.0 / 256.0, "{mode} on {}: {off}", executor.adapter().name);
            }
        }
    });
}

/// WebGPU and Vulkan have no filter of integers.
#[test]
fn integers_are_not_weighed() {
    const SOURCE: &str = "
        @group(0) @binding(0) var image: texture_2d<u32>;
        @group(0) @binding(1) var how: sampler;
        @group(0) @binding(2) var<storage, read_write> seen: vec4<u32>;
        @compute @workgroup_size(1)
        fn main() {
            seen = textureGather(0, image, how, vec2(0.5, 0.5));
        }";
    common::on_every_executor(|executor| {
        let mut gathered = |sampler| {
            let fills = [(0, "texture:2x2:iota"), (1, sampler)];
            ran(executor, SOURCE, &fills, &[2]).map(|run| words(&run, 2))
        };
        assert_eq!(gathered("sampler:nearest").unwrap().len(), 4);
        let error = gathered("sampler:linear").unwrap_err().to_string();
        assert!(error.contains("integers") && error.contains("sampler:nearest"), "{error}");
    });
}
