//! What is known about a parameter before it has a value.

use crate::{component::ComponentName, plan::StoredOrder};

/// A parameter: its name in the checkpoint, its shape, the component it belongs to, and
/// what it is filled with where no checkpoint is given.
#[derive(Clone, Debug, PartialEq)]
pub struct ParameterSpec {
    /// Name in the model's own checkpoint.
    pub name: String,
    /// Extents, outermost first; empty for a scalar. Those of a matrix that is stored by columns are its own.
    pub shape: Vec<usize>,
    /// The estimator's component that uses it.
    pub component: ComponentName,
    /// Its distribution before training.
    pub fill: Fill,
    /// Whether training changes it, or it is frozen beside adapters.
    pub trained: bool,
    /// In which order a checkpoint holds its numbers.
    pub order: StoredOrder,
}

impl ParameterSpec {
    /// Its extents in a checkpoint.
    pub fn stored_shape(&self) -> Vec<usize> {
        self.order.shape(&self.shape)
    }

    /// How many numbers it holds.
    pub fn elements(&self) -> u64 {
        self.shape.iter().map(|&extent| extent as u64).product()
    }
}

/// How a parameter starts, as PyTorch's modules start theirs.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Fill {
    /// The same value everywhere.
    Constant(f32),
    /// Uniform between minus and plus this bound.
    Uniform(f32),
    /// Normal with mean 0 and variance 1.
    Normal,
}
