//! The plan: every kernel launch of a training step, in order, as plain serialisable data. All sizes
//! and dispatch extents are decided before a plan exists; this file knows no model, no shader
//! language and no device.

use std::{
    borrow::Cow,
    collections::{BTreeMap, BTreeSet},
};

use serde::{Deserialize, Serialize};

pub use crate::registry::KernelName;
use crate::{
    component::{ComponentName, Phase},
    operation::Operation,
    registry::Kernel,
    schedule::Schedule,
};

/// A buffer of a plan, by position in [`Plan::buffers`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct BufferId(pub u32);

/// The type of a buffer's elements; each is four bytes wide.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Element {
    /// Single-precision float.
    F32,
    /// Unsigned integer.
    U32,
    /// Signed integer.
    I32,
    /// Two half-precision floats.
    Halves,
}

/// Bytes in one element of any buffer.
pub const ELEMENT_BYTES: u64 = 4;

/// What a buffer holds before each run of the plan.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Init {
    /// Nothing that a pass may rely on.
    Scratch,
    /// Zeros.
    Zeros,
    /// These few values: group bounds and the like, known from shapes alone.
    Values(Vec<u32>),
    /// A table of angles, which a session computes, since no price depends on it.
    Angles(AngleTable),
    /// The tensors that [`Inputs`] has under the names of the parameters that lie in the buffer, or where
    /// there are none under the buffer's own: see [`Plan::inputs`].
    Input,
}

/// The cosine or the sine of each position's multiple of each angle, (S,angles).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct AngleTable {
    /// What is taken of the angles.
    pub function: AngleFunction,
    /// S positions.
    pub positions: Vec<u32>,
    /// Angles in radians, each of one position's step.
    pub angles: Vec<f64>,
    /// What all elements are multiplied by: 1 where points are turned and nothing else.
    pub magnitude: f64,
}

/// What an [`AngleTable`] takes of angles.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AngleFunction {
    /// The cosine.
    Cosine,
    /// The sine.
    Sine,
}

impl AngleTable {
    /// The elements, computed in double precision and rounded once.
    pub fn values(&self) -> Vec<f32> {
        let function = match self.function {
            AngleFunction::Cosine => f64::cos,
            AngleFunction::Sine => f64::sin,
        };
        let row = |&position: &u32| {
            let number = move |angle| self.magnitude * function(f64::from(position) * angle);
            self.angles.iter().map(move |angle| number(angle) as f32)
        };
        self.positions.iter().flat_map(row).collect()
    }
}

/// One allocation on the device.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Buffer {
    /// Unique name, for messages and for [`Init::Input`].
    pub name: String,
    /// Element type.
    pub element: Element,
    /// Length in elements.
    pub len: u64,
    /// Contents before a run.
    pub init: Init,
}

/// A window onto a buffer, in elements.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Slice {
    /// Which buffer.
    pub buffer: BufferId,
    /// First element.
    pub offset: u64,
    /// Length in elements.
    pub len: u64,
}

impl Slice {
    /// The part of this window that starts `offset` elements in.
    #[must_use]
    pub fn part(self, offset: u64, len: u64) -> Self {
        debug_assert!(offset + len <= self.len, "a part lies inside its slice");
        Self { buffer: self.buffer, offset: self.offset + offset, len }
    }
}

/// The dimensions of one pass, by their shape letter or the name of the override they set. A kernel
/// takes each as a member of its uniform block or as a pipeline override, by name.
pub type Dims = BTreeMap<String, u32>;

/// One kernel launch.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Pass {
    /// What this launch computes, unique in a plan.
    pub label: String,
    /// What it computes, with its sizes.
    pub operation: Operation,
    /// Which kernel.
    pub kernel: Kernel,
    /// How the kernel goes about it.
    pub schedule: Schedule,
    /// Where in the model it stands.
    pub component: ComponentName,
    /// Forward, backward or optimizer.
    pub phase: Phase,
    /// Whether it makes again what a pass before it made and nothing kept.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub recomputed: bool,
    /// Floating-point uniforms: epsilon, learning rate and the like.
    pub scalars: BTreeMap<String, f32>,
    /// A window for each tensor that the kernel binds, by the tensor's name.
    pub bindings: BTreeMap<String, Slice>,
    /// Workgroups to dispatch.
    pub grid: [u32; 3],
}

/// How the name of a binding ends that sees a tensor in vectors of four.
const VECTORS: &str = "_vec4";

impl Pass {
    /// What all passes are called that run again in the backward pass: the first part of their component's path within its
    /// layer, and a part of the exact count.
    pub const RECOMPUTED: &'static str = "recomputed";

    /// Sizes and schedule by name.
    pub fn dims(&self) -> Dims {
        let dims = self.operation.dims().into_iter().chain(self.schedule.dims());
        dims.map(|(name, value)| (name.to_owned(), value)).collect()
    }

    /// The window that a kernel's binding of this name looks onto: that of the tensor so called, or of the
    /// one that it sees in vectors of four. `None` where the pass has no such tensor.
    pub fn window(&self, binding: &str) -> Option<Slice> {
        let tensor = binding.strip_suffix(VECTORS).unwrap_or(binding);
        self.bindings.get(tensor).copied()
    }
}

