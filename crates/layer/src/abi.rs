//! What the loader sees of the layer: how the two agree, and which of the program's calls come by here. Knows nothing
//! of what is done there.

#![expect(
    unsafe_code,
    reason = "the loader calls by C's rules, and takes functions as pointers without a type"
)]

use std::ffi::{CStr, c_char};

use ash::vk;

use crate::{
    device::{self, Device},
    extensions,
    hooks::{beside, command, name, pipeline, pool, queue},
    instance::{self, Instance},
    link::Negotiation,
};

/// The version of the interface between loader and layers that this layer speaks.
const VERSION: u32 = 2;

/// Says to the loader where the layer's functions are.
///
/// # Safety
/// `agreed` is null or a structure as the loader defines it.
#[unsafe(no_mangle)]
pub unsafe extern "system" fn vkNegotiateLoaderLayerInterfaceVersion(
    agreed: *mut Negotiation,
) -> vk::Result {
    // SAFETY: as the caller promises.
    let Some(agreed) = (unsafe { agreed.as_mut() }) else {
        return vk::Result::ERROR_INITIALIZATION_FAILED;
    };
    if agreed.version < VERSION {
        return vk::Result::ERROR_INITIALIZATION_FAILED;
    }
    agreed.version = VERSION;
    agreed.instance_lookup = Some(of_instance);
    agreed.device_lookup = Some(of_device);
    agreed.physical_device_lookup = None;
    vk::Result::SUCCESS
}

/// The functions of a table by their names, each held against the type of the function of that name.
macro_rules! functions {
    ($types:ident, $found:expr; $($name:literal: $kind:ident = $function:path,)*) => {
        match $found {
            $($name => {
                let function: $types::$kind = $function;
                // SAFETY: a pointer to a function is one whatever it points to; the program calls it by its type.
                let function: unsafe extern "system" fn() = unsafe { std::mem::transmute(function) };
                Some(function)
            })*
            _ => None,
        }
    };
}

fn own(name: &[u8]) -> vk::PFN_vkVoidFunction {
    functions! { vk, name;
        b"vkGetInstanceProcAddr": PFN_vkGetInstanceProcAddr = of_instance,
        b"vkCreateInstance": PFN_vkCreateInstance = instance::create,
        b"vkDestroyInstance": PFN_vkDestroyInstance = instance::destroy,
        b"vkCreateDevice": PFN_vkCreateDevice = device::create,
        b"vkEnumerateDeviceExtensionProperties":
            PFN_vkEnumerateDeviceExtensionProperties = extensions::enumerate,
    }
}

fn hook(name: &[u8]) -> vk::PFN_vkVoidFunction {
    let counting = functions! { vk, name;
        b"vkGetDeviceProcAddr": PFN_vkGetDeviceProcAddr = of_device,
        b"vkDestroyDevice": PFN_vkDestroyDevice = device::destroy,
        b"vkCreateShaderModule": PFN_vkCreateShaderModule = pipeline::create_module,
        b"vkDestroyShaderModule": PFN_vkDestroyShaderModule = pipeline::destroy_module,
        b"vkCreateComputePipelines": PFN_vkCreateComputePipelines = pipeline::create,
        b"vkDestroyPipeline": PFN_vkDestroyPipeline = pipeline::destroy,
        b"vkBeginCommandBuffer": PFN_vkBeginCommandBuffer = command::begin,
        b"vkResetCommandBuffer": PFN_vkResetCommandBuffer = command::reset,
        b"vkAllocateCommandBuffers": PFN_vkAllocateCommandBuffers = pool::allocate,
        b"vkFreeCommandBuffers": PFN_vkFreeCommandBuffers = pool::free,
        b"vkResetCommandPool": PFN_vkResetCommandPool = pool::reset,
        b"vkDestroyCommandPool": PFN_vkDestroyCommandPool = pool::destroy,
        b"vkCmdBindPipeline": PFN_vkCmdBindPipeline = command::bind,
        b"vkCmdBindShadersEXT": PFN_vkCmdBindShadersEXT = command::bind_shaders,
        b"vkCmdDispatch": PFN_vkCmdDispatch = command::dispatch,
        b"vkCmdDispatchIndirect": PFN_vkCmdDispatchIndirect = command::dispatch_indirect,
        b"vkCmdDispatchBase": PFN_vkCmdDispatchBase = command::dispatch_base,
        b"vkCmdDispatchBaseKHR": PFN_vkCmdDispatchBase = command::dispatch_base_khr,
        b"vkCmdExecuteCommands": PFN_vkCmdExecuteCommands = command::execute,
        b"vkCmdBeginConditionalRenderingEXT":
            PFN_vkCmdBeginConditionalRenderingEXT = command::begin_conditional,
        b"vkCmdEndConditionalRenderingEXT":
            PFN_vkCmdEndConditionalRenderingEXT = command::end_conditional,
        b"vkQueueSubmit": PFN_vkQueueSubmit = queue::submit,
        b"vkQueueSubmit2": PFN_vkQueueSubmit2 = queue::submit2,
        b"vkQueueSubmit2KHR": PFN_vkQueueSubmit2 = queue::submit2_khr,
        b"vkQueueWaitIdle": PFN_vkQueueWaitIdle = queue::queue_wait_idle,
        b"vkDeviceWaitIdle": PFN_vkDeviceWaitIdle = queue::device_wait_idle,
        b"vkWaitForFences": PFN_vkWaitForFences = queue::wait_for_fences,
        b"vkGetFenceStatus": PFN_vkGetFenceStatus = queue::fence_status,
        b"vkWaitSemaphores": PFN_vkWaitSemaphores = queue::wait_semaphores,
        b"vkWaitSemaphoresKHR": PFN_vkWaitSemaphores = queue::wait_semaphores_khr,
        b"vkGetSemaphoreCounterValue": PFN_vkGetSemaphoreCounterValue = queue::counter_value,
        b"vkGetSemaphoreCounterValueKHR": PFN_vkGetSemaphoreCounterValue = queue::counter_value_khr,
        b"vkSetDebugUtilsObjectNameEXT": PFN_vkSetDebugUtilsObjectNameEXT = name::set,
    };
    counting.or_else(|| noting(name))
}

