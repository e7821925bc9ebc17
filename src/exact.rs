//! What a training step costs by closed forms, which need no device. Knows no family and no plan: callers with
//! closed forms add them up here.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::component::Phase;

/// FLOPs of the phases of a step, as many as 128 bits hold.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Phases {
    /// From tokens to loss.
    pub forward: u128,
    /// From loss to gradients.
    pub backward: u128,
    /// From gradients to updated parameters.
    pub optimizer: u128,
    /// Their sum.
    pub total: u128,
}

impl Phases {
    /// The same without all phases but the forward pass.
    const fn without_training(self) -> Self {
        Self { forward: self.forward, backward: 0, optimizer: 0, total: self.forward }
    }

    /// The same with so many FLOPs more in the backward pass.
    const fn with_backward(self, more: u128) -> Self {
        Self { backward: self.backward + more, total: self.total + more, ..self }
    }

    /// FLOPs of a phase.
    pub const fn of(&self, phase: Phase) -> u128 {
        match phase {
            Phase::Forward => self.forward,
            Phase::Backward => self.backward,
            Phase::Optimizer => self.optimizer,
        }
    }

    /// Adds FLOPs of a phase.
    pub fn add(&mut self, phase: Phase, flops: u128) {
        match phase {
            Phase::Forward => self.forward += flops,
            Phase::Backward => self.backward += flops,
            Phase::Optimizer => self.optimizer += flops,
        }
        self.total += flops;
    }
}

/// What a step costs by closed forms.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Exact {
    /// What the mathematics asks for: causal attention meets its pairs and no more, frozen weights have no
    /// gradient.
    pub algebraic: Phases,
    /// What the kernels of a step execute, what they compute again included; left out where no kernel could run it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub schedule: Option<Phases>,
    /// Matrix products alone, as PyTorch's FlopCounterMode counts them: attention over the whole square.
    pub products: Phases,
    /// What is computed again where layers are recomputed, beside `algebraic`.
    pub recomputed: u128,
    /// The matrix products of that, beside `products`.
    pub recomputed_products: u128,
}

impl Exact {
    /// What the step executes of it, and of its matrix products: what is computed again belongs to the backward pass,
    /// in which it runs.
    pub const fn executed(&self) -> [Phases; 2] {
        let Self { algebraic, products, recomputed, recomputed_products, .. } = self;
        [algebraic.with_backward(*recomputed), products.with_backward(*recomputed_products)]
    }

    /// What the forward pass of such a step costs.
    pub fn forward(self) -> Self {
        Self {
            algebraic: self.algebraic.without_training(),
            schedule: self.schedule.map(Phases::without_training),
            products: self.products.without_training(),
            recomputed: 0,
            recomputed_products: 0,
        }
    }

    /// Adds work of a phase, or of no phase where it is done again: its FLOPs, and those of its products.
    pub fn add(&mut self, phase: Option<Phase>, flops: u128, product: u128) {
        match phase {
            Some(phase) => {
                self.algebraic.add(phase, flops);
                self.products.add(phase, product);
            }
            None => {
                self.recomputed += flops;
                self.recomputed_products += product;
            }
        }
    }
}

/// What one part of a model costs in one phase by closed forms.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ExactItem {
    /// Dotted path; `layer_*` stands for all layers together.
    pub name: String,
    /// Which phase; none for what is computed again.
    pub phase: Option<Phase>,
    /// FLOPs that the mathematics asks for.
    pub flops: u128,
}

impl ExactItem {
    /// Rows of one name and phase as one row, in the order in which they are first met.
    pub fn gather(rows: impl IntoIterator<Item = Self>) -> Vec<Self> {
        let mut gathered: Vec<Self> = Vec::new();
        for row in rows {
            let met = |other: &&mut Self| other.name == row.name && other.phase == row.phase;
            match gathered.iter_mut().find(met) {
                Some(sum) => sum.flops += row.flops,
                None => gathered.push(row),
            }
        }
        gathered
    }
}
