//! What can run a kernel. An executor knows programs, buffers and dispatches; it never hears of
//! plans, models or formulas, so one suite of tests can hold every executor to the same answers.

#[cfg(feature = "embedded")]
pub mod cpu;
#[cfg(feature = "gpu")]
pub mod gpu;
mod memory;
mod witness;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub use witness::{Access, Between, LaneUse, OutOfBounds, Race, Witness};

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
        Ok(gpu) if embedded.detect_races => Err(Error::Config(format!(
            "'{}' cannot look for races: say --adapter embedded with --detect-races",
            gpu.adapter().name
        ))),
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

/// Who runs: what a report prints and what a plan must respect.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Adapter {
    /// The device's own name.
    pub name: String,
    /// Vulkan, Metal, DX12, GL or embedded.
    pub backend: String,
    /// discrete, integrated, virtual, software or embedded.
    pub device_type: String,
    /// Driver and version, as far as they are known.
    pub driver: String,
    /// What a plan must fit into.
    pub limits: Limits,
}

/// The limits that shape a plan.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Limits {
    /// Bytes in one storage binding.
    pub binding_bytes: u64,
    /// Bytes in one buffer.
    pub buffer_bytes: u64,
    /// A binding's offset is a multiple of this many bytes.
    pub offset_alignment: u64,
    /// Workgroups along one dimension of a dispatch.
    pub workgroups: u32,
    /// Invocations in a workgroup.
    pub invocations: u32,
    /// Bytes of workgroup memory.
    pub workgroup_bytes: u32,
    /// Storage bindings a kernel may have.
    pub storage_bindings: u32,
    /// Bind groups a kernel may use.
    pub bind_groups: u32,
    /// Bindings in one group.
    pub bindings_per_group: u32,
    /// Lanes in a subgroup, where there are subgroups and all have this many.
    pub subgroup_lanes: Option<u32>,
}

impl Limits {
    /// What every WebGPU adapter has: the default limits of the standard, and no subgroups.
    pub const WEBGPU: Self = Self {
        binding_bytes: 128 << 20,
        buffer_bytes: 256 << 20,
        offset_alignment: 256,
        workgroups: 65535,
        invocations: 256,
        workgroup_bytes: 16384,
        storage_bindings: 8,
        bind_groups: 4,
        bindings_per_group: 1000,
        subgroup_lanes: None,
    };

    /// What fits both of two adapters.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        Self {
            binding_bytes: self.binding_bytes.min(other.binding_bytes),
            buffer_bytes: self.buffer_bytes.min(other.buffer_bytes),
            // Alignments are powers of two, so the larger is a multiple of the smaller.
            offset_alignment: self.offset_alignment.max(other.offset_alignment),
            workgroups: self.workgroups.min(other.workgroups),
            invocations: self.invocations.min(other.invocations),
            workgroup_bytes: self.workgroup_bytes.min(other.workgroup_bytes),
            storage_bindings: self.storage_bindings.min(other.storage_bindings),
            bind_groups: self.bind_groups.min(other.bind_groups),
            bindings_per_group: self.bindings_per_group.min(other.bindings_per_group),
            subgroup_lanes: self
                .subgroup_lanes
                .filter(|_| self.subgroup_lanes == other.subgroup_lanes),
        }
    }
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

/// Where a time comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Clock {
    /// The device's own timestamps around the dispatch.
    Timestamps,
    /// Wall time on the host, submission and wait included.
    Wall,
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
pub trait Executor {
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

    /// Bytes that buffers may yet take together, where that is known: an adapter that computes on the
    /// host's processors has the host's memory, and would fill it to the last before it refuses.
    fn memory(&self) -> Option<u64> {
        match self.adapter().device_type.as_str() {
            "software" | "embedded" => memory::available(),
            _ => None,
        }
    }
}
