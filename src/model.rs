//! Models as they are named and run: what a name stands for, where the values of its parameters and a batch
//! come from, and the plan of a training step on an adapter. What a model is, is its family's business.

mod batch;
mod checkpoint;
mod decoder;
mod exact;
mod json;
pub mod lower;
mod name;
mod not_run;
mod seed;
mod source;
mod sources;
mod weights;

pub use crate::{
    blocks::{Fill, ParameterSpec},
    family::{
        AskedShape, BatchShape, Fields, ModelConfig, Positions, named, resnet_bk::ResNetBkConfig,
    },
    operation::Optimizer,
};

pub use batch::Batch;
pub use exact::{exact, exact_items, schedule};
pub use name::ModelName;
pub use not_run::NotRun;
pub use source::Model;
pub use sources::Sources;
pub use weights::Weights;
