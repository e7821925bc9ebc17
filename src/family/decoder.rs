//! Any Hugging Face decoder of an [`Architecture`]: one configuration for all of them, the tensors that a checkpoint of it
//! holds, the algebra of a training step, which is known without a kernel, and its passes. Here is what the rest of the
//! crate is told of a decoder; how each part works is told in the files below.
//!
//! Shape letters: H hidden width, L layers, n heads, kv key and value heads, d the width of a head,
//! I intermediate width, V vocabulary, E experts, K experts of a token, r rank of an adapter,
//! B sequences of S tokens, T = B S.

mod adapted;
mod adapters;
mod architecture;
mod causes;
mod claims;
mod config;
mod estimate;
mod field;
mod file;
mod held;
mod linear;
mod lower;
mod names;
mod precision;
mod preset;
mod products;
mod recipe;
mod rope;
mod shorten;
mod step;
mod stored;
mod tensors;
mod work;

use schemars::{Schema, SchemaGenerator, json_schema};

pub use adapted::Adapted;
pub use adapters::{Adapters, Targets};
pub use architecture::{Architecture, HalfNorms};
pub use config::{Biases, DecoderConfig, Experts, Gemma, Granite, Layer, Mlp, WeightType};
pub use linear::{LinearLayer, Place};
pub use names::ModuleNames;
pub use recipe::{Recipe, Tokens};
pub use rope::{Rope, Scaling};
use tensors::ADAPTER;
pub use work::{Part, Work, WorkPass};

pub use crate::exact::{Exact, ExactItem, Phases};

use super::{
    fields::MODEL_TYPE,
    held::StoredNames,
    member::{Family, Member, ModelConfig, Object, Shortened},
    shape::{BatchShape, Positions},
    training::Training,
};
use crate::{
    Error, blocks::ParameterSpec, choice::Target, claim::Claimed, explain::Account, op::Convention,
    operation::Precision, plan::Plan, term::Published,
};

/// How wide the numbers are that the products of a decoder's step multiply.
pub fn precision(training: Training) -> Precision {
    precision::of(training)
}

/// The row of the registry.
pub static FAMILY: Family = Family {
    name: "Hugging Face's decoders",
    model_types: &Architecture::MODEL_TYPES,
    holders: &held::HOLDERS,
    fields: &file::KNOWN,
    presets: &preset::PRESETS,
    options: &[precision::OPTION],
    read: |object| DecoderConfig::from_json(object).map(ModelConfig::from),
    overridden: |object, field| {
        file::settle(object, field);
        match field {
            // A list of the layers' kinds is for as many layers as there were, and goes before a pattern.
            "num_hidden_layers" | "sliding_window_pattern" => drop(object.remove("layer_types")),
            "no_rope_layer_interval" => drop(object.remove("no_rope_layers")),
            "rope_theta" | "partial_rotary_factor" => file::forget(object, Layer::FULL, field),
            // The other architectures state it where wavelengths are stretched, and nowhere else.
            "original_max_position_embeddings"
                if Architecture::stated(object) == Some(Architecture::Phi3) =>
            {
                file::forget(object, Layer::FULL, field);
            }
            "rope_local_base_freq" => file::forget(object, Layer::SLIDING, "rope_theta"),
            _ => {}
        }
    },
    reads: file::reads,
    read_adapters: Some(|saved, object| {
        let adapters = Adapters::from_peft(saved)?;
        adapters.write(&mut |name, value| drop(object.insert(name.to_owned(), value)));
        Ok(())
    }),
    schema,
};

