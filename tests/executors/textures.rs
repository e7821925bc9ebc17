//! Textures and samplers on every executor: texels of each format, as they are loaded, stored and sampled.

mod edges;
mod sampled;

use std::collections::BTreeMap;

use flopmeter::{
    Error,
    execute::{Channel, Executor, TexelFormat},
    kernel::KernelModule,
    observe::KernelLaunch,
    shader::{self, ShaderRequest, ShaderRun},
};

/// Runs a kernel once on bindings of group 0 that are filled as said, and reads all of `dumps` back. What the kernel costs
/// is what the executor tallies, where it does.
fn ran(
    executor: &mut dyn Executor,
    source: &str,
    fills: &[(u32, &str)],
    dumps: &[u32],
) -> Result<ShaderRun, Error> {
    let kernel = KernelModule::from_wgsl("textures", source, "main", &BTreeMap::new())?;
    let launch = KernelLaunch { kernel: &kernel, grid: [1; 3] };
    let fills = fills.iter().map(|(binding, fill)| ((0, *binding), fill.parse().unwrap()));
    let dumps: Vec<_> = dumps.iter().map(|binding| (0, *binding)).collect();
    let request = ShaderRequest {
        launches: &[launch],
        fills: &fills.collect(),
        dumps: &dumps,
        runs: 0.into(),
        under_way: &Default::default(),
    };
    let run = shader::run(executor, &request)?;
    let launch = &run.series.launches[0];
    if let Some(witness) = &launch.witness {
        assert_eq!(witness.tally, launch.cost);
    }
    Ok(run)
}

fn words(run: &ShaderRun, binding: u32) -> Vec<u32> {
    bytemuck::pod_collect_to_vec(&run.dumps[&(0, binding)])
}

fn floats(run: &ShaderRun, binding: u32) -> Vec<f32> {
    words(run, binding).into_iter().map(f32::from_bits).collect()
}

/// What WGSL calls the numbers of a format.
fn numbers(format: TexelFormat) -> &'static str {
    match format.channels().2 {
        Channel::Uint => "u32",
        Channel::Sint => "i32",
        Channel::Unorm | Channel::Snorm | Channel::Float => "f32",
    }
}

/// Loads each texel of a texture, and stores it to another of the same format.
fn copy(format: TexelFormat) -> String {
    let numbers = numbers(format);
    format!(
        "@group(0) @binding(0) var source: texture_2d<{numbers}>;
         @group(0) @binding(1) var target_: texture_storage_2d<{format}, write>;
         @group(0) @binding(2) var<storage, read_write> seen: array<vec4<{numbers}>>;
         @compute @workgroup_size(7, 5)
         fn main(@builtin(local_invocation_id) id: vec3<u32>) {{
             let texel = textureLoad(source, id.xy, 0);
             seen[id.y * 7 + id.x] = texel;
             textureStore(target_, id.xy, texel);
         }}"
    )
}

#[test]
fn texels_of_each_format_are_loaded_and_stored() {
    common::on_every_executor(|executor| {
        let mut compared = 0;
        for format in TexelFormat::ALL {
            let texture = format!("texture:7x5:{format}:random");
            let fills = [(0, &*texture), (1, "texture:7x5"), (2, "zeros:140")];
            let run = match ran(executor, &copy(format), &fills, &[0, 1, 2]) {
                Ok(run) => run,
                Err(error) => {
                    // What an adapter does not store to, it says when it is asked.
                    let text = error.to_string();
                    assert!(text.to_lowercase().contains(format.name()), "{format}: {text}");
                    println!("NOT COMPARABLE on {}: {text}", executor.adapter().name);
                    continue;
                }
            };
            let name = &executor.adapter().name;
            assert_eq!(run.dumps[&(0, 1)], run.dumps[&(0, 0)], "{format} on {name}");
            let texels = shader_words(&run, format);
            let is_normalized = matches!(format.channels().2, Channel::Unorm | Channel::Snorm)
                && name != "embedded";
            for (seen, texel) in words(&run, 2).into_iter().zip(texels) {
                // Drivers multiply by the reciprocal of 255 where the definition divides, and round once more.
                let near = is_normalized && seen.abs_diff(texel) <= 1;
                assert!(seen == texel || near, "{format} on {name}: {seen:x}, not {texel:x}");
            }
            let bytes = 35 * format.bytes();
            let traffic = run.series.launches[0].cost.traffic;
            assert_eq!((traffic.texture_load, traffic.texture_store), (35 * 16, bytes), "{format}");
            compared += 1;
        }
        assert!(compared >= 16, "{compared} formats");
    });
}

/// The texels of the first binding as a shader gets them.
fn shader_words(run: &ShaderRun, format: TexelFormat) -> Vec<u32> {
    let (channels, bits, channel) = format.channels();
    let bytes = &run.dumps[&(0, 0)];
    // Dumps of normalized channels are singles already.
    let width = match channel {
        Channel::Unorm | Channel::Snorm => 4,
        Channel::Uint | Channel::Sint | Channel::Float => bits as usize / 8,
    };
    let texels = bytes.chunks_exact(width * channels).take(35);
    let words = texels.flat_map(|texel| match channel {
        Channel::Unorm | Channel::Snorm => {
            let mut words = [0, 0, 0, format.one()];
            for (word, bytes) in words.iter_mut().zip(texel.as_chunks::<4>().0) {
                *word = u32::from_le_bytes(*bytes);
            }
            words
        }
        Channel::Uint | Channel::Sint | Channel::Float => format.unpack(texel),
    });
    words.collect()
}

#[test]
fn a_store_leaves_the_nearest_that_a_channel_holds() {
    let given = [-3.0_f32, -1.0, -0.3, 0.0, 0.1, 0.7, 1.0, 2.5];
    let says: Vec<String> = given.iter().map(f32::to_string).collect();
    let values = format!("values:{}", says.join(","));
    common::on_every_executor(|executor| {
        for format in [TexelFormat::Rgba8Unorm, TexelFormat::Rgba8Snorm, TexelFormat::Rgba16Float] {
            let source = format!(
                "@group(0) @binding(0) var line: texture_storage_1d<{format}, write>;
                 @group(0) @binding(1) var<storage, read_write> given: array<vec4<f32>>;
                 @compute @workgroup_size(2)
                 fn main(@builtin(local_invocation_index) i: u32) {{
                     textureStore(line, i, given[i]);
                 }}"
            );
            let fills = [(0, "texture:2"), (1, &*values)];
            let run = ran(executor, &source, &fills, &[0]).unwrap();
            let mut packed = Vec::new();
            for texel in given.map(f32::to_bits).chunks(4) {
                format.pack(texel, &mut packed);
            }
            let name = &executor.adapter().name;
            if format == TexelFormat::Rgba16Float {
                let halves = |bytes: &[u8]| -> Vec<u16> { bytemuck::pod_collect_to_vec(bytes) };
                for (seen, half) in halves(&run.dumps[&(0, 0)]).into_iter().zip(halves(&packed)) {
                    // Drivers may round either way, and llvmpipe rounds towards zero.
                    let near = name != "embedded" && half.wrapping_sub(seen) <= 1;
                    assert!(seen == half || near, "{format} on {name}: {seen:x}, not {half:x}");
                }
                continue;
            }
            let left: Vec<u32> = packed.chunks(4).flat_map(|texel| format.unpack(texel)).collect();
            assert_eq!(words(&run, 0), left, "{format} on {name}");
        }
    });
}
