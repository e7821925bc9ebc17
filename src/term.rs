//! A published estimator as it is handed on: its terms with their formulas and values, and what else it
//! states. Knows no family, no plan, and nothing of what really runs.

mod priced;

use std::borrow::Cow;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub use priced::Priced;

use crate::{
    Error,
    component::{ComponentName, Phase},
};

/// FLOPs of the three phases of a step; a file has their total beside them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "WrittenFlops", into = "WrittenFlops")]
pub struct PhaseFlops {
    /// From tokens to loss.
    pub forward: u64,
    /// From loss to gradients.
    pub backward: u64,
    /// From gradients to updated parameters.
    pub optimizer: u64,
}

/// The same as a file has them.
#[derive(Serialize, Deserialize, JsonSchema)]
#[schemars(rename = "PhaseFlops")]
struct WrittenFlops {
    /// From tokens to loss.
    forward: u64,
    /// From loss to gradients.
    backward: u64,
    /// From gradients to updated parameters.
    optimizer: u64,
    /// Their sum.
    total: u64,
}

impl From<PhaseFlops> for WrittenFlops {
    fn from(flops: PhaseFlops) -> Self {
        let PhaseFlops { forward, backward, optimizer } = flops;
        Self { forward, backward, optimizer, total: flops.total() }
    }
}

impl TryFrom<WrittenFlops> for PhaseFlops {
    type Error = String;

    fn try_from(written: WrittenFlops) -> Result<Self, String> {
        let WrittenFlops { forward, backward, optimizer, total } = written;
        let flops = Self { forward, backward, optimizer };
        if flops.checked_total() == Some(total) {
            Ok(flops)
        } else {
            Err(format!("forward, backward and optimizer do not add up to the total {total}"))
        }
    }
}

impl PhaseFlops {
    /// The FLOPs of one phase.
    pub const fn get(&self, phase: Phase) -> u64 {
        match phase {
            Phase::Forward => self.forward,
            Phase::Backward => self.backward,
            Phase::Optimizer => self.optimizer,
        }
    }

    /// The whole step; `None` where it overflows.
    pub fn checked_total(&self) -> Option<u64> {
        self.forward.checked_add(self.backward)?.checked_add(self.optimizer)
    }

    /// The whole step.
    ///
    /// # Panics
    /// Where it overflows, which no part of an estimate does.
    pub fn total(&self) -> u64 {
        self.checked_total().expect("the FLOPs of a step fit in u64")
    }

    /// These and `flops` more in one phase; `None` where the phase overflows.
    #[must_use]
    pub fn checked_add(mut self, phase: Phase, flops: u64) -> Option<Self> {
        let slot = match phase {
            Phase::Forward => &mut self.forward,
            Phase::Backward => &mut self.backward,
            Phase::Optimizer => &mut self.optimizer,
        };
        *slot = slot.checked_add(flops)?;
        Some(self)
    }
}

/// One summand of an estimator.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Term {
    /// The estimator's component: `embedding`, `layer_0`, ...
    pub component: ComponentName,
    /// What in the component it prices: `moe.router`, ...
    pub term: Priced,
    /// Which phase it belongs to.
    pub phase: Phase,
    /// Its value.
    pub flops: u64,
    /// Its formula in shape letters; P is the component's number of parameters.
    pub formula: Cow<'static, str>,
}

/// What one line of an estimator prices: its name, its phase, its formula, and the formula's factors.
pub(crate) type Line = (Priced, Phase, &'static str, Vec<u64>);

impl Term {
    /// A line's value in a component.
    ///
    /// # Errors
    /// [`Error::Config`] where it overflows u64.
    pub(crate) fn new(
        component: &ComponentName,
        (term, phase, formula, factors): &Line,
    ) -> Result<Self, Error> {
        let flops = product(factors)
            .ok_or_else(|| overflow(&format!("{component} {term} ({phase}), {formula}")))?;
        Ok(Self {
            component: component.clone(),
            term: term.clone(),
            phase: *phase,
            flops,
            formula: (*formula).into(),
        })
    }

    /// The component of what it prices, in any layer: of a layer the part, and otherwise the whole.
    pub fn product(&self) -> ComponentName {
        match self.component.layer {
            Some(_) => self.term.part.clone(),
            None => self.component.clone(),
        }
    }

    /// Where the passes stand that do what it prices.
    pub fn place(&self) -> ComponentName {
        if self.component.layer.is_none() {
            return self.component.clone();
        }
        let elsewhere: &[&str] = match self.term.parts()[..] {
            ["attention", "scores" | "softmax" | "values"] => &["attention", "core"],
            ["moe", "softmax"] => &["moe", "route"],
            ["moe", "relu"] => &["moe", "experts"],
            ["optimizer"] => &[],
            _ => return ComponentName { layer: self.component.layer, ..self.term.part.clone() },
        };
        self.component.part(elsewhere)
    }
}

/// The product of all factors; `None` where it overflows.
pub(crate) fn product(factors: &[u64]) -> Option<u64> {
    factors.iter().try_fold(1, |product: u64, &factor| product.checked_mul(factor))
}

/// The error of an estimate that does not fit its integers.
pub(crate) fn overflow(what: &str) -> Error {
    Error::Config(format!(
        "the estimate overflows 64 bits in {what}: lower batch, seq or the model's dimensions"
    ))
}

/// All that an estimator states of one training step.
#[derive(Clone, Debug, PartialEq)]
pub struct Published {
    /// Every summand, component by component in the order of the model.
    pub terms: Vec<Term>,
    /// The forward pass function by function, where it was published so.
    pub per_function: Option<PerFunction>,
    /// What the field's rules of thumb give beside it.
    pub field: Vec<FieldFormula>,
}

/// The forward pass function by function, as it was published.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct PerFunction {
    /// Attention of one layer, adapters included.
    pub attention: u64,
    /// The feed-forward network of one layer.
    pub feed_forward: u64,
    /// One norm.
    pub norm: u64,
    /// One layer.
    pub block: u64,
    /// The whole model.
    pub model: u64,
}

/// One rule of thumb, evaluated.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct FieldFormula {
    /// What it is called.
    pub name: Cow<'static, str>,
    /// Its formula.
    pub formula: Cow<'static, str>,
    /// What it is about: a whole training step, or the forward pass.
    pub of: Cow<'static, str>,
    /// Its value.
    pub flops: u64,
}

/// The name of the rule of 6 N T and the two products of attention, in three passes.
pub(crate) const PALM: &str = "6 N T with attention";

impl FieldFormula {
    /// Whether it is the count of a step by which PaLM defines MFU.
    pub fn is_palms(&self) -> bool {
        self.name == PALM
    }
}
