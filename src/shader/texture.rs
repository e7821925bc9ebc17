//! Textures as a user says them and as the kernels that use them declare them: what comes of both is what an executor is
//! asked to make, and what its texels are as numbers. Knows neither devices nor who else binds anything.

use naga::{ScalarKind, TypeInner};

use super::{
    Leeway,
    elements::ratios,
    fill::{BufferFill, MemberFill, TextureSize, bytes_of_file, whole},
};
use crate::{
    execute::{Channel, DeclaredTexels, DeclaredTexture, TexelFormat, Texture, TextureDimension},
    kernel::{Layout, Number, NumberKind},
};

/// Whether a kernel may store to what it declares so.
pub(super) fn is_stored(declared: &TypeInner) -> bool {
    let texels = DeclaredTexture::of(declared).map(|declared| declared.texels);
    matches!(texels, Ok(DeclaredTexels::Storage(_, true)))
}

/// The texture of this size that all of `users` can have.
///
/// # Errors
/// What of it they cannot.
pub(super) fn made(size: &TextureSize, users: &[DeclaredTexture]) -> Result<Texture, String> {
    let stated = users.iter().find_map(|user| match user.texels {
        DeclaredTexels::Storage(format, _) => Some(format),
        DeclaredTexels::Sampled(_) => None,
    });
    let mut made = None;
    for &DeclaredTexture { dimension, texels } in users {
        let format = size.format.or(stated).unwrap_or(match texels {
            DeclaredTexels::Sampled(ScalarKind::Sint) => TexelFormat::Rgba32Sint,
            DeclaredTexels::Sampled(ScalarKind::Uint) => TexelFormat::Rgba32Uint,
            DeclaredTexels::Sampled(_) | DeclaredTexels::Storage(..) => TexelFormat::Rgba32Float,
        });
        check(format, texels)?;
        if size.extent.len() != dimension.extents() {
            let say = match dimension {
                TextureDimension::D1 => "texture:WIDTH",
                TextureDimension::D2 => "texture:WIDTHxHEIGHT",
                TextureDimension::D2Array => "texture:WIDTHxHEIGHTxLAYERS",
                TextureDimension::D3 => "texture:WIDTHxHEIGHTxDEPTH",
            };
            let extents = dimension.extents();
            return Err(format!("the shader gives it {extents} extents: say {say}"));
        }
        let mut extent = [1; 3];
        extent[..size.extent.len()].copy_from_slice(&size.extent);
        let texture = Texture { format, dimension, extent };
        if made.replace(texture).is_some_and(|other| other != texture) {
            return Err("one entry point takes its layers for a volume: bind two textures".into());
        }
    }
    made.ok_or_else(|| "nothing uses it".into())
}

/// The bytes of the texels of a texture that is filled so.
///
/// # Errors
/// What does not fit.
pub(super) fn texels(fill: &MemberFill, texture: &Texture) -> Result<Vec<u8>, String> {
    let layout = layout(texture);
    let (mut numbers, is_random) = match fill {
        MemberFill::Whole(kind) => (whole(kind, &layout, u64::MAX)?, kind == "random"),
        MemberFill::Said(BufferFill::File(path)) => {
            let read = |layout: &Layout| {
                bytes_of_file(path, layout, u64::MAX, |shape| has_shape(texture, shape))
            };
            let numbers = read(&layout).or_else(|why| match stored(texture) {
                Some(stored) => read(&stored).map(|bytes| ratios(&bytes)).map_err(|_| {
                    format!("{why}; a byte for each channel, as images are saved, does as well")
                }),
                None => Err(why),
            });
            (numbers?, false)
        }
        MemberFill::Said(fill) => {
            let is_random = matches!(fill, BufferFill::Random { range: None, .. });
            (fill.bytes(&layout, u64::MAX)?, is_random)
        }
    };
    let (channels, _, channel) = texture.format.channels();
    if !is_normalized(channel) {
        return Ok(numbers);
    }
    if channel == Channel::Unorm && is_random {
        // Uniform over all that such a channel holds, and not half of it zeros.
        numbers.iter_mut().skip(3).step_by(4).for_each(|byte| *byte &= 0x7f);
    }
    let (words, _) = numbers.as_chunks::<4>();
    let words: Vec<u32> = words.iter().map(|word| u32::from_le_bytes(*word)).collect();
    let mut texels = Vec::with_capacity(texture.bytes() as usize);
    words.chunks_exact(channels).for_each(|texel| texture.format.pack(texel, &mut texels));
    Ok(texels)
}

/// The layout of texels as they are stored, where that is a byte for each channel that stands for 0 to 1: an image is
/// saved so.
pub(super) fn stored(texture: &Texture) -> Option<Layout> {
    let (_, bits, channel) = texture.format.channels();
    let byte = Number { kind: NumberKind::Unsigned, width: 1 };
    (channel == Channel::Unorm && bits == 8).then(|| Layout::nested(byte, &extents(texture)))
}

