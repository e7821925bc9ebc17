//! Which part of which block of memory belongs to which pipeline. Knows no memory and no Vulkan.

use std::collections::BTreeMap;

/// What windows begin at a multiple of.
pub(crate) const ALIGNMENT: u64 = 64;

/// Part of a block.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Window {
    /// Which block, counted from 0.
    pub(crate) block: usize,
    /// Where it begins within its block.
    pub(crate) offset: u64,
    /// How long it is.
    pub(crate) bytes: u64,
}

/// A block, and where in it windows begin that are taken, with their bytes.
#[derive(Debug)]
struct Block {
    bytes: u64,
    taken: BTreeMap<u64, u64>,
}

/// Windows that are taken and given back.
#[derive(Debug, Default)]
pub(crate) struct Arena {
    blocks: Vec<Block>,
}

impl Arena {
    /// A window of so many bytes; `None` where a block has to be added first. Where in its block it lies follows from
    /// `wish`, as far as nothing else is there: whoever asks for the same in another run has the same, however the
    /// order of others differs.
    pub(crate) fn take(&mut self, bytes: u64, wish: u64) -> Option<Window> {
        let bytes = bytes.next_multiple_of(ALIGNMENT);
        self.blocks.iter_mut().enumerate().find_map(|(block, its)| {
            let offset = its.gap(bytes, wish)?;
            its.taken.insert(offset, bytes);
            Some(Window { block, offset, bytes })
        })
    }

    /// Gives a window back.
    pub(crate) fn give(&mut self, window: Window) {
        self.blocks[window.block].taken.remove(&window.offset);
    }

    /// Adds a block behind those that there are.
    pub(crate) fn add(&mut self, bytes: u64) {
        self.blocks.push(Block { bytes, taken: BTreeMap::new() });
    }
}

impl Block {
    /// Where so many bytes are free: at the place that is wished for or behind it, else anywhere.
    fn gap(&self, bytes: u64, wish: u64) -> Option<u64> {
        let last = self.bytes.checked_sub(bytes)? / ALIGNMENT;
        let first = wish % (last + 1) * ALIGNMENT;
        // What begins before the wish may reach behind it.
        let before = self.taken.range(..first).next_back().map_or(0, |(at, its)| at + its);
        self.gap_from(first.max(before), bytes).or_else(|| self.gap_from(0, bytes))
    }

    /// The first gap from a place on, at which no window lies that begins before it.
    fn gap_from(&self, first: u64, bytes: u64) -> Option<u64> {
        let mut at = first;
        for (&begin, its) in self.taken.range(first..) {
            if begin - at >= bytes {
                break;
            }
            at = begin + its;
        }
        (self.bytes.checked_sub(at)? >= bytes).then_some(at)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn places(windows: &[Window]) -> Vec<(usize, u64, u64)> {
        windows.iter().map(|its| (its.block, its.offset, its.bytes)).collect()
    }

    #[test]
    fn windows_do_not_overlap_and_come_back() {
        let mut arena = Arena::default();
        assert_eq!(arena.take(1, 0), None);
        arena.add(256);
        let windows: Vec<Window> =
            [1, 64, 100].into_iter().filter_map(|n| arena.take(n, 0)).collect();
        assert_eq!(places(&windows), [(0, 0, 64), (0, 64, 64), (0, 128, 128)]);
        assert_eq!(arena.take(1, 3), None, "the block is full");
        arena.give(windows[1]);
        assert_eq!(arena.take(60, 3), Some(windows[1]));
        arena.add(1024);
        assert_eq!(arena.take(1000, 0), Some(Window { block: 1, offset: 0, bytes: 1024 }));
        assert_eq!(arena.take(2000, 0), None, "no block is as long");
    }

    #[test]
    fn a_window_lies_where_it_is_wished_for_whoever_else_came_before() {
        let place = |wishes: &[u64], of: usize| {
            let mut arena = Arena::default();
            arena.add(1 << 20);
            wishes.iter().map(|&wish| arena.take(100, wish).unwrap().offset).nth(of).unwrap()
        };
        let (a, b, c) = (1 << 63, 12_345, 67_890);
        assert_eq!(place(&[a, b, c], 0), place(&[c, b, a], 2));
        assert_eq!(place(&[a, b, c], 1), place(&[b], 0));
        // One that is taken is passed, and so is what reaches behind the place.
        assert_eq!(place(&[b, b], 1), place(&[b], 0) + 128);
        assert_eq!(place(&[b, b + 1], 1), place(&[b], 0) + 128);
    }
}
