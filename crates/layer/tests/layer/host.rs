//! A small Vulkan program: an instance, a device, buffers, pipelines and commands, as few calls as there can be.
//! Knows nothing of layers.
#![allow(unsafe_code, reason = "a program that uses Vulkan")]

use ash::{Device, Entry, Instance, vk};

use crate::{asks::Asks, recorder::Recorder};

/// Numbers in each buffer.
pub const NUMBERS: usize = 1024;

/// A kind of memory that the host sees.
pub fn visible(instance: &Instance, needs: vk::MemoryRequirements) -> u32 {
    let types = unsafe {
        let physical = instance.enumerate_physical_devices().unwrap()[0];
        instance.get_physical_device_memory_properties(physical)
    };
    let host = vk::MemoryPropertyFlags::HOST_VISIBLE;
    let fits = |&at: &u32| {
        let has = types.memory_types[at as usize].property_flags;
        needs.memory_type_bits >> at & 1 == 1 && has.contains(host)
    };
    (0..types.memory_type_count).find(fits).unwrap()
}

/// A device, and a buffer that all kernels have at binding 0 of set 0.
pub struct Host {
    pub device: Device,
    pub queue: vk::Queue,
    pub instance: Instance,
    _entry: Entry,
    buffer: vk::Buffer,
    memory: vk::DeviceMemory,
    numbers: *mut u32,
    set: vk::DescriptorSet,
    sets: vk::DescriptorPool,
    set_layout: vk::DescriptorSetLayout,
    layout: vk::PipelineLayout,
    pool: vk::CommandPool,
}

impl Host {
    pub fn open(asks: Asks) -> Self {
        Self::with(asks).unwrap()
    }

    /// `None` where the device has not the extension.
    pub fn with(asks: Asks) -> Option<Self> {
        unsafe {
            let entry = Entry::load().unwrap();
            let old = asks == Asks::Old;
            let version = if old { vk::API_VERSION_1_0 } else { vk::API_VERSION_1_3 };
            let about = vk::ApplicationInfo::default().api_version(version);
            let info = vk::InstanceCreateInfo::default().application_info(&about);
            let instance = entry.create_instance(&info, None).unwrap();
            let physical = instance.enumerate_physical_devices().unwrap()[0];
            let has = instance.enumerate_device_extension_properties(physical).unwrap();
            let found = |name| has.iter().any(|its| its.extension_name_as_c_str() == Ok(name));
            asks.needs()
                .iter()
                .all(|&name| found(name))
                .then(|| Self::on(entry, instance, physical, asks))
        }
    }

