//! Memory of a device that host and kernels share, in which the counters lie. Knows nothing of what they mean.

#![expect(
    unsafe_code,
    reason = "memory of a device is made by calls of Vulkan, and is a raw pointer to the host"
)]

use std::ptr::NonNull;

use ash::vk;

use crate::arena::{ALIGNMENT, Arena, Window};

/// Bytes that are allocated at once, unless one pipeline needs more.
const BLOCK_BYTES: u64 = 4 << 20;

/// A buffer with an address and the memory behind it.
struct Block {
    buffer: vk::Buffer,
    memory: vk::DeviceMemory,
    address: u64,
    host: NonNull<u8>,
}

// SAFETY: the pointer is to mapped memory, which belongs to no thread.
unsafe impl Send for Block {}

/// How a device is asked for memory.
#[derive(Clone)]
pub(crate) struct Source {
    /// The functions below this layer.
    pub(crate) below: ash::Device,
    pub(crate) types: vk::PhysicalDeviceMemoryProperties,
    /// `vkGetBufferDeviceAddress`, where the device has it.
    pub(crate) address: Option<vk::PFN_vkGetBufferDeviceAddress>,
}

/// The counters of one device.
pub(crate) struct Memory {
    source: Source,
    blocks: Vec<Block>,
    arena: Arena,
}

impl Memory {
    /// No memory so far.
    pub(crate) fn new(source: Source) -> Self {
        Self { source, blocks: Vec::new(), arena: Arena::default() }
    }

    /// A window of so many zeros, and its address on the device.
    ///
    /// # Errors
    /// Why there is no memory for it.
    pub(crate) fn take(&mut self, bytes: u64) -> Result<(Window, u64), String> {
        let window = match self.arena.take(bytes) {
            Some(window) => window,
            None => {
                let size = bytes.max(BLOCK_BYTES);
                self.blocks.push(Block::new(&self.source, size)?);
                self.arena.add(size);
                self.arena.take(bytes).ok_or("a new block has no room")?
            }
        };
        self.clear(window);
        Ok((window, self.blocks[window.block].address + window.offset))
    }

    /// Fills a window with zeros. No kernel writes to it at this moment.
    pub(crate) fn clear(&self, window: Window) {
        let Window { block, offset, bytes } = window;
        // SAFETY: the window lies within the block, and nobody else writes to it.
        unsafe { self.blocks[block].host.add(offset as usize).write_bytes(0, bytes as usize) };
    }

    /// The buffer that a window is in, and where it begins there.
    pub(crate) fn buffer(&self, window: Window) -> (vk::Buffer, u64) {
        (self.blocks[window.block].buffer, window.offset)
    }

    /// Gives a window back. No pipeline adds to it any more.
    pub(crate) fn give(&mut self, window: Window) {
        self.arena.give(window);
    }

    /// The first `bytes` of a window as they are now.
    pub(crate) fn read(&self, window: Window, bytes: u64) -> Vec<u8> {
        let Window { block, offset, bytes: all } = window;
        let words = bytes.min(all).div_ceil(8) as usize;
        // SAFETY: windows begin at multiples of 64 bytes of a block and have such a length, so these words lie
        // within one, aligned. A device may add to them at the same time: hence each is read once, as a whole.
        let word = |at: usize| unsafe {
            self.blocks[block].host.add(offset as usize).cast::<u64>().add(at).read_volatile()
        };
        let mut read: Vec<u8> = (0..words).flat_map(|at| word(at).to_ne_bytes()).collect();
        read.truncate(bytes as usize);
        read
    }

    /// Frees all of it. No kernel of the device runs any more.
    pub(crate) fn free(&mut self) {
        for Block { buffer, memory, .. } in self.blocks.drain(..) {
            // SAFETY: both are of this device, which is idle and about to be destroyed.
            unsafe {
                self.source.below.destroy_buffer(buffer, None);
                self.source.below.free_memory(memory, None);
            }
        }
        self.arena = Arena::default();
    }
}

