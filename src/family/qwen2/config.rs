//! The shape of a Qwen2 model as its `config.json` has it, and the parameters that follow from it.

use schemars::JsonSchema;
use serde::Serialize;
use serde_json::{Map, Value};

use super::{
    hugging_face,
    lora::{Lora, Module},
};
use crate::{
    blocks::{Fill, ParameterSpec},
    family::{fields, shape::BatchShape},
    plan::ComponentName,
};

/// The shape of a Qwen2 model, named as in its `config.json`. Valid where it comes from
/// [`Self::from_json`] or has passed [`Self::validate`].
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct Qwen2Config {
    /// H, the width of a token's representation.
    pub hidden_size: u32,
    /// L, the number of blocks.
    pub num_hidden_layers: u32,
    /// n, the number of query heads; each is d = H / n wide.
    pub num_attention_heads: u32,
    /// The number of key and value heads, each shared by n / kv query heads.
    pub num_key_value_heads: u32,
    /// I, the width between SwiGLU's products.
    pub intermediate_size: u32,
    /// V, the number of tokens.
    pub vocab_size: u32,
    /// The longest sequence that the model was trained for.
    pub max_position_embeddings: u32,
    /// What RMSNorm adds to a mean square.
    pub rms_norm_eps: f64,
    /// The base of the rotary positions' wavelengths.
    pub rope_theta: f64,
    /// Whether the head's weight is the embedding's.
    pub tie_word_embeddings: bool,
    /// The adapters that alone are trained, where there are any.
    #[serde(flatten)]
    pub lora: Option<Lora>,
}

impl Qwen2Config {
    /// The fields that may be set: Hugging Face's, and what is asked of adapters.
    pub const FIELDS: [&'static str; 13] = [
        "hidden_size",
        "num_hidden_layers",
        "num_attention_heads",
        "num_key_value_heads",
        "intermediate_size",
        "vocab_size",
        "max_position_embeddings",
        "rms_norm_eps",
        "rope_theta",
        "tie_word_embeddings",
        Lora::RANK,
        Lora::ALPHA,
        Lora::TARGETS,
    ];

    /// A size as published ones are, which differ in nothing else.
    #[cfg(test)]
    const fn published(
        [hidden_size, num_hidden_layers, intermediate_size, vocab_size]: [u32; 4],
        [num_attention_heads, num_key_value_heads]: [u32; 2],
        tie_word_embeddings: bool,
    ) -> Self {
        Self {
            hidden_size,
            num_hidden_layers,
            num_attention_heads,
            num_key_value_heads,
            intermediate_size,
            vocab_size,
            max_position_embeddings: 32_768,
            rms_norm_eps: 1e-6,
            rope_theta: 1e6,
            tie_word_embeddings,
            lora: None,
        }
    }

    /// Reads the contents of a `config.json`.
    ///
    /// # Errors
    /// Which field is missing, misspelt, makes no sense, or asks for what is not supported.
    pub fn from_json(object: &Map<String, Value>) -> Result<Self, String> {
        hugging_face::refuse_unsupported(object)?;
        fields::refuse_misspelt(object, &Self::FIELDS)?;
        let field = |name: &str| fields::positive(object, name);
        let config = Self {
            hidden_size: field("hidden_size")?,
            num_hidden_layers: field("num_hidden_layers")?,
            num_attention_heads: field("num_attention_heads")?,
            num_key_value_heads: field("num_key_value_heads")?,
            intermediate_size: field("intermediate_size")?,
            vocab_size: field("vocab_size")?,
            max_position_embeddings: fields::or(object, "max_position_embeddings", field, 32_768)?,
            rms_norm_eps: fields::or(object, "rms_norm_eps", |n| fields::real(object, n), 1e-6)?,
            rope_theta: hugging_face::rope_theta(object)?,
            tie_word_embeddings: fields::or(
                object,
                "tie_word_embeddings",
                |n| fields::flag(object, n),
                false,
            )?,
            lora: Lora::from_json(object)?,
        };
        config.validate()?;
        hugging_face::agree(object, config.head_width())?;
        Ok(config)
    }

