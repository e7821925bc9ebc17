//! What of a training step runs, and how: which phases, which optimizer, and what a family leaves open
//! beside them. A family declares its options as data; what reads, writes or asks for them goes by that
//! declaration.

use std::{cmp::Ordering, fmt};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::packing::Packing;
use crate::{Error, component::Phase, exact::Exact, operation::Optimizer};

/// What of a training step a plan holds, and how.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Training {
    /// Forward only, or the whole step.
    pub scope: Scope,
    /// How parameters follow their gradients.
    pub optimizer: Optimizer,
    /// Micro-batches that a step takes one after the other; their gradients are summed before the update.
    #[serde(default = "one", skip_serializing_if = "is_one")]
    pub accumulate: u32,
    /// What of the forward pass runs again in the backward pass.
    #[serde(default, skip_serializing_if = "Recompute::is_none")]
    pub recompute: Recompute,
    /// Sequences that are packed into each row of the batch.
    #[serde(default, skip_serializing_if = "Packing::is_none")]
    pub packed: Packing,
    /// What was chosen of the family's own options.
    #[serde(flatten)]
    pub options: Chosen,
}

impl Default for Training {
    fn default() -> Self {
        Optimizer::default().into()
    }
}

impl Training {
    /// Whether its parts go together.
    ///
    /// # Errors
    /// [`Error::Config`] where layers are to run again and there is no backward pass in which they could.
    pub fn check(&self) -> Result<(), Error> {
        if self.scope == Scope::Forward && !self.recompute.is_none() {
            return Err(Error::Config(
                "layers run again in a backward pass, and a forward pass alone has none: recompute nothing"
                    .to_owned(),
            ));
        }
        Ok(())
    }
}

/// A whole step of all sequences at once, with the first value of every option.
impl From<Optimizer> for Training {
    fn from(optimizer: Optimizer) -> Self {
        let (scope, options) = (Scope::default(), Chosen::default());
        let (recompute, packed) = (Recompute::None, Packing::default());
        Self { scope, optimizer, accumulate: 1, recompute, packed, options }
    }
}

pub(crate) const fn one() -> u32 {
    1
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "serde hands over a reference")]
pub(crate) const fn is_one(number: &u32) -> bool {
    *number == 1
}

/// What of a training step a plan holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Scope {
    /// From tokens to loss.
    Forward,
    /// Forward, backward and optimizer.
    #[default]
    Step,
}

impl Scope {
    /// Whether a plan of this scope has passes of `phase`.
    pub const fn has(self, phase: Phase) -> bool {
        match phase {
            Phase::Forward => true,
            Phase::Backward | Phase::Optimizer => matches!(self, Self::Step),
        }
    }

    /// FLOPs of this scope by closed forms: all that is computed, and the matrix products alone, what is computed again
    /// included.
    pub const fn flops(self, exact: &Exact) -> [u128; 2] {
        let [all, products] = exact.executed();
        match self {
            Self::Forward => [all.forward, products.forward],
            Self::Step => [all.total, products.total],
        }
    }

    /// FLOPs of a phase of this scope by closed forms, or of all of it; none of a phase that it has not.
    pub fn exact(self, exact: &Exact, phase: Option<Phase>) -> Option<u128> {
        match phase {
            Some(phase) => self.has(phase).then(|| exact.executed()[0].of(phase)),
            None => Some(self.flops(exact)[0]),
        }
    }

    /// Whether it is the whole step.
    #[allow(clippy::trivially_copy_pass_by_ref, reason = "serde hands over a reference")]
    pub(crate) const fn is_step(&self) -> bool {
        matches!(self, Self::Step)
    }
}

/// What of the forward pass runs again in the backward pass, so that it need not be kept until then.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Recompute {
    /// Nothing.
    #[default]
    None,
    /// Each layer.
    Layers,
}

impl Recompute {
    /// Whether nothing is.
    #[allow(clippy::trivially_copy_pass_by_ref, reason = "serde hands over a reference")]
    pub const fn is_none(&self) -> bool {
        matches!(self, Self::None)
    }
}