    unsafe fn on(
        entry: Entry,
        instance: Instance,
        physical: vk::PhysicalDevice,
        asks: Asks,
    ) -> Self {
        unsafe {
            let queues = [vk::DeviceQueueCreateInfo::default().queue_priorities(&[1.0])];
            let features = vk::PhysicalDeviceFeatures::default();
            let mut core = vk::PhysicalDeviceVulkan12Features::default();
            let mut all = vk::PhysicalDeviceFeatures2::default();
            let mut inline =
                vk::PhysicalDeviceMaintenance5FeaturesKHR::default().maintenance5(true);
            let mut clock =
                vk::PhysicalDeviceShaderClockFeaturesKHR::default().shader_subgroup_clock(true);
            let mut objects =
                vk::PhysicalDeviceShaderObjectFeaturesEXT::default().shader_object(true);
            let mut derivatives = vk::PhysicalDeviceComputeShaderDerivativesFeaturesNV::default()
                .compute_derivative_group_linear(true);
            let mut addresses = vk::PhysicalDeviceBufferDeviceAddressFeatures::default()
                .buffer_device_address(true);
            let mut structures = vk::PhysicalDeviceAccelerationStructureFeaturesKHR::default()
                .acceleration_structure(true);
            let mut rays = vk::PhysicalDeviceRayQueryFeaturesKHR::default().ray_query(true);
            let extensions: Vec<_> = asks.extensions().iter().map(|name| name.as_ptr()).collect();
            let mut info = vk::DeviceCreateInfo::default()
                .queue_create_infos(&queues)
                .enabled_extension_names(&extensions);
            match asks {
                Asks::Nothing | Asks::Old => {}
                Asks::Plain => info = info.enabled_features(&features),
                Asks::Core => info = info.push_next(&mut core).push_next(&mut all),
                Asks::Inline => info = info.push_next(&mut inline),
                Asks::Clock => info = info.push_next(&mut clock),
                Asks::Objects => info = info.push_next(&mut objects),
                Asks::Derivatives => info = info.push_next(&mut derivatives),
                Asks::Rays => {
                    info = info.push_next(&mut addresses).push_next(&mut structures);
                    info = info.push_next(&mut rays);
                }
            }
            let device = instance.create_device(physical, &info, None).unwrap();
            assert_eq!((core.buffer_device_address, all.features.shader_int64), (0, 0));
            let queue = device.get_device_queue(0, 0);

            let bytes = (4 * NUMBERS) as u64;
            let usage =
                vk::BufferUsageFlags::STORAGE_BUFFER | vk::BufferUsageFlags::INDIRECT_BUFFER;
            let info = vk::BufferCreateInfo::default().size(bytes).usage(usage);
            let buffer = device.create_buffer(&info, None).unwrap();
            let needs = device.get_buffer_memory_requirements(buffer);
            let info = vk::MemoryAllocateInfo::default()
                .allocation_size(needs.size)
                .memory_type_index(visible(&instance, needs));
            let memory = device.allocate_memory(&info, None).unwrap();
            device.bind_buffer_memory(buffer, memory, 0).unwrap();
            let flags = vk::MemoryMapFlags::empty();
            let numbers = device.map_memory(memory, 0, vk::WHOLE_SIZE, flags).unwrap();
            numbers.write_bytes(0, 4 * NUMBERS);

            let binding = [vk::DescriptorSetLayoutBinding::default()
                .descriptor_type(vk::DescriptorType::STORAGE_BUFFER)
                .descriptor_count(1)
                .stage_flags(vk::ShaderStageFlags::COMPUTE)];
            let info = vk::DescriptorSetLayoutCreateInfo::default().bindings(&binding);
            let set_layout = device.create_descriptor_set_layout(&info, None).unwrap();
            let sizes = [vk::DescriptorPoolSize {
                ty: vk::DescriptorType::STORAGE_BUFFER,
                descriptor_count: 1,
            }];
            let info = vk::DescriptorPoolCreateInfo::default().max_sets(1).pool_sizes(&sizes);
            let sets = device.create_descriptor_pool(&info, None).unwrap();
            let layouts = [set_layout];
            let info = vk::DescriptorSetAllocateInfo::default()
                .descriptor_pool(sets)
                .set_layouts(&layouts);
            let set = device.allocate_descriptor_sets(&info).unwrap()[0];
            let all = [vk::DescriptorBufferInfo { buffer, offset: 0, range: vk::WHOLE_SIZE }];
            let write = vk::WriteDescriptorSet::default()
                .dst_set(set)
                .descriptor_type(vk::DescriptorType::STORAGE_BUFFER)
                .buffer_info(&all);
            device.update_descriptor_sets(&[write], &[]);
            let info = vk::PipelineLayoutCreateInfo::default().set_layouts(&layouts);
            let layout = device.create_pipeline_layout(&info, None).unwrap();
            let flags = vk::CommandPoolCreateFlags::RESET_COMMAND_BUFFER;
            let info = vk::CommandPoolCreateInfo::default().flags(flags);
            let pool = device.create_command_pool(&info, None).unwrap();
            let numbers = numbers.cast();
            Self {
                device,
                queue,
                instance,
                _entry: entry,
                buffer,
                memory,
                numbers,
                set,
                sets,
                set_layout,
                layout,
                pool,
            }
        }
    }

    /// Asks what extensions the device has, for all of them and then for one too few.
    pub fn ask_for_extensions(&self) {
        unsafe {
            let physical = self.instance.enumerate_physical_devices().unwrap()[0];
            let all = self.instance.enumerate_device_extension_properties(physical).unwrap();
            let mut count = all.len() as u32 - 1;
            let mut some = vec![vk::ExtensionProperties::default(); all.len()];
            let enumerate = self.instance.fp_v1_0().enumerate_device_extension_properties;
            let result = enumerate(physical, std::ptr::null(), &mut count, some.as_mut_ptr());
            assert_eq!((result, count as usize), (vk::Result::INCOMPLETE, all.len() - 1));
            let (last, before) = some.split_last().unwrap();
            assert_eq!(last.spec_version, 0, "no more than it was asked for");
            let names = |its: &[vk::ExtensionProperties]| {
                its.iter().map(|its| its.extension_name).collect::<Vec<_>>()
            };
            assert_eq!(names(before), names(&all[..all.len() - 1]));
        }
    }

