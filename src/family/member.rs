//! What a family is to the rest of the crate: a row of data, and one trait for a model of it whose
//! configuration was read. Code that measures, estimates, explains or reports a model uses the trait and
//! knows no family. Which families there are stands in the registry.

use std::{any::Any, fmt, ops::Deref, sync::Arc};

use schemars::{Schema, SchemaGenerator};
use serde_json::{Map, Value};

use super::{
    fields::Fields,
    held::{Holders, StoredNames},
    shape::{BatchShape, Positions},
    training::{StepOption, Training},
};
use crate::{
    Error,
    blocks::ParameterSpec,
    choice::Target,
    claim::Claimed,
    exact::{Exact, ExactItem},
    explain::Account,
    op::Convention,
    plan::Plan,
    term::Published,
};

/// The fields of a JSON object.
pub type Object = Map<String, Value>;

/// Writes the fields that the first object asks for into the second.
pub type ReadAdapters = fn(&Object, &mut Object) -> Result<(), String>;

/// A family of models: a row of the registry.
pub struct Family {
    /// What it is called in prose.
    pub name: &'static str,
    /// What `model_type` says for its models.
    pub model_types: &'static [&'static str],
    /// Models that hold one of the family's beside others.
    pub holders: &'static Holders,
    /// The fields that a `config.json` of it may set.
    pub fields: Fields,
    /// Models that need no folder: each its name and its `config.json`.
    pub presets: &'static [(&'static str, &'static str)],
    /// What its training step leaves open.
    pub options: &'static [StepOption],
    /// Reads the contents of a `config.json`; what is missing, misspelt or makes no sense, in words.
    pub read: fn(&Object) -> Result<ModelConfig, String>,
    /// Takes out of a `config.json` what no longer holds where a field was overridden.
    pub overridden: fn(&mut Object, &str),
    /// Whether anything is read of a field that was overridden, in a `config.json` of which [`Self::read`] made a model; or why
    /// nothing is, in words.
    pub reads: fn(&Object, &str) -> Result<(), String>,
    /// Writes the fields that ask for the adapters of peft's `adapter_config.json`, the first of the two,
    /// into the second; `None` where models of the family have none.
    pub read_adapters: Option<ReadAdapters>,
    /// The layout of its configurations.
    pub schema: fn(&mut SchemaGenerator) -> Schema,
}

/// A model of a family: all that is asked of one.
pub trait Member: Any + fmt::Debug + Send + Sync {
    /// Its family.
    fn family(&self) -> &'static Family;

