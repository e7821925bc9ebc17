//! What is submitted, and when the program waits for it: then recordings are written.

#![expect(
    unsafe_code,
    reason = "these functions are called by C, with handles that are pointers, and call functions of the driver"
)]

use std::sync::Arc;

use ash::vk::{self, Handle as _};

use crate::{
    chain::{find, slice},
    device::Device,
    guard::{harmless, lock},
    saver::Moment,
    tally::{Batch, Ends},
};

/// Adds what batches dispatch.
fn submitted(
    device: &Device,
    queue: vk::Queue,
    fence: vk::Fence,
    batches: impl Iterator<Item = Batch>,
) {
    harmless(|| {
        let mut tally = lock(&device.tally);
        device.withdraw_claim(&tally);
        let batches: Vec<Batch> = batches.collect();
        let fence = Some(fence).filter(|fence| !fence.is_null());
        let fence = fence.map(vk::Fence::as_raw);
        tally.submit(queue.as_raw(), &batches, fence);
        drop(tally);
        let all = batches.iter().flat_map(|batch| &batch.commands);
        device.watch(|watch| all.for_each(|&one| watch.submit(one)));
    });
}

/// The batch that a structure describes.
///
/// # Safety
/// The structure is whole.
unsafe fn batch(info: &vk::SubmitInfo<'_>) -> Batch {
    // SAFETY: as the caller promises.
    unsafe {
        let commands = slice(info.p_command_buffers, info.command_buffer_count);
        let semaphores = slice(info.p_signal_semaphores, info.signal_semaphore_count).iter();
        let values = find::<vk::TimelineSemaphoreSubmitInfo<'_>>(info.p_next).map(|values| {
            slice((*values).p_signal_semaphore_values, (*values).signal_semaphore_value_count)
        });
        let signals = semaphores.map(|its| its.as_raw()).zip(values.into_iter().flatten().copied());
        Batch {
            commands: commands.iter().map(|its| its.as_raw()).collect(),
            signals: signals.collect(),
        }
    }
}

/// As [`batch`].
unsafe fn batch2(info: &vk::SubmitInfo2<'_>) -> Batch {
    // SAFETY: as the caller promises.
    let (commands, signals) = unsafe {
        (
            slice(info.p_command_buffer_infos, info.command_buffer_info_count).iter(),
            slice(info.p_signal_semaphore_infos, info.signal_semaphore_info_count).iter(),
        )
    };
    // A signal that waits for other stages alone says nothing of what was dispatched.
    let waits = vk::PipelineStageFlags2::ALL_COMMANDS | vk::PipelineStageFlags2::COMPUTE_SHADER;
    let signals = signals.filter(|its| its.stage_mask.intersects(waits));
    Batch {
        commands: commands.map(|its| its.command_buffer.as_raw()).collect(),
        signals: signals.map(|its| (its.semaphore.as_raw(), its.value)).collect(),
    }
}

/// Notes what the program has seen to end, where a call has come to what it is for.
fn seen(device: &Device, result: vk::Result, note: impl FnOnce(&mut Ends)) {
    if result == vk::Result::SUCCESS {
        harmless(|| note(&mut lock(&device.tally).ends));
    }
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
        submitted(&device, queue, fence, slice(infos, count).iter().map(|info| batch(info)));
        let result = (device.below.fp_v1_0().queue_submit)(queue, count, infos, fence);
        save(&device, result, Moment::Submitted);
        result
    }
}

/// Functions that the program has under two names, the second from an extension. What comes before the call and what
/// comes of it is told by expressions.
macro_rules! named {
    ($(
        $(#[$about:meta])*
        $function:ident as $name:literal: $kind:ty,
        |$first:ident: $handle:ty, $($argument:ident: $type:ty),*| $before:expr, $seen:expr, $moment:ident
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
                ($seen)(&device, result);
                save(&device, result, Moment::$moment);
                result
            }
        }
    )* };
}

