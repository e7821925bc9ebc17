//! Memory of a device that host and kernels share, in which the counters lie. Knows nothing of what they mean.
//!
//! A driver keeps what it compiled for the next run, by what it was given. The address of counters is a constant of each
//! kernel, so it has to be the same in the next run: a device that is the CPU takes memory of this process, which lies
//! where the layer wants it, and its buffers have the addresses of this process.

#![expect(
    unsafe_code,
    reason = "memory of a device is made by calls of Vulkan, and is a raw pointer to the host"
)]

use std::ptr::NonNull;

use ash::vk;

use crate::{
    arena::{ALIGNMENT, Arena, Window},
    fixed::{self, Fixed},
};

/// Bytes that are allocated at once, unless one pipeline needs more.
const BLOCK_BYTES: u64 = 4 << 20;

/// What memory of this process is to a device.
const OWN: vk::ExternalMemoryHandleTypeFlags =
    vk::ExternalMemoryHandleTypeFlags::HOST_ALLOCATION_EXT;

/// A buffer with an address and the memory behind it.
struct Block {
    buffer: vk::Buffer,
    memory: vk::DeviceMemory,
    address: u64,
    host: NonNull<u8>,
    bytes: u64,
    /// What the memory is, where it is this process's own.
    fixed: Option<Fixed>,
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
    /// `vkGetMemoryHostPointerPropertiesEXT`, where the device takes memory of this process and has its addresses.
    pub(crate) host: Option<vk::PFN_vkGetMemoryHostPointerPropertiesEXT>,
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

    /// A window of so many zeros. As far as nothing else is there, what asks for the same with the same `wish` has the
    /// same address in every run, where devices have that at all.
    ///
    /// # Errors
    /// Why there is no memory for it.
    pub(crate) fn take(&mut self, bytes: u64, wish: u64) -> Result<Window, String> {
        let window = match self.arena.take(bytes, wish) {
            Some(window) => window,
            None => {
                let block = Block::new(&self.source, bytes.max(BLOCK_BYTES))?;
                self.arena.add(block.bytes);
                self.blocks.push(block);
                self.arena.take(bytes, wish).ok_or("a new block has no room")?
            }
        };
        self.clear(window);
        Ok(window)
    }

    /// The address of a window on the device.
    pub(crate) fn address(&self, window: Window) -> u64 {
        self.blocks[window.block].address + window.offset
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
        for Block { buffer, memory, fixed, .. } in self.blocks.drain(..) {
            // SAFETY: both are of this device, which is idle and about to be destroyed.
            unsafe {
                self.source.below.destroy_buffer(buffer, None);
                self.source.below.free_memory(memory, None);
            }
            // What the memory was goes after it.
            drop(fixed);
        }
        self.arena = Arena::default();
    }
}

impl Block {
    fn new(source: &Source, bytes: u64) -> Result<Self, String> {
        let fixed = source.host.filter(|_| bytes <= fixed::BYTES as u64).and_then(|_| Fixed::map());
        match fixed.map(|fixed| Self::with(source, fixed::BYTES as u64, Some(fixed))) {
            Some(Ok(block)) => Ok(block),
            // It is a wish.
            Some(Err(_)) | None => Self::with(source, bytes, None),
        }
    }