impl Member for DecoderConfig {
    fn family(&self) -> &'static Family {
        &FAMILY
    }

    fn model_type(&self) -> &'static str {
        self.architecture.model_type()
    }

    fn fields(&self) -> Object {
        let mut fields = self.to_json();
        fields.remove(MODEL_TYPE);
        fields
    }

    fn vocab_size(&self) -> u32 {
        self.vocab_size
    }

    fn positions(&self) -> Positions {
        let count = self.max_position_embeddings;
        let learned = self.architecture.names().positions.is_some();
        Positions { field: "max_position_embeddings", count, learned }
    }

    fn usual_shape(&self) -> [u32; 2] {
        [1, self.max_position_embeddings.min(512)]
    }

    fn check_batch(&self, shape: BatchShape) -> Result<(), String> {
        self.check_tokens(shape.tokens())
    }

    fn packs(&self) -> bool {
        true
    }

    fn parameters(&self) -> Vec<ParameterSpec> {
        self.parameters()
    }

    fn stored_names(&self) -> &'static [StoredNames] {
        stored::names(self.architecture)
    }

    fn redundant(&self) -> &'static [&'static str] {
        self.redundant_tensors()
    }

    fn lower(&self, shape: BatchShape, training: Training, target: &Target) -> Result<Plan, Error> {
        lower::lower(self, shape, training, target)
    }

    fn estimator(&self) -> &'static str {
        if self.architecture == Architecture::Qwen2 {
            if u64::from(self.vocab_size) == estimate::VOCABULARY {
                "src/flops.py, a FLOPs estimation framework for Qwen2.5-Instruct with LoRA"
            } else {
                "src/flops.py, a FLOPs estimation framework for Qwen2.5-Instruct with LoRA, which charges lm_head and \
                 cross_entropy with a vocabulary of 151936 whatever the model's is"
            }
        } else if self.adapters.is_some() {
            "matrix products alone, 2 M N K each and attention over the whole square: 4 W T of frozen weights, whose \
             gradients by the input are all charged, 6 P T of adapters and 12 L n d B S^2: no estimator was published \
             for this architecture by itself"
        } else {
            "matrix products alone, 2 M N K each and attention over the whole square, as PyTorch's FlopCounterMode \
             counts them: no estimator was published for this architecture by itself"
        }
    }

    fn estimate(&self, shape: BatchShape, training: Training) -> Result<Published, Error> {
        let rows = [shape.batch(), shape.seq()];
        let work = self.work(rows, training);
        let tokens = Tokens::of(rows, training);
        let products = work.iter().filter(|work| work.pass == WorkPass::Forward);
        let products = products.map(|work| work.product).sum();
        let field = field::formulas(self, &tokens, products)?;
        if self.architecture == Architecture::Qwen2 {
            let terms = estimate::terms(self, shape)?;
            let per_function = Some(estimate::per_function(&terms)?);
            return Ok(Published { terms, per_function, field });
        }
        Ok(Published { terms: products::terms(self, &tokens)?, per_function: None, field })
    }

    fn derived(&self) -> Vec<(&'static str, u32)> {
        let mut derived = vec![("head_dim", self.head_dim)];
        if self.architecture == Architecture::Gpt2 {
            derived.push((file::width(self.architecture), self.intermediate_size));
        }
        derived
    }

    fn exact(&self, shape: [u32; 2], training: Training, convention: Convention) -> Option<Exact> {
        Some(Exact::of(&self.work(shape, training), convention))
    }

    fn exact_items(
        &self,
        shape: [u32; 2],
        training: Training,
        convention: Convention,
    ) -> Vec<ExactItem> {
        work::items(&self.work(shape, training), convention)
    }

    fn account(&self) -> &'static dyn Account {
        match self.architecture {
            Architecture::Qwen2 => &causes::Qwen,
            Architecture::Llama
            | Architecture::Mistral
            | Architecture::Qwen3
            | Architecture::Mixtral
            | Architecture::Qwen2Moe
            | Architecture::Qwen3Moe
            | Architecture::Gemma2
            | Architecture::Gemma3
            | Architecture::Phi3
            | Architecture::SmolLm3
            | Architecture::StableLm
            | Architecture::Gemma
            | Architecture::Olmo2
            | Architecture::Granite
            | Architecture::Olmo3
            | Architecture::Starcoder2
            | Architecture::Gpt2
            | Architecture::Opt
            | Architecture::GptNeoX
            | Architecture::Phi => &causes::Products,
        }
    }

    fn claims(&self) -> Vec<Claimed> {
        claims::claims()
    }

    fn trained(&self) -> Option<String> {
        Some(self.trains())
    }

    fn ways_to_train(&self) -> Vec<(String, ModelConfig)> {
        let adapters =
            self.adapters.clone().unwrap_or_else(|| Adapters::usual(self.architecture.names()));
        let ways = [None, Some(adapters)].map(|adapters| Self { adapters, ..self.clone() });
        ways.into_iter().map(|way| (way.trains(), way.into())).collect()
    }

    fn shortened(&self) -> Result<Shortened, Error> {
        self.shortest()
    }

    fn widened(&self, ratio: f64) -> Result<ModelConfig, Error> {
        let width = (f64::from(self.hidden_size) * ratio).floor();
        if !(1.0..=f64::from(u32::MAX)).contains(&width) {
            return Err(Error::Config(format!(
                "a feed-forward ratio of {ratio} makes intermediate_size {width}, not a width from 1 to {}",
                u32::MAX
            )));
        }
        let mut object = self.to_json();
        let field = "intermediate_size";
        object.insert(field.to_owned(), (width as u32).into());
        file::settle(&mut object, field);
        Self::from_json(&object).map(ModelConfig::from).map_err(Error::Config)
    }

    fn has_adapters(&self) -> bool {
        self.adapters.is_some()
    }

    fn is_adapter(&self, parameter: &str) -> bool {
        parameter.starts_with(ADAPTER)
    }

    fn names_beside_adapters(&self, parameter: &str) -> Vec<String> {
        self.restated_names(parameter)
    }

    fn check_adapters(&self, saved: &Object) -> Result<(), String> {
        let saved = Adapters::from_peft(saved)?;
        let Some(asked) = &self.adapters else {
            return Err("holds adapters that are not asked for".to_owned());
        };
        let shape = |of: &Adapters| (of.rank, of.targets.clone(), of.rank_pattern.clone());
        if shape(asked) != shape(&saved) {
            return Err(format!(
                "holds adapters of {saved}, but {asked} is asked for: leave that option out, or take a \
                 folder without adapters"
            ));
        }
        Ok(())
    }
}

