//! What counting needs of a device, asked for in the program's name when it creates the device. The program's own
//! structures are as they were when that is done. Knows nothing of pipelines.

#![expect(
    unsafe_code,
    reason = "the program's request is a chain of structures behind raw pointers, some of which ask for less than \
              counting needs and have to be changed for the length of one call"
)]

use std::{
    ffi::{CStr, c_char, c_void},
    fs,
};

use ash::vk;
use flopmeter_core::device::LLVMPIPE_LEVELS;

use crate::{
    chain::{find, slice},
    instance::{Age, Instance},
    kernel::Abilities,
};

/// What a physical device has for counting.
pub(crate) struct Support {
    pub(crate) abilities: Abilities,
    /// Invocations of a whole subgroup; 0 where that is not known.
    pub(crate) subgroup: u32,
    /// Whether the device is the CPU, and takes memory of this process as its own.
    pub(crate) takes_own_memory: bool,
    /// Extensions of the device that counting has a use for.
    extensions: Vec<&'static CStr>,
}

impl Support {
    /// Asks a physical device.
    ///
    /// # Errors
    /// Why it cannot count.
    pub(crate) fn of(instance: &Instance, physical: vk::PhysicalDevice) -> Result<Self, String> {
        // SAFETY: the physical device is the instance's.
        let listed = unsafe { instance.below.enumerate_device_extension_properties(physical) };
        let listed = listed.unwrap_or_default();
        let has = |name: &CStr| listed.iter().any(|its| its.extension_name_as_c_str() == Ok(name));
        let Told { is_cpu, is_llvmpipe, wide, addresses, wide_atomics, subgroup } =
            match instance.age {
                Age::New | Age::CanAsk => Told::asked(instance, physical)?,
                Age::Old => Told::by_extensions(instance, physical, has)?,
            };
        if !addresses {
            return Err("its buffers have no addresses (bufferDeviceAddress)".into());
        }
        let needed = vk::SubgroupFeatureFlags::BASIC | vk::SubgroupFeatureFlags::ARITHMETIC;
        let subgroups = subgroup.supported_stages.contains(vk::ShaderStageFlags::COMPUTE)
            && subgroup.supported_operations.contains(needed);
        let wide_atomics = wide && wide_atomics;
        let mut extensions = vec![ADDRESSES];
        if wide_atomics {
            extensions.push(WIDE_ATOMICS);
        }
        if instance.age != Age::New {
            extensions.push(vk::KHR_DEVICE_GROUP_NAME);
        }
        if is_cpu {
            extensions.extend([vk::KHR_EXTERNAL_MEMORY_NAME, vk::EXT_EXTERNAL_MEMORY_HOST_NAME]);
        }
        extensions.retain(|name| has(name));
        Ok(Self {
            takes_own_memory: extensions.contains(&vk::EXT_EXTERNAL_MEMORY_HOST_NAME),
            abilities: Abilities {
                wide_atomics,
                subgroups,
                loop_rounds: is_llvmpipe.then_some(LLVMPIPE_ROUNDS),
                levels: is_llvmpipe.then_some(LLVMPIPE_LEVELS),
            },
            subgroup: subgroup.subgroup_size,
            extensions,
        })
    }
}

/// By which a device has addresses of buffers.
const ADDRESSES: &CStr = vk::KHR_BUFFER_DEVICE_ADDRESS_NAME;

/// By which a device has 64-bit atomics.
const WIDE_ATOMICS: &CStr = vk::KHR_SHADER_ATOMIC_INT64_NAME;

/// After how many rounds llvmpipe ended the loops of a subgroup, all of them together. Later versions do not; which
/// those are is not asked, since a kernel looks whether its rounds have lasted.
const LLVMPIPE_ROUNDS: u32 = 65_535;

fn is_llvmpipe(properties: &vk::PhysicalDeviceProperties) -> bool {
    properties.device_name_as_c_str().is_ok_and(|name| name.to_bytes().starts_with(b"llvmpipe"))
}

/// What a physical device is.
struct Told {
    is_cpu: bool,
    is_llvmpipe: bool,
    /// Whether it has integers of 64 bits.
    wide: bool,
    addresses: bool,
    wide_atomics: bool,
    /// As it is by default where that is not known.
    subgroup: vk::PhysicalDeviceSubgroupProperties<'static>,
}

