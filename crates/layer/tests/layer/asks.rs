//! What a small Vulkan program asks of its device. Knows nothing of how it asks.

use std::ffi::CStr;

use ash::vk;

/// How a program asks for the features of its device.
#[derive(Clone, Copy, PartialEq)]
pub enum Asks {
    /// Not at all.
    Nothing,
    /// With the structures of Vulkan 1.0 and of an extension each.
    Plain,
    /// Not at all, of an instance of Vulkan 1.0.
    Old,
    /// With the structure of Vulkan 1.2, which has nothing switched on.
    Core,
    /// For modules that are part of the request for a pipeline.
    Inline,
    /// For kernels that read a clock.
    Clock,
    /// For kernels that are no pipelines.
    Objects,
    /// For kernels that take derivatives.
    Derivatives,
    /// For kernels that ask where a ray goes.
    Rays,
}

impl Asks {
    /// The extensions that the device has to have.
    pub fn needs(self) -> &'static [&'static CStr] {
        match self {
            // What counting needs, which the program does not ask for.
            Self::Old => &[vk::KHR_BUFFER_DEVICE_ADDRESS_NAME],
            _ => self.extensions(),
        }
    }

    /// The extensions that the program asks for.
    pub fn extensions(self) -> &'static [&'static CStr] {
        match self {
            Self::Nothing | Self::Plain | Self::Core | Self::Old => &[],
            Self::Inline => &[vk::KHR_MAINTENANCE5_NAME],
            Self::Clock => &[vk::KHR_SHADER_CLOCK_NAME],
            Self::Objects => &[vk::EXT_SHADER_OBJECT_NAME],
            Self::Derivatives => &[c"VK_KHR_compute_shader_derivatives"],
            Self::Rays => &[
                vk::KHR_ACCELERATION_STRUCTURE_NAME,
                vk::KHR_DEFERRED_HOST_OPERATIONS_NAME,
                vk::KHR_RAY_QUERY_NAME,
            ],
        }
    }
}
