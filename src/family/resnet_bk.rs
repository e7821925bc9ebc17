//! ResNet-BK. A layer normalises, mixes experts, turns their output into the diagonal of a tridiagonal
//! matrix, and adds a projection of that matrix's resolvent. Here is what the rest of the crate is told of
//! it; how each part works is told in the files below.

mod causes;
mod claims;
mod config;
mod estimate;
mod gradient;
mod lower;

use schemars::JsonSchema;
use serde_json::Value;

pub use config::ResNetBkConfig;

use super::{
    held::Holders,
    member::{Family, Member, ModelConfig, Object, Shortened},
    shape::{BatchShape, Positions},
    training::Training,
};
use crate::{
    Error, Remedy, blocks::ParameterSpec, choice::Target, claim::Claimed, explain::Account,
    plan::Plan, term::Published,
};

/// The row of the registry.
pub static FAMILY: Family = Family {
    name: "ResNet-BK",
    model_types: &[MODEL_TYPE],
    holders: &Holders::NONE,
    fields: &ResNetBkConfig::FIELDS,
    presets: &[(
        "resnet-bk",
        // The baseline for which the estimator's numbers were published.
        r#"{"model_type": "resnet_bk", "d_model": 64, "n_layers": 4, "n_seq": 128, "vocab_size": 30000,
            "num_experts": 4, "top_k": 1}"#,
    )],
    options: &[gradient::OPTION],
    read: |object| ResNetBkConfig::from_json(object).map(ModelConfig::from),
    overridden: |_, _| {},
    // A file of it has no other fields than those that are read.
    reads: |_, _| Ok(()),
    read_adapters: None,
    schema: <ResNetBkConfig as JsonSchema>::json_schema,
};

/// What `model_type` says.
const MODEL_TYPE: &str = "resnet_bk";

impl Member for ResNetBkConfig {
    fn family(&self) -> &'static Family {
        &FAMILY
    }

    fn fields(&self) -> Object {
        let values = self.values().map(Value::from);
        Self::FIELDS.into_iter().map(str::to_owned).zip(values).collect()
    }

    fn vocab_size(&self) -> u32 {
        self.vocab_size
    }

    fn positions(&self) -> Positions {
        Positions { field: "n_seq", count: self.n_seq, learned: true }
    }

    fn usual_shape(&self) -> [u32; 2] {
        [32, self.n_seq]
    }

    fn check_batch(&self, shape: BatchShape) -> Result<(), String> {
        self.check_batch(shape)
    }

    fn parameters(&self) -> Vec<ParameterSpec> {
        self.parameters()
    }

    fn lower(&self, shape: BatchShape, training: Training, target: &Target) -> Result<Plan, Error> {
        lower::lower(self, shape, training, target)
    }

    fn about(&self) -> Option<&'static str> {
        Some(
            "ResNet-BK is a language model whose layers mix tokens without attention, by BK-Core. BK-Core computes the \
             diagonal of (H - z)^-1, where H is tridiagonal and learned, by two recursions over the sequence, in time \
             that grows as its length (neko-jpg/Project-ResNet-BK-An-O-N-Language-Model-Architecture on GitHub).",
        )
    }

    fn estimator(&self) -> &'static str {
        "ResNet-BK's FLOPs counter, src/benchmarks/flops_counter.py of \
         neko-jpg/Project-ResNet-BK-An-O-N-Language-Model-Architecture on GitHub"
    }

    fn estimate(&self, shape: BatchShape, training: Training) -> Result<Published, Error> {
        let terms = estimate::terms(self, shape, training.optimizer)?;
        Ok(Published { terms, per_function: None, field: Vec::new() })
    }

    fn account(&self) -> &'static dyn Account {
        &causes::ResNetBkAccount
    }

    fn claims(&self) -> Vec<Claimed> {
        claims::claims()
    }

    fn shortened(&self) -> Result<Shortened, Error> {
        Err(Error::Refused {
            problem:
                "ResNet-BK's experts take the tokens that values send them, so that one layer says \
                      nothing of the next"
                    .to_owned(),
            remedy: Remedy::EveryLayer,
        })
    }
}
