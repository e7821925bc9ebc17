//! Plain numbers about a device: what it is called, what a kernel and a plan must fit into, and whose clock
//! a time is from. Knows nothing of who has a device or how one is opened.

use std::fmt;

use serde::{Deserialize, Serialize};

/// Who runs: what a report prints and what a plan must respect.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Adapter {
    /// The device's own name.
    pub name: String,
    /// The interface through which it is used.
    pub backend: Backend,
    /// What kind of device it is.
    pub device_type: DeviceType,
    /// Driver and version, as far as they are known.
    pub driver: String,
    /// What a plan must fit into.
    pub limits: Limits,
}

/// The interface through which an adapter is used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub enum Backend {
    /// Vulkan.
    Vulkan,
    /// Metal.
    Metal,
    /// Direct3D 12.
    #[serde(rename = "DX12")]
    Dx12,
    /// OpenGL or OpenGL ES.
    #[serde(rename = "GL")]
    Gl,
    /// A browser's WebGPU.
    #[serde(rename = "WebGPU")]
    WebGpu,
    /// The embedded executor, which interprets kernels on the CPU.
    #[serde(rename = "embedded")]
    Embedded,
    /// A backend that runs nothing.
    #[serde(rename = "noop")]
    Noop,
}

impl fmt::Display for Backend {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Vulkan => "Vulkan",
            Self::Metal => "Metal",
            Self::Dx12 => "DX12",
            Self::Gl => "GL",
            Self::WebGpu => "WebGPU",
            Self::Embedded => "embedded",
            Self::Noop => "noop",
        })
    }
}

/// What kind of device an adapter is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
pub enum DeviceType {
    /// A GPU with memory of its own.
    Discrete,
    /// A GPU that shares the host's memory.
    Integrated,
    /// A GPU seen through a virtual machine.
    Virtual,
    /// A driver that computes on the host's processors.
    Software,
    /// The embedded executor.
    Embedded,
    /// A device of a kind that its driver does not state.
    Other,
}

impl fmt::Display for DeviceType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Discrete => "discrete",
            Self::Integrated => "integrated",
            Self::Virtual => "virtual",
            Self::Software => "software",
            Self::Embedded => "embedded",
            Self::Other => "other",
        })
    }
}

/// How many levels of control flow within itself Mesa's llvmpipe keeps apart. It has a stack of 80 execution masks, whose
/// last place no `else` can use. Beyond it version 22 takes both arms of a condition, and version 25 writes past the end of
/// the stack, so that the process dies. That is why the number is stated and not measured.
pub const LLVMPIPE_LEVELS: u32 = 79;

/// Why control flow that stands `depth` levels within itself has no place on an adapter that keeps `limit` levels apart;
/// `None` where it has one.
#[must_use]
pub fn too_deep(depth: u32, limit: Option<u32>) -> Option<String> {
    let limit = limit.filter(|&limit| depth > limit)?;
    Some(format!(
        "its conditions, loops and early returns stand {depth} deep within each other, functions that it calls included, and \
         this adapter keeps {limit} apart"
    ))
}

