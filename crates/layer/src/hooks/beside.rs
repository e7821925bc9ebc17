//! Calls by which something runs that is no compute pipeline, or of which the program alone does not say what runs. They
//! are noted, so that a recording names what it has not counted, and passed on.

#![expect(
    unsafe_code,
    reason = "these functions are called by C, with handles that are pointers, and call functions of the driver"
)]

use std::ffi::c_void;

use ash::vk;

use super::below;
use crate::{
    device::Device,
    guard::{harmless, lock},
};

/// The device of a handle, whose tally has been told that something ran beside what is counted.
///
/// # Safety
/// The handle is a dispatchable one, and alive.
unsafe fn noted(
    handle: impl vk::Handle,
    what: &'static str,
    why: &'static str,
) -> Option<std::sync::Arc<Device>> {
    // SAFETY: as the caller promises.
    let device = unsafe { Device::of(handle) }?;
    harmless(|| lock(&device.tally).beside.insert(what, why));
    Some(device)
}

/// Why what is no compute pipeline is not counted.
const NO_COMPUTE: &str = "only compute pipelines are counted";

/// What runs where a pipeline is bound to one of these points, and why it is not counted. One that a program makes and never
/// binds does not run.
pub(super) fn bound(point: vk::PipelineBindPoint) -> Option<(&'static str, &'static str)> {
    match point {
        vk::PipelineBindPoint::GRAPHICS => Some(("graphics pipelines", NO_COMPUTE)),
        vk::PipelineBindPoint::RAY_TRACING_KHR => Some(("ray tracing pipelines", NO_COMPUTE)),
        _ => None,
    }
}

/// A function that notes what runs and goes on to the driver.
macro_rules! noting {
    (
        $(#[$about:meta])*
        $function:ident: $kind:ty = $name:literal, $what:literal, $why:expr;
        ($first:ident: $handle:ty $(, $argument:ident: $ty:ty)*) $(-> $result:ty, $lost:expr)?
    ) => {
        $(#[$about])*
        pub(crate) unsafe extern "system" fn $function(
            $first: $handle,
            $($argument: $ty,)*
        ) $(-> $result)? {
            // SAFETY: the program's own arguments.
            unsafe {
                let device = noted($first, $what, $why);
                let next = device.and_then(|device| below::<$kind>(&device, $name));
                match next {
                    Some(next) => next($first, $($argument),*),
                    None => { $($lost)? }
                }
            }
        }
    };
}

noting! {
    /// `vkCreateExecutionGraphPipelinesAMDX`
    execution_graphs: vk::PFN_vkCreateExecutionGraphPipelinesAMDX =
        c"vkCreateExecutionGraphPipelinesAMDX",
        "execution graphs (VK_AMDX_shader_enqueue)", NO_COMPUTE;
    (
        device: vk::Device,
        cache: vk::PipelineCache,
        count: u32,
        infos: *const vk::ExecutionGraphPipelineCreateInfoAMDX<'_>,
        allocator: *const vk::AllocationCallbacks<'_>,
        out: *mut vk::Pipeline
    ) -> vk::Result, vk::Result::ERROR_DEVICE_LOST
}
noting! {
    /// `vkCreateDataGraphPipelinesARM`
    data_graphs: PFN_vkCreateDataGraphPipelinesARM = c"vkCreateDataGraphPipelinesARM",
        "data graphs (VK_ARM_data_graph)", NO_COMPUTE;
    (
        device: vk::Device,
        deferred: vk::DeferredOperationKHR,
        cache: vk::PipelineCache,
        count: u32,
        infos: *const c_void,
        allocator: *const vk::AllocationCallbacks<'_>,
        out: *mut vk::Pipeline
    ) -> vk::Result, vk::Result::ERROR_DEVICE_LOST
}
noting! {
    /// `vkCreateShadersEXT`
    shaders: vk::PFN_vkCreateShadersEXT = c"vkCreateShadersEXT",
        "shader objects (VK_EXT_shader_object)", NO_COMPUTE;
    (
        device: vk::Device,
        count: u32,
        infos: *const vk::ShaderCreateInfoEXT<'_>,
        allocator: *const vk::AllocationCallbacks<'_>,
        out: *mut vk::ShaderEXT
    ) -> vk::Result, vk::Result::ERROR_DEVICE_LOST
}
noting! {
    /// `vkCmdCuLaunchKernelNVX`
    binary: vk::PFN_vkCmdCuLaunchKernelNVX = c"vkCmdCuLaunchKernelNVX",
        "CUDA kernels (VK_NVX_binary_import)", "they are no SPIR-V";
    (commands: vk::CommandBuffer, info: *const vk::CuLaunchInfoNVX<'_>)
}
noting! {
    /// `vkCmdCudaLaunchKernelNV`
    cuda: vk::PFN_vkCmdCudaLaunchKernelNV = c"vkCmdCudaLaunchKernelNV",
        "CUDA kernels (VK_NV_cuda_kernel_launch)", "they are no SPIR-V";
    (commands: vk::CommandBuffer, info: *const vk::CudaLaunchInfoNV<'_>)
}
noting! {
    /// `vkCmdSubpassShadingHUAWEI`
    subpass: vk::PFN_vkCmdSubpassShadingHUAWEI = c"vkCmdSubpassShadingHUAWEI",
        "subpass shading (VK_HUAWEI_subpass_shading)", NO_COMPUTE;
    (commands: vk::CommandBuffer)
}
noting! {
    /// `vkCmdOpticalFlowExecuteNV`
    optical_flow: vk::PFN_vkCmdOpticalFlowExecuteNV = c"vkCmdOpticalFlowExecuteNV",
        "optical flow (VK_NV_optical_flow)", "it is the driver's own";
    (
        commands: vk::CommandBuffer,
        session: vk::OpticalFlowSessionNV,
        info: *const vk::OpticalFlowExecuteInfoNV<'_>
    )
}
noting! {
    /// `vkCmdExecuteGeneratedCommandsNV`
    generated_nv: vk::PFN_vkCmdExecuteGeneratedCommandsNV = c"vkCmdExecuteGeneratedCommandsNV",
        "commands that the device generates (VK_NV_device_generated_commands)", GENERATED;
    (
        commands: vk::CommandBuffer,
        preprocessed: vk::Bool32,
        info: *const vk::GeneratedCommandsInfoNV<'_>
    )
}
noting! {
    /// `vkCmdExecuteGeneratedCommandsEXT`
    generated: PFN_vkCmdExecuteGeneratedCommandsEXT = c"vkCmdExecuteGeneratedCommandsEXT",
        "commands that the device generates (VK_EXT_device_generated_commands)", GENERATED;
    (commands: vk::CommandBuffer, preprocessed: vk::Bool32, info: *const c_void)
}

/// Why commands of the device's own are not counted.
const GENERATED: &str = "the device alone knows what they dispatch";

/// A function that is newer than the bindings at hand.
#[expect(non_camel_case_types, reason = "it is named as those of the bindings are")]
pub(crate) type PFN_vkCreateDataGraphPipelinesARM = unsafe extern "system" fn(
    vk::Device,
    vk::DeferredOperationKHR,
    vk::PipelineCache,
    u32,
    *const c_void,
    *const vk::AllocationCallbacks<'_>,
    *mut vk::Pipeline,
) -> vk::Result;

/// A function that is newer than the bindings at hand.
#[expect(non_camel_case_types, reason = "it is named as those of the bindings are")]
pub(crate) type PFN_vkCmdExecuteGeneratedCommandsEXT =
    unsafe extern "system" fn(vk::CommandBuffer, vk::Bool32, *const c_void);
