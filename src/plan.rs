//! The plan: every kernel launch of a training step, in order, as plain serialisable data. All sizes
//! and dispatch extents are decided before a plan exists; this file knows no model, no shader
//! language and no device.

use std::{
    borrow::Cow,
    collections::{BTreeMap, BTreeSet},
    fmt,
    str::FromStr,
};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

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
    /// The tensors that [`Inputs`] has under the names of the parameters that lie in the buffer, or where
    /// there are none under the buffer's own: see [`Plan::inputs`].
    Input,
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

/// Which third of a training step a pass belongs to.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "lowercase")]
pub enum Phase {
    /// From tokens to loss.
    Forward,
    /// From loss to gradients.
    Backward,
    /// From gradients to updated parameters.
    Optimizer,
}

impl Phase {
    /// The three phases in the order they run.
    pub const ALL: [Self; 3] = [Self::Forward, Self::Backward, Self::Optimizer];

    /// The name in reports.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Forward => "forward",
            Self::Backward => "backward",
            Self::Optimizer => "optimizer",
        }
    }
}

impl fmt::Display for Phase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A kernel by name: the stem of its file in `shaders/` and one entry point in it, `file.entry`.
#[derive(
    Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, JsonSchema,
)]
#[serde(try_from = "String", into = "String")]
pub struct KernelName {
    /// File stem.
    pub file: String,
    /// Entry point.
    pub entry: String,
}

impl fmt::Display for KernelName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.file, self.entry)
    }
}

impl FromStr for KernelName {
    type Err = String;

    fn from_str(s: &str) -> Result<Self, String> {
        let (file, entry) =
            s.split_once('.').ok_or_else(|| format!("'{s}' is not a kernel name FILE.ENTRY"))?;
        Ok(Self { file: file.to_owned(), entry: entry.to_owned() })
    }
}

impl TryFrom<String> for KernelName {
    type Error = String;

    fn try_from(s: String) -> Result<Self, String> {
        s.parse()
    }
}

impl From<KernelName> for String {
    fn from(name: KernelName) -> Self {
        name.to_string()
    }
}

/// The dimensions of one pass, by their shape letter or the name of the override they set. A kernel
/// takes each as a member of its uniform block or as a pipeline override, by name; a closed form
/// reads nothing else.
pub type Dims = BTreeMap<String, u32>;

/// One kernel launch.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Pass {
    /// What this launch computes, unique in a plan.
    pub label: String,
    /// Which kernel.
    pub kernel: KernelName,
    /// Dotted path; its first part is the estimator's component.
    pub component: String,
    /// Forward, backward or optimizer.
    pub phase: Phase,
    /// Integer dimensions and tile sizes.
    pub dims: Dims,
    /// Floating-point uniforms: epsilon, learning rate and the like.
    pub scalars: BTreeMap<String, f32>,
    /// A window for each storage binding, by the binding's name in the kernel.
    pub bindings: BTreeMap<String, Slice>,
    /// Workgroups to dispatch.
    pub grid: [u32; 3],
}

impl Pass {
    /// The number of the layer that this pass belongs to, where its component is `layer_NUMBER`.
    pub fn layer(&self) -> Option<u32> {
        self.component.split('.').next()?.strip_prefix("layer_")?.parse().ok()
    }
}

/// A trainable parameter and where the plan keeps it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Parameter {
    /// Name in the model's own checkpoint.
    pub name: String,
    /// Shape in the checkpoint; empty for a scalar.
    pub shape: Vec<usize>,
    /// Its value, updated in place by the optimizer: in one buffer or in as many as it took, in order.
    pub value: Vec<Slice>,
    /// Its gradient likewise, where the plan computes one.
    pub grad: Option<Vec<Slice>>,
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
}

/// A result, in as many windows as it took, in order.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Output {
    /// Shape of the whole; empty for a scalar.
    pub shape: Vec<usize>,
    /// Its windows, which together hold its elements in row-major order.
    pub windows: Vec<Slice>,
}

/// Where the tensors of `Input` buffers come from: asked for one at a time, so that no two of them need
/// be in memory together.
pub trait Inputs {
    /// A tensor's elements, row-major and little-endian; none for a name that nobody knows.
    fn bytes(&self, name: &str) -> Option<Cow<'_, [u8]>>;
}

/// No tensor at all, for plans that have no `Input` buffers.
impl Inputs for () {
    fn bytes(&self, _name: &str) -> Option<Cow<'_, [u8]>> {
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
        let mut tensors: Vec<_> = parameters.collect();
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
