//! Model families. A family is whole in its folder: what its configurations may say, which parameters
//! follow from one, the passes of a training step, the estimator that was published for it and why that
//! differs from what runs. Knows no device, no kernel and no report. Here is the registry: a new family is
//! its folder and one row.

pub mod decoder;
mod fields;
mod held;
mod member;
mod packing;
pub mod resnet_bk;
mod resolve;
mod shape;
mod spelling;
#[cfg(test)]
mod toy;
mod training;
mod written;

pub use decoder::precision;
pub use fields::{Fields, named};
pub(crate) use fields::{set, setting_of};
pub use held::{FindHeld, HeldModel, Holders, StoredNames};
pub(crate) use member::NO_ADAPTERS;
pub use member::{Family, Member, ModelConfig, Object, Shortened};
pub use packing::Packing;
pub use shape::{AskedShape, BatchShape, Positions};
pub(crate) use spelling::{meant, nearest};
pub use training::{
    Choices, Chosen, EveryValue, MOST_OPTIONS, Recompute, Scope, StepOption, Training,
};
pub(crate) use training::{is_one, one};

/// Every family.
pub static FAMILIES: &[&Family] = &[
    &resnet_bk::FAMILY,
    &decoder::FAMILY,
    #[cfg(test)]
    &toy::FAMILY,
];