/// # Safety
/// `infos` are `count` structures of the program's.
unsafe fn submitted2(
    device: &Device,
    queue: vk::Queue,
    (count, infos): (u32, *const vk::SubmitInfo2<'_>),
    fence: vk::Fence,
) {
    // SAFETY: as the caller promises.
    unsafe {
        submitted(device, queue, fence, slice(infos, count).iter().map(|info| batch2(info)));
    }
}

/// Fences were waited for, `all` of them or any.
///
/// # Safety
/// `fences` are `count` fences of the program's.
unsafe fn saw_fences(
    device: &Device,
    result: vk::Result,
    (count, fences): (u32, *const vk::Fence),
    all: bool,
) {
    // SAFETY: as the caller promises, while the program's call goes on; they are the device's.
    let signalled = unsafe {
        let status = device.below.fp_v1_0().get_fence_status;
        let is = move |fence: &&vk::Fence| {
            all || count == 1 || status(device.handle, **fence) == vk::Result::SUCCESS
        };
        slice(fences, count).iter().filter(is)
    };
    seen(device, result, |ends| signalled.for_each(|fence| ends.signalled(fence.as_raw())));
}

/// Semaphores were waited for.
///
/// # Safety
/// The structure is whole.
unsafe fn saw_semaphores(
    device: &Device,
    result: vk::Result,
    info: *const vk::SemaphoreWaitInfo<'_>,
) {
    // SAFETY: as the caller promises.
    let (any, semaphores, values) = unsafe {
        let info = &*info;
        let any = info.flags.contains(vk::SemaphoreWaitFlags::ANY) && info.semaphore_count > 1;
        let semaphores = slice(info.p_semaphores, info.semaphore_count);
        (any, semaphores, slice(info.p_values, info.semaphore_count))
    };
    // Which of them it was is not asked.
    if !any {
        seen(device, result, |ends| {
            let both = semaphores.iter().zip(values);
            both.for_each(|(semaphore, &value)| ends.reached(semaphore.as_raw(), value));
        });
    }
}

named! {
    /// `vkQueueSubmit2`
    submit2 as c"vkQueueSubmit2": vk::PFN_vkQueueSubmit2,
    |queue: vk::Queue, count: u32, infos: *const vk::SubmitInfo2<'_>, fence: vk::Fence|
    |device: &Arc<Device>| submitted2(device, queue, (count, infos), fence), |_, _| (), Submitted

    /// `vkQueueSubmit2KHR`
    submit2_khr as c"vkQueueSubmit2KHR": vk::PFN_vkQueueSubmit2,
    |queue: vk::Queue, count: u32, infos: *const vk::SubmitInfo2<'_>, fence: vk::Fence|
    |device: &Arc<Device>| submitted2(device, queue, (count, infos), fence), |_, _| (), Submitted

    /// `vkWaitForFences`
    wait_for_fences as c"vkWaitForFences": vk::PFN_vkWaitForFences,
    |device: vk::Device, count: u32, fences: *const vk::Fence, all: vk::Bool32, timeout: u64|
    |_| (), |device: &Arc<Device>, result| {
        saw_fences(device, result, (count, fences), all != vk::FALSE);
    }, Waited

    /// `vkGetFenceStatus`
    fence_status as c"vkGetFenceStatus": vk::PFN_vkGetFenceStatus,
    |device: vk::Device, fence: vk::Fence|
    |_| (), |device: &Arc<Device>, result| saw_fences(device, result, (1, &raw const fence), true), Waited

    /// `vkWaitSemaphores`
    wait_semaphores as c"vkWaitSemaphores": vk::PFN_vkWaitSemaphores,
    |device: vk::Device, info: *const vk::SemaphoreWaitInfo<'_>, timeout: u64|
    |_| (), |device: &Arc<Device>, result| saw_semaphores(device, result, info), Waited

    /// `vkWaitSemaphoresKHR`
    wait_semaphores_khr as c"vkWaitSemaphoresKHR": vk::PFN_vkWaitSemaphores,
    |device: vk::Device, info: *const vk::SemaphoreWaitInfo<'_>, timeout: u64|
    |_| (), |device: &Arc<Device>, result| saw_semaphores(device, result, info), Waited
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
                seen(&device, result, |ends| ends.reached(semaphore.as_raw(), *value));
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
        seen(&device, result, |ends| ends.idle(queue.as_raw()));
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
        seen(&device, result, Ends::all_idle);
        save(&device, result, Moment::Waited);
        result
    }
}
