//! Copies of a kernel's counters, from before and after each of its dispatches: what lies between them is what one
//! dispatch counted. Knows nothing of the order of dispatches.

#![expect(
    unsafe_code,
    reason = "copies are made by commands of Vulkan, which are recorded into the program's command buffers"
)]

use std::sync::Arc;

use ash::vk;
use flopmeter_core::table::BlockTable;

use crate::{
    arena::Window,
    ledger::Slot,
    memory::{Memory, Source},
};

/// Bytes of all copies at most.
const MOST_BYTES: u64 = 64 << 20;

/// Bytes of the mark that stands behind both copies once they are there.
const MARK_BYTES: u64 = 8;

/// Where a kernel's counters lie.
#[derive(Clone)]
pub(crate) struct Counters {
    pub(crate) table: Arc<BlockTable>,
    pub(crate) buffer: vk::Buffer,
    pub(crate) offset: u64,
}

/// The copies of one dispatch: counters before, counters after, and a mark.
struct Copies {
    counters: Counters,
    window: Window,
}

/// The copies of all dispatches of one device that are recorded.
pub(crate) struct CopyPool {
    below: ash::Device,
    memory: Memory,
    slots: Vec<Option<Copies>>,
    free: Vec<Slot>,
    /// Bytes that are taken.
    bytes: u64,
}

impl CopyPool {
    pub(crate) fn new(source: Source) -> Self {
        Self {
            below: source.below.clone(),
            // No kernel knows where copies lie.
            memory: Memory::new(Source { host: None, ..source }),
            slots: Vec::new(),
            free: Vec::new(),
            bytes: 0,
        }
    }

    /// Room for copies; `None` where there is none.
    pub(crate) fn take(&mut self, counters: &Counters) -> Option<Slot> {
        let bytes = 2 * counters.table.bytes() + MARK_BYTES;
        if self.bytes + bytes > MOST_BYTES {
            return None;
        }
        let window = self.memory.take(bytes, 0).ok()?;
        self.bytes += window.bytes;
        let slot = self.free.pop().unwrap_or_else(|| {
            self.slots.push(None);
            self.slots.len() as Slot - 1
        });
        self.slots[slot as usize] = Some(Copies { counters: counters.clone(), window });
        Some(slot)
    }

    /// Gives room back.
    pub(crate) fn give(&mut self, slot: Slot) {
        if let Some(Copies { window, .. }) = self.slots[slot as usize].take() {
            self.bytes -= window.bytes;
            self.memory.give(window);
            self.free.push(slot);
        }
    }

    /// Records what `dispatch` records, with copies around it. What came before has ended then, and what comes after
    /// waits.
    pub(crate) fn around(&self, commands: vk::CommandBuffer, slot: Slot, dispatch: impl FnOnce()) {
        let Some(Copies { counters, window }) = &self.slots[slot as usize] else {
            return dispatch();
        };
        let Counters { table, buffer, offset } = counters;
        let (to, first) = self.memory.buffer(*window);
        let (below, all) = (&self.below, vk::PipelineStageFlags::ALL_COMMANDS);
        let host = vk::PipelineStageFlags::HOST;
        let access = vk::AccessFlags::MEMORY_READ | vk::AccessFlags::MEMORY_WRITE;
        let flags = vk::DependencyFlags::empty();
        let barrier = |stages, also| {
            let memory = [vk::MemoryBarrier::default()
                .src_access_mask(vk::AccessFlags::MEMORY_WRITE)
                .dst_access_mask(access | also)];
            // SAFETY: the program is recording into this command buffer, outside of a render pass, as it dispatches.
            unsafe { below.cmd_pipeline_barrier(commands, all, stages, flags, &memory, &[], &[]) }
        };
        let copy = |place| {
            let region =
                vk::BufferCopy { src_offset: *offset, dst_offset: place, size: table.bytes() };
            barrier(all, vk::AccessFlags::empty());
            // SAFETY: as above; both windows are of this length at least, and lie in buffers of the layer's.
            unsafe { below.cmd_copy_buffer(commands, *buffer, to, &[region]) }
            barrier(all, vk::AccessFlags::empty());
        };
        copy(first);
        dispatch();
        copy(first + table.bytes());
        // SAFETY: as above.
        unsafe { below.cmd_fill_buffer(commands, to, first + 2 * table.bytes(), MARK_BYTES, 1) };
        barrier(all | host, vk::AccessFlags::HOST_READ);
    }

    /// What a dispatch counted, and the table by which that is read; `None` where it has not come to its end. Nothing
    /// is left then.
    pub(crate) fn read(&self, slot: Slot) -> Option<(&BlockTable, Vec<u8>)> {
        let Copies { counters, window } = self.slots.get(slot as usize)?.as_ref()?;
        let table = &*counters.table;
        let bytes = table.bytes();
        let raw = self.memory.read(*window, 2 * bytes + MARK_BYTES);
        let (copies, mark) = raw.split_at(2 * bytes as usize);
        if mark.iter().all(|&byte| byte == 0) {
            return None;
        }
        self.memory.clear(*window);
        let (before, after) = copies.split_at(bytes as usize);
        Some((table, between(before, after)))
    }

    /// Frees all of it. No command buffer that writes to it is in use any more.
    pub(crate) fn free(&mut self) {
        self.memory.free();
        self.slots.clear();
        self.free.clear();
        self.bytes = 0;
    }
}

/// By how much each counter grew.
fn between(before: &[u8], after: &[u8]) -> Vec<u8> {
    let counters = |raw: &[u8]| -> Vec<u64> {
        raw.as_chunks().0.iter().map(|&bytes| u64::from_le_bytes(bytes)).collect()
    };
    let grown = counters(after).into_iter().zip(counters(before));
    grown.flat_map(|(after, before)| after.wrapping_sub(before).to_le_bytes()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counters_grow_past_the_half_of_a_limb() {
        let raw = |counters: [u64; 2]| counters.map(u64::to_le_bytes).concat();
        let before = raw([u64::from(u32::MAX), u64::MAX]);
        assert_eq!(between(&before, &raw([1 << 32, 4])), raw([1, 5]));
    }
}