    /// Whether the fields make sense together.
    ///
    /// # Errors
    /// Which do not, and why.
    pub fn validate(&self) -> Result<(), String> {
        let (hidden, heads, kv) =
            (self.hidden_size, self.num_attention_heads, self.num_key_value_heads);
        if !hidden.is_multiple_of(heads) {
            return Err(format!(
                "hidden_size = {hidden} is not divisible by num_attention_heads = {heads}; every head \
                 is hidden_size / num_attention_heads wide"
            ));
        }
        if !heads.is_multiple_of(kv) {
            return Err(format!(
                "num_attention_heads = {heads} is not divisible by num_key_value_heads = {kv}; every \
                 key and value head serves as many query heads"
            ));
        }
        if !self.head_width().is_multiple_of(2) {
            return Err(format!(
                "heads are hidden_size / num_attention_heads = {} wide; rotary positions turn pairs, so \
                 that must be even",
                self.head_width()
            ));
        }
        for (name, value) in [("rms_norm_eps", self.rms_norm_eps), ("rope_theta", self.rope_theta)]
        {
            if !(value > 0.0 && value.is_finite()) {
                return Err(format!("{name} is {value}; it must be a positive number"));
            }
        }
        let (tensors, parameters) = self.size();
        fields::check_size(
            tensors,
            parameters,
            &[("num_hidden_layers", self.num_hidden_layers)],
            &[
                ("hidden_size", hidden),
                ("intermediate_size", self.intermediate_size),
                ("num_hidden_layers", self.num_hidden_layers),
                ("vocab_size", self.vocab_size),
            ],
        )
    }

    /// d, the width of one head.
    pub const fn head_width(&self) -> u32 {
        self.hidden_size / self.num_attention_heads
    }

    /// The width of all key, or all value, heads together.
    pub const fn kv_width(&self) -> u32 {
        self.head_width() * self.num_key_value_heads
    }

    /// Inputs and outputs of a projection that may carry an adapter.
    pub const fn module_shape(&self, module: Module) -> [u32; 2] {
        match module {
            Module::Q | Module::O => [self.hidden_size, self.hidden_size],
            Module::K | Module::V => [self.hidden_size, self.kv_width()],
        }
    }

    /// Numbers in the model itself: every parameter but the adapters'.
    pub fn base_parameters(&self) -> u128 {
        let Self { hidden_size, num_hidden_layers, intermediate_size, vocab_size, .. } = *self;
        let [h, l, i, v, kv] =
            [hidden_size, num_hidden_layers, intermediate_size, vocab_size, self.kv_width()]
                .map(u128::from);
        let layer = 2 * h + 2 * h * h + h + 2 * (h * kv + kv) + 3 * h * i;
        let tables = if self.tie_word_embeddings { 1 } else { 2 };
        (tables * v * h + h).saturating_add(l.saturating_mul(layer))
    }

    /// How many tensors [`Self::parameters`] lists, and how many numbers they hold: known before any
    /// is listed. Saturates where even 128 bits are too few.
    fn size(&self) -> (u128, u128) {
        let layers = u128::from(self.num_hidden_layers);
        let modules = self.lora.iter().flat_map(|lora| lora.targets.iter());
        let adapters: u128 = modules
            .map(|module| self.module_shape(module).map(u128::from).iter().sum::<u128>())
            .sum::<u128>()
            * u128::from(self.lora.map_or(0, |lora| lora.rank));
        let per_layer = 12 + 2 * self.lora.map_or(0, |lora| lora.targets.iter().count() as u128);
        let tensors = layers * per_layer + if self.tie_word_embeddings { 2 } else { 3 };
        (tensors, self.base_parameters().saturating_add(layers.saturating_mul(adapters)))
    }

    /// The same model with as many layers as there are kinds of them. Layers differ in no extent and
    /// decide nothing by a value; the lowest alone has no use for the gradient by its input where
    /// nothing below it is trained.
    pub(super) fn shortened(&self) -> Self {
        let kinds = if self.lora.is_some() { 2 } else { 1 };
        Self { num_hidden_layers: self.num_hidden_layers.min(kinds), ..self.clone() }
    }

    /// Whether a batch of this shape leaves every tensor's size within its integer type.
    ///
    /// # Errors
    /// Which product overflows, and what to lower.
    pub(super) fn check_batch(&self, shape: BatchShape) -> Result<(), String> {
        let [t, h, i, v] =
            [shape.tokens(), self.hidden_size, self.intermediate_size, self.vocab_size]
                .map(u128::from);
        // Kernels index an activation's elements with 32 bits; logits are cut into windows.
        for (what, elements) in [
            ("a hidden state, tokens x hidden_size", t * h),
            ("SwiGLU's inputs, tokens x intermediate_size", t * i),
        ] {
            if elements > u128::from(u32::MAX) {
                return Err(format!(
                    "{what}, would hold {elements} numbers, more than {}: lower batch or seq",
                    u32::MAX
                ));
            }
        }
        if 4 * t * v > u128::from(u64::MAX) {
            return Err(format!(
                "the logits, tokens x vocab_size, would hold {} numbers, whose bytes overflow 64 bits: \
                 lower batch or seq",
                t * v
            ));
        }
        Ok(())
    }

