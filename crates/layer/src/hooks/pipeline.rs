//! Modules and compute pipelines: where the program asks for a pipeline, the driver is asked for one that counts; if
//! that cannot be had, for the program's own.

#![expect(
    unsafe_code,
    reason = "these functions are called by C, with structures behind pointers, and call functions of the driver"
)]

use std::{
    collections::BTreeMap,
    ffi::{CStr, c_void},
    sync::Arc,
};

use ash::vk::{self, Handle as _};

use super::flags::{compiled, feedback, flags, is_kept};
use crate::{
    arena::Window,
    chain::{find, slice},
    constants::Stated,
    decode::{State, decode},
    device::Device,
    guard::{harmless, lock},
    kernel::{self, Identity, Module, Rewritten},
    room::with_room,
    tally::Counts,
};

/// `vkCreateShaderModule`
pub(crate) unsafe extern "system" fn create_module(
    device: vk::Device,
    info: *const vk::ShaderModuleCreateInfo<'_>,
    allocator: *const vk::AllocationCallbacks<'_>,
    out: *mut vk::ShaderModule,
) -> vk::Result {
    // SAFETY: the program's own arguments.
    unsafe {
        let Some(device) = Device::of(device) else { return vk::Result::ERROR_DEVICE_LOST };
        let create = device.below.fp_v1_0().create_shader_module;
        let result = create(device.handle, info, allocator, out);
        if result == vk::Result::SUCCESS {
            harmless(|| {
                let module = Arc::new(words(&*info));
                lock(&device.tally).modules.insert((*out).as_raw(), module);
            });
        }
        result
    }
}

/// `vkDestroyShaderModule`
pub(crate) unsafe extern "system" fn destroy_module(
    device: vk::Device,
    module: vk::ShaderModule,
    allocator: *const vk::AllocationCallbacks<'_>,
) {
    // SAFETY: the program's own arguments.
    unsafe {
        let Some(device) = Device::of(device) else { return };
        harmless(|| lock(&device.tally).forget_module(module.as_raw()));
        (device.below.fp_v1_0().destroy_shader_module)(device.handle, module, allocator);
    }
}

/// `vkCreateComputePipelines`
pub(crate) unsafe extern "system" fn create(
    device: vk::Device,
    cache: vk::PipelineCache,
    count: u32,
    infos: *const vk::ComputePipelineCreateInfo<'_>,
    allocator: *const vk::AllocationCallbacks<'_>,
    out: *mut vk::Pipeline,
) -> vk::Result {
    // SAFETY: the program's own arguments.
    unsafe {
        let Some(device) = Device::of(device) else { return vk::Result::ERROR_DEVICE_LOST };
        let driver = device.below.fp_v1_0().create_compute_pipelines;
        let mut first = vk::Result::SUCCESS;
        for (at, &info) in slice(infos, count).iter().enumerate() {
            let mut info = info;
            let asked = flags(&info);
            let has = |flag: vk::PipelineCreateFlags| asked & u64::from(flag.as_raw()) != 0;
            let base = usize::try_from(info.base_pipeline_index).ok().filter(|&base| base < at);
            if let (true, Some(base)) = (has(vk::PipelineCreateFlags::DERIVATIVE), base) {
                info.base_pipeline_handle = *out.add(base);
                info.base_pipeline_index = -1;
            }
            let out = out.add(at);
            let create = |cache, info: &vk::ComputePipelineCreateInfo<'_>| {
                driver(device.handle, cache, 1, info, allocator, out)
            };
            // Whether it has to be compiled first is for the driver to say of the program's own pipeline, and not of the
            // one that counts.
            let is_asked = has(vk::PipelineCreateFlags::FAIL_ON_PIPELINE_COMPILE_REQUIRED);
            let own = is_asked.then(|| create(cache, &info));
            let plain = own.filter(|result| *result == vk::Result::SUCCESS).map(|_| *out);
            let told = own.map_or_else(Vec::new, |_| feedback(&info));
            let stage = harmless(|| Stage::read(&device, &info));
            let stage = stage.filter(|_| own.is_none() || plain.is_some());
            let counted = stage.as_ref().map(|stage| {
                let request = harmless(|| Request::of(&device, stage, &info));
                let request =
                    request.unwrap_or_else(|| Err("the layer failed to rewrite it".into()))?;
                // The program's cache keeps the program's own pipelines alone.
                let result = create(vk::PipelineCache::null(), &request.info);
                request.done(&device, result)
            });
            // What the driver told of the program's own pipeline is what it would be told.
            told.into_iter().for_each(|(at, told)| *at = told);
            let result = match &counted {
                Some(Ok(_)) => {
                    let destroy = device.below.fp_v1_0().destroy_pipeline;
                    plain.into_iter().for_each(|plain| destroy(device.handle, plain, allocator));
                    vk::Result::SUCCESS
                }
                Some(Err(_)) | None => {
                    plain.into_iter().for_each(|plain| *out = plain);
                    own.unwrap_or_else(|| create(cache, &info))
                }
            };
            if result == vk::Result::SUCCESS {
                harmless(|| {
                    if let (Some(stage), Some(counted)) = (stage, counted) {
                        let handles = ((*out).as_raw(), info.stage.module.as_raw());
                        lock(&device.tally).add(handles, &stage.identity, counted);
                    }
                });
            } else {
                *out = vk::Pipeline::null();
                // An error, which is below 0, goes before what is none.
                if first == vk::Result::SUCCESS || first.as_raw() > 0 && result.as_raw() < 0 {
                    first = result;
                }
                if has(vk::PipelineCreateFlags::EARLY_RETURN_ON_FAILURE) {
                    let rest = out.add(1);
                    (0..count as usize - at - 1).for_each(|n| *rest.add(n) = vk::Pipeline::null());
                    break;
                }
            }
        }
        first
    }
}