/// The limits that shape a plan.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Limits {
    /// The most bytes of one storage binding.
    pub binding_bytes: u64,
    /// The most bytes of one buffer.
    pub buffer_bytes: u64,
    /// The alignment of a binding's offset, in bytes.
    pub offset_alignment: u64,
    /// The most workgroups along one dimension of a dispatch.
    pub workgroups: u32,
    /// The most invocations of a workgroup.
    pub invocations: u32,
    /// The most bytes of workgroup memory.
    pub workgroup_bytes: u32,
    /// The most storage bindings of a kernel.
    pub storage_bindings: u32,
    /// The most bind groups of a kernel.
    pub bind_groups: u32,
    /// The most bindings of one group.
    pub bindings_per_group: u32,
    /// Lanes of a subgroup; `None` where there are no subgroups, or subgroups of several sizes.
    pub subgroup_lanes: Option<u32>,
    /// Whether a subgroup executes as one vector under a mask, as on a processor's vector unit: its lanes
    /// are never at different instructions, and a loop gives a masked lane no round.
    #[serde(default)]
    pub lockstep: bool,
    /// Rounds of loops, of all its loops together, after which the adapter ends the loops of a subgroup
    /// whether or not they are done; `None` where it lets loops end by themselves.
    #[serde(default)]
    pub loop_rounds: Option<u32>,
    /// How many statements that part control may stand within each other, those of called functions
    /// included, before the adapter may lose track; `None` where no such limit is known.
    #[serde(default)]
    pub nesting: Option<u32>,
    /// Workgroups in a dispatch, over all dimensions; `None` where only [`Self::workgroups`] limits them.
    #[serde(default)]
    pub grid: Option<u64>,
    /// Whether the adapter runs the invocations of a workgroup side by side, as a GPU does. Kernels whose workgroups
    /// share what they load through workgroup memory gain there; a processor, which runs a workgroup's invocations one
    /// vector after another, loses by each barrier.
    #[serde(default)]
    pub parallel: bool,
    /// Rows and columns of the cooperative matrices that kernels of this crate multiply there: of numbers in half precision,
    /// with sums in single precision. The larger where there are two; `None` where there are none, or subgroups are of no
    /// known size.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub matrix_side: Option<u32>,
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
        lockstep: false,
        loop_rounds: None,
        nesting: None,
        grid: None,
        parallel: false,
        matrix_side: None,
    };

    /// What fits both of two adapters.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        fn least<T: Ord>(one: Option<T>, other: Option<T>) -> Option<T> {
            one.into_iter().chain(other).min()
        }
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
            lockstep: self.lockstep && other.lockstep,
            loop_rounds: least(self.loop_rounds, other.loop_rounds),
            nesting: least(self.nesting, other.nesting),
            grid: least(self.grid, other.grid),
            // Nothing that an adapter could lack: kernels for a GPU run everywhere.
            parallel: self.parallel || other.parallel,
            matrix_side: self.matrix_side.filter(|_| self.matrix_side == other.matrix_side),
        }
    }
}

/// What a device was opened with.
///
/// wgpu does not say with these whether a device has subgroups of one size, so [`Limits::subgroup_lanes`] is `None`.
/// A caller that enabled subgroups and knows their size may set it, which makes counting cheaper.
///
/// ```
/// use flopmeter_core::device::Limits;
///
/// let limits = Limits::from(&wgpu_types::Limits::defaults());
/// assert_eq!(limits, Limits::WEBGPU);
/// ```
#[cfg(feature = "wgpu")]
impl From<&wgpu_types::Limits> for Limits {
    fn from(limits: &wgpu_types::Limits) -> Self {
        let alignment = limits
            .min_storage_buffer_offset_alignment
            .max(limits.min_uniform_buffer_offset_alignment);
        Self {
            binding_bytes: limits.max_storage_buffer_binding_size,
            buffer_bytes: limits.max_buffer_size,
            offset_alignment: alignment.into(),
            workgroups: limits.max_compute_workgroups_per_dimension,
            invocations: limits.max_compute_invocations_per_workgroup,
            workgroup_bytes: limits.max_compute_workgroup_storage_size,
            storage_bindings: limits.max_storage_buffers_per_shader_stage,
            bind_groups: limits.max_bind_groups,
            bindings_per_group: limits.max_bindings_per_bind_group,
            subgroup_lanes: None,
            lockstep: false,
            loop_rounds: None,
            nesting: None,
            grid: None,
            parallel: false,
            matrix_side: None,
        }
    }
}

/// Where a time comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
pub enum Clock {
    /// The device's own timestamps around the dispatch.
    Timestamps,
    /// Wall time on the host, submission and wait included.
    Wall,
}