    /// A block in memory of the device, or in that of this process.
    fn with(source: &Source, bytes: u64, fixed: Option<Fixed>) -> Result<Self, String> {
        let failed = |what: &'static str| {
            move |result: vk::Result| format!("no memory for counters: {what}: {result:?}")
        };
        let below = &source.below;
        let usage = vk::BufferUsageFlags::STORAGE_BUFFER
            | vk::BufferUsageFlags::SHADER_DEVICE_ADDRESS
            | vk::BufferUsageFlags::TRANSFER_SRC
            | vk::BufferUsageFlags::TRANSFER_DST;
        let mut outside = vk::ExternalMemoryBufferCreateInfo::default().handle_types(OWN);
        let mut info = vk::BufferCreateInfo::default().size(bytes).usage(usage);
        if fixed.is_some() {
            info = info.push_next(&mut outside);
        }
        // SAFETY: the device is alive, has `bufferDeviceAddress` enabled, and the structure is whole.
        let buffer = unsafe { below.create_buffer(&info, None) };
        let buffer = buffer.map_err(failed("vkCreateBuffer"))?;
        // SAFETY: what was made above is undone where a later step fails.
        let memory = unsafe { Self::behind(source, buffer, fixed.as_ref()) }
            .inspect_err(|_| unsafe { below.destroy_buffer(buffer, None) })?;
        // SAFETY: as above.
        let mapped = unsafe { Self::mapped(source, buffer, memory, fixed.as_ref()) };
        let (host, address) = mapped.inspect_err(|_| unsafe {
            below.destroy_buffer(buffer, None);
            below.free_memory(memory, None);
        })?;
        Ok(Self { buffer, memory, address, host, bytes, fixed })
    }

    /// Memory for a buffer.
    ///
    /// # Safety
    /// The buffer is the device's.
    unsafe fn behind(
        source: &Source,
        buffer: vk::Buffer,
        fixed: Option<&Fixed>,
    ) -> Result<vk::DeviceMemory, String> {
        // SAFETY: as the caller promises.
        let needs = unsafe { source.below.get_buffer_memory_requirements(buffer) };
        let mut bits = needs.memory_type_bits;
        let mut import = vk::ImportMemoryHostPointerInfoEXT::default().handle_type(OWN);
        if let (Some(fixed), Some(properties)) = (fixed, source.host) {
            import.p_host_pointer = fixed.host().as_ptr().cast();
            let mut own = vk::MemoryHostPointerPropertiesEXT::default();
            let (device, pointer) = (source.below.handle(), import.p_host_pointer.cast_const());
            // SAFETY: the memory is mapped, and the structure is whole.
            let found = unsafe { properties(device, OWN, pointer, &raw mut own) };
            found.result().map_err(|result| format!("memory of the process: {result:?}"))?;
            bits &= own.memory_type_bits;
        }
        let types = source.types.memory_types_as_slice();
        let with = |flags: vk::MemoryPropertyFlags| {
            let fits = |(at, its): &(u32, &vk::MemoryType)| {
                bits >> at & 1 == 1 && its.property_flags.contains(flags)
            };
            (0..).zip(types).find(fits).map(|(at, _)| at)
        };
        let shared = vk::MemoryPropertyFlags::HOST_VISIBLE | vk::MemoryPropertyFlags::HOST_COHERENT;
        // Atomics across a bus are slow, so memory of the device comes first where the host sees it.
        let near = with(shared | vk::MemoryPropertyFlags::DEVICE_LOCAL);
        let index = near.or_else(|| with(shared)).ok_or("the device has no memory to share")?;
        let mut flags =
            vk::MemoryAllocateFlagsInfo::default().flags(vk::MemoryAllocateFlags::DEVICE_ADDRESS);
        let bytes = fixed.map_or(needs.size, |_| fixed::BYTES as u64);
        let mut info = vk::MemoryAllocateInfo::default()
            .allocation_size(bytes)
            .memory_type_index(index)
            .push_next(&mut flags);
        if fixed.is_some() {
            if needs.size > bytes {
                return Err("the buffer takes more than the memory has".into());
            }
            info = info.push_next(&mut import);
        }
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
        fixed: Option<&Fixed>,
    ) -> Result<(NonNull<u8>, u64), String> {
        let failed = |result: vk::Result| format!("no memory for counters: {result:?}");
        let address = source.address.ok_or("the device has no vkGetBufferDeviceAddress")?;
        let info = vk::BufferDeviceAddressInfo::default().buffer(buffer);
        // SAFETY: as the caller promises; the memory was allocated to have addresses.
        unsafe {
            source.below.bind_buffer_memory(buffer, memory, 0).map_err(failed)?;
            let host = match fixed {
                Some(fixed) => fixed.host(),
                None => {
                    let all = (vk::WHOLE_SIZE, vk::MemoryMapFlags::empty());
                    let host = source.below.map_memory(memory, 0, all.0, all.1).map_err(failed)?;
                    NonNull::new(host.cast()).ok_or("mapped memory is nowhere")?
                }
            };
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