/// The functions by which runs what is not counted.
fn noting(name: &[u8]) -> vk::PFN_vkVoidFunction {
    let of_bindings = functions! { vk, name;
        b"vkCreateExecutionGraphPipelinesAMDX":
            PFN_vkCreateExecutionGraphPipelinesAMDX = beside::execution_graphs,
        b"vkCreateShadersEXT": PFN_vkCreateShadersEXT = beside::shaders,
        b"vkCmdCuLaunchKernelNVX": PFN_vkCmdCuLaunchKernelNVX = beside::binary,
        b"vkCmdCudaLaunchKernelNV": PFN_vkCmdCudaLaunchKernelNV = beside::cuda,
        b"vkCmdSubpassShadingHUAWEI": PFN_vkCmdSubpassShadingHUAWEI = beside::subpass,
        b"vkCmdOpticalFlowExecuteNV": PFN_vkCmdOpticalFlowExecuteNV = beside::optical_flow,
        b"vkCmdExecuteGeneratedCommandsNV":
            PFN_vkCmdExecuteGeneratedCommandsNV = beside::generated_nv,
    };
    of_bindings.or_else(|| {
        functions! { beside, name;
            b"vkCreateDataGraphPipelinesARM": PFN_vkCreateDataGraphPipelinesARM = beside::data_graphs,
            b"vkCmdExecuteGeneratedCommandsEXT":
                PFN_vkCmdExecuteGeneratedCommandsEXT = beside::generated,
        }
    })
}

/// `vkGetInstanceProcAddr`
unsafe extern "system" fn of_instance(
    instance: vk::Instance,
    name: *const c_char,
) -> vk::PFN_vkVoidFunction {
    // SAFETY: the caller's name ends with a zero, and its instance is alive or null.
    let (name, found) = unsafe { (CStr::from_ptr(name), Instance::of(instance)) };
    own(name.to_bytes()).or_else(|| {
        let below = found?.find(name)?;
        hook(name.to_bytes()).or(Some(below))
    })
}

/// `vkGetDeviceProcAddr`
unsafe extern "system" fn of_device(
    device: vk::Device,
    name: *const c_char,
) -> vk::PFN_vkVoidFunction {
    // SAFETY: the caller's name ends with a zero, and its device is alive.
    let (name, found) = unsafe { (CStr::from_ptr(name), Device::of(device)) };
    let found = found?;
    let below = found.find(name)?;
    let its_end: [&[u8]; 2] = [b"vkDestroyDevice", b"vkGetDeviceProcAddr"];
    let own = found.counts() || its_end.contains(&name.to_bytes());
    own.then(|| hook(name.to_bytes())).flatten().or(Some(below))
}
