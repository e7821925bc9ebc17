//! What the program calls its objects.

#![expect(
    unsafe_code,
    reason = "this function is called by C, with a structure behind a pointer, and calls a function of the driver"
)]

use std::ffi::CStr;

use ash::vk;

use crate::{
    device::Device,
    guard::{harmless, lock},
};

/// `vkSetDebugUtilsObjectNameEXT`
pub(crate) unsafe extern "system" fn set(
    device: vk::Device,
    info: *const vk::DebugUtilsObjectNameInfoEXT<'_>,
) -> vk::Result {
    // SAFETY: the program's own arguments.
    unsafe {
        let Some(device) = Device::of(device) else { return vk::Result::ERROR_DEVICE_LOST };
        harmless(|| {
            let vk::DebugUtilsObjectNameInfoEXT {
                object_type, object_handle, p_object_name, ..
            } = *info;
            if p_object_name.is_null() {
                return;
            }
            let name = CStr::from_ptr(p_object_name).to_string_lossy();
            let mut tally = lock(&device.tally);
            match object_type {
                vk::ObjectType::PIPELINE => tally.name_pipeline(object_handle, &name),
                vk::ObjectType::SHADER_MODULE => tally.name_module(object_handle, &name),
                _ => {}
            }
        });
        match device.find(c"vkSetDebugUtilsObjectNameEXT") {
            Some(next) => {
                let next: vk::PFN_vkSetDebugUtilsObjectNameEXT = std::mem::transmute(next);
                next(device.handle, info)
            }
            None => vk::Result::SUCCESS,
        }
    }
}
