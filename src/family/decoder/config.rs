//! What a decoder is, of any publisher: the fields of `config.json` after the differences between
//! architectures and spellings are resolved. Knows no file and no tensor.

use super::{adapters::Adapters, architecture::Architecture, rope::Rope};
use crate::blocks::{Activation, norm::NormRule};

/// A decoder's configuration. Valid where it comes from [`Self::from_json`].
#[derive(Clone, Debug, PartialEq)]
pub struct DecoderConfig {
    /// Its architecture.
    pub architecture: Architecture,
    /// H, the width of a token's representation.
    pub hidden_size: u32,
    /// n, the number of query heads.
    pub num_attention_heads: u32,
    /// kv, the number of key and value heads.
    pub num_key_value_heads: u32,
    /// d, the width of a head; n d need not be H.
    pub head_dim: u32,
    /// I, the width of a dense layer's MLP.
    pub intermediate_size: u32,
    /// V, the number of tokens.
    pub vocab_size: u32,
    /// The longest sequence that the model was trained for.
    pub max_position_embeddings: u32,
    /// What a norm adds to a mean square, or to a variance.
    pub norm_eps: f64,
    /// The wavelengths of rotary positions, of layers that have them.
    pub rope: Rope,
    /// Those of layers that slide, where they have their own.
    pub sliding_rope: Option<Rope>,
    /// How much of a head rotary positions turn: 1 is all of it.
    pub partial_rotary_factor: f64,
    /// The function between the matrices of an MLP.
    pub activation: Activation,
    /// Whether both halves of a layer are given what the layer is, and are added to it together; otherwise the MLP is given
    /// the sum with what attention adds.
    pub parallel_residual: bool,
    /// Whether the head's weight is the embedding's.
    pub tie_word_embeddings: bool,
    /// Which projections have a bias.
    pub biases: Biases,
    /// Each layer, from the lowest.
    pub layers: Vec<Layer>,
    /// What Gemma has beyond the others.
    pub gemma: Option<Gemma>,
    /// What Granite has.
    pub granite: Option<Granite>,
    /// The adapters that alone are trained, where there are any.
    pub adapters: Option<Adapters>,
}

/// Which projections have a bias.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Biases {
    /// Queries, keys and values.
    pub qkv: bool,
    /// Attention's output.
    pub o: bool,
    /// The matrices of a dense MLP.
    pub mlp: bool,
    /// The logits.
    pub head: bool,
}

/// What distinguishes one layer from another.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Layer {
    /// The keys that a query meets at most, itself included; all before it where there is no window.
    pub window: Option<u32>,
    /// Whether positions turn its heads.
    pub rotary: bool,
    /// What follows attention.
    pub mlp: Mlp,
}

impl Layer {
    /// What files call a layer whose attention looks back on everything.
    pub(super) const FULL: &'static str = "full_attention";
    /// What they call one that slides.
    pub(super) const SLIDING: &'static str = "sliding_attention";
}

/// A layer's MLP.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Mlp {
    /// Matrices that every token passes: gate, up and down, or up and down alone.
    Dense {
        /// I.
        width: u32,
    },
    /// A router and experts.
    Experts(Experts),
}

/// A mixture of experts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Experts {
    /// E.
    pub count: u32,
    /// K, the experts that a token passes.
    pub chosen: u32,
    /// The width of an expert.
    pub width: u32,
    /// The width of the expert that every token passes, with a gate of its own, where there is one.
    pub shared: Option<u32>,
    /// Whether the weights of the K chosen are rescaled to sum to 1.
    pub rescaled: bool,
}

/// What Gemma has beyond other decoders.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Gemma {
    /// Scores are multiplied by this to the power of -1/2.
    pub query_pre_attn_scalar: f64,
    /// The bound of scores, where they have one; in Gemma 2 alone.
    pub attn_logit_softcapping: Option<f64>,
    /// The bound of logits, where they have one.
    pub final_logit_softcapping: Option<f64>,
    /// The type of the weights, to which the factor of the embedding is rounded.
    pub weights: WeightType,
}

/// What Granite multiplies by. A factor of 1 changes nothing, and nothing is multiplied by it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Granite {
    /// Embedded tokens are multiplied by this.
    pub embedding_multiplier: f64,
    /// And scores, whatever the width of a head.
    pub attention_multiplier: f64,
    /// And what half of a layer adds to the hidden state.
    pub residual_multiplier: f64,
    /// Logits are divided by this.
    pub logits_scaling: f64,
}

/// The type that weights are stored in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WeightType {
    /// Single precision, or what a file does not say.
    F32,
    /// Half precision.
    F16,
    /// The upper half of single precision.
    Bf16,
}

impl WeightType {
    /// Every type.
    pub const ALL: [Self; 3] = [Self::F32, Self::F16, Self::Bf16];

    /// The name that files have for it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::F32 => "float32",
            Self::F16 => "float16",
            Self::Bf16 => "bfloat16",
        }
    }

    /// A number rounded to it.
    fn round(self, number: f64) -> f32 {
        match self {
            Self::F32 => number as f32,
            Self::F16 => half::f16::from_f64(number).to_f32(),
            Self::Bf16 => half::bf16::from_f64(number).to_f32(),
        }
    }
}

impl DecoderConfig {
    /// n d, the width of all query heads.
    pub const fn query_width(&self) -> u32 {
        self.num_attention_heads * self.head_dim
    }

    /// kv d, the width of all key, or all value, heads.
    pub const fn kv_width(&self) -> u32 {
        self.num_key_value_heads * self.head_dim
    }