    /// Another device of another instance.
    pub fn another(&self) -> Self {
        Self::open(Asks::Plain)
    }

    /// What the buffer holds.
    pub fn read(&self) -> Vec<u32> {
        unsafe { std::slice::from_raw_parts(self.numbers, NUMBERS) }.to_vec()
    }

    /// Puts numbers in front of the buffer.
    pub fn write(&self, numbers: &[u32]) {
        unsafe { self.numbers.copy_from_nonoverlapping(numbers.as_ptr(), numbers.len()) }
    }

    /// A pipeline, with 32-bit specialisation constants by their number.
    pub fn pipeline(&self, words: &[u32], constants: &[(u32, u32)]) -> vk::Pipeline {
        self.pipeline_if(words, constants, vk::PipelineCreateFlags::DISPATCH_BASE).unwrap()
    }

    /// The same with flags, where the driver makes it.
    pub fn pipeline_if(
        &self,
        words: &[u32],
        constants: &[(u32, u32)],
        flags: vk::PipelineCreateFlags,
    ) -> Option<vk::Pipeline> {
        unsafe {
            let info = vk::ShaderModuleCreateInfo::default().code(words);
            let module = self.device.create_shader_module(&info, None).unwrap();
            let bytes: Vec<u8> =
                constants.iter().flat_map(|(_, value)| value.to_le_bytes()).collect();
            let entries: Vec<_> = (0..)
                .zip(constants)
                .map(|(at, &(constant_id, _))| vk::SpecializationMapEntry {
                    constant_id,
                    offset: 4 * at,
                    size: 4,
                })
                .collect();
            let constants = vk::SpecializationInfo::default().map_entries(&entries).data(&bytes);
            let stage = vk::PipelineShaderStageCreateInfo::default()
                .stage(vk::ShaderStageFlags::COMPUTE)
                .module(module)
                .name(c"main")
                .specialization_info(&constants);
            let info = vk::ComputePipelineCreateInfo::default().flags(flags);
            let info = info.stage(stage).layout(self.layout);
            let none = vk::PipelineCache::null();
            let made = self.device.create_compute_pipelines(none, &[info], None);
            self.device.destroy_shader_module(module, None);
            made.ok().map(|made| made[0])
        }
    }

    /// A pipeline whose module is part of the request.
    pub fn inline_pipeline(&self, words: &[u32]) -> vk::Pipeline {
        unsafe {
            let mut module = vk::ShaderModuleCreateInfo::default().code(words);
            let stage = vk::PipelineShaderStageCreateInfo::default()
                .stage(vk::ShaderStageFlags::COMPUTE)
                .name(c"main")
                .push_next(&mut module);
            let info = vk::ComputePipelineCreateInfo::default().stage(stage).layout(self.layout);
            let none = vk::PipelineCache::null();
            self.device.create_compute_pipelines(none, &[info], None).unwrap()[0]
        }
    }

    /// What has the functions of shader objects.
    pub fn objects(&self) -> ash::ext::shader_object::Device {
        ash::ext::shader_object::Device::new(&self.instance, &self.device)
    }

    /// A kernel that is no pipeline.
    pub fn object(&self, words: &[u32]) -> vk::ShaderEXT {
        let bytes: Vec<u8> = words.iter().flat_map(|word| word.to_le_bytes()).collect();
        let layouts = [self.set_layout];
        let info = vk::ShaderCreateInfoEXT::default()
            .stage(vk::ShaderStageFlags::COMPUTE)
            .code_type(vk::ShaderCodeTypeEXT::SPIRV)
            .code(&bytes)
            .name(c"main")
            .set_layouts(&layouts);
        unsafe { self.objects().create_shaders(&[info], None).unwrap()[0] }
    }