/// A choice that one family's training step leaves open.
#[derive(Debug, PartialEq, Eq)]
pub struct StepOption {
    /// Its field in reports.
    pub key: &'static str,
    /// Its name on a command line.
    pub flag: &'static str,
    /// The field that lists several values of it.
    pub plural: &'static str,
    /// What is chosen between, as in "the exact BK-Core gradient".
    pub noun: &'static str,
    /// The same in the head of a table's column.
    pub title: &'static str,
    /// What it means, in a sentence.
    pub about: &'static str,
    /// What a model of another family lacks.
    pub needs: &'static str,
    /// Its values; the first is taken where none is chosen.
    pub values: &'static [&'static str],
    /// Whether a forward pass alone depends on it.
    pub forward: bool,
    /// How a sweep asks for every value.
    pub every: EveryValue,
}

/// How a sweep asks for every value of an option.
#[derive(Debug, PartialEq, Eq)]
pub struct EveryValue {
    /// The name on a command line.
    pub flag: &'static str,
    /// What it means, in a sentence.
    pub about: &'static str,
}

/// Most options that one family may have.
pub const MOST_OPTIONS: usize = 4;

/// The values that were chosen of a family's options.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
pub struct Chosen([Option<(&'static StepOption, usize)>; MOST_OPTIONS]);

/// Several choices, each for every point of a sweep.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Choices(pub Vec<Chosen>);

impl StepOption {
    /// The value of this name.
    ///
    /// # Errors
    /// Which values there are, where this is none.
    pub fn choose(&'static self, name: &str) -> Result<Chosen, String> {
        let place = self.values.iter().position(|value| *value == name).ok_or_else(|| {
            format!("{} is '{name}'; it must be one of {}", self.key, self.values.join(", "))
        })?;
        Ok(Chosen::default().with(self, place))
    }
}

impl Chosen {
    /// Every value of one option, each by itself.
    pub fn each(option: &'static StepOption) -> Vec<Self> {
        (0..option.values.len()).map(|place| Self::default().with(option, place)).collect()
    }

    /// The same choice with another value of one option.
    fn with(mut self, option: &'static StepOption, value: usize) -> Self {
        let same = |slot: &Option<(&StepOption, usize)>| slot.is_none_or(|(o, _)| o == option);
        // A family has no more options than there are slots; the registry's test sees to it.
        if let Some(slot) = self.0.iter_mut().find(|slot| same(slot)) {
            *slot = Some((option, value));
        }
        self
    }

    /// These values and, of the options of which none is chosen, the first.
    #[must_use]
    pub fn or_first(self, options: &'static [StepOption]) -> Self {
        options.iter().fold(Self::default(), |all, option| {
            all.with(option, self.place(option).unwrap_or_default())
        })
    }

    /// These values and others, which go before.
    #[must_use]
    pub fn and(self, others: Self) -> Self {
        others.0.into_iter().flatten().fold(self, |all, (option, value)| all.with(option, value))
    }

    /// What was chosen of an option.
    fn place(&self, option: &StepOption) -> Option<usize> {
        self.iter_places().find(|(other, _)| *other == option).map(|(_, place)| place)
    }

    /// The value of an option; its first where none was chosen.
    pub fn of(&self, option: &StepOption) -> &'static str {
        option.values[self.place(option).unwrap_or_default()]
    }

    /// The value of the option with this key, where one was chosen.
    pub fn value(&self, key: &str) -> Option<&'static str> {
        self.iter().find(|(option, _)| option.key == key).map(|(_, value)| value)
    }

    fn iter_places(&self) -> impl Iterator<Item = (&'static StepOption, usize)> {
        self.0.into_iter().flatten()
    }

    /// Each option of which a value was chosen, and the value.
    pub fn iter(&self) -> impl Iterator<Item = (&'static StepOption, &'static str)> + use<> {
        self.0.into_iter().flatten().map(|(option, place)| (option, option.values[place]))
    }
}

impl Chosen {
    /// What was chosen that is not what is taken where nothing is chosen.
    pub fn unusual(&self) -> impl Iterator<Item = (&'static StepOption, &'static str)> + use<> {
        self.iter().filter(|(option, value)| option.values.first() != Some(value))
    }
}

impl fmt::Debug for Chosen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self.iter().map(|(option, value)| (option.key, value))).finish()
    }
}

impl PartialOrd for Chosen {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

/// By the places of the values in their options' lists.
impl Ord for Chosen {
    fn cmp(&self, other: &Self) -> Ordering {
        let places = |chosen: &Self| -> Vec<(&str, usize)> {
            chosen.iter_places().map(|(option, place)| (option.key, place)).collect()
        };
        places(self).cmp(&places(other))
    }
}
