//! Textures and samplers as words of memory: a texture is its extents and then each texel as the four words that a
//! shader sees, a sampler how it filters and what lies beyond the edges. What reads them there is lowered code.

use std::{
    collections::BTreeMap,
    sync::atomic::{AtomicU32, Ordering::Relaxed},
};

use super::{
    memory::Words,
    texel::{HEADER_BYTES, TEXEL_BYTES},
};
use crate::execute::{AddressMode, Sampler, TexelFormat, Texture};

/// Which buffers are textures, by their numbers, and which samplers, which are `None`.
pub(super) type Textures = BTreeMap<usize, Option<Texture>>;

/// Words of a texel, and of what stands before the first.
const WORDS: usize = 4;

/// Bytes of the memory of a texture.
pub(super) fn bytes(texture: &Texture) -> u64 {
    u64::from(HEADER_BYTES) + texture.texels() * u64::from(TEXEL_BYTES)
}

/// Writes the extents of a texture before its texels, each of which is the format's zero.
pub(super) fn begin(texture: &Texture, memory: Words<'_>) {
    set(memory, &texture.extent);
    memory[WORDS..].chunks_exact(WORDS).for_each(|texel| set(texel, &zero(texture.format)));
}

/// The words of a texel whose bytes are zeros.
fn zero(format: TexelFormat) -> [u32; WORDS] {
    format.unpack(&vec![0; format.bytes() as usize])
}

/// Writes what a sampler does.
pub(super) fn sampler(sampler: Sampler, memory: Words<'_>) {
    let truth = |is: bool| if is { u32::MAX } else { 0 };
    let is = |mode: AddressMode| truth(sampler.address == mode);
    set(memory, &[truth(sampler.linear), is(AddressMode::Repeat), is(AddressMode::Mirror)]);
}

fn set(memory: &[AtomicU32], words: &[u32]) {
    memory.iter().zip(words).for_each(|(at, word)| at.store(*word, Relaxed));
}

/// The texels of a texture in so many of its bytes, from one of them on.
fn texels<'a>(
    texture: &Texture,
    memory: Words<'a>,
    offset: u64,
    size: u64,
) -> Option<impl Iterator<Item = &'a [AtomicU32]>> {
    let each = texture.format.bytes();
    let aligned = offset.is_multiple_of(each) && size.is_multiple_of(each);
    let first = WORDS + WORDS * (offset / each) as usize;
    let found = memory.get(first..first + WORDS * (size / each) as usize);
    found.filter(|_| aligned).map(|found| found.chunks_exact(WORDS))
}

/// Writes bytes of whole texels; `None` where they are none, or there are none.
pub(super) fn write(texture: &Texture, memory: Words<'_>, offset: u64, data: &[u8]) -> Option<()> {
    let format = texture.format;
    let texels = texels(texture, memory, offset, data.len() as u64)?;
    for (texel, bytes) in texels.zip(data.chunks_exact(format.bytes() as usize)) {
        set(texel, &format.unpack(bytes));
    }
    Some(())
}

/// Reads bytes of whole texels; `None` where they are none, or there are none.
pub(super) fn read(
    texture: &Texture,
    memory: Words<'_>,
    offset: u64,
    size: u64,
) -> Option<Vec<u8>> {
    let mut bytes = Vec::with_capacity(size as usize);
    for texel in texels(texture, memory, offset, size)? {
        let words: Vec<u32> = texel.iter().map(|word| word.load(Relaxed)).collect();
        texture.format.pack(&words, &mut bytes);
    }
    Some(bytes)
}