    /// Does what Vulkan does not allow, and drivers let pass.
    pub fn break_a_rule(&self) {
        let info = vk::BufferCreateInfo::default().usage(vk::BufferUsageFlags::STORAGE_BUFFER);
        unsafe {
            let buffer = self.device.create_buffer(&info, None).unwrap();
            self.device.destroy_buffer(buffer, None);
        }
    }

    pub fn destroy_pipeline(&self, pipeline: vk::Pipeline) {
        unsafe { self.device.destroy_pipeline(pipeline, None) }
    }

    /// A command pool of somebody's own, for another thread.
    pub fn pool(&self) -> vk::CommandPool {
        let flags = vk::CommandPoolCreateFlags::RESET_COMMAND_BUFFER;
        let info = vk::CommandPoolCreateInfo::default().flags(flags);
        unsafe { self.device.create_command_pool(&info, None).unwrap() }
    }

    pub fn reset_pool(&self, pool: vk::CommandPool) {
        let flags = vk::CommandPoolResetFlags::empty();
        unsafe { self.device.reset_command_pool(pool, flags).unwrap() }
    }

    pub fn reset(&self, commands: vk::CommandBuffer) {
        let flags = vk::CommandBufferResetFlags::empty();
        unsafe { self.device.reset_command_buffer(commands, flags).unwrap() }
    }

    pub fn destroy_pool(&self, pool: vk::CommandPool) {
        unsafe { self.device.destroy_command_pool(pool, None) }
    }

    /// Commands that `write` writes.
    pub fn record(&self, write: impl FnOnce(&Recorder<'_>)) -> vk::CommandBuffer {
        self.record_in(self.pool, vk::CommandBufferLevel::PRIMARY, write)
    }

    /// Commands for others to execute.
    pub fn record_secondary(&self, write: impl FnOnce(&Recorder<'_>)) -> vk::CommandBuffer {
        self.record_in(self.pool, vk::CommandBufferLevel::SECONDARY, write)
    }

    pub fn record_in(
        &self,
        pool: vk::CommandPool,
        level: vk::CommandBufferLevel,
        write: impl FnOnce(&Recorder<'_>),
    ) -> vk::CommandBuffer {
        unsafe {
            let info = vk::CommandBufferAllocateInfo::default()
                .command_pool(pool)
                .level(level)
                .command_buffer_count(1);
            let commands = self.device.allocate_command_buffers(&info).unwrap()[0];
            let inherited = vk::CommandBufferInheritanceInfo::default();
            let usage = vk::CommandBufferUsageFlags::SIMULTANEOUS_USE;
            let info =
                vk::CommandBufferBeginInfo::default().inheritance_info(&inherited).flags(usage);
            self.device.begin_command_buffer(commands, &info).unwrap();
            let Self { device, layout, set, buffer, .. } = self;
            let (layout, set, buffer) = (*layout, *set, *buffer);
            write(&Recorder { device, layout, set, buffer, commands });
            self.device.end_command_buffer(commands).unwrap();
            commands
        }
    }

    /// Submits, each list of commands by itself.
    pub fn submit(&self, lists: &[&[vk::CommandBuffer]]) {
        let infos: Vec<_> =
            lists.iter().map(|list| vk::SubmitInfo::default().command_buffers(list)).collect();
        unsafe { self.device.queue_submit(self.queue, &infos, vk::Fence::null()).unwrap() }
    }

    pub fn wait(&self) {
        unsafe { self.device.device_wait_idle().unwrap() }
    }

    /// Commands in one submission, and waits.
    pub fn run(&self, write: impl FnOnce(&Recorder<'_>)) {
        self.submit(&[&[self.record(write)]]);
        self.wait();
    }

    /// Destroys everything, as a tidy program does.
    pub fn close(self) {
        unsafe {
            let device = &self.device;
            device.device_wait_idle().unwrap();
            device.destroy_command_pool(self.pool, None);
            device.destroy_pipeline_layout(self.layout, None);
            device.destroy_descriptor_pool(self.sets, None);
            device.destroy_descriptor_set_layout(self.set_layout, None);
            device.destroy_buffer(self.buffer, None);
            device.free_memory(self.memory, None);
            device.destroy_device(None);
            self.instance.destroy_instance(None);
        }
    }
}

// SAFETY: the tests lock the queue and give each thread a pool of its own, as Vulkan demands.
unsafe impl Sync for Host {}