/// A trainable parameter and where the plan keeps it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Parameter {
    /// Name in the model's own checkpoint.
    pub name: String,
    /// Extents; empty for a scalar.
    pub shape: Vec<usize>,
    /// In which order a checkpoint holds its numbers.
    #[serde(default, skip_serializing_if = "StoredOrder::is_own")]
    pub order: StoredOrder,
    /// Its value, updated in place by the optimizer: in one buffer or in as many as it took, in order.
    pub value: Vec<Slice>,
    /// Its gradient likewise, where the plan computes one.
    pub grad: Option<Vec<Slice>>,
}

/// In which order a checkpoint holds the numbers of a parameter, which kernels take row by row.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StoredOrder {
    /// In the same.
    #[default]
    Rows,
    /// A matrix column by column, with its extents exchanged.
    Columns,
    /// For each of so many heads the rows of its query, its key and its value, where kernels take the queries of all heads,
    /// their keys and their values, each as a tensor by itself.
    Heads(u32),
}

impl StoredOrder {
    /// Whether it is the one that kernels have.
    pub const fn is_own(&self) -> bool {
        matches!(self, Self::Rows)
    }

    /// A parameter's extents in a checkpoint.
    pub fn shape(self, shape: &[usize]) -> Vec<usize> {
        match self {
            Self::Rows | Self::Heads(_) => shape.to_vec(),
            Self::Columns => shape.iter().rev().copied().collect(),
        }
    }

    /// What a checkpoint holds, as rows and columns of blocks of so many numbers, where kernels take those column by column.
    pub fn exchanged(self, shape: &[usize]) -> Option<[usize; 3]> {
        let all: usize = shape.iter().product();
        let [rows, columns] = match self {
            Self::Rows => return None,
            Self::Columns => [*shape.last()?, *shape.first()?],
            Self::Heads(heads) => [heads as usize, 3],
        };
        Some([rows, columns, all / (rows * columns).max(1)])
    }
}

/// Which of so many rows and columns, counted row by row, is this one, counted column by column.
pub(crate) const fn counted_by_rows(at: usize, [rows, columns]: [usize; 2]) -> usize {
    at % rows * columns + at / rows
}

/// A training step, or a forward pass, ready to run.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Plan {
    /// Every allocation.
    pub buffers: Vec<Buffer>,
    /// Every launch, in order.
    pub passes: Vec<Pass>,
    /// Every trainable parameter.
    pub parameters: Vec<Parameter>,
    /// Results a caller may read after a run: `logits` and `loss`.
    pub outputs: BTreeMap<String, Output>,
    /// Tensors of the batch that lie in several buffers, in order: a part for each micro-batch.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub data: BTreeMap<String, Vec<Slice>>,
}

/// A result, in as many windows as it took, in order.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Output {
    /// Shape of the whole; empty for a scalar.
    pub shape: Vec<usize>,
    /// Its windows, which together hold its elements in row-major order.
    pub windows: Vec<Slice>,
}

/// A tensor's elements, row-major and little-endian, a block of whole elements after the other.
pub type Blocks<'a> = Box<dyn Iterator<Item = Cow<'a, [u8]>> + 'a>;

/// Where the tensors of `Input` buffers come from: asked for one at a time and handed over in blocks, so
/// that none of them need be in memory whole.
pub trait Inputs {
    /// A tensor; `None` where there is none of that name.
    fn blocks(&self, name: &str) -> Option<Blocks<'_>>;
}

/// No tensor at all, for plans that have no `Input` buffers.
impl Inputs for () {
    fn blocks(&self, _name: &str) -> Option<Blocks<'_>> {
        None
    }
}

impl Plan {
    /// Adds a buffer and returns a window onto all of it.
    pub fn buffer(
        &mut self,
        name: impl Into<String>,
        element: Element,
        len: u64,
        init: Init,
    ) -> Slice {
        let id = BufferId(u32::try_from(self.buffers.len()).expect("a plan has few buffers"));
        self.buffers.push(Buffer { name: name.into(), element, len, init });
        Slice { buffer: id, offset: 0, len }
    }

    /// The buffer that a window looks onto.
    pub fn buffer_of(&self, slice: Slice) -> &Buffer {
        &self.buffers[slice.buffer.0 as usize]
    }

    /// The tensors that fill the input buffers: their names and where they lie, in order.
    pub fn inputs(&self) -> Vec<(&str, Vec<Slice>)> {
        let parameters = self.parameters.iter().map(|p| (p.name.as_str(), p.value.clone()));
        let data = self.data.iter().map(|(name, slices)| (name.as_str(), slices.clone()));
        let mut tensors: Vec<_> = parameters.chain(data).collect();
        let taken: BTreeSet<_> =
            tensors.iter().flat_map(|(_, slices)| slices).map(|slice| slice.buffer).collect();
        for (index, Buffer { name, len, init, .. }) in self.buffers.iter().enumerate() {
            let buffer = BufferId(index as u32);
            if *init == Init::Input && !taken.contains(&buffer) {
                tensors.push((name, vec![Slice { buffer, offset: 0, len: *len }]));
            }
        }
        tensors
    }

    /// Bytes that all buffers take together.
    pub fn bytes(&self) -> u64 {
        self.buffers.iter().map(|buffer| buffer.len * ELEMENT_BYTES).sum()
    }
}
