//! The tensors of a checkpoint and of an adapter's file: their names, shapes, places, and what they start with
//! where there is no file.

use super::{config::DecoderConfig, linear::LinearLayer};
use crate::{
    blocks::{Fill, ParameterSpec, norm::NormRule},
    component::ComponentName,
    plan::StoredOrder,
};

/// The module of the head, and where it stands in a report.
pub(super) const HEAD: &str = "lm_head";
/// How the names of an adapter's tensors begin.
pub(super) const ADAPTER: &str = "base_model.";

/// A uniform distribution with the standard deviation 0.02 that decoders' matrices start with. They are
/// half a billion numbers and more, and a normal one takes six times the randomness.
const MATRIX: Fill = Fill::Uniform(0.034_641);

/// Parameters under construction, and what the next ones have in common.
struct List {
    component: ComponentName,
    trained: bool,
    parameters: Vec<ParameterSpec>,
}

impl List {
    fn add(&mut self, name: String, shape: &[u32], fill: Fill) -> &mut ParameterSpec {
        let at = self.parameters.len();
        self.parameters.push(ParameterSpec {
            name,
            shape: shape.iter().map(|&extent| extent as usize).collect(),
            component: self.component.clone(),
            fill,
            trained: self.trained,
            order: StoredOrder::Rows,
        });
        &mut self.parameters[at]
    }

    /// The parameters of a norm, which start as ones that change nothing.
    fn add_norm(&mut self, config: &DecoderConfig, module: &str, width: u32) {
        for &tensor in config.norm_tensors() {
            let one_more = config.architecture.norm_rule() == NormRule::RmsOneMore;
            let start = if tensor == "bias" || one_more { 0.0 } else { 1.0 };
            self.add(format!("{module}.{tensor}"), &[width], Fill::Constant(start));
        }
    }
}

impl DecoderConfig {
    /// Every parameter, in the order of the data flow, then the adapters'. Linear layers hold their weight
    /// as (out, in).
    pub fn parameters(&self) -> Vec<ParameterSpec> {
        let (h, v) = (self.hidden_size, self.vocab_size);
        let trained = self.adapters.is_none();
        let component = ComponentName::new(&["embedding"]);
        let mut list = List { component, trained, parameters: Vec::new() };
        let names = self.architecture.names();
        list.add(format!("{}.weight", names.embedding), &[v, h], MATRIX);
        if let Some(positions) = names.positions {
            list.add(format!("{positions}.weight"), &[self.position_rows(), h], MATRIX);
        }
        for (number, &layer) in (0..).zip(&self.layers) {
            list.component = ComponentName::of_layer(number, &[]);
            for (module, width) in self.norms() {
                list.add_norm(self, &format!("{}.{number}.{module}", names.layers), width);
            }
            for linear in LinearLayer::modules_of(self, layer) {
                for copy in 0..linear.copies {
                    let module = linear.module(number).replace("{}", &copy.to_string());
                    let rows = self.order_of_rows(&linear);
                    let order = match self.architecture.transposes() {
                        true => StoredOrder::Columns,
                        false => rows,
                    };
                    let shape = [linear.n, linear.k];
                    list.add(format!("{module}.weight"), &shape, MATRIX).order = order;
                    if linear.bias {
                        let start = Fill::Constant(0.0);
                        list.add(format!("{module}.bias"), &[linear.n], start).order = rows;
                    }
                }
            }
        }
        list.component = ComponentName::new(&["final_norm"]);
        list.add_norm(self, names.final_norm, h);
        if !self.tie_word_embeddings {
            list.component = ComponentName::new(&[HEAD]);
            list.add(format!("{HEAD}.weight"), &[v, h], MATRIX);
            if self.biases.head {
                list.add(format!("{HEAD}.bias"), &[v], Fill::Constant(0.0));
            }
        }
        list.trained = true;
        for adapted in self.adapted() {
            let [a, b] = Self::adapter_names(&adapted.module);
            let (k, n, rank) = (adapted.linear.k, adapted.linear.n, adapted.rank);
            list.component = match adapted.layer {
                Some(layer) => ComponentName::of_layer(layer, &[]),
                None => ComponentName::new(&[HEAD]),
            };
            // As peft starts them: A like a linear layer, B at zero.
            list.add(a, &[rank, k], Fill::Uniform(1.0 / (k as f32).sqrt()));
            list.add(b, &[n, rank], Fill::Constant(0.0)).order =
                self.order_of_rows(&adapted.linear);
        }
        list.parameters
    }

