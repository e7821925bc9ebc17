//! What is recorded into command buffers: which pipeline is bound, and what is dispatched.

#![expect(
    unsafe_code,
    reason = "these functions are called by C, with handles that are pointers, and call functions of the driver"
)]

use ash::vk::{self, Handle as _};

use super::{below, beside};
use crate::{
    chain::slice,
    device::Device,
    guard::{harmless, lock},
    tally::Tally,
};

/// Tells the tally of a command, and gives the device.
///
/// # Safety
/// The command buffer is alive.
unsafe fn tell(
    commands: vk::CommandBuffer,
    what: impl FnOnce(&mut Tally, u64),
) -> Option<std::sync::Arc<Device>> {
    // SAFETY: as the caller promises.
    let device = unsafe { Device::of(commands) }?;
    harmless(|| what(&mut lock(&device.tally), commands.as_raw()));
    Some(device)
}

/// `vkBeginCommandBuffer`
pub(crate) unsafe extern "system" fn begin(
    commands: vk::CommandBuffer,
    info: *const vk::CommandBufferBeginInfo<'_>,
) -> vk::Result {
    // SAFETY: the program's own arguments.
    unsafe {
        let Some(device) = tell(commands, Tally::begin) else {
            return vk::Result::ERROR_DEVICE_LOST;
        };
        let usage = vk::CommandBufferUsageFlags::SIMULTANEOUS_USE;
        let simultaneous = (*info).flags.contains(usage);
        device.watch(|watch| watch.begin(commands.as_raw(), simultaneous));
        (device.below.fp_v1_0().begin_command_buffer)(commands, info)
    }
}

/// `vkResetCommandBuffer`
pub(crate) unsafe extern "system" fn reset(
    commands: vk::CommandBuffer,
    flags: vk::CommandBufferResetFlags,
) -> vk::Result {
    // SAFETY: the program's own arguments.
    unsafe {
        let Some(device) = tell(commands, Tally::clear) else {
            return vk::Result::ERROR_DEVICE_LOST;
        };
        device.watch(|watch| watch.forget(commands.as_raw()));
        (device.below.fp_v1_0().reset_command_buffer)(commands, flags)
    }
}

/// `vkCmdBindPipeline`
pub(crate) unsafe extern "system" fn bind(
    commands: vk::CommandBuffer,
    point: vk::PipelineBindPoint,
    pipeline: vk::Pipeline,
) {
    // SAFETY: the program's own arguments.
    unsafe {
        let device = tell(commands, |tally, commands| {
            if point == vk::PipelineBindPoint::COMPUTE {
                tally.bind(commands, Some(pipeline.as_raw()));
            }
            tally.beside.extend(beside::bound(point));
        });
        if let Some(device) = device {
            (device.below.fp_v1_0().cmd_bind_pipeline)(commands, point, pipeline);
        }
    }
}

/// `vkCmdBindShadersEXT`
pub(crate) unsafe extern "system" fn bind_shaders(
    commands: vk::CommandBuffer,
    count: u32,
    stages: *const vk::ShaderStageFlags,
    shaders: *const vk::ShaderEXT,
) {
    // SAFETY: the program's own arguments.
    unsafe {
        let device = tell(commands, |tally, commands| {
            if slice(stages, count).contains(&vk::ShaderStageFlags::COMPUTE) {
                tally.bind(commands, None);
            }
        });
        let Some(device) = device else { return };
        let next: Option<vk::PFN_vkCmdBindShadersEXT> = below(&device, c"vkCmdBindShadersEXT");
        if let Some(next) = next {
            next(commands, count, stages, shaders);
        }
    }
}

/// `vkCmdDispatch`
pub(crate) unsafe extern "system" fn dispatch(commands: vk::CommandBuffer, x: u32, y: u32, z: u32) {
    // SAFETY: the program's own arguments.
    unsafe {
        if let Some(device) = tell(commands, |tally, at| tally.dispatch(at, Some([x, y, z]))) {
            device.dispatch(commands, Some([x, y, z]), || {
                (device.below.fp_v1_0().cmd_dispatch)(commands, x, y, z);
            });
        }
    }
}

/// `vkCmdDispatchIndirect`
pub(crate) unsafe extern "system" fn dispatch_indirect(
    commands: vk::CommandBuffer,
    buffer: vk::Buffer,
    offset: vk::DeviceSize,
) {
    // SAFETY: the program's own arguments.
    unsafe {
        if let Some(device) = tell(commands, |tally, at| tally.dispatch(at, None)) {
            device.dispatch(commands, None, || {
                (device.below.fp_v1_0().cmd_dispatch_indirect)(commands, buffer, offset);
            });
        }
    }
}

/// A function of the program's under several names.
macro_rules! named {
    ($(#[$about:meta])* $function:ident as $name:literal) => {
        $(#[$about])*
        pub(crate) unsafe extern "system" fn $function(
            commands: vk::CommandBuffer,
            first_x: u32,
            first_y: u32,
            first_z: u32,
            x: u32,
            y: u32,
            z: u32,
        ) {
            // SAFETY: the program's own arguments.
            unsafe {
                let device = tell(commands, |tally, at| tally.dispatch(at, Some([x, y, z])));
                let Some(device) = device else { return };
                let next: Option<vk::PFN_vkCmdDispatchBase> = below(&device, $name);
                if let Some(next) = next {
                    device.dispatch(commands, Some([x, y, z]), || {
                        next(commands, first_x, first_y, first_z, x, y, z);
                    });
                }
            }
        }
    };
}

named! {
    /// `vkCmdDispatchBase`
    dispatch_base as c"vkCmdDispatchBase"
}
named! {
    /// `vkCmdDispatchBaseKHR`
    dispatch_base_khr as c"vkCmdDispatchBaseKHR"
}

/// `vkCmdExecuteCommands`
pub(crate) unsafe extern "system" fn execute(
    commands: vk::CommandBuffer,
    count: u32,
    secondary: *const vk::CommandBuffer,
) {
    // SAFETY: the program's own arguments.
    unsafe {
        let device = tell(commands, |tally, at| {
            tally.execute(at, slice(secondary, count).iter().map(|one| one.as_raw()));
        });
        if let Some(device) = device {
            device.watch(|watch| {
                let all = slice(secondary, count).iter();
                all.for_each(|one| watch.execute(commands.as_raw(), one.as_raw()));
            });
            (device.below.fp_v1_0().cmd_execute_commands)(commands, count, secondary);
        }
    }
}

/// `vkCmdBeginConditionalRenderingEXT`
pub(crate) unsafe extern "system" fn begin_conditional(
    commands: vk::CommandBuffer,
    info: *const vk::ConditionalRenderingBeginInfoEXT<'_>,
) {
    // SAFETY: the program's own arguments.
    unsafe {
        let Some(device) = tell(commands, |tally, at| tally.conditional(at, true)) else { return };
        let name = c"vkCmdBeginConditionalRenderingEXT";
        let next: Option<vk::PFN_vkCmdBeginConditionalRenderingEXT> = below(&device, name);
        if let Some(next) = next {
            next(commands, info);
        }
    }
}

/// `vkCmdEndConditionalRenderingEXT`
pub(crate) unsafe extern "system" fn end_conditional(commands: vk::CommandBuffer) {
    // SAFETY: the program's own arguments.
    unsafe {
        let Some(device) = tell(commands, |tally, at| tally.conditional(at, false)) else { return };
        let name = c"vkCmdEndConditionalRenderingEXT";
        let next: Option<vk::PFN_vkCmdEndConditionalRenderingEXT> = below(&device, name);
        if let Some(next) = next {
            next(commands);
        }
    }
}
