//! Loads and stores of adjacent words for all lanes at once, and which of them are out of bounds.

use std::sync::atomic::Ordering::Relaxed;

use super::{Machine, Mask, active};
use crate::execute::{
    Access,
    cpu::{
        alu::{CHUNK, Chunk},
        memory::{self, Words},
        program::{Address, Reg},
    },
};

/// Lanes of half a chunk.
const HALF: usize = CHUNK / 2;

impl Machine<'_> {
    /// The first word of an access at an index, if it is within bounds.
    #[inline(always)]
    pub(super) fn first(at: &Address, index: u32, bound: u32) -> Option<usize> {
        let byte = at.offset as usize + index as usize * at.stride as usize;
        (index < bound).then_some(byte / 4)
    }

    /// Below which index every access of so many words is within bounds.
    #[inline(always)]
    fn within(at: &Address, words: usize, length: usize, bound: u32) -> u32 {
        let Some(last) = length.checked_sub(words) else { return 0 };
        let bytes = (4 * last + 4).saturating_sub(at.offset as usize);
        let count = bytes.div_ceil(at.stride.max(1) as usize);
        bound.min(u32::try_from(count).unwrap_or(u32::MAX))
    }

    #[inline(always)]
    pub(super) fn load<const W: usize>(&mut self, at: &Address, to: [Reg; W], mask: Mask<'_>) {
        let words = self.memories[at.memory];
        let bound = memory::length(at.bound, &self.memories);
        if !at.index.per_lane() {
            let index = self.regs[at.index.base()].0[0];
            let found = Self::first(at, index, bound)
                .and_then(|first| words.get(first..first + W))
                .and_then(|words| <&[_; W]>::try_from(words).ok());
            if found.is_none() {
                let lanes = self.count(mask);
                self.outside[at.site] += lanes;
                if lanes > 0 {
                    self.went_astray(at, index, self.first_lane(mask), Access::Load);
                }
            }
            for (w, to) in to.into_iter().enumerate() {
                let word = found.map_or(0, |words| words[w].load(Relaxed));
                for k in 0..self.chunks(to) {
                    self.regs[to.base() + k] = Chunk::splat(word);
                }
            }
            return;
        }
        let within = Self::within(at, W, words.len(), bound);
        let mut outside = 0;
        let mut first = None;
        for k in 0..self.columns {
            let index = self.regs[at.index.base() + k];
            // Where nothing can go wrong, lanes need not be looked at one by one.
            if mask.is_none() && self.lanes_in(k) == CHUNK && all(index, |index| index < within) {
                // Lanes often come in rows, each of which wants the same words as the one before.
                if k > 0 && index.0 == self.regs[at.index.base() + k - 1].0 {
                    for to in to {
                        self.regs[to.base() + k] = self.regs[to.base() + k - 1];
                    }
                    continue;
                }
                if let Ok(chunks) = self.regs.get_disjoint_mut(places(to, k)) {
                    gather(words, at.offset, at.stride, index, chunks);
                    continue;
                }
            }
            for i in 0..self.lanes_in(k) {
                if !active(mask, k, i) {
                    continue;
                }
                let found = Self::first(at, index.0[i], bound)
                    .and_then(|first| words.get(first..first + W))
                    .and_then(|words| <&[_; W]>::try_from(words).ok());
                // Straight into the register: a chunk put together word by word would have to reach
                // memory before it could be read as a whole.
                for w in 0..W {
                    let word = found.map_or(0, |words| words[w].load(Relaxed));
                    self.regs[to[w].base() + k].0[i] = word;
                }
                if found.is_none() {
                    outside += 1;
                    first.get_or_insert((index.0[i], k * CHUNK + i));
                }
            }
        }
        self.outside[at.site] += outside;
        if let Some((index, lane)) = first {
            self.went_astray(at, index, lane, Access::Load);
        }
    }

    #[inline(always)]
    pub(super) fn store<const W: usize>(&mut self, at: &Address, from: [Reg; W], mask: Mask<'_>) {
        let words = self.memories[at.memory];
        let bound = memory::length(at.bound, &self.memories);
        let mut outside = 0;
        let mut first = None;
        for k in 0..self.columns {
            let index = self.regs[at.index.chunk(k)];
            let mut values = [Chunk::default(); W];
            for (value, reg) in values.iter_mut().zip(from) {
                *value = self.regs[reg.chunk(k)];
            }
            for i in 0..self.lanes_in(k) {
                if !active(mask, k, i) {
                    continue;
                }
                let found = Self::first(at, index.0[i], bound)
                    .and_then(|first| words.get(first..first + W));
                match found {
                    Some(words) => {
                        for w in 0..W {
                            words[w].store(values[w].0[i], Relaxed);
                        }
                    }
                    None => {
                        outside += 1;
                        first.get_or_insert((index.0[i], k * CHUNK + i));
                    }
                }
            }
        }
        self.outside[at.site] += outside;
        if let Some((index, lane)) = first {
            self.went_astray(at, index, lane, Access::Store);
        }
    }
}

/// Whether something is true of each word of a chunk; of all of them at once, which vectors can do.
#[inline(always)]
fn all(Chunk(words): Chunk, is: impl Fn(u32) -> bool) -> bool {
    words.into_iter().fold(true, |all, word| all & is(word))
}

/// Where chunk `k` of each register lies.
#[inline(always)]
fn places<const W: usize>(regs: [Reg; W], k: usize) -> [usize; W] {
    let mut places = [0; W];
    for (place, reg) in places.iter_mut().zip(regs) {
        *place = reg.base() + k;
    }
    places
}

/// Loads `W` adjacent words for each lane, all of which are there; offset and stride are in bytes,
/// which a stride of 1 between the sums of several indices needs.
#[inline(always)]
fn gather<const W: usize>(
    words: Words<'_>,
    offset: u32,
    stride: u32,
    index: Chunk,
    to: [&mut Chunk; W],
) {
    let first = index.0.map(|index| offset.wrapping_add(index.wrapping_mul(stride)) / 4);
    let at = |first: u32| {
        let first = first as usize;
        words.get(first..first + W).and_then(|words| <&[_; W]>::try_from(words).ok())
    };
    let (halves, _) = first.as_chunks::<HALF>();
    for (h, half) in halves.iter().enumerate() {
        // Lanes that all want the same words are often neighbours.
        if *half == [half[0]; HALF] {
            if let Some(words) = at(half[0]) {
                for w in 0..W {
                    to[w].0[h * HALF..][..HALF].fill(words[w].load(Relaxed));
                }
            }
            continue;
        }
        for (i, first) in half.iter().enumerate() {
            if let Some(words) = at(*first) {
                for w in 0..W {
                    to[w].0[h * HALF + i] = words[w].load(Relaxed);
                }
            }
        }
    }
}
