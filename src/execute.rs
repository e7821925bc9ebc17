//! What can run a kernel. An executor knows programs, buffers and dispatches; it never hears of
//! plans, models or formulas, so one suite of tests can hold every executor to the same answers.

#[cfg(feature = "embedded")]
pub mod cpu;
#[cfg(any(feature = "embedded", feature = "gpu"))]
mod fits;
#[cfg(feature = "gpu")]
pub mod gpu;
mod memory;
mod witness;

pub use witness::{Access, Between, LaneUse, OutOfBounds, Race, Witness};

pub use flopmeter_core::device::{Adapter, Backend, Clock, DeviceType, Limits};

use crate::{Error, kernel::KernelModule};

/// Every adapter that [`open`] can open, best first; the embedded executor is always there, and last.
///
/// # Errors
/// Where the embedded executor cannot be had, which no machine is known to do.
#[cfg(all(feature = "embedded", feature = "gpu"))]
pub fn adapters() -> Result<Vec<Adapter>, Error> {
    let mut adapters = gpu::adapters();
    adapters.push(cpu::Cpu::new(cpu::SUBGROUP_LANES)?.adapter().clone());
    Ok(adapters)
}

/// How the embedded executor is to be, where it is the one that is opened.
#[derive(Clone, Copy, Debug)]
pub struct Embedded {
    /// Lanes in a subgroup: a power of two up to 128.
    pub subgroup: u32,
    /// Whether to look for races.
    pub detect_races: bool,
}

impl From<u32> for Embedded {
    fn from(subgroup: u32) -> Self {
        Self { subgroup, detect_races: false }
    }
}

#[cfg(all(feature = "embedded", feature = "gpu"))]
impl Embedded {
    fn open(self) -> Result<Box<dyn Executor>, Error> {
        let cpu = cpu::Cpu::new(self.subgroup)?;
        Ok(Box::new(if self.detect_races { cpu.detecting_races() } else { cpu }))
    }
}

/// Opens `auto` (a real GPU, else a software adapter, else the embedded executor), `gpu`, `software`,
/// `embedded`, or the first adapter whose name contains `choice`.
///
/// # Errors
/// Where there is no such adapter, or it cannot be opened, or is to look for races and cannot.
#[cfg(all(feature = "embedded", feature = "gpu"))]
pub fn open(choice: &str, embedded: impl Into<Embedded>) -> Result<Box<dyn Executor>, Error> {
    let embedded = embedded.into();
    if choice == "embedded" {
        return embedded.open();
    }
    match gpu::Gpu::open(choice) {
        Ok(gpu) if embedded.detect_races => Err(Error::Refused {
            problem: format!("'{}' cannot look for races", gpu.adapter().name),
            remedy: crate::Remedy::EmbeddedExecutor,
        }),
        Ok(gpu) => Ok(Box::new(gpu)),
        Err(Error::NoAdapter(why)) if choice == "auto" => {
            log::info!("{why}; running on the embedded executor");
            embedded.open()
        }
        Err(error) => Err(error),
    }
}

/// Opens every adapter there is, the embedded executor last.
///
/// # Errors
/// Where one that is there cannot be opened.
#[cfg(all(feature = "embedded", feature = "gpu"))]
pub fn open_all(embedded: impl Into<Embedded>) -> Result<Vec<Box<dyn Executor>>, Error> {
    let gpus = gpu::Gpu::open_all()?.into_iter();
    let mut all: Vec<Box<dyn Executor>> = gpus.map(|gpu| Box::new(gpu) as _).collect();
    all.push(embedded.into().open()?);
    Ok(all)
}

/// A program that an executor has taken in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ProgramId(pub(crate) usize);

/// A buffer that an executor holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct BufferId(pub(crate) usize);

/// A window of a buffer, in bytes, bound to one resource of a program.
#[derive(Clone, Copy, Debug)]
pub struct Bound {
    /// Bind group.
    pub group: u32,
    /// Binding within the group.
    pub binding: u32,
    /// Which buffer.
    pub buffer: BufferId,
    /// First byte.
    pub offset: u64,
    /// Length in bytes.
    pub size: u64,
}

/// One launch of a program.
#[derive(Clone, Copy, Debug)]
pub struct Dispatch<'a> {
    /// Named in every error.
    pub label: &'a str,
    /// What runs.
    pub program: ProgramId,
    /// Every resource that the program uses.
    pub bindings: &'a [Bound],
    /// Workgroups.
    pub grid: [u32; 3],
}

/// What a launch tells beside its results.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// How long it took.
    pub seconds: f64,
    /// By which clock.
    pub clock: Clock,
    /// The host's time from handing the launch in to knowing that it is done.
    pub waited_seconds: f64,
    /// What the executor itself saw, where it looks.
    pub witness: Option<Witness>,
}

/// Runs kernels. Buffers and programs live as long as the executor, or until [`Executor::clear`].
pub trait Executor: Send {
    /// Who this is.
    fn adapter(&self) -> &Adapter;

    /// Takes in a program; its one entry point is what a dispatch runs.
    fn compile(&mut self, kernel: &KernelModule) -> Result<ProgramId, Error>;

    /// Makes a zeroed buffer of `bytes` bytes (a multiple of four).
    fn allocate(&mut self, label: &str, bytes: u64) -> Result<BufferId, Error>;

    /// Overwrites part of a buffer; offset and length are multiples of four.
    fn write(&mut self, buffer: BufferId, offset: u64, data: &[u8]) -> Result<(), Error>;

    /// Reads part of a buffer back; offset and length are multiples of four.
    fn read(&mut self, buffer: BufferId, offset: u64, size: u64) -> Result<Vec<u8>, Error>;

    /// Runs a program once and waits for it.
    fn dispatch(&mut self, dispatch: &Dispatch<'_>) -> Result<Outcome, Error>;

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