impl Block {
    fn new(source: &Source, bytes: u64) -> Result<Self, String> {
        let failed = |what: &'static str| {
            move |result: vk::Result| format!("no memory for counters: {what}: {result:?}")
        };
        let below = &source.below;
        let usage = vk::BufferUsageFlags::STORAGE_BUFFER
            | vk::BufferUsageFlags::SHADER_DEVICE_ADDRESS
            | vk::BufferUsageFlags::TRANSFER_SRC
            | vk::BufferUsageFlags::TRANSFER_DST;
        let info = vk::BufferCreateInfo::default().size(bytes).usage(usage);
        // SAFETY: the device is alive, has `bufferDeviceAddress` enabled, and the structure is whole.
        let buffer = unsafe { below.create_buffer(&info, None) };
        let buffer = buffer.map_err(failed("vkCreateBuffer"))?;
        // SAFETY: what was made above is undone where a later step fails.
        let memory = unsafe { Self::behind(source, buffer) }.inspect_err(|_| unsafe {
            below.destroy_buffer(buffer, None);
        })?;
        // SAFETY: as above.
        let mapped = unsafe { Self::mapped(source, buffer, memory) };
        let (host, address) = mapped.inspect_err(|_| unsafe {
            below.destroy_buffer(buffer, None);
            below.free_memory(memory, None);
        })?;
        Ok(Self { buffer, memory, address, host })
    }

    /// Memory for a buffer.
    ///
    /// # Safety
    /// The buffer is the device's.
    unsafe fn behind(source: &Source, buffer: vk::Buffer) -> Result<vk::DeviceMemory, String> {
        // SAFETY: as the caller promises.
        let needs = unsafe { source.below.get_buffer_memory_requirements(buffer) };
        let types = source.types.memory_types_as_slice();
        let with = |flags: vk::MemoryPropertyFlags| {
            let fits = |(at, its): &(u32, &vk::MemoryType)| {
                needs.memory_type_bits >> at & 1 == 1 && its.property_flags.contains(flags)
            };
            (0..).zip(types).find(fits).map(|(at, _)| at)
        };
        let shared = vk::MemoryPropertyFlags::HOST_VISIBLE | vk::MemoryPropertyFlags::HOST_COHERENT;
        // Atomics across a bus are slow, so memory of the device comes first where the host sees it.
        let near = with(shared | vk::MemoryPropertyFlags::DEVICE_LOCAL);
        let index = near.or_else(|| with(shared)).ok_or("the device has no memory to share")?;
        let mut flags =
            vk::MemoryAllocateFlagsInfo::default().flags(vk::MemoryAllocateFlags::DEVICE_ADDRESS);
        let info = vk::MemoryAllocateInfo::default()
            .allocation_size(needs.size)
            .memory_type_index(index)
            .push_next(&mut flags);
        // SAFETY: the device is alive and the structures are whole.
        let memory = unsafe { source.below.allocate_memory(&info, None) };
        memory.map_err(|result| format!("no memory for counters: vkAllocateMemory: {result:?}"))
    }

    /// Where host and kernels see a buffer.
    ///
    /// # Safety
    /// Buffer and memory are the device's and fit each other.
    unsafe fn mapped(
        source: &Source,
        buffer: vk::Buffer,
        memory: vk::DeviceMemory,
    ) -> Result<(NonNull<u8>, u64), String> {
        let failed = |result: vk::Result| format!("no memory for counters: {result:?}");
        let address = source.address.ok_or("the device has no vkGetBufferDeviceAddress")?;
        let info = vk::BufferDeviceAddressInfo::default().buffer(buffer);
        // SAFETY: as the caller promises; the memory was allocated to have addresses.
        unsafe {
            source.below.bind_buffer_memory(buffer, memory, 0).map_err(failed)?;
            let all = (vk::WHOLE_SIZE, vk::MemoryMapFlags::empty());
            let host = source.below.map_memory(memory, 0, all.0, all.1).map_err(failed)?;
            let host = NonNull::new(host.cast()).ok_or("mapped memory is nowhere")?;
            let address = address(source.below.handle(), &info);
            match address {
                0 => Err("the buffer of counters has no address".into()),
                _ if address % ALIGNMENT != 0 => {
                    Err("the buffer of counters is at an odd address".into())
                }
                _ => Ok((host, address)),
            }
        }
    }
}
