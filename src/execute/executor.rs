//! The executor as a trait, and what is handed to one and back: programs, buffers, launches.

use flopmeter_core::device::{Adapter, Clock, DeviceType};
#[cfg(feature = "spirv")]
use flopmeter_core::spirv::{Interface, SpirvModule};

#[cfg(feature = "textures")]
use super::{Sampler, Texture};
use super::{memory, witness::Witness};
#[cfg(feature = "spirv")]
use crate::KernelError;
use crate::{Error, kernel::KernelModule};

/// A program that an executor has taken in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ProgramId(pub(crate) usize);

/// A buffer that an executor holds, or a texture or a sampler.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Allocation(pub(crate) usize);

/// A window of a buffer, in bytes, bound to one resource of a program. A texture or a sampler is bound whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Bound {
    /// Bind group.
    pub group: u32,
    /// Binding within the group.
    pub binding: u32,
    /// Which buffer.
    pub buffer: Allocation,
    /// First byte.
    pub offset: u64,
    /// Length in bytes.
    pub size: u64,
}

/// One launch of a program.
#[derive(Clone, Copy, Debug)]
pub struct Dispatch<'a> {
    /// The launch's name in errors.
    pub label: &'a str,
    /// The program to run.
    pub program: ProgramId,
    /// Every resource that the program uses.
    pub bindings: &'a [Bound],
    /// Workgroups along each dimension.
    pub grid: [u32; 3],
}

/// One entry point of a SPIR-V module that is handed to a driver as it is.
#[cfg(feature = "spirv")]
#[derive(Clone, Copy, Debug)]
pub struct SpirvProgram<'a> {
    /// The module, whose specialisation constants keep their default values.
    pub module: &'a SpirvModule,
    /// The entry point to run.
    pub entry: &'a str,
    /// What the entry point requires of its host: resources, workgroup size, limits.
    pub interface: &'a Interface,
    /// Its push constants.
    pub immediates: &'a [u8],
}

/// What an executor's device has for SPIR-V that counts.
#[cfg(feature = "spirv")]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SpirvAbilities {
    /// Whether storage buffers have 64-bit atomics.
    pub wide_atomics: bool,
    /// Whether compute shaders have subgroup arithmetic.
    pub subgroups: bool,
}

/// What a launch returns beside its results.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// Seconds that the launch took.
    pub seconds: f64,
    /// The clock that measured them.
    pub clock: Clock,
    /// Seconds on the host from submitting the launch, possibly with others, until all of them were known to be done.
    pub waited_seconds: f64,
    /// What the executor itself observed; `None` where it does not check launches.
    pub witness: Option<Witness>,
}

/// Runs kernels. Buffers and programs live as long as the executor, or until [`Executor::clear`].
pub trait Executor: Send {
    /// The adapter that runs the kernels.
    fn adapter(&self) -> &Adapter;

    /// Takes in a program; its one entry point is what a dispatch runs.
    ///
    /// # Errors
    /// Where the adapter cannot have the kernel: by a limit, by something that it lacks, or by its driver's word.
    fn compile(&mut self, kernel: &KernelModule) -> Result<ProgramId, Error>;

    /// What it has for SPIR-V; `None` where it hands no SPIR-V to a driver as it is.
    #[cfg(feature = "spirv")]
    fn spirv(&self) -> Option<SpirvAbilities> {
        None
    }

    /// Takes in a SPIR-V module as it is.
    ///
    /// # Errors
    /// As for [`Executor::compile`]; where [`Executor::spirv`] is `None`.
    #[cfg(feature = "spirv")]
    fn compile_spirv(&mut self, program: &SpirvProgram<'_>) -> Result<ProgramId, Error> {
        Err(KernelError::BackEnd {
            kernel: program.module.name.clone(),
            adapter: self.adapter().name.clone(),
            problem: "it hands no SPIR-V to a driver as it is".to_owned(),
        }
        .into())
    }

    /// Makes a zeroed buffer of `bytes` bytes (a multiple of four).
    ///
    /// # Errors
    /// Where the adapter has no such room.
    fn allocate(&mut self, label: &str, bytes: u64) -> Result<Allocation, Error>;

    /// Makes a texture, which is written and read whole, as the bytes of its texels.
    ///
    /// # Errors
    /// Where the adapter has no such texture, or no room for it.
    #[cfg(feature = "textures")]
    fn texture(&mut self, label: &str, texture: &Texture) -> Result<Allocation, Error>;

    /// Makes a sampler, which is neither written nor read.
    ///
    /// # Errors
    /// Where the adapter has no such sampler.
    #[cfg(feature = "textures")]
    fn sampler(&mut self, label: &str, sampler: Sampler) -> Result<Allocation, Error>;

    /// Overwrites part of a buffer; offset and length are multiples of four.
    ///
    /// # Errors
    /// Where the device fails or is lost.
    fn write(&mut self, buffer: Allocation, offset: u64, data: &[u8]) -> Result<(), Error>;

    /// Reads part of a buffer back; offset and length are multiples of four.
    ///
    /// # Errors
    /// Where the device fails or is lost.
    fn read(&mut self, buffer: Allocation, offset: u64, size: u64) -> Result<Vec<u8>, Error>;

    /// Runs a program once and waits for it.
    ///
    /// # Errors
    /// Where the device fails or is lost, naming the dispatch's label.
    fn dispatch(&mut self, dispatch: &Dispatch<'_>) -> Result<Outcome, Error>;

    /// Runs programs one after the other, each over what those before it left, and waits for all of them together.
    /// `None` where the times of the single programs are not known; what they did is done all the same.
    ///
    /// # Errors
    /// Where the device fails or is lost, naming the labels of the first and the last dispatch.
    fn dispatch_all(&mut self, dispatches: &[Dispatch<'_>]) -> Result<Option<Vec<Outcome>>, Error> {
        dispatches
            .iter()
            .map(|dispatch| self.dispatch(dispatch))
            .collect::<Result<_, _>>()
            .map(Some)
    }

    /// How many programs [`Executor::dispatch_all`] takes at most.
    fn most_at_once(&self) -> usize {
        1
    }

    /// Gives all buffers and programs back.
    fn clear(&mut self);

    /// Whether its launches have a [`Witness`].
    fn looks(&self) -> bool {
        false
    }

    /// Bytes that buffers may yet take together, where that is known: an adapter that computes on the
    /// host's processors has the host's memory, and would fill it to the last before it refuses.
    fn memory(&self) -> Option<u64> {
        match self.adapter().device_type {
            DeviceType::Software | DeviceType::Embedded => memory::available(),
            _ => None,
        }
    }
}
