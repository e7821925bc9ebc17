//! Commands as a small Vulkan program records them, each behind a barrier. Knows nothing of layers, nor of who submits.
#![allow(unsafe_code, reason = "a program that uses Vulkan")]

use ash::{Device, vk};

/// Commands that are being recorded.
pub struct Recorder<'a> {
    pub device: &'a Device,
    /// What every pipeline is laid out as, and the buffers that it binds.
    pub layout: vk::PipelineLayout,
    pub set: vk::DescriptorSet,
    /// Where indirect dispatches find their workgroups.
    pub buffer: vk::Buffer,
    pub commands: vk::CommandBuffer,
}

impl Recorder<'_> {
    pub fn bind(&self, pipeline: vk::Pipeline) -> &Self {
        let Self { device, layout, set, .. } = *self;
        let point = vk::PipelineBindPoint::COMPUTE;
        unsafe {
            device.cmd_bind_pipeline(self.commands, point, pipeline);
            device.cmd_bind_descriptor_sets(self.commands, point, layout, 0, &[set], &[]);
        }
        self
    }

    pub fn dispatch(&self, x: u32, y: u32, z: u32) -> &Self {
        unsafe { self.device.cmd_dispatch(self.commands, x, y, z) };
        self.barrier()
    }

    pub fn dispatch_base(&self, base: u32, x: u32) -> &Self {
        unsafe { self.device.cmd_dispatch_base(self.commands, base, 0, 0, x, 1, 1) };
        self.barrier()
    }

    /// Workgroups as the buffer says from a number on.
    pub fn dispatch_indirect(&self, at: u64) -> &Self {
        unsafe { self.device.cmd_dispatch_indirect(self.commands, self.buffer, 4 * at) };
        self.barrier()
    }

    pub fn execute(&self, secondary: &[vk::CommandBuffer]) -> &Self {
        unsafe { self.device.cmd_execute_commands(self.commands, secondary) };
        self.barrier()
    }

    /// Waits for an event that is never set.
    pub fn wait_for_ever(&self) -> &Self {
        let Self { device, .. } = *self;
        unsafe {
            let event = device.create_event(&vk::EventCreateInfo::default(), None).unwrap();
            let (host, all) = (vk::PipelineStageFlags::HOST, vk::PipelineStageFlags::ALL_COMMANDS);
            device.cmd_wait_events(self.commands, &[event], host, all, &[], &[], &[]);
        }
        self
    }

    fn barrier(&self) -> &Self {
        let stages = vk::PipelineStageFlags::ALL_COMMANDS;
        let access = vk::AccessFlags::MEMORY_READ | vk::AccessFlags::MEMORY_WRITE;
        let all = [vk::MemoryBarrier::default().src_access_mask(access).dst_access_mask(access)];
        let flags = vk::DependencyFlags::empty();
        unsafe {
            let device = &self.device;
            device.cmd_pipeline_barrier(self.commands, stages, stages, flags, &all, &[], &[]);
        }
        self
    }
}
