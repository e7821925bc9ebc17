//! Timestamps around dispatches, in query pools of a device. Knows nothing of whose dispatches they are.

#![expect(
    unsafe_code,
    reason = "query pools are made, written and read by calls of Vulkan, into the program's command buffers"
)]

use ash::vk;

use crate::ledger::Slot;

/// Slots of one pool.
const SLOTS: u32 = 1024;

/// The timestamps of one device.
pub(crate) struct Queries {
    below: ash::Device,
    pools: Vec<vk::QueryPool>,
    free: Vec<Slot>,
    next: Slot,
    /// The bits of a timestamp that mean something.
    mask: u64,
    /// Nanoseconds of a tick.
    pub(crate) period: f64,
}

impl Queries {
    /// Timestamps of so many bits, each tick of which takes so many nanoseconds.
    pub(crate) fn new(below: ash::Device, bits: u32, period: f64) -> Self {
        let mask = u64::MAX.checked_shr(u64::BITS - bits.min(u64::BITS)).unwrap_or(0);
        Self { below, pools: Vec::new(), free: Vec::new(), next: 0, mask, period }
    }

    /// Room for the timestamps of a dispatch; `None` where there is none.
    pub(crate) fn take(&mut self) -> Option<Slot> {
        let free = self.free.pop();
        let slot = free.unwrap_or(self.next);
        while self.mask != 0 && self.pools.len() <= (slot / SLOTS) as usize {
            let info = vk::QueryPoolCreateInfo::default()
                .query_type(vk::QueryType::TIMESTAMP)
                .query_count(2 * SLOTS);
            // SAFETY: the device is alive and the structure is whole.
            self.pools.push(unsafe { self.below.create_query_pool(&info, None) }.ok()?);
        }
        self.next += u32::from(free.is_none());
        (self.mask != 0).then_some(slot)
    }

    /// Gives room back.
    pub(crate) fn give(&mut self, slot: Slot) {
        self.free.push(slot);
    }

    /// Records what `dispatch` records, with timestamps around it. What came before has ended then, and what comes
    /// after waits, so that the time is that of these commands alone.
    pub(crate) fn around(&self, commands: vk::CommandBuffer, slot: Slot, dispatch: impl FnOnce()) {
        let (pool, first) = (self.pools[(slot / SLOTS) as usize], slot % SLOTS * 2);
        let (below, all) = (&self.below, vk::PipelineStageFlags::ALL_COMMANDS);
        let memory = [vk::MemoryBarrier::default()
            .src_access_mask(vk::AccessFlags::MEMORY_WRITE)
            .dst_access_mask(vk::AccessFlags::MEMORY_READ | vk::AccessFlags::MEMORY_WRITE)];
        let flags = vk::DependencyFlags::empty();
        let end = vk::PipelineStageFlags::BOTTOM_OF_PIPE;
        // SAFETY: the program is recording into this command buffer, outside of a render pass, as it dispatches; the
        // pool is the device's.
        unsafe {
            below.cmd_reset_query_pool(commands, pool, first, 2);
            below.cmd_pipeline_barrier(commands, all, all, flags, &memory, &[], &[]);
            below.cmd_write_timestamp(commands, end, pool, first);
            dispatch();
            below.cmd_pipeline_barrier(commands, all, all, flags, &memory, &[], &[]);
            below.cmd_write_timestamp(commands, end, pool, first + 1);
        }
    }

    /// The ticks between the timestamps of a slot; `None` where they were not written.
    pub(crate) fn read(&self, slot: Slot) -> Option<u64> {
        let pool = *self.pools.get((slot / SLOTS) as usize)?;
        // Each timestamp, and whether it is there.
        let mut stamps = [[0_u64; 2]; 2];
        let flags = vk::QueryResultFlags::TYPE_64 | vk::QueryResultFlags::WITH_AVAILABILITY;
        // SAFETY: the device and the pool are alive, and there is room for two results.
        let read = unsafe {
            self.below.get_query_pool_results(pool, slot % SLOTS * 2, &mut stamps, flags)
        };
        let [[begun, one], [ended, other]] = stamps;
        (read.is_ok() && one != 0 && other != 0).then(|| ended.wrapping_sub(begun) & self.mask)
    }

    /// Destroys the pools. No command buffer that writes to them is in use any more.
    pub(crate) fn free(&mut self) {
        for pool in self.pools.drain(..) {
            // SAFETY: the pool is the device's, which is about to be destroyed.
            unsafe { self.below.destroy_query_pool(pool, None) };
        }
    }
}