    /// In which order checkpoints hold what a module has a row of for each output: its weight, its bias and the B of its
    /// adapter. No kernel takes rows of heads from between those of other parts, so that they are sorted where they are read
    /// and written.
    fn order_of_rows(&self, module: &LinearLayer) -> StoredOrder {
        let holds_heads = self.architecture.names().qkv == Some(module.name);
        match holds_heads && self.architecture.stores_by_heads() {
            true => StoredOrder::Heads(self.num_attention_heads),
            false => StoredOrder::Rows,
        }
    }

    /// Numbers in the model itself: every parameter but the adapters'.
    pub fn base_parameters(&self) -> u128 {
        self.sum_of_parameters(LinearLayer::parameters)
    }

    /// Those of them that one token passes: of all experts of a layer, as many as it is routed to.
    pub fn active_parameters(&self) -> u128 {
        self.sum_of_parameters(|linear| {
            linear.active() + if linear.bias { u128::from(linear.n) } else { 0 }
        })
    }

    fn sum_of_parameters(&self, of_linear: impl Fn(&LinearLayer) -> u128) -> u128 {
        let layers = self.kinds().into_iter().map(|(layer, count)| {
            let linears = LinearLayer::of_layer(self, layer);
            let matrices: u128 = linears.iter().map(&of_linear).sum();
            u128::from(count) * (matrices + self.norm_parameters())
        });
        let tables = if self.tie_word_embeddings { 1 } else { 2 };
        let hidden = u128::from(self.hidden_size);
        let tables = tables * u128::from(self.vocab_size) * hidden + self.position_parameters();
        let bias = if self.biases.head { u128::from(self.vocab_size) } else { 0 };
        layers.sum::<u128>() + tables + bias + self.last_norm_parameters()
    }

    /// How many tensors [`Self::parameters`] lists: known before any is.
    pub(super) fn tensor_count(&self) -> u128 {
        let norm = self.norm_tensors().len() as u128;
        let layers = self.kinds().into_iter().map(|(layer, count)| {
            let modules = LinearLayer::modules_of(self, layer).into_iter();
            let matrices =
                modules.map(|linear| u128::from(linear.copies) * if linear.bias { 2 } else { 1 });
            u128::from(count) * (matrices.sum::<u128>() + norm * self.norms().len() as u128)
        });
        let tables = if self.tie_word_embeddings { 1 } else { 2 };
        let positions = u128::from(self.architecture.names().positions.is_some());
        layers.sum::<u128>() + tables + positions + norm + u128::from(self.biases.head)
    }

    /// Tensors that a checkpoint may hold although the model reads them from elsewhere.
    pub(super) const fn redundant_tensors(&self) -> &'static [&'static str] {
        if self.tie_word_embeddings { &["lm_head.weight"] } else { &[] }
    }

    /// What a file of adapters calls a parameter of the model itself. peft writes the head there, as a layer with
    /// an adapter, where that has one, and both embeddings, as layers without, where the vocabulary was resized.
    pub(super) fn restated_names(&self, parameter: &str) -> Vec<String> {
        let (module, kind) = parameter.rsplit_once('.').unwrap_or((parameter, "weight"));
        let head = self.tie_word_embeddings && module == self.architecture.names().embedding;
        let modules = [Some(module), head.then_some("lm_head")].into_iter().flatten();
        modules
            .flat_map(|module| {
                ["base_layer.", ""].map(|layer| format!("{ADAPTER}model.{module}.{layer}{kind}"))
            })
            .collect()
    }

    /// The names of an adapter's A and B, beside the linear layer of a module.
    pub(super) fn adapter_names(module: &str) -> [String; 2] {
        ["A", "B"].map(|part| format!("{ADAPTER}model.{module}.lora_{part}.weight"))
    }
}