impl Told {
    /// What a device says when it is asked.
    fn asked(instance: &Instance, physical: vk::PhysicalDevice) -> Result<Self, String> {
        let either = |names: [&CStr; 2]| names.into_iter().find_map(|name| instance.find(name));
        let features =
            either([c"vkGetPhysicalDeviceFeatures2", c"vkGetPhysicalDeviceFeatures2KHR"]);
        let properties =
            either([c"vkGetPhysicalDeviceProperties2", c"vkGetPhysicalDeviceProperties2KHR"]);
        let (Some(features), Some(properties)) = (features, properties) else {
            return Err("its driver is too old to tell what it can do".into());
        };
        let mut address = vk::PhysicalDeviceBufferDeviceAddressFeatures::default();
        let mut atomics = vk::PhysicalDeviceShaderAtomicInt64Features::default();
        let mut all =
            vk::PhysicalDeviceFeatures2::default().push_next(&mut address).push_next(&mut atomics);
        let mut subgroup = vk::PhysicalDeviceSubgroupProperties::default();
        let mut about = vk::PhysicalDeviceProperties2::default().push_next(&mut subgroup);
        // SAFETY: the functions are those of these names, and the structures are whole.
        unsafe {
            let features: vk::PFN_vkGetPhysicalDeviceFeatures2 = std::mem::transmute(features);
            let properties: vk::PFN_vkGetPhysicalDeviceProperties2 =
                std::mem::transmute(properties);
            features(physical, &mut all);
            properties(physical, &mut about);
        }
        let is_cpu = about.properties.device_type == vk::PhysicalDeviceType::CPU;
        let wide = all.features.shader_int64 != 0;
        Ok(Self {
            is_cpu,
            is_llvmpipe: is_llvmpipe(&about.properties),
            wide,
            addresses: address.buffer_device_address != 0,
            wide_atomics: atomics.shader_buffer_int64_atomics != 0,
            subgroup,
        })
    }

    /// What follows from the extensions that a device has, where it cannot be asked: one that has the extension for
    /// addresses, or for atomics, has these.
    fn by_extensions(
        instance: &Instance,
        physical: vk::PhysicalDevice,
        has: impl Fn(&CStr) -> bool,
    ) -> Result<Self, String> {
        if !has(ADDRESSES) {
            return Err("the program asks for Vulkan 1.0, in which it cannot be asked whether its buffers have \
                        addresses (bufferDeviceAddress): with 1.1 (VkApplicationInfo::apiVersion) or \
                        VK_KHR_get_physical_device_properties2 it can"
                .into());
        }
        // SAFETY: the physical device is the instance's.
        let (features, properties) = unsafe {
            let below = &instance.below;
            let features = below.get_physical_device_features(physical);
            (features, below.get_physical_device_properties(physical))
        };
        Ok(Self {
            is_cpu: properties.device_type == vk::PhysicalDeviceType::CPU,
            is_llvmpipe: is_llvmpipe(&properties),
            wide: features.shader_int64 != 0,
            addresses: true,
            wide_atomics: has(WIDE_ATOMICS),
            subgroup: vk::PhysicalDeviceSubgroupProperties::default(),
        })
    }
}

/// A program's request for a device, with what counting needs.
pub(crate) struct Request {
    pub(crate) info: vk::DeviceCreateInfo<'static>,
    /// What was switched on that the program had not asked for.
    pub(crate) enabled: Vec<String>,
    /// Fields of the program's structures that were 0.
    changed: Vec<*mut vk::Bool32>,
    extensions: Vec<*const c_char>,
    features: Box<vk::PhysicalDeviceFeatures>,
    address: Box<vk::PhysicalDeviceBufferDeviceAddressFeatures<'static>>,
    atomics: Box<vk::PhysicalDeviceShaderAtomicInt64Features<'static>>,
}

impl Request {
    /// Adds to a program's request.
    ///
    /// # Errors
    /// Why that cannot be done; the program's structures are then as they were.
    ///
    /// # Safety
    /// `info` is what the program creates a device with, and outlives the result.
    pub(crate) unsafe fn new(
        info: *const vk::DeviceCreateInfo<'_>,
        support: &Support,
    ) -> Result<Self, String> {
        // SAFETY: as the caller promises; lifetimes of pointers do not matter to the driver.
        let (info, asked) = unsafe {
            let info: vk::DeviceCreateInfo<'static> = std::mem::transmute(*info);
            let names = slice(info.pp_enabled_extension_names, info.enabled_extension_count);
            (info, names.to_vec())
        };
        let mut request = Self {
            info,
            enabled: Vec::new(),
            changed: Vec::new(),
            extensions: asked,
            features: Box::default(),
            address: Box::default(),
            atomics: Box::default(),
        };
        request.ask_for_extensions(support)?;
        // SAFETY: the chain is that of the program's request.
        unsafe { request.ask_for_features(support.abilities)? };
        Ok(request)
    }

    fn ask_for_extensions(&mut self, support: &Support) -> Result<(), String> {
        // SAFETY: each is a text of the program's that ends with a zero.
        let asked = self.extensions.iter().map(|&name| unsafe { CStr::from_ptr(name) });
        let asked: Vec<&CStr> = asked.collect();
        if asked.contains(&c"VK_EXT_buffer_device_address") {
            return Err("the program has addresses of buffers by an extension that excludes \
                        the one that counting needs (VK_EXT_buffer_device_address)"
                .into());
        }
        let more = support.extensions.iter().filter(|name| !asked.contains(name));
        let more: Vec<*const c_char> = more.map(|name| name.as_ptr()).collect();
        self.extensions.extend(more);
        self.info.pp_enabled_extension_names = self.extensions.as_ptr();
        self.info.enabled_extension_count = self.extensions.len() as u32;
        Ok(())
    }