/// Whether an array of this shape is one of the texels of a texture: all of its numbers in a row, or along its axes the
/// texture's extents, the last of them first, and then the channels.
///
/// # Errors
/// Both shapes.
fn has_shape(texture: &Texture, shape: &[u64]) -> Result<(), String> {
    let (channels, ..) = texture.format.channels();
    let said = &texture.extent[..texture.dimension.extents()];
    let extents: Vec<u64> = said.iter().rev().map(|&extent| extent.into()).collect();
    let with_channels = [&extents[..], &[channels as u64]].concat();
    let is_plain = channels == 1 && shape == extents;
    if shape.len() < 2 || is_plain || shape == with_channels {
        return Ok(());
    }
    let listed = |shape: &[u64]| {
        let extents: Vec<String> = shape.iter().map(u64::to_string).collect();
        format!("({})", extents.join(", "))
    };
    let own = if channels == 1 && extents.len() > 1 { &extents } else { &with_channels };
    let mut problem =
        format!("it is an array of shape {}, and the texture's is {}", listed(shape), listed(own));
    let mut swapped = with_channels.clone();
    let rows = extents.len().saturating_sub(2);
    if extents.len() > 1 {
        swapped.swap(rows, rows + 1);
    }
    if shape == swapped || (channels == 1 && *shape == swapped[..extents.len()]) {
        problem += ": NumPy has rows first, and a texture's size has the width first";
    }
    Err(problem)
}

/// Whether texels of a format are what a kernel takes.
fn check(format: TexelFormat, texels: DeclaredTexels) -> Result<(), String> {
    match texels {
        DeclaredTexels::Storage(stated, _) if stated == format => Ok(()),
        DeclaredTexels::Storage(stated, _) => {
            Err(format!("the shader declares {stated}, not {format}: leave the format out"))
        }
        DeclaredTexels::Sampled(kind) => {
            let (_, _, channel) = format.channels();
            let (gives, numbers) = match channel {
                Channel::Uint => (ScalarKind::Uint, "u32"),
                Channel::Sint => (ScalarKind::Sint, "i32"),
                Channel::Unorm | Channel::Snorm | Channel::Float => (ScalarKind::Float, "f32"),
            };
            if gives == kind {
                return Ok(());
            }
            Err(format!("the shader samples other numbers than the {numbers} of {format}"))
        }
    }
}

fn is_normalized(channel: Channel) -> bool {
    matches!(channel, Channel::Unorm | Channel::Snorm)
}

/// How the numbers of a texture lie in files: row by row, each channel as it is in memory, and as a single where it is
/// an integer that stands for a fraction.
pub(super) fn layout(texture: &Texture) -> Layout {
    let (_, bits, channel) = texture.format.channels();
    let own = (bits / 8) as u8;
    let number = match channel {
        Channel::Unorm | Channel::Snorm => Number { kind: NumberKind::Float, width: 4 },
        Channel::Uint => Number { kind: NumberKind::Unsigned, width: own },
        Channel::Sint => Number { kind: NumberKind::Signed, width: own },
        Channel::Float => Number { kind: NumberKind::Float, width: own },
    };
    Layout::nested(number, &extents(texture))
}

/// The extents of the array of a texture's channels, outermost first.
fn extents(texture: &Texture) -> Vec<u64> {
    let (channels, ..) = texture.format.channels();
    let own = texture.extent[..texture.dimension.extents()].iter().rev();
    own.map(|&extent| extent.into()).chain((channels > 1).then_some(channels as u64)).collect()
}

/// How far apart of their norm values may be that came of weighed texels. Vulkan leaves to the device how many bits a
/// weight has, along each of up to three axes, and drivers take 8.
pub(super) const FILTERED: f64 = 1.0 / 64.0;

/// How far apart what executors store to a texture may be: a store rounds to fewer bits than those of a single, in a
/// direction that is the device's.
pub(super) fn leeway(texture: &Texture) -> Leeway {
    let step = |bits: u32| 1.0 / f64::from((1_u32 << bits) - 1);
    let (absolute, relative) = match texture.format.channels() {
        (_, bits, Channel::Unorm) => (step(bits), 0.0),
        (_, bits, Channel::Snorm) => (step(bits - 1), 0.0),
        // The least subnormal, and the last of ten bits behind the first.
        (_, 16, Channel::Float) => ((-24_f64).exp2(), (-10_f64).exp2()),
        (_, _, Channel::Float | Channel::Uint | Channel::Sint) => (0.0, 0.0),
    };
    Leeway { absolute, relative, ..Leeway::ARITHMETIC }
}

/// The numbers of the texels of a texture as [`layout`] has them, filled up to a multiple of four bytes.
pub(super) fn numbers(texture: &Texture, mut texels: Vec<u8>) -> Vec<u8> {
    let (channels, _, channel) = texture.format.channels();
    if is_normalized(channel) {
        let each = texels.chunks_exact(texture.format.bytes() as usize);
        let words = each.flat_map(|texel| texture.format.unpack(texel).into_iter().take(channels));
        return words.flat_map(u32::to_le_bytes).collect();
    }
    texels.resize(texels.len().next_multiple_of(4), 0);
    texels
}