    /// Every parameter, in the order of the checkpoint and then of the adapters. Linear layers hold
    /// their weight as (out, in).
    pub fn parameters(&self) -> Vec<ParameterSpec> {
        let [h, kv, i, v] =
            [self.hidden_size, self.kv_width(), self.intermediate_size, self.vocab_size]
                .map(|extent| extent as usize);
        let mut list = List {
            component: ComponentName::new(&["embedding"]),
            trained: self.lora.is_none(),
            parameters: Vec::new(),
        };
        list.matrix(EMBEDDING, [v, h]);
        for layer in 0..self.num_hidden_layers {
            let block = format!("model.layers.{layer}");
            list.component = ComponentName::of_layer(layer, &[]);
            list.add(&format!("{block}.input_layernorm.weight"), &[h], Fill::Constant(1.0));
            for (module, outputs) in [(Module::Q, h), (Module::K, kv), (Module::V, kv)] {
                let name = format!("{block}.self_attn.{}", module.name());
                list.matrix(&format!("{name}.weight"), [outputs, h]);
                list.add(&format!("{name}.bias"), &[outputs], Fill::Constant(0.0));
            }
            list.matrix(&format!("{block}.self_attn.o_proj.weight"), [h, h]);
            list.add(
                &format!("{block}.post_attention_layernorm.weight"),
                &[h],
                Fill::Constant(1.0),
            );
            for (name, shape) in [("gate_proj", [i, h]), ("up_proj", [i, h]), ("down_proj", [h, i])]
            {
                list.matrix(&format!("{block}.mlp.{name}.weight"), shape);
            }
        }
        list.component = ComponentName::new(&["final_norm"]);
        list.add(FINAL_NORM, &[h], Fill::Constant(1.0));
        if !self.tie_word_embeddings {
            list.component = ComponentName::new(&["lm_head"]);
            list.matrix(HEAD, [v, h]);
        }
        if let Some(lora) = &self.lora {
            list.trained = true;
            let rank = lora.rank as usize;
            for layer in 0..self.num_hidden_layers {
                list.component = ComponentName::of_layer(layer, &[]);
                for module in lora.targets.iter() {
                    let [inputs, outputs] = self.module_shape(module).map(|width| width as usize);
                    let [a, b] = Lora::names(layer, module);
                    // As peft starts them: A like a linear layer, B at zero.
                    let bound = 1.0 / (inputs as f32).sqrt();
                    list.add(&a, &[rank, inputs], Fill::Uniform(bound));
                    list.add(&b, &[outputs, rank], Fill::Constant(0.0));
                }
            }
        }
        list.parameters
    }

    /// Tensors that a checkpoint may hold although the model reads them from elsewhere.
    pub(super) const fn redundant(&self) -> &'static [&'static str] {
        if self.tie_word_embeddings { &[HEAD] } else { &[] }
    }
}

/// The embedding's name in a checkpoint.
pub(super) const EMBEDDING: &str = "model.embed_tokens.weight";
/// The last norm's.
pub(super) const FINAL_NORM: &str = "model.norm.weight";
/// The head's, where it is not the embedding.
pub(super) const HEAD: &str = "lm_head.weight";

/// A uniform distribution with the standard deviation 0.02 that Qwen2's matrices start with. They are
/// half a billion numbers, and a normal one takes six times the randomness.
const MATRIX: Fill = Fill::Uniform(0.034_641);

/// Parameters under construction, and what the next ones have in common.
struct List {
    component: ComponentName,
    trained: bool,
    parameters: Vec<ParameterSpec>,
}

impl List {
    fn add(&mut self, name: &str, shape: &[usize], fill: Fill) {
        self.parameters.push(ParameterSpec {
            name: name.to_owned(),
            shape: shape.to_vec(),
            component: self.component.clone(),
            fill,
            trained: self.trained,
        });
    }

    fn matrix(&mut self, name: &str, shape: [usize; 2]) {
        self.add(name, &shape, MATRIX);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::family::qwen2::Targets;

    proptest! {
        #[test]
        fn the_size_is_that_of_the_list(
            width in 1_u32..5, heads in 1_u32..4, shared in 1_u32..4, layers in 1_u32..4,
            inner in 1_u32..20, vocabulary in 1_u32..20, tied: bool, rank in 0_u32..4,
        ) {
            let mut config = Qwen2Config::published(
                [2 * width * heads * shared, layers, inner, vocabulary], [heads * shared, heads], tied,
            );
            config.lora = (rank > 0).then_some(Lora { rank, alpha: 1.0, targets: Targets::QV });
            let list = config.parameters();
            let elements: u64 = list.iter().map(ParameterSpec::elements).sum();
            prop_assert_eq!(config.size(), (list.len() as u128, u128::from(elements)));
            prop_assert!(config.validate().is_ok());
        }
    }
}
