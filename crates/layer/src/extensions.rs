//! Extensions of a device that a program is not told of while it is counted: what it would do by them would get past the
//! layer, or keep kernels that count in the program's own files. A program has to get on without any extension, so it
//! does what it does elsewhere. Knows no devices.

#![expect(
    unsafe_code,
    reason = "the function is called by C, and writes into the program's array as Vulkan says"
)]

use std::ffi::{CStr, c_char};

use ash::vk;

use crate::instance::{self, Instance};

/// What a program is not told of.
const HIDDEN: [&CStr; 6] = [
    // The program would keep pipelines that count in files of its own, and run kernels whose SPIR-V is not seen.
    c"VK_KHR_pipeline_binary",
    // It would ask for pipelines of kernels whose SPIR-V is not seen.
    c"VK_EXT_shader_module_identifier",
    // It would lay out memory for pipelines that are others.
    c"VK_NV_device_generated_commands_compute",
    // It would have kernels run by the tile of a render pass, by a command of its own.
    c"VK_QCOM_tile_shading",
    // It would launch kernels that are no SPIR-V.
    c"VK_NVX_binary_import",
    c"VK_NV_cuda_kernel_launch",
];

/// `vkEnumerateDeviceExtensionProperties`
///
/// # Safety
/// As Vulkan demands.
pub(crate) unsafe extern "system" fn enumerate(
    physical: vk::PhysicalDevice,
    layer: *const c_char,
    count: *mut u32,
    out: *mut vk::ExtensionProperties,
) -> vk::Result {
    // SAFETY: the physical device is alive.
    let Some(instance) = (unsafe { Instance::of(physical) }) else {
        return vk::Result::ERROR_INITIALIZATION_FAILED;
    };
    let below = instance.below.fp_v1_0().enumerate_device_extension_properties;
    if !layer.is_null() || instance::folder().is_none() {
        // SAFETY: the program's own arguments; this layer has no extensions of its own.
        return unsafe { below(physical, layer, count, out) };
    }
    // SAFETY: the physical device is the instance's.
    let all = unsafe { instance.below.enumerate_device_extension_properties(physical) };
    let shown = match all {
        Ok(all) => shown(all),
        Err(error) => return error,
    };
    // SAFETY: the program gives a number, and an array of that many or none.
    unsafe {
        if out.is_null() {
            *count = shown.len() as u32;
            return vk::Result::SUCCESS;
        }
        let given = shown.len().min(*count as usize);
        out.copy_from_nonoverlapping(shown.as_ptr(), given);
        *count = given as u32;
        if given < shown.len() { vk::Result::INCOMPLETE } else { vk::Result::SUCCESS }
    }
}

fn shown(mut all: Vec<vk::ExtensionProperties>) -> Vec<vk::ExtensionProperties> {
    all.retain(|its| !HIDDEN.iter().any(|&hidden| its.extension_name_as_c_str() == Ok(hidden)));
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_would_get_past_the_layer_is_not_shown() {
        let named = |name: &CStr| {
            vk::ExtensionProperties::default().extension_name(name).unwrap_or_default()
        };
        let others = [c"VK_KHR_swapchain", c"VK_KHR_pipeline"];
        let all = others[..1].iter().chain(&HIDDEN).chain(&others[1..]);
        let shown = shown(all.map(|name| named(name)).collect());
        let names: Vec<_> = shown.iter().map(|its| its.extension_name_as_c_str()).collect();
        assert_eq!(names, others.map(Ok));
    }
}