    /// What `model_type` says.
    fn model_type(&self) -> &'static str {
        self.family().model_types[0]
    }

    /// The fields of its `config.json`, but for `model_type`.
    fn fields(&self) -> Object;

    /// V, the number of tokens.
    fn vocab_size(&self) -> u32;

    /// The positions that the model has, or was trained for.
    fn positions(&self) -> Positions;

    /// B and N for which its estimator was published.
    fn usual_shape(&self) -> [u32; 2];

    /// Whether a batch of this shape leaves every tensor's size within its integer type.
    ///
    /// # Errors
    /// Which product overflows, and what to lower.
    fn check_batch(&self, shape: BatchShape) -> Result<(), String>;

    /// Whether a row of its batch may hold several sequences that do not touch each other.
    fn packs(&self) -> bool {
        false
    }

    /// Every parameter, in the order of the checkpoint.
    fn parameters(&self) -> Vec<ParameterSpec>;

    /// How checkpoints name its tensors that hold it beside other models.
    fn stored_names(&self) -> &'static [StoredNames] {
        &[]
    }

    /// Tensors that a checkpoint may hold although the model has no use for them.
    fn redundant(&self) -> &'static [&'static str] {
        &[]
    }

    /// The passes of a training step, or of its forward part, in windows that fit `target`; `shape` is that
    /// of a micro-batch, of which the step takes as many as `training` says.
    ///
    /// # Errors
    /// [`Error::Config`] where something of the model exceeds what the adapter can hold or bind.
    fn lower(&self, shape: BatchShape, training: Training, target: &Target) -> Result<Plan, Error>;

    /// What such a model is, in two sentences with their source; `None` of models that are widely known.
    fn about(&self) -> Option<&'static str> {
        None
    }

    /// Who published the estimator, and where.
    fn estimator(&self) -> &'static str;

    /// What the estimator that was published for it says of a step by the optimizer and on the sequences of `training`.
    ///
    /// # Errors
    /// [`Error::Config`] naming the term that overflows u64.
    fn estimate(&self, shape: BatchShape, training: Training) -> Result<Published, Error>;

    /// What counts depend on and its file leaves to be derived from other fields.
    fn derived(&self) -> Vec<(&'static str, u32)> {
        Vec::new()
    }

    /// What a training step of B sequences of N tokens costs by closed forms that need no plan and a convention, where there
    /// are such.
    fn exact(
        &self,
        _shape: [u32; 2],
        _training: Training,
        _convention: Convention,
    ) -> Option<Exact> {
        None
    }

    /// The same by part of the model; empty where there are no such forms.
    fn exact_items(
        &self,
        _shape: [u32; 2],
        _training: Training,
        _convention: Convention,
    ) -> Vec<ExactItem> {
        Vec::new()
    }

    /// How causes of a difference between measurement and estimate are told apart.
    fn account(&self) -> &'static dyn Account;

    /// What was published about how its costs grow and are made up.
    fn claims(&self) -> Vec<Claimed>;

    /// What is trained, in words, where there is a choice.
    fn trained(&self) -> Option<String> {
        None
    }

    /// Every way to train it, where there is a choice: what is trained, in words, and the model for that.
    fn ways_to_train(&self) -> Vec<(String, ModelConfig)> {
        Vec::new()
    }

    /// The same model with just enough layers that each of its own costs what one of those does.
    ///
    /// # Errors
    /// [`Error::Refused`] where no layer stands for others.
    fn shortened(&self) -> Result<Shortened, Error>;

    /// The same model with a feed-forward network `ratio` times as wide as the model, rounded down.
    ///
    /// # Errors
    /// [`Error::Config`] where the family has no such width or the ratio makes none.
    fn widened(&self, _ratio: f64) -> Result<ModelConfig, Error> {
        Err(Error::Config(
            "a ratio of widths is for decoders that have one feed-forward network in each layer"
                .to_owned(),
        ))
    }

    /// Whether only adapters are trained.
    fn has_adapters(&self) -> bool {
        false
    }

    /// Whether a parameter of this name is part of an adapter.
    fn is_adapter(&self, _parameter: &str) -> bool {
        false
    }

    /// What a file of adapters calls a parameter of the model itself, where it holds that one too.
    fn names_beside_adapters(&self, _parameter: &str) -> Vec<String> {
        Vec::new()
    }

    /// Whether it asks for the adapters of this `adapter_config.json`.
    ///
    /// # Errors
    /// How the two differ.
    fn check_adapters(&self, _saved: &Object) -> Result<(), String> {
        Err(NO_ADAPTERS.to_owned())
    }
}

/// A few of a model's layers in the place of all.
pub struct Shortened {
    /// The model with the lowest of its layers alone.
    pub config: ModelConfig,
    /// For each layer of the whole model the one of those that costs the same.
    pub stand_ins: Vec<u32>,
}

/// What is said of adapters beside a model whose family has none.
pub(crate) const NO_ADAPTERS: &str = "adapters are not supported for this family of models";

/// The configuration of one model of any family; serialises as its `config.json`.
#[derive(Clone)]
pub struct ModelConfig(Arc<dyn Member>);

impl ModelConfig {
    /// The configuration as its family has it, where it is of that family.
    pub fn get<M: Member>(&self) -> Option<&M> {
        let any: &dyn Any = &*self.0;
        any.downcast_ref()
    }
}

impl<M: Member> From<M> for ModelConfig {
    fn from(member: M) -> Self {
        Self(Arc::new(member))
    }
}

impl Deref for ModelConfig {
    type Target = dyn Member;

    fn deref(&self) -> &Self::Target {
        &*self.0
    }
}

impl fmt::Debug for ModelConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Two models are the same where their files say the same.
impl PartialEq for ModelConfig {
    fn eq(&self, other: &Self) -> bool {
        self.model_type() == other.model_type() && self.fields() == other.fields()
    }
}