/// `vkDestroyPipeline`
pub(crate) unsafe extern "system" fn destroy(
    device: vk::Device,
    pipeline: vk::Pipeline,
    allocator: *const vk::AllocationCallbacks<'_>,
) {
    // SAFETY: the program's own arguments.
    unsafe {
        let Some(device) = Device::of(device) else { return };
        harmless(|| {
            // A pipeline that is destroyed is not in use any more.
            let window = lock(&device.tally).remove(pipeline.as_raw());
            window.into_iter().for_each(|window| leave(&device, window));
        });
        (device.below.fp_v1_0().destroy_pipeline)(device.handle, pipeline, allocator);
    }
}

/// A pipeline that counts in a window is not in use any more, or was not made.
fn leave(device: &Device, window: Window) {
    let mut tally = lock(&device.tally);
    let free = tally.leave(window, |table, launches| {
        let raw = lock(&device.counters).read(window, table.bytes());
        decode(table, &raw, launches, State::Idle)
    });
    free.into_iter().for_each(|window| lock(&device.counters).give(window));
}

/// The words of a module.
///
/// # Safety
/// The structure is whole.
unsafe fn words(info: &vk::ShaderModuleCreateInfo<'_>) -> Module {
    // SAFETY: as the caller promises.
    Module::new(unsafe { slice(info.p_code, info.code_size / 4) }.to_vec())
}

/// What a pipeline is made of.
struct Stage {
    identity: Identity,
    module: Option<Arc<Module>>,
    /// Whether the module comes within the request, and not by a handle.
    inline: bool,
}

impl Stage {
    /// # Safety
    /// The structure is whole.
    unsafe fn read(device: &Device, info: &vk::ComputePipelineCreateInfo<'_>) -> Self {
        let stage = &info.stage;
        // SAFETY: as the caller promises.
        unsafe {
            let by_handle = lock(&device.tally).modules.get(&stage.module.as_raw()).cloned();
            let inline = find::<vk::ShaderModuleCreateInfo<'_>>(stage.p_next);
            let inline = inline.filter(|_| stage.module == vk::ShaderModule::null());
            let module = by_handle.or_else(|| Some(Arc::new(words(&*inline?))));
            let varies = vk::PipelineShaderStageCreateFlags::ALLOW_VARYING_SUBGROUP_SIZE;
            let required =
                find::<vk::PipelineShaderStageRequiredSubgroupSizeCreateInfo<'_>>(stage.p_next);
            let subgroup = match required {
                Some(required) => Some((*required).required_subgroup_size),
                None if stage.flags.contains(varies) => None,
                None => device.subgroup,
            };
            let constants = constants(stage.p_specialization_info);
            let its = module.as_ref().filter(|_| !constants.is_empty());
            let identity = Identity {
                module: module.as_ref().map(|module| module.hash),
                entry: CStr::from_ptr(stage.p_name).to_string_lossy().into_owned(),
                stated: its.map_or_else(Stated::default, |module| Stated::of(&module.words)),
                constants,
                subgroup,
            };
            Self { identity, module, inline: inline.is_some() }
        }
    }
}

