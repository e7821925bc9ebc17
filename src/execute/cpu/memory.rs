//! Memory while a kernel runs: buffers that threads share, as words that are read and written one at a
//! time, and what happens out of bounds. Knows no instructions.

use std::sync::{
    Mutex, PoisonError,
    atomic::{AtomicU32, Ordering::Relaxed},
};

use super::program::Limit;

/// A window of a buffer, or a workgroup's memory.
pub(super) type Words<'a> = &'a [AtomicU32];

/// 64-bit atomics go one at a time: a word is what the hardware is asked to exchange here.
static WIDE: Mutex<()> = Mutex::new(());

/// How many elements an array has.
#[inline(always)]
pub(super) fn length(bound: Limit, memories: &[Words<'_>]) -> u32 {
    match bound {
        Limit::Known(count) => count,
        Limit::Runtime { memory, offset, stride } => {
            let bytes =
                4 * memories[memory].len() - (offset as usize).min(4 * memories[memory].len());
            (bytes / stride.max(1) as usize) as u32
        }
    }
}

/// The 16 bits at a byte address.
pub(super) fn half(memory: Words<'_>, byte: usize) -> Option<u16> {
    let word = memory.get(byte / 4)?.load(Relaxed);
    Some((word >> (8 * (byte & 2))) as u16)
}

/// Replaces the 16 bits at a byte address; whether there was such a place.
pub(super) fn set_half(memory: Words<'_>, byte: usize, value: u16) -> bool {
    let Some(word) = memory.get(byte / 4) else { return false };
    let shift = 8 * (byte & 2);
    // The other half may be another thread's.
    let replaced = |old: u32| Some((old & !(0xffff << shift)) | (u32::from(value) << shift));
    word.fetch_update(Relaxed, Relaxed, replaced).is_ok()
}

/// Exchanges a word for what `f` makes of it, which may be nothing new.
pub(super) fn exchange(word: &AtomicU32, f: impl Fn(u32) -> Option<u32>) -> u32 {
    match word.fetch_update(Relaxed, Relaxed, f) {
        Ok(old) | Err(old) => old,
    }
}

/// The same for two words.
pub(super) fn exchange_wide(words: &[AtomicU32; 2], f: impl Fn(u64) -> Option<u64>) -> u64 {
    let _one_at_a_time = WIDE.lock().unwrap_or_else(PoisonError::into_inner);
    let old = u64::from(words[0].load(Relaxed)) | u64::from(words[1].load(Relaxed)) << 32;
    if let Some(new) = f(old) {
        words[0].store(new as u32, Relaxed);
        words[1].store((new >> 32) as u32, Relaxed);
    }
    old
}
