//! Which part of which block of memory belongs to which pipeline. Knows no memory and no Vulkan.

use std::collections::BTreeMap;

/// What windows begin at a multiple of.
pub(crate) const ALIGNMENT: u64 = 64;

/// Part of a block.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Window {
    /// Which block, counted from 0.
    pub(crate) block: usize,
    /// Where it begins within its block.
    pub(crate) offset: u64,
    /// How long it is.
    pub(crate) bytes: u64,
}

/// Windows that are taken and given back.
#[derive(Debug, Default)]
pub(crate) struct Arena {
    /// Bytes of each block, and how many of them were ever taken.
    blocks: Vec<(u64, u64)>,
    /// Windows that were given back, by their bytes: programs that compile as they go make the same kernel again.
    free: BTreeMap<u64, Vec<Window>>,
}

impl Arena {
    /// A window of so many bytes; `None` where a block has to be added first.
    pub(crate) fn take(&mut self, bytes: u64) -> Option<Window> {
        let bytes = bytes.next_multiple_of(ALIGNMENT);
        if let Some(window) = self.free.get_mut(&bytes).and_then(Vec::pop) {
            return Some(window);
        }
        let block = self.blocks.iter().position(|&(size, taken)| size - taken >= bytes)?;
        let taken = &mut self.blocks[block].1;
        let window = Window { block, offset: *taken, bytes };
        *taken += bytes;
        Some(window)
    }

    /// Gives a window back.
    pub(crate) fn give(&mut self, window: Window) {
        self.free.entry(window.bytes).or_default().push(window);
    }

    /// Adds a block behind those that there are.
    pub(crate) fn add(&mut self, bytes: u64) {
        self.blocks.push((bytes, 0));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn windows_do_not_overlap_and_come_back() {
        let mut arena = Arena::default();
        assert_eq!(arena.take(1), None);
        arena.add(256);
        let windows: Vec<Window> = [1, 64, 100].into_iter().filter_map(|n| arena.take(n)).collect();
        let places: Vec<_> = windows.iter().map(|w| (w.block, w.offset, w.bytes)).collect();
        assert_eq!(places, [(0, 0, 64), (0, 64, 64), (0, 128, 128)]);
        assert_eq!(arena.take(1), None, "the block is full");
        arena.give(windows[1]);
        assert_eq!(arena.take(60), Some(windows[1]));
        arena.add(1024);
        assert_eq!(arena.take(1000), Some(Window { block: 1, offset: 0, bytes: 1024 }));
    }
}
