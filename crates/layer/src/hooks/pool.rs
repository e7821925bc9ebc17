//! Command pools: which command buffers come from each, and what is left of them when they go.

#![expect(
    unsafe_code,
    reason = "these functions are called by C, with handles that are pointers, and call functions of the driver"
)]

use ash::vk::{self, Handle as _};

use crate::{
    chain::slice,
    device::Device,
    guard::{harmless, lock},
    tally::Tally,
};

/// What dispatches of command buffers left is read, and their records go. `which` tells the tally, and returns the
/// command buffers.
fn forget(device: &Device, which: impl FnOnce(&mut Tally) -> Vec<u64>) {
    harmless(|| {
        let gone = which(&mut lock(&device.tally));
        device.watch(|watch| gone.iter().for_each(|&commands| watch.forget(commands)));
    });
}

/// `vkAllocateCommandBuffers`
pub(crate) unsafe extern "system" fn allocate(
    device: vk::Device,
    info: *const vk::CommandBufferAllocateInfo<'_>,
    out: *mut vk::CommandBuffer,
) -> vk::Result {
    // SAFETY: the program's own arguments.
    unsafe {
        let Some(device) = Device::of(device) else { return vk::Result::ERROR_DEVICE_LOST };
        let result = (device.below.fp_v1_0().allocate_command_buffers)(device.handle, info, out);
        if result == vk::Result::SUCCESS {
            harmless(|| {
                let all = slice(out, (*info).command_buffer_count).iter().map(|one| one.as_raw());
                lock(&device.tally).allocate((*info).command_pool.as_raw(), all);
            });
        }
        result
    }
}

/// `vkFreeCommandBuffers`
pub(crate) unsafe extern "system" fn free(
    device: vk::Device,
    pool: vk::CommandPool,
    count: u32,
    all: *const vk::CommandBuffer,
) {
    // SAFETY: the program's own arguments.
    unsafe {
        let Some(device) = Device::of(device) else { return };
        forget(&device, |tally| {
            let all: Vec<u64> = slice(all, count).iter().map(|one| one.as_raw()).collect();
            tally.free(pool.as_raw(), &all);
            all
        });
        (device.below.fp_v1_0().free_command_buffers)(device.handle, pool, count, all);
    }
}

/// `vkResetCommandPool`
pub(crate) unsafe extern "system" fn reset(
    device: vk::Device,
    pool: vk::CommandPool,
    flags: vk::CommandPoolResetFlags,
) -> vk::Result {
    // SAFETY: the program's own arguments.
    unsafe {
        let Some(device) = Device::of(device) else { return vk::Result::ERROR_DEVICE_LOST };
        forget(&device, |tally| tally.clear_all(pool.as_raw()));
        (device.below.fp_v1_0().reset_command_pool)(device.handle, pool, flags)
    }
}

/// `vkDestroyCommandPool`
pub(crate) unsafe extern "system" fn destroy(
    device: vk::Device,
    pool: vk::CommandPool,
    allocator: *const vk::AllocationCallbacks<'_>,
) {
    // SAFETY: the program's own arguments.
    unsafe {
        let Some(device) = Device::of(device) else { return };
        forget(&device, |tally| tally.free_all(pool.as_raw()));
        (device.below.fp_v1_0().destroy_command_pool)(device.handle, pool, allocator);
    }
}
