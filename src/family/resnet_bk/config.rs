//! The shape of a ResNet-BK model as its `config.json` has it, and the parameters that follow from it.

use schemars::JsonSchema;
use serde::Serialize;
use serde_json::{Map, Value};

use crate::{
    blocks::{Fill, ParameterSpec},
    component::ComponentName,
    family::{fields, shape::BatchShape},
    plan::StoredOrder,
};

/// The shape of a ResNet-BK model, as its `config.json` names it. Valid where it comes from
/// [`Self::from_json`] or has passed [`Self::validate`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct ResNetBkConfig {
    /// D, the width of a token's representation.
    pub d_model: u32,
    /// L, the number of blocks.
    pub n_layers: u32,
    /// The number of learned positions; a sequence N is at most this long.
    pub n_seq: u32,
    /// V, the number of tokens.
    pub vocab_size: u32,
    /// E, the number of experts in a block.
    pub num_experts: u32,
    /// K, the number of experts that each token goes through.
    pub top_k: u32,
}

impl ResNetBkConfig {
    /// The fields of a `config.json`, all of them required.
    pub const FIELDS: [&'static str; 6] =
        ["d_model", "n_layers", "n_seq", "vocab_size", "num_experts", "top_k"];

    /// Reads the contents of a `config.json`.
    ///
    /// # Errors
    /// Which field is missing, misspelt or makes no sense.
    pub fn from_json(object: &Map<String, Value>) -> Result<Self, String> {
        fields::refuse_unknown(object, &Self::FIELDS)?;
        let field = |name| fields::positive(object, name);
        let config = Self {
            d_model: field("d_model")?,
            n_layers: field("n_layers")?,
            n_seq: field("n_seq")?,
            vocab_size: field("vocab_size")?,
            num_experts: field("num_experts")?,
            top_k: field("top_k")?,
        };
        config.validate()?;
        Ok(config)
    }

    /// The fields' values, in the order of [`Self::FIELDS`].
    pub(super) const fn values(&self) -> [u32; 6] {
        let Self { d_model, n_layers, n_seq, vocab_size, num_experts, top_k } = *self;
        [d_model, n_layers, n_seq, vocab_size, num_experts, top_k]
    }

    /// Whether the fields make sense together.
    ///
    /// # Errors
    /// Which do not, and why.
    pub fn validate(&self) -> Result<(), String> {
        let Self { d_model, n_layers, vocab_size, num_experts, top_k, .. } = *self;
        let mut named = Self::FIELDS.iter().zip(self.values());
        if let Some((name, _)) = named.find(|&(_, value)| value == 0) {
            return Err(format!("{name} is 0; it must be at least 1"));
        }
        if top_k > num_experts {
            return Err(format!(
                "top_k = {top_k} is more than num_experts = {num_experts}; a token can go through \
                 each expert once: lower top_k or raise num_experts"
            ));
        }
        if d_model > u32::MAX / 2 {
            return Err(format!(
                "d_model = {d_model} makes the experts 2 x d_model = {} wide, more than {}: lower it",
                2 * u64::from(d_model),
                u32::MAX
            ));
        }
        let (tensors, parameters) = self.size();
        fields::check_size(
            tensors,
            parameters,
            &[("n_layers", n_layers), ("num_experts", num_experts)],
            &[
                ("d_model", d_model),
                ("n_layers", n_layers),
                ("num_experts", num_experts),
                ("vocab_size", vocab_size),
            ],
        )
    }

    /// How many tensors [`Self::parameters`] lists, and how many numbers they hold: known before any
    /// is listed. Saturates where even 128 bits are too few.
    fn size(&self) -> (u128, u128) {
        let Self { d_model, n_layers, n_seq, vocab_size, num_experts, .. } = *self;
        let [d, l, p, v, e] = [d_model, n_layers, n_seq, vocab_size, num_experts].map(u128::from);
        let expert = 4 * d * d + 3 * d;
        let layer = 2 * d + e * (d + 1) + e * expert + (d + 1) + 3 * d + 1;
        let parameters =
            ((v + p) * d + 2 * d + v * (d + 1)).saturating_add(l.saturating_mul(layer));
        (l * (4 * e + 9) + 6, parameters)
    }

    /// Whether a batch of this shape leaves every tensor's size within its integer type.
    ///
    /// # Errors
    /// Which product overflows, and what to lower.
    pub(super) fn check_batch(&self, shape: BatchShape) -> Result<(), String> {
        let [t, k, d, v] =
            [shape.tokens(), self.top_k, self.d_model, self.vocab_size].map(u128::from);
        if t * k > u128::from(u32::MAX) {
            return Err(format!(
                "{t} tokens x top_k = {k} are {} assignments to experts, more than {}: lower batch, \
                 seq or top_k",
                t * k,
                u32::MAX
            ));
        }
        let widest = [
            ("logits, tokens x vocab_size", t * v),
            ("experts' hidden layer, tokens x top_k x 2 x d_model", t * k * 2 * d),
        ];
        for (what, elements) in widest {
            if 4 * elements > u128::from(u64::MAX) {
                return Err(format!(
                    "the {what}, would hold {elements} numbers, whose bytes overflow 64 bits: lower \
                     batch or seq"
                ));
            }
        }
        Ok(())
    }

    /// Every parameter, in the order of the checkpoint. Linear layers hold their weight as (out, in).
    pub fn parameters(&self) -> Vec<ParameterSpec> {
        let [d, p, v, e] = [self.d_model, self.n_seq, self.vocab_size, self.num_experts]
            .map(|extent| extent as usize);
        let mut list =
            List { component: ComponentName::new(&["embedding"]), parameters: Vec::new() };
        list.add("token_embedding.weight", &[v, d], Fill::Normal);
        list.add("position_embedding.weight", &[p, d], Fill::Normal);
        for layer in 0..self.n_layers {
            let block = format!("blocks.{layer}");
            let moe = format!("{block}.bk_layer.moe_ffn");
            list.component = ComponentName::of_layer(layer, &[]);
            list.layer_norm(&format!("{block}.layer_norm"), d);
            list.linear(&format!("{moe}.gating_network"), d, e);
            for expert in 0..e {
                list.linear(&format!("{moe}.experts.{expert}.0"), d, 2 * d);
                list.linear(&format!("{moe}.experts.{expert}.3"), 2 * d, d);
            }
            list.linear(&format!("{block}.bk_layer.v_proj"), d, 1);
            list.linear(&format!("{block}.bk_layer.output_proj"), 2, d);
            list.add(&format!("{block}.bk_layer.bk_scale"), &[], Fill::Constant(1.0));
        }
        list.component = ComponentName::new(&["final_layernorm"]);
        list.layer_norm("layer_norm_final", d);
        list.component = ComponentName::new(&["lm_head"]);
        list.linear("lm_head", d, v);
        list.parameters
    }
}

/// Parameters under construction, and the component that the next ones belong to.
struct List {
    component: ComponentName,
    parameters: Vec<ParameterSpec>,
}

impl List {
    fn add(&mut self, name: &str, shape: &[usize], fill: Fill) {
        self.parameters.push(ParameterSpec {
            name: name.to_owned(),
            shape: shape.to_vec(),
            component: self.component.clone(),
            fill,
            trained: true,
            order: StoredOrder::Rows,
        });
    }

    fn layer_norm(&mut self, name: &str, width: usize) {
        self.add(&format!("{name}.weight"), &[width], Fill::Constant(1.0));
        self.add(&format!("{name}.bias"), &[width], Fill::Constant(0.0));
    }

    /// PyTorch draws a linear layer's weight and bias alike from U(-1/sqrt(in), 1/sqrt(in)).
    fn linear(&mut self, name: &str, inputs: usize, outputs: usize) {
        let fill = Fill::Uniform(1.0 / (inputs as f32).sqrt());
        self.add(&format!("{name}.weight"), &[outputs, inputs], fill);
        self.add(&format!("{name}.bias"), &[outputs], fill);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn the_size_is_that_of_the_list(
            d_model in 1_u32..50, n_layers in 1_u32..5, n_seq in 1_u32..50,
            vocab_size in 1_u32..50, num_experts in 1_u32..9,
        ) {
            let config =
                ResNetBkConfig { d_model, n_layers, n_seq, vocab_size, num_experts, top_k: 1 };
            let list = config.parameters();
            let elements: u64 = list.iter().map(ParameterSpec::elements).sum();
            prop_assert_eq!(config.size(), (list.len() as u128, u128::from(elements)));
        }
    }
}
