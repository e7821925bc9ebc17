//! The tensors of a checkpoint and of an adapter's file, by name, with their shapes.

use super::{DecoderConfig, Linear};

/// A tensor of parameters.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tensor {
    /// Its name in the checkpoint, or in the adapter's file.
    pub name: String,
    /// Extents, outermost first.
    pub shape: Vec<u32>,
    /// Whether training changes it.
    pub trained: bool,
}

impl Tensor {
    /// How many numbers it holds.
    pub fn elements(&self) -> u128 {
        self.shape.iter().map(|&extent| u128::from(extent)).product()
    }
}

impl DecoderConfig {
    /// Every tensor, in the order of the data flow, then the adapters'. Linear layers hold their weight as
    /// (out, in).
    pub fn tensors(&self) -> Vec<Tensor> {
        let trained = self.adapters.is_none();
        let tensor = |name: String, shape: Vec<u32>| Tensor { name, shape, trained };
        let (h, v) = (self.hidden_size, self.vocab_size);
        let mut tensors = vec![tensor("model.embed_tokens.weight".to_owned(), vec![v, h])];
        for (number, &layer) in self.layers.iter().enumerate() {
            for (norm, width) in self.norms() {
                tensors.push(tensor(format!("model.layers.{number}.{norm}.weight"), vec![width]));
            }
            for linear in Linear::of_layer(self, layer) {
                for copy in 0..linear.copies {
                    let module = linear.module(number as u32).replace("{}", &copy.to_string());
                    tensors.push(tensor(format!("{module}.weight"), vec![linear.n, linear.k]));
                    if linear.bias {
                        tensors.push(tensor(format!("{module}.bias"), vec![linear.n]));
                    }
                }
            }
        }
        tensors.push(tensor("model.norm.weight".to_owned(), vec![h]));
        if !self.tie_word_embeddings {
            tensors.push(tensor("lm_head.weight".to_owned(), vec![v, h]));
        }
        for (module, linear, adapter) in self.adapted() {
            let part = |part: &str, shape: Vec<u32>| Tensor {
                name: format!("base_model.model.{module}.lora_{part}.weight"),
                shape,
                trained: true,
            };
            tensors.push(part("A", vec![adapter.rank, linear.k]));
            tensors.push(part("B", vec![linear.n, adapter.rank]));
        }
        tensors
    }
}
