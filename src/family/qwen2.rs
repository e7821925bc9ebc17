//! Qwen2 and Qwen2.5: a pre-norm decoder of grouped-query attention with rotary positions and SwiGLU, with
//! low-rank adapters or without. Here is what the rest of the crate is told of it; how each part works is
//! told in the files below.

mod causes;
mod claims;
mod config;
mod estimate;
mod field;
mod hugging_face;
mod lora;
mod lower;

use schemars::JsonSchema;
use serde_json::Value;

pub use config::Qwen2Config;
pub use lora::{Lora, Module, Targets};

use super::{
    decoder::{DecoderConfig, Tokens},
    member::{Family, Member, ModelConfig, Object},
    shape::{BatchShape, Positions},
    training::Training,
};
use crate::{
    Error, blocks::ParameterSpec, claim::Claimed, exact::Exact, execute::Limits, explain::Account,
    op::Convention, operation::Optimizer, plan::Plan, term::Published,
};

/// The `config.json` of a published size; the sizes differ in nothing else.
macro_rules! preset {
    ($hidden:literal, $layers:literal, $heads:literal, $kv_heads:literal, $inner:literal,
     $vocabulary:literal, $tied:literal) => {
        concat!(
            r#"{"model_type": "qwen2", "hidden_size": "#,
            $hidden,
            r#", "num_hidden_layers": "#,
            $layers,
            r#", "num_attention_heads": "#,
            $heads,
            r#", "num_key_value_heads": "#,
            $kv_heads,
            r#", "intermediate_size": "#,
            $inner,
            r#", "vocab_size": "#,
            $vocabulary,
            r#", "max_position_embeddings": 32768, "rms_norm_eps": 1e-6, "rope_theta": 1e6,
                "tie_word_embeddings": "#,
            $tied,
            "}"
        )
    };
}

/// The row of the registry.
pub static FAMILY: Family = Family {
    name: "Qwen2",
    model_types: &["qwen2"],
    fields: &Qwen2Config::FIELDS,
    presets: &[
        ("qwen2.5-0.5b", preset!(896, 24, 14, 2, 4864, 151_936, true)),
        ("qwen2.5-1.5b", preset!(1536, 28, 12, 2, 8960, 151_936, true)),
        ("qwen2.5-3b", preset!(2048, 36, 16, 2, 11_008, 151_936, true)),
        ("qwen2.5-7b", preset!(3584, 28, 28, 4, 18_944, 152_064, false)),
    ],
    options: &[],
    read: |object| Qwen2Config::from_json(object).map(ModelConfig::from),
    read_adapters: Some(|saved, object| {
        Lora::from_peft(saved)?.ask(object);
        Ok(())
    }),
    schema: <Qwen2Config as JsonSchema>::json_schema,
};

impl Member for Qwen2Config {
    fn family(&self) -> &'static Family {
        &FAMILY
    }

    fn fields(&self) -> Object {
        let value = serde_json::to_value(self).expect("a configuration is plain data");
        let Value::Object(fields) = value else { unreachable!("a configuration is an object") };
        fields
    }

    fn vocab_size(&self) -> u32 {
        self.vocab_size
    }

    fn positions(&self) -> Positions {
        let count = self.max_position_embeddings;
        Positions { field: "max_position_embeddings", count, learned: false }
    }

    fn usual_shape(&self) -> [u32; 2] {
        [1, self.max_position_embeddings.min(512)]
    }

    fn check_batch(&self, shape: BatchShape) -> Result<(), String> {
        self.check_batch(shape)
    }

    fn parameters(&self) -> Vec<ParameterSpec> {
        self.parameters()
    }

    fn redundant(&self) -> &'static [&'static str] {
        self.redundant()
    }

    fn lower(&self, shape: BatchShape, training: Training, limits: &Limits) -> Result<Plan, Error> {
        lower::lower(self, shape, training, limits)
    }

    fn estimate(&self, shape: BatchShape, _: Optimizer) -> Result<Published, Error> {
        let terms = estimate::terms(self, shape)?;
        let per_function = Some(estimate::per_function(&terms)?);
        Ok(Published { terms, per_function, field: field::formulas(self, shape)? })
    }

    fn exact(&self, [batch, seq]: [u32; 2], optimizer: Optimizer) -> Option<Exact> {
        let training = super::decoder::Training { optimizer, ..Default::default() };
        let decoder = DecoderConfig::from_json(&ModelConfig::from(self.clone()).to_json()).ok()?;
        let step = decoder.step(&Tokens::new(batch, seq), training);
        Some(Exact::of(&step, Convention::Ieee))
    }

    fn account(&self) -> &'static dyn Account {
        &causes::Causes
    }

    fn claims(&self) -> Vec<Claimed> {
        claims::claims()
    }

    fn trained(&self) -> Option<String> {
        Some(match &self.lora {
            None => ALL_PARAMETERS.to_owned(),
            Some(lora) => adapters_of(lora),
        })
    }

    fn ways_to_train(&self) -> Vec<(String, ModelConfig)> {
        let lora = self.lora.unwrap_or(Lora::USUAL);
        let with = |lora| ModelConfig::from(Self { lora, ..self.clone() });
        vec![(ALL_PARAMETERS.to_owned(), with(None)), (adapters_of(&lora), with(Some(lora)))]
    }

    fn shortened(&self) -> Result<ModelConfig, Error> {
        Ok(self.shortened().into())
    }

    fn widened(&self, ratio: f64) -> Result<ModelConfig, Error> {
        let width = (f64::from(self.hidden_size) * ratio).floor();
        if !(1.0..=f64::from(u32::MAX)).contains(&width) {
            return Err(Error::Config(format!(
                "a feed-forward ratio of {ratio} makes intermediate_size {width}, not a width from 1 to {}",
                u32::MAX
            )));
        }
        let wide = Self { intermediate_size: width as u32, ..self.clone() };
        wide.validate().map_err(Error::Config)?;
        Ok(wide.into())
    }

    fn has_adapters(&self) -> bool {
        self.lora.is_some()
    }

    fn is_adapter(&self, parameter: &str) -> bool {
        Lora::is_part(parameter)
    }

    fn check_adapters(&self, saved: &Object) -> Result<(), String> {
        let saved = Lora::from_peft(saved)?;
        let Some(asked) = self.lora else {
            return Err("holds adapters that are not asked for".to_owned());
        };
        if (asked.rank, asked.targets) != (saved.rank, saved.targets) {
            return Err(format!(
                "holds adapters of {saved}, but {asked} is asked for: leave that option out, or take a \
                 folder without adapters"
            ));
        }
        Ok(())
    }
}

/// What is trained where there are no adapters, in words.
const ALL_PARAMETERS: &str = "all parameters";

fn adapters_of(lora: &Lora) -> String {
    format!("adapters of {lora}")
}
