//! What is submitted, and when the program waits for it: then recordings are written.

#![expect(
    unsafe_code,
    reason = "these functions are called by C, with handles that are pointers, and call functions of the driver"
)]

use std::sync::Arc;

use ash::vk::{self, Handle as _};

use crate::{
    chain::slice,
    device::Device,
    guard::{harmless, lock},
    saver::Moment,
};

/// Adds what command buffers dispatch.
fn submitted(device: &Device, all: impl Iterator<Item = vk::CommandBuffer>) {
    harmless(|| {
        let all: Vec<u64> = all.map(vk::CommandBuffer::as_raw).collect();
        if !all.is_empty() {
            lock(&device.tally).submit(&all);
            device.watch(|watch| all.iter().for_each(|&one| watch.submit(one)));
        }
    });
}

/// Has what is known written down, if it is time to: the call has come to what it is for, and not to its time limit.
fn save(device: &Device, result: vk::Result, moment: Moment) {
    if result == vk::Result::SUCCESS {
        device.save_at(moment);
    }
}

/// `vkQueueSubmit`
pub(crate) unsafe extern "system" fn submit(
    queue: vk::Queue,
    count: u32,
    infos: *const vk::SubmitInfo<'_>,
    fence: vk::Fence,
) -> vk::Result {
    // SAFETY: the program's own arguments.
    unsafe {
        let Some(device) = Device::of(queue) else { return vk::Result::ERROR_DEVICE_LOST };
        let all = slice(infos, count).iter();
        let all = all.flat_map(|info| slice(info.p_command_buffers, info.command_buffer_count));
        submitted(&device, all.copied());
        let result = (device.below.fp_v1_0().queue_submit)(queue, count, infos, fence);
        save(&device, result, Moment::Submitted);
        result
    }
}

/// Functions that the program has under two names, the second from an extension.
macro_rules! named {
    ($(
        $(#[$about:meta])*
        $function:ident as $name:literal: $kind:ty,
        |$first:ident: $handle:ty, $($argument:ident: $type:ty),*| $before:expr, $moment:ident
    )*) => { $(
        $(#[$about])*
        pub(crate) unsafe extern "system" fn $function(
            $first: $handle,
            $($argument: $type),*
        ) -> vk::Result {
            // SAFETY: the program's own arguments, and the function of this name, which is there where the program
            // has it from the layer.
            unsafe {
                let Some(device) = Device::of($first) else {
                    return vk::Result::ERROR_DEVICE_LOST;
                };
                let Some(next) = device.find($name) else {
                    return vk::Result::ERROR_DEVICE_LOST;
                };
                let next: $kind = std::mem::transmute(next);
                ($before)(&device);
                let result = next($first, $($argument),*);
                save(&device, result, Moment::$moment);
                result
            }
        }
    )* };
}

/// # Safety
/// `infos` are `count` structures of the program's.
unsafe fn submitted2(device: &Device, count: u32, infos: *const vk::SubmitInfo2<'_>) {
    // SAFETY: as the caller promises.
    unsafe {
        let all = slice(infos, count)
            .iter()
            .flat_map(|info| slice(info.p_command_buffer_infos, info.command_buffer_info_count));
        submitted(device, all.map(|info| info.command_buffer));
    }
}

named! {
    /// `vkQueueSubmit2`
    submit2 as c"vkQueueSubmit2": vk::PFN_vkQueueSubmit2,
    |queue: vk::Queue, count: u32, infos: *const vk::SubmitInfo2<'_>, fence: vk::Fence|
    |device: &Arc<Device>| submitted2(device, count, infos), Submitted

    /// `vkQueueSubmit2KHR`
    submit2_khr as c"vkQueueSubmit2KHR": vk::PFN_vkQueueSubmit2,
    |queue: vk::Queue, count: u32, infos: *const vk::SubmitInfo2<'_>, fence: vk::Fence|
    |device: &Arc<Device>| submitted2(device, count, infos), Submitted

    /// `vkWaitForFences`
    wait_for_fences as c"vkWaitForFences": vk::PFN_vkWaitForFences,
    |device: vk::Device, count: u32, fences: *const vk::Fence, all: vk::Bool32, timeout: u64|
    |_| (), Waited

    /// `vkGetFenceStatus`
    fence_status as c"vkGetFenceStatus": vk::PFN_vkGetFenceStatus,
    |device: vk::Device, fence: vk::Fence| |_| (), Waited

    /// `vkWaitSemaphores`
    wait_semaphores as c"vkWaitSemaphores": vk::PFN_vkWaitSemaphores,
    |device: vk::Device, info: *const vk::SemaphoreWaitInfo<'_>, timeout: u64| |_| (), Waited

    /// `vkWaitSemaphoresKHR`
    wait_semaphores_khr as c"vkWaitSemaphoresKHR": vk::PFN_vkWaitSemaphores,
    |device: vk::Device, info: *const vk::SemaphoreWaitInfo<'_>, timeout: u64| |_| (), Waited
}

/// A program may ask again and again how far a semaphore has come. Where that is further than before, it has seen its
/// device come to the end of something.
macro_rules! polled {
    ($(#[$about:meta])* $function:ident as $name:literal) => {
        $(#[$about])*
        pub(crate) unsafe extern "system" fn $function(
            device: vk::Device,
            semaphore: vk::Semaphore,
            value: *mut u64,
        ) -> vk::Result {
            // SAFETY: the program's own arguments, and the function of this name, which is there where the program has
            // it from the layer.
            unsafe {
                let Some(device) = Device::of(device) else {
                    return vk::Result::ERROR_DEVICE_LOST;
                };
                let Some(next) = device.find($name) else {
                    return vk::Result::ERROR_DEVICE_LOST;
                };
                let next: vk::PFN_vkGetSemaphoreCounterValue = std::mem::transmute(next);
                let result = next(device.handle, semaphore, value);
                let advanced = harmless(|| {
                    result == vk::Result::SUCCESS
                        && lock(&device.tally).has_advanced(semaphore.as_raw(), *value)
                });
                if advanced == Some(true) {
                    device.save_at(Moment::Waited);
                }
                result
            }
        }
    };
}

polled! {
    /// `vkGetSemaphoreCounterValue`
    counter_value as c"vkGetSemaphoreCounterValue"
}
polled! {
    /// `vkGetSemaphoreCounterValueKHR`
    counter_value_khr as c"vkGetSemaphoreCounterValueKHR"
}

/// `vkQueueWaitIdle`
pub(crate) unsafe extern "system" fn queue_wait_idle(queue: vk::Queue) -> vk::Result {
    // SAFETY: the program's own argument.
    unsafe {
        let Some(device) = Device::of(queue) else { return vk::Result::ERROR_DEVICE_LOST };
        let result = (device.below.fp_v1_0().queue_wait_idle)(queue);
        save(&device, result, Moment::Waited);
        result
    }
}

/// `vkDeviceWaitIdle`
pub(crate) unsafe extern "system" fn device_wait_idle(device: vk::Device) -> vk::Result {
    // SAFETY: the program's own argument.
    unsafe {
        let Some(device) = Device::of(device) else { return vk::Result::ERROR_DEVICE_LOST };
        let result = (device.below.fp_v1_0().device_wait_idle)(device.handle);
        save(&device, result, Moment::Waited);
        result
    }
}