/// The bits of specialisation constants.
///
/// # Safety
/// The structure is whole, or null.
unsafe fn constants(info: *const vk::SpecializationInfo<'_>) -> BTreeMap<u32, u64> {
    // SAFETY: as the caller promises.
    let (entries, data) = unsafe {
        let Some(info) = info.as_ref() else { return BTreeMap::new() };
        let data = slice(info.p_data.cast::<u8>(), info.data_size);
        (slice(info.p_map_entries, info.map_entry_count), data)
    };
    let bits = |entry: &vk::SpecializationMapEntry| {
        let bytes = data.get(entry.offset as usize..)?.get(..entry.size)?;
        let mut bits = [0; 8];
        bits.get_mut(..entry.size)?.copy_from_slice(bytes);
        Some((entry.constant_id, u64::from_le_bytes(bits)))
    };
    entries.iter().filter_map(bits).collect()
}

/// A request for a pipeline that counts.
struct Request<'a> {
    info: vk::ComputePipelineCreateInfo<'a>,
    module: vk::ShaderModule,
    counts: Counts,
}

impl<'a> Request<'a> {
    /// Rewrites the module of a stage.
    ///
    /// # Errors
    /// Why it does not count.
    ///
    /// # Safety
    /// The structure is whole.
    unsafe fn of(
        device: &Device,
        stage: &Stage,
        info: &vk::ComputePipelineCreateInfo<'a>,
    ) -> Result<Self, String> {
        let abilities = device.abilities.clone()?;
        let module = stage.module.as_ref();
        let module = module.ok_or("the program gave the driver no SPIR-V for it")?;
        let mut info = *info;
        // SAFETY: as the caller promises.
        if unsafe { is_kept(&info) } {
            return Err("the program keeps the pipeline in a file of its own".into());
        }
        if stage.inline {
            // SAFETY: the chain has at least the module's structure.
            let first = unsafe { &*info.stage.p_next.cast::<vk::BaseInStructure<'_>>() };
            if first.s_type != vk::StructureType::SHADER_MODULE_CREATE_INFO {
                return Err("its SPIR-V comes behind another structure".into());
            }
            info.stage.p_next = first.p_next.cast::<c_void>();
        }
        // It is in no cache.
        // SAFETY: as the caller promises.
        unsafe { compiled(&mut info) };

        let mut window = None;
        let wish = stage.identity.wish();
        let place = |bytes| {
            let take = || lock(&device.counters).take(bytes, wish);
            let its = lock(&device.tally).join(&stage.identity, take)?;
            window = Some(its);
            Ok(lock(&device.counters).address(its))
        };
        let counting = || kernel::counting(module, &stage.identity, abilities, place);
        let made = with_room(counting);
        let made = made.and_then(|made| {
            let module = vk::ShaderModuleCreateInfo::default().code(&made.words);
            // SAFETY: the device is alive and the structure is whole.
            let module = unsafe { device.below.create_shader_module(&module, None) };
            let refused = |result| format!("the driver refused the module that counts: {result:?}");
            Ok((module.map_err(refused)?, made))
        });
        match (made, window) {
            (Ok((module, Rewritten { words: _, table, lines })), Some(window)) => {
                info.stage.module = module;
                Ok(Self { info, module, counts: Counts { table, lines, window } })
            }
            (made, window) => {
                window.into_iter().for_each(|window| leave(device, window));
                made.and(Err("it has no place for its counters".into()))
            }
        }
    }

    /// The pipeline was made, or not: its module is not needed any more, and without a pipeline its window neither.
    fn done(self, device: &Device, result: vk::Result) -> Result<Counts, String> {
        // SAFETY: the module is the layer's own, and in use no more.
        unsafe { device.below.destroy_shader_module(self.module, None) };
        if result == vk::Result::SUCCESS {
            return Ok(self.counts);
        }
        harmless(|| leave(device, self.counts.window));
        Err(format!("the driver refused the pipeline that counts: {result:?}"))
    }
}