    /// # Safety
    /// The chain is that of the program's request.
    unsafe fn ask_for_features(&mut self, abilities: Abilities) -> Result<(), String> {
        use vk::{
            PhysicalDeviceBufferDeviceAddressFeatures as Address, PhysicalDeviceFeatures2 as All,
            PhysicalDeviceShaderAtomicInt64Features as Atomics,
            PhysicalDeviceVulkan12Features as Core,
        };
        let chain = self.info.p_next;
        let wide = abilities.wide_atomics;
        // SAFETY: what is found is a structure of that type, and its fields are where the type says.
        unsafe {
            if wide {
                if let Some(all) = find::<All<'_>>(chain) {
                    self.switch(&raw const (*all).features.shader_int64, "shaderInt64")?;
                } else {
                    if let Some(features) = self.info.p_enabled_features.as_ref() {
                        *self.features = *features;
                    }
                    self.note(self.features.shader_int64, "shaderInt64");
                    self.features.shader_int64 = vk::TRUE;
                    self.info.p_enabled_features = &raw const *self.features;
                }
            }
            if let Some(core) = find::<Core<'_>>(chain) {
                self.switch(&raw const (*core).buffer_device_address, "bufferDeviceAddress")?;
                if wide {
                    let atomics = &raw const (*core).shader_buffer_int64_atomics;
                    self.switch(atomics, "shaderBufferInt64Atomics")?;
                }
                return Ok(());
            }
            if let Some(address) = find::<Address<'_>>(chain) {
                self.switch(&raw const (*address).buffer_device_address, "bufferDeviceAddress")?;
            } else {
                self.note(vk::FALSE, "bufferDeviceAddress");
                self.address.buffer_device_address = vk::TRUE;
                self.address.p_next = self.info.p_next.cast_mut();
                self.info.p_next = (&raw const *self.address).cast::<c_void>();
            }
            if !wide {
                return Ok(());
            }
            if let Some(atomics) = find::<Atomics<'_>>(chain) {
                let atomics = &raw const (*atomics).shader_buffer_int64_atomics;
                self.switch(atomics, "shaderBufferInt64Atomics")?;
            } else {
                self.note(vk::FALSE, "shaderBufferInt64Atomics");
                self.atomics.shader_buffer_int64_atomics = vk::TRUE;
                self.atomics.p_next = self.info.p_next.cast_mut();
                self.info.p_next = (&raw const *self.atomics).cast::<c_void>();
            }
        }
        Ok(())
    }

    /// Switches a feature on in a structure of the program's.
    ///
    /// # Safety
    /// The field is alive.
    unsafe fn switch(&mut self, field: *const vk::Bool32, name: &str) -> Result<(), String> {
        // SAFETY: as the caller promises.
        let is_on = unsafe { *field } != vk::FALSE;
        self.note(is_on.into(), name);
        if !is_on {
            if !is_writable(field.addr()) {
                return Err(format!("{name} cannot be switched on in what the program asks for"));
            }
            // SAFETY: the memory was seen to be writable, and belongs to a call that is not over.
            unsafe { *field.cast_mut() = vk::TRUE };
            self.changed.push(field.cast_mut());
        }
        Ok(())
    }

    fn note(&mut self, was: vk::Bool32, name: &str) {
        if was == vk::FALSE {
            self.enabled.push(name.to_owned());
        }
    }
}

impl Drop for Request {
    fn drop(&mut self) {
        for &field in &self.changed {
            // SAFETY: it was written before, and the program's request outlives this one.
            unsafe { *field = vk::FALSE };
        }
    }
}

/// Whether memory of this process may be written: a program's request may be a constant.
fn is_writable(address: usize) -> bool {
    if !cfg!(target_os = "linux") {
        return true;
    }
    // Lines such as `7f00-7f40 rw-p ...`.
    let maps = fs::read_to_string("/proc/self/maps").unwrap_or_default();
    maps.lines().any(|line| {
        let parts = line.split_once(' ').and_then(|(range, rest)| {
            let (from, to) = range.split_once('-')?;
            let number = |text| usize::from_str_radix(text, 16).ok();
            Some((number(from)?..number(to)?, rest.as_bytes().get(1)?))
        });
        parts.is_some_and(|(range, &write)| range.contains(&address) && write == b'w')
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn constants_are_not_writable() {
        static CONSTANT: u32 = 7;
        let variable = 7_u32;
        assert!(is_writable((&raw const variable).addr()));
        assert_eq!(is_writable((&raw const CONSTANT).addr()), !cfg!(target_os = "linux"));
    }
}
