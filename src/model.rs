//! Models: what a configuration says, which parameters follow from it, and where their values and a
//! batch come from. Nothing here has heard of a device.

mod batch;
mod checkpoint;
mod fields;
mod lora;
pub mod lower;
mod parameter;
mod qwen2;
mod resnet_bk;
mod seed;
mod shape;
mod source;
mod spelling;
mod weights;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::Error;

pub use crate::operation::Optimizer;

pub use batch::Batch;
pub use fields::{Fields, named};
pub use lora::{Lora, Module, Targets};
pub use parameter::{Fill, ParameterSpec};
pub use qwen2::Qwen2Config;
pub use resnet_bk::ResNetBkConfig;
pub use shape::{AskedShape, BatchShape, Positions};
pub use source::{Model, PRESETS};
pub use weights::Weights;

/// The configuration of one model of any family; serialises as its `config.json`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "model_type", try_from = "Map<String, Value>")]
pub enum ModelConfig {
    /// Residual blocks of experts mixed with the diagonal of a tridiagonal resolvent.
    #[serde(rename = "resnet_bk")]
    ResNetBk(ResNetBkConfig),
    /// A decoder of grouped-query attention and SwiGLU, with or without adapters.
    #[serde(rename = "qwen2")]
    Qwen2(Qwen2Config),
}

impl ModelConfig {
    /// Reads the contents of a `config.json`.
    ///
    /// # Errors
    /// What is missing, misspelt or makes no sense, in words.
    pub fn from_json(object: &Map<String, Value>) -> Result<Self, String> {
        match Family::of(object)? {
            Family::ResNetBk => ResNetBkConfig::from_json(object).map(Self::ResNetBk),
            Family::Qwen2 => Qwen2Config::from_json(object).map(Self::Qwen2),
        }
    }

    /// Every parameter, in the order of the checkpoint.
    pub fn parameters(&self) -> Vec<ParameterSpec> {
        match self {
            Self::ResNetBk(config) => config.parameters(),
            Self::Qwen2(config) => config.parameters(),
        }
    }

    /// V, the number of tokens.
    pub fn vocab_size(&self) -> u32 {
        match self {
            Self::ResNetBk(config) => config.vocab_size,
            Self::Qwen2(config) => config.vocab_size,
        }
    }

    /// The positions that the model has, or was trained for.
    pub fn positions(&self) -> Positions {
        match self {
            Self::ResNetBk(config) => {
                Positions { field: "n_seq", count: config.n_seq, learned: true }
            }
            Self::Qwen2(config) => Positions {
                field: "max_position_embeddings",
                count: config.max_position_embeddings,
                learned: false,
            },
        }
    }

    /// Whether only adapters are trained.
    pub fn has_adapters(&self) -> bool {
        match self {
            Self::ResNetBk(_) => false,
            Self::Qwen2(config) => config.lora.is_some(),
        }
    }

    /// Makes the feed-forward network `ratio` times as wide as the model, rounded down.
    ///
    /// # Errors
    /// [`Error::Config`] where the family has no such width or the ratio makes none.
    pub fn widen_feed_forward(&mut self, ratio: f64) -> Result<(), Error> {
        let Self::Qwen2(config) = self else {
            return Err(Error::Config("this model's experts have no ratio to choose".to_owned()));
        };
        let width = (f64::from(config.hidden_size) * ratio).floor();
        if !(1.0..=f64::from(u32::MAX)).contains(&width) {
            return Err(Error::Config(format!(
                "a feed-forward ratio of {ratio} makes intermediate_size {width}, not a width from 1 to {}",
                u32::MAX
            )));
        }
        config.intermediate_size = width as u32;
        config.validate().map_err(Error::Config)
    }

    /// The ways to train a model of this family that has adapters: all parameters, and adapters, as they
    /// are or as the method was published where there are none; each in words.
    pub fn ways_to_train(&self) -> Vec<(String, Self)> {
        match self {
            Self::ResNetBk(_) => Vec::new(),
            Self::Qwen2(config) => {
                let lora = config.lora.unwrap_or(Lora::USUAL);
                let with = |lora| Self::Qwen2(Qwen2Config { lora, ..config.clone() });
                vec![
                    ("all parameters".to_owned(), with(None)),
                    (format!("adapters of {lora}"), with(Some(lora))),
                ]
            }
        }
    }

    /// The same model with just enough layers that each of its own costs what one of those does,
    /// layer by layer up to the last, which stands for all above it.
    ///
    /// # Errors
    /// [`Error::Config`] where what a layer costs depends on its values.
    pub fn shortened(&self) -> Result<Self, Error> {
        match self {
            Self::ResNetBk(_) => Err(Error::Config(
                "ResNet-BK's experts take the tokens that values send them, so that one layer says \
                 nothing of the next: leave --extrapolate out"
                    .to_owned(),
            )),
            Self::Qwen2(config) => Ok(Self::Qwen2(config.shortened())),
        }
    }

    /// Tensors that a checkpoint may hold although the model has no use for them.
    fn redundant(&self) -> &'static [&'static str] {
        match self {
            Self::ResNetBk(_) => &[],
            Self::Qwen2(config) => config.redundant(),
        }
    }
}

impl TryFrom<Map<String, Value>> for ModelConfig {
    type Error = String;

    fn try_from(object: Map<String, Value>) -> Result<Self, String> {
        Self::from_json(&object)
    }
}

/// A family of models, by what `model_type` calls it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Family {
    ResNetBk,
    Qwen2,
}

impl Family {
    const ALL: [Self; 2] = [Self::ResNetBk, Self::Qwen2];

    const fn model_type(self) -> &'static str {
        match self {
            Self::ResNetBk => ResNetBkConfig::MODEL_TYPE,
            Self::Qwen2 => Qwen2Config::MODEL_TYPE,
        }
    }

    /// The fields that a `config.json` of this family may set.
    const fn fields(self) -> Fields {
        match self {
            Self::ResNetBk => &ResNetBkConfig::FIELDS,
            Self::Qwen2 => &Qwen2Config::FIELDS,
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