    /// What the product of a query and a key is multiplied by.
    pub fn attention_scale(&self) -> f64 {
        if let Some(granite) = self.granite {
            return granite.attention_multiplier;
        }
        let width =
            self.gemma.map_or(f64::from(self.head_dim), |gemma| gemma.query_pre_attn_scalar);
        1.0 / width.sqrt()
    }

    /// What embedded tokens are multiplied by, where they are.
    pub fn embedding_scale(&self) -> Option<f32> {
        match self.gemma {
            Some(gemma) => Some(gemma.weights.round(f64::from(self.hidden_size).sqrt())),
            None => self.factor(|granite| granite.embedding_multiplier),
        }
    }

    /// What half of a layer adds is multiplied by this, where it is.
    pub fn residual_scale(&self) -> Option<f32> {
        self.factor(|granite| granite.residual_multiplier)
    }

    /// And logits by this.
    pub fn logit_scale(&self) -> Option<f32> {
        self.factor(|granite| 1.0 / granite.logits_scaling)
    }

    /// A factor of Granite's that changes anything.
    fn factor(&self, of: impl Fn(Granite) -> f64) -> Option<f32> {
        self.granite.map(|granite| of(granite) as f32).filter(|factor| *factor != 1.0)
    }

    /// The wavelengths of a layer's rotary positions.
    pub fn rope_of(&self, layer: Layer) -> &Rope {
        let sliding = layer.window.and(self.sliding_rope.as_ref());
        sliding.unwrap_or(&self.rope)
    }

    /// How many of a head's elements rotary positions turn, the first of it, rounded down as in transformers.
    pub fn rotary_width(&self) -> u32 {
        (f64::from(self.head_dim) * self.partial_rotary_factor) as u32
    }

    /// The widths of the RMSNorms of queries and of keys, where they pass any: of each head, or of all together.
    pub const fn query_key_norms(&self) -> Option<[u32; 2]> {
        match self.architecture {
            Architecture::Qwen3 | Architecture::Qwen3Moe | Architecture::Gemma3 => {
                Some([self.head_dim; 2])
            }
            Architecture::Olmo2 | Architecture::Olmo3 => {
                Some([self.query_width(), self.kv_width()])
            }
            Architecture::Llama
            | Architecture::Mistral
            | Architecture::Qwen2
            | Architecture::Mixtral
            | Architecture::Qwen2Moe
            | Architecture::Gemma2
            | Architecture::Phi3
            | Architecture::SmolLm3
            | Architecture::StableLm
            | Architecture::Gemma
            | Architecture::Granite
            | Architecture::Starcoder2
            | Architecture::Gpt2
            | Architecture::Opt
            | Architecture::GptNeoX
            | Architecture::Phi => None,
        }
    }

    /// Whether the norm in front of attention is that of the MLP beside it, too.
    pub(super) const fn shares_norm(&self) -> bool {
        let [attention, mlp] = self.architecture.norms();
        self.parallel_residual && attention.before.is_some() && mlp.before.is_none()
    }

    /// The parameter tensors of a norm, each as long as a row: a weight, and a bias where rows are shifted.
    pub(super) const fn norm_tensors(&self) -> &'static [&'static str] {
        match self.architecture.norm_rule() {
            NormRule::Layer => &["weight", "bias"],
            NormRule::Rms | NormRule::RmsOneMore => &["weight"],
        }
    }

    /// Numbers in the norms of a layer.
    pub fn norm_parameters(&self) -> u128 {
        let widths: u128 = self.norms().iter().map(|&(_, width)| u128::from(width)).sum();
        widths * self.norm_tensors().len() as u128
    }

    /// Numbers in the norm behind the layers.
    pub fn last_norm_parameters(&self) -> u128 {
        u128::from(self.hidden_size) * self.norm_tensors().len() as u128
    }

    /// Rows in the table of learned positions.
    pub(super) const fn position_rows(&self) -> u32 {
        self.max_position_embeddings + self.architecture.rows_before_positions()
    }

    /// Numbers in the table of learned positions.
    pub const fn position_parameters(&self) -> u128 {
        match self.architecture.names().positions {
            Some(_) => self.position_rows() as u128 * self.hidden_size as u128,
            None => 0,
        }
    }

    /// L.
    pub fn num_hidden_layers(&self) -> u32 {
        self.layers.len() as u32
    }

    /// The widths of a layer's norms by the names that a checkpoint has for them.
    pub fn norms(&self) -> Vec<(&'static str, u32)> {
        let [attention, mlp] = self.architecture.norms();
        let hidden = |module: Option<&'static str>| module.map(|module| (module, self.hidden_size));
        let modules = ["self_attn.q_norm", "self_attn.k_norm"].into_iter();
        let heads = modules.zip(self.query_key_norms().into_iter().flatten());
        let norms = hidden(attention.before).into_iter().chain(heads);
        norms
            .chain([attention.after, mlp.before, mlp.after].into_iter().filter_map(hidden))
            .collect()
    }

    /// The layers that differ in nothing, and how many there are of each, in the order of the lowest of
    /// each.
    pub fn kinds(&self) -> Vec<(Layer, u32)> {
        let mut kinds: Vec<(Layer, u32)> = Vec::new();
        for &layer in &self.layers {
            match kinds.iter_mut().find(|(kind, _)| *kind == layer) {
                Some((_, count)) => *count += 1,
                None => kinds.push((layer, 1)),
            }
        }
        kinds
    }
}
