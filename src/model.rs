//! Models: what a configuration says, which parameters follow from it, and where their values and a
//! batch come from. Nothing here has heard of a device.

mod batch;
mod fields;
pub mod lower;
mod optimizer;
mod parameter;
mod resnet_bk;
mod seed;
mod shape;
mod source;
mod spelling;
mod weights;

use serde::Serialize;
use serde_json::{Map, Value};

pub use batch::Batch;
pub use optimizer::Optimizer;
pub use parameter::{Fill, ParameterSpec};
pub use resnet_bk::ResNetBkConfig;
pub use shape::{AskedShape, BatchShape};
pub use source::{Model, PRESETS};
pub use weights::Weights;

/// The configuration of one model of any family; serialises as its `config.json`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "model_type")]
pub enum ModelConfig {
    /// Residual blocks of experts mixed with the diagonal of a tridiagonal resolvent.
    #[serde(rename = "resnet_bk")]
    ResNetBk(ResNetBkConfig),
}

impl ModelConfig {
    /// Reads the contents of a `config.json`.
    ///
    /// # Errors
    /// What is missing, misspelt or makes no sense, in words.
    pub fn from_json(object: &Map<String, Value>) -> Result<Self, String> {
        match Family::of(object)? {
            Family::ResNetBk => ResNetBkConfig::from_json(object).map(Self::ResNetBk),
        }
    }

    /// Every trainable parameter, in the order of the checkpoint.
    pub fn parameters(&self) -> Vec<ParameterSpec> {
        match self {
            Self::ResNetBk(config) => config.parameters(),
        }
    }

    /// V, the number of tokens.
    pub fn vocab_size(&self) -> u32 {
        match self {
            Self::ResNetBk(config) => config.vocab_size,
        }
    }

    /// The longest sequence the model has positions for, and the field that says so.
    pub fn positions(&self) -> (&'static str, u32) {
        match self {
            Self::ResNetBk(config) => ("n_seq", config.n_seq),
        }
    }
}

/// A family of models, by what `model_type` calls it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Family {
    ResNetBk,
}

impl Family {
    const ALL: [Self; 1] = [Self::ResNetBk];

    const fn model_type(self) -> &'static str {
        match self {
            Self::ResNetBk => ResNetBkConfig::MODEL_TYPE,
        }
    }

    /// The fields that a `config.json` of this family may set.
    const fn fields(self) -> &'static [&'static str] {
        match self {
            Self::ResNetBk => &ResNetBkConfig::FIELDS,
        }
    }

    fn of(object: &Map<String, Value>) -> Result<Self, String> {
        let known = Self::ALL.map(Self::model_type).join(", ");
        let name = object.get(fields::MODEL_TYPE).ok_or_else(|| {
            format!("field '{}' is missing (one of: {known})", fields::MODEL_TYPE)
        })?;
        Self::ALL.into_iter().find(|family| name.as_str() == Some(family.model_type())).ok_or_else(
            || format!("{} {name} is not supported (one of: {known})", fields::MODEL_TYPE),
        )
    }
}