impl DecoderConfig {
    fn work(&self, shape: [u32; 2], training: Training) -> Vec<Work> {
        self.step(&Tokens::of(shape, training), Recipe::of(training))
    }

    /// Whether so many tokens leave every tensor's size within its integer type.
    fn check_tokens(&self, tokens: u32) -> Result<(), String> {
        let t = u128::from(tokens);
        let widest = self.layers.iter().map(|layer| match layer.mlp {
            Mlp::Dense { width } => u128::from(width),
            Mlp::Experts(experts) => {
                let routed =
                    u128::from(experts.chosen) * u128::from(experts.width.max(self.hidden_size));
                routed.max(experts.shared.unwrap_or(0).into()).max(experts.count.into())
            }
        });
        // Kernels index an activation's elements with 32 bits; logits are cut into windows.
        for (what, elements) in [
            ("a hidden state, tokens x hidden_size", t * u128::from(self.hidden_size)),
            ("queries, tokens x heads", t * u128::from(self.query_width())),
            ("an MLP's inputs, tokens x width", t * widest.max().unwrap_or(0)),
        ] {
            if elements > u128::from(u32::MAX) {
                return Err(format!(
                    "{what}, would hold {elements} numbers, more than {}: lower batch or seq, or accumulate \
                     the gradients of more and smaller micro-batches",
                    u32::MAX
                ));
            }
        }
        let logits = t * u128::from(self.vocab_size);
        if 4 * logits > u128::from(u64::MAX) {
            return Err(format!(
                "the logits, tokens x vocab_size, would hold {logits} numbers, whose bytes overflow 64 \
                 bits: lower batch or seq, or accumulate the gradients of more and smaller micro-batches"
            ));
        }
        Ok(())
    }
}

/// The layout of a configuration: what every member states, and whatever else it does.
fn schema(_: &mut SchemaGenerator) -> Schema {
    json_schema!({
        "title": "DecoderConfig",
        "description": "A decoder as Hugging Face's config.json states it, with the fields that ask for adapters.",
        "type": "object",
        "properties": {
            "hidden_size": { "type": "integer", "minimum": 1 },
            "num_hidden_layers": { "type": "integer", "minimum": 1 },
            "num_attention_heads": { "type": "integer", "minimum": 1 },
            "num_key_value_heads": { "type": "integer", "minimum": 1 },
            "head_dim": { "type": "integer", "minimum": 2 },
            "intermediate_size": { "type": "integer", "minimum": 1 },
            "vocab_size": { "type": "integer", "minimum": 1 },
            "max_position_embeddings": { "type": "integer", "minimum": 1 },
            "rms_norm_eps": { "type": "number" },
            "norm_epsilon": { "type": "number" },
            "layer_norm_epsilon": { "type": "number" },
            "layer_norm_eps": { "type": "number" },
            "rope_theta": { "type": "number" },
            "rotary_emb_base": { "type": "number" },
            "n_inner": { "type": "integer", "minimum": 1 },
            "ffn_dim": { "type": "integer", "minimum": 1 },
            "tie_word_embeddings": { "type": "boolean" },
            "lora_rank": { "type": "integer", "minimum": 1 },
        },
        "required": [
            "hidden_size", "num_hidden_layers", "num_attention_heads", "vocab_size",
            "max_position_embeddings", "tie_word_embeddings",
        ],
    })
}
